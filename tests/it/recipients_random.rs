//! Random companies and random scopes: nothing of a person out of a reader's scope stands in any part of
//! what the reader gets, be it a mail with its files or a post.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Cursor, Read};

use mail_parser::{MessageParser, MimeHeaders};

use crate::dice::Dice;
use crate::http_server::Hook;
use crate::small::{FIRST, fresh};
use crate::support::Project;

const SOURCES: [&str; 4] = ["srcalpha", "srcbravo", "srccharlie", "srcdelta"];
const OWNERS: [&str; 3] = ["ownalpha", "ownbravo", "owncharlie"];
const STATUSES: [&str; 4] = ["New", "Working", "Recycled", "Converted"];
const LEADS: usize = 24;

/// Names everybody, so that a row too many shows.
const PEOPLE: &str =
    "-- people: who became known. Grain: entry. Columns: name, company, email, source, owner.
select p.name, p.company, p.email, e.lead_source as source, e.owner_id as owner
from entry e join person p on p.person_id = e.person_id where e.stage = 'known' order by p.name
";
const SCOPED: &str = "-- people: who became known in each scope. Grain: scope x entry. Columns: scope_no; those of the whole's.
select e.scope_no, p.name, p.company, p.email, e.lead_source as source, e.owner_id as owner
from scope_entry e join person p on p.person_id = e.person_id where e.stage = 'known' order by e.scope_no, p.name
";
const TEMPLATE: &str = "{{#> section heading=\"People\"}}\n{{> table people}}\n{{/section}}\n";

struct Lead {
    source: &'static str,
    owner: &'static str,
}

/// A reader with a scope; none of a column: every value.
struct Reader {
    address: String,
    sources: Option<BTreeSet<&'static str>>,
    owners: Option<BTreeSet<&'static str>>,
}

impl Reader {
    fn new(number: usize, dice: &mut Dice) -> Self {
        let by = dice.below(3);
        Self {
            address: format!("reader{number}@small.example"),
            sources: (by != 0).then(|| dice.some(&SOURCES)),
            owners: (by != 1).then(|| dice.some(&OWNERS)),
        }
    }

    fn scope(&self) -> String {
        let columns = [("lead_source", &self.sources), ("owner_id", &self.owners)];
        let columns = columns.iter().filter_map(|(column, values)| {
            let values: Vec<&str> = values.as_ref()?.iter().copied().collect();
            Some(format!("{column}: [{}]", values.join(", ")))
        });
        format!("scope: {{ {} }}", columns.collect::<Vec<_>>().join(", "))
    }

    fn sees_source(&self, source: &str) -> bool {
        self.sources.as_ref().is_none_or(|it| it.contains(source))
    }

    fn sees_owner(&self, owner: &str) -> bool {
        self.owners.as_ref().is_none_or(|it| it.contains(owner))
    }

    /// What must not stand in anything that the reader gets, and what must where persons are named.
    fn words(&self, leads: &[Lead]) -> (Vec<String>, Vec<String>) {
        let (mut theirs, mut mine) = (Vec::new(), Vec::new());
        for (number, lead) in leads.iter().enumerate() {
            let name = format!("person{number:02}");
            if self.sees_source(lead.source) && self.sees_owner(lead.owner) {
                mine.push(name);
            } else {
                theirs.extend([name, format!("company{number:02}")]);
            }
        }
        let sources = SOURCES.iter().filter(|it| !self.sees_source(it));
        let owners = OWNERS.iter().filter(|it| !self.sees_owner(it));
        theirs.extend(sources.chain(owners).map(ToString::to_string));
        (theirs, mine)
    }
}

fn leads(dice: &mut Dice) -> Vec<Lead> {
    let lead = |_| Lead {
        source: SOURCES[dice.below(SOURCES.len())],
        owner: OWNERS[dice.below(OWNERS.len())],
    };
    (0..LEADS).map(lead).collect()
}

fn export(leads: &[Lead], dice: &mut Dice) -> String {
    let mut csv = "Id,Name,LastName,Email,Company,Source,Status,Reason,Score,MqlAt,Owner,CreatedAt,ModifiedAt\n".to_owned();
    for (number, Lead { source, owner }) in leads.iter().enumerate() {
        let status = STATUSES[dice.below(STATUSES.len())];
        let (day, mql) = (1 + dice.below(5), 5 + dice.below(2));
        writeln!(
            csv,
            "L{number},person{number:02},person{number:02},person{number:02}@x.example,company{number:02},{source},\
             {status},,50,2025-03-{mql:02}T10:00:00Z,{owner},2025-03-{day:02}T08:00:00Z,2025-03-06T11:00:00Z"
        )
        .unwrap();
    }
    csv
}

/// One night of a company whose readers get the daily report and one that names persons, with files.
fn mailed(seed: u64, hooks: &[Hook; 2]) -> (Vec<Lead>, Vec<Reader>, Project) {
    let mut dice = Dice(seed);
    let leads = leads(&mut dice);
    let readers: Vec<Reader> = (0..4)
        .map(|number| Reader::new(number, &mut dice))
        .collect();
    let mut project = fresh();
    project.write(
        &format!("exports/{FIRST}/lead.csv"),
        export(&leads, &mut dice),
    );
    project.write("queries/reports/people/people.sql", PEOPLE);
    project.write("queries/reports/people/scoped/people.sql", SCOPED);
    project.write("templates/people.report.hbs", TEMPLATE);
    let (posted, mailed) = readers.split_at(2);
    let persons = mailed
        .iter()
        .map(|it| format!("{{ email: {}, {}, detail: full }}", it.address, it.scope()));
    let channels = posted.iter().map(|it| {
        format!(
            "{{ channel: {}, {}, detail: full }}",
            channel(it),
            it.scope()
        )
    });
    let to = persons.chain(channels).collect::<Vec<_>>().join(", ");
    let config = "config/leadgauge.yaml";
    let attach = "attach: [page, csv, xlsx]";
    project.replace(
        config,
        "to: [Ann Lee <ann@small.example>, bob@small.example]",
        &format!("{attach}\n    to: [{to}]\n  - name: people\n    schedule: daily\n    {attach}\n    to: [{to}]"),
    );
    let mut named = String::new();
    for ((reader, hook), kind) in posted.iter().zip(hooks).zip(["slack", "webhook"]) {
        let variable = format!("LEADGAUGE_TEST_{}", kind.to_uppercase());
        project.set(&variable, &hook.url);
        let url = format!("{kind}: {{ env: {variable} }}");
        writeln!(named, "    - {{ name: {}, {url} }}", channel(reader)).unwrap();
    }
    project.replace(
        config,
        "delivery:\n",
        &format!("delivery:\n  channels:\n{named}"),
    );
    project.ok(&["run", "--as-of", FIRST]);
    (leads, readers, project)
}

fn channel(reader: &Reader) -> &str {
    reader.address.split('@').next().unwrap()
}

/// Headers, bodies and files of each mail to a reader, the cells of workbooks among them.
fn mails(project: &Project, address: &str) -> Vec<String> {
    let of = |file: &String| {
        let raw = std::fs::read(project.path(file)).unwrap();
        let mail = MessageParser::default().parse(&raw).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap();
        if to != address {
            return None;
        }
        let mut text = format!("{}\n", mail.subject().unwrap());
        let head = String::from_utf8_lossy(&raw);
        text += head.split("\r\n\r\n").next().unwrap();
        for part in &mail.parts {
            let name = part.attachment_name().unwrap_or_default();
            text += name;
            text += &match part.contents() {
                workbook if workbook.starts_with(b"PK") => unzipped(workbook),
                plain => String::from_utf8_lossy(plain).into_owned(),
            };
        }
        Some(text)
    };
    project.files("mail").iter().filter_map(of).collect()
}

fn unzipped(bytes: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut all = String::new();
    for number in 0..archive.len() {
        let mut file = archive.by_index(number).unwrap();
        file.read_to_string(&mut all).unwrap();
    }
    assert!(all.contains("<row"), "no row was read");
    all
}

/// In every company, whoever reads by whatever scope gets all of their own persons and no word of others.
#[test]
fn no_word_of_anybody_else() {
    for seed in 1..=3 {
        let hooks = [Hook::start(&[]), Hook::start(&[])];
        let (leads, readers, project) = mailed(seed, &hooks);
        let posts = hooks.each_ref().map(|hook| {
            let requests = hook.requests().into_iter();
            requests
                .map(|it| format!("{}{}", it.head, it.body))
                .collect()
        });
        let [slack, webhook]: [Vec<String>; 2] = posts;
        let mails = readers[2..].iter().map(|it| mails(&project, &it.address));
        let all = [slack, webhook].into_iter().chain(mails);
        for (reader, messages) in readers.iter().zip(all) {
            let (theirs, mine) = reader.words(&leads);
            assert_eq!(messages.len(), 2, "seed {seed}, {}", reader.scope());
            for message in &messages {
                let found: Vec<&String> =
                    theirs.iter().filter(|it| message.contains(*it)).collect();
                assert_eq!(
                    found,
                    Vec::<&String>::new(),
                    "seed {seed}, {}",
                    reader.scope()
                );
            }
            let named = mine
                .iter()
                .filter(|it| messages.iter().any(|text| text.contains(*it)));
            assert_eq!(named.count(), mine.len(), "seed {seed}, {}", reader.scope());
        }
    }
}
