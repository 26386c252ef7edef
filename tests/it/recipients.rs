//! Recipients as data: who gets which rows, in YAML and by a query, in every part of the message.

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::json;

use crate::small::{FIRST, fresh, told};
use crate::support::Project;

const BOB: &str = "bob@small.example";

/// The small deployment in which Web and Event each have a reader, and a query gives more of them.
fn scoped() -> Project {
    let project = fresh();
    let to = "[Ann Lee <ann@small.example>, { email: web@small.example, scope: { lead_source: Web } }, \
              { email: event@small.example, scope: { lead_source: Event }, locale: de-DE }, \
              { email: few@small.example, scope: { lead_source: Event }, detail: aggregate }, \
              { query: owners, scope: [owner_id] }]";
    let list = format!("[Ann Lee <ann@small.example>, {BOB}]");
    project.replace("config/leadgauge.yaml", &list, to);
    project.replace(
        "config/leadgauge.yaml",
        "folder: ../mail }",
        "folder: ../mail }\n  privacy: { domains: [small.example] }",
    );
    project.write(
        "queries/recipients/owners.sql",
        "-- owners: whoever owns leads, and rows that are wrong.\n\
         select distinct concat(owner_id, '@small.example') as email, owner_id from person where owner_id is not null\n\
         union all select 'nobody@small.example', ' '\n\
         union all select 'rep1@elsewhere.example', 'rep1'\n\
         union all select concat('x@small.example', chr(13), chr(10), 'Bcc: eve@evil.example'), 'rep1'\n\
         union all select 'ANN@small.example', 'rep1'\n",
    );
    project
}

/// Everything that a mail says: subject, both bodies, names and texts of what is attached.
fn every_part(project: &Project, address: &str) -> String {
    let of = |file: &String| {
        let raw = std::fs::read(project.path(file)).unwrap();
        let mail = MessageParser::default().parse(&raw).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap();
        let mut text = format!("{}\n", mail.subject().unwrap());
        for part in &mail.parts {
            text += part.attachment_name().unwrap_or_default();
            text += &String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
        }
        (to == address).then_some(text)
    };
    let mails = project.files("mail");
    let found: Vec<String> = mails.iter().filter_map(of).collect();
    assert_eq!(found.len(), 1, "mails to {address} among {mails:?}");
    found.into_iter().next().unwrap()
}

/// One night, one query each: every reader gets their own rows in every part, wrong rows are told and
/// cost nobody else a mail, and the proof lists who got what.
#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn each_gets_their_own() {
    let project = scoped();
    // Workbooks have the same cells, but only CSV can be looked through as text.
    project.replace(
        "config/leadgauge.yaml",
        "schedule: daily",
        "schedule: daily\n    attach: [page, csv]",
    );
    let ran = project.run(&["run", "--as-of", FIRST]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let said = told(&ran);
    assert!(said.contains("1 report, 6 mails sent"), "{said}");
    let refused = [
        "row 1 in the order of addresses: its address gets this report already",
        "row 2 in the order of addresses: its scope names no value of `owner_id`",
        "row 3 in the order of addresses: mail may not go to its domain, see `delivery.privacy.domains`",
        "row 6 in the order of addresses: its `email` is no e-mail address: it has more than one `@`",
    ];
    for what in refused {
        assert!(said.contains(what), "{what}\n{said}");
    }
    assert!(!said.contains("eve") && !said.contains("nobody@"), "{said}");

    let (web, event) = (
        every_part(&project, "web@small.example"),
        every_part(&project, "event@small.example"),
    );
    assert!(
        web.contains("Funnel, lead source Web, ") && event.contains("Funnel, lead source Event, ")
    );
    assert!(web.contains("Thursday 6 March 2025") && event.contains("Thursday 6.3.2025"));
    assert!(
        !web.contains("Event") && !event.contains("Web"),
        "{web}{event}"
    );
    assert!(web.contains("Left out, because it cannot be limited to that: "));
    assert!(
        !web.contains("against the commitment"),
        "the commitment is the company's"
    );
    let few = every_part(&project, "few@small.example");
    assert!(
        few.contains("MQLs on Thursday were fewer than 5.") || few.contains("0 MQLs on Thursday"),
        "{few}"
    );
    assert!(few.contains("Fewer than 5 persons are no figure here."));

    let proof = project.sql(
        "select distinct scope, aggregate, query, rows, left_out from job_scope where query in ('stages', 'weeks')
         order by scope, aggregate, query",
    );
    let row = |scope: Option<&str>, aggregate: bool, query: &str, rows: u64| json!({"scope": scope, "aggregate": aggregate, "query": query, "rows": rows, "left_out": rows == 0});
    let mut expected = Vec::new();
    for (scope, aggregate) in [
        ("lead source Event", false),
        ("lead source Event", true),
        ("lead source Web", false),
        ("owner id rep1", false),
        ("owner id rep2", false),
    ] {
        expected.push(row(Some(scope), aggregate, "stages", 6));
        expected.push(row(Some(scope), aggregate, "weeks", 0));
    }
    let (scoped, all): (Vec<_>, Vec<_>) =
        proof.into_iter().partition(|row| !row["scope"].is_null());
    assert_eq!(json!(scoped), json!(expected));
    assert_eq!(all.len(), 2);
    let messages =
        "select count(distinct message) as n from job_scope s join job_delivery using (message)";
    assert_eq!(json!(project.sql(messages)), json!([{"n": 6}]));

    // What was told to a scope is kept as such, and adds up to what everybody was told.
    let sums = "select sum(n) filter (where scope is null) as whole, sum(n) filter (where scope like 'owner id%') as parts
                from published_metric where measure = 'stock'";
    let sums = &project.sql(sums)[0];
    assert!(
        sums["parts"].as_i64().unwrap() > 0 && sums["parts"].as_i64() <= sums["whole"].as_i64(),
        "{sums}"
    );

    // What a reader would get is what they got.
    project.ok(&[
        "report",
        "daily",
        "--as",
        "WEB@small.example",
        "--out",
        "shown",
    ]);
    let shown = project.read("shown/daily-2025-03-06.html");
    assert!(web.contains(&shown), "another page was mailed");
    project.ok(&[
        "report",
        "daily",
        "--as",
        "rep1@small.example",
        "--out",
        "shown",
    ]);
    assert!(
        project
            .read("shown/daily-2025-03-06.txt")
            .contains("Funnel, owner id rep1")
    );
    let unknown = project.run(&["report", "daily", "--as", BOB, "--out", "shown"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown
            .stderr
            .starts_with("error: Nobody with this address gets the report `daily`\n"),
        "{}",
        unknown.stderr
    );
    assert!(
        !unknown.stderr.contains(BOB) && !unknown.stderr.contains("nobody@"),
        "{}",
        unknown.stderr
    );
}

/// A preview writes a reader's own page beside their mail, and nobody else's.
#[test]
fn a_preview_is_of_ones_own_page() {
    let project = scoped();
    assert_eq!(project.run(&["run", "--no-send", "--as-of", FIRST]).code, 1);
    let preview = ["deliver", "preview", "--to", "web@small.example"];
    project.ok(&preview);
    let files = project.files("preview");
    let [mail, page] = files.as_slice() else {
        panic!("{files:?}");
    };
    let page = project.read(page);
    assert!(page.contains("Funnel, lead source Web") && !page.contains("Event"));
    assert!(project.read(mail).contains("web@small.example"), "{mail}");
}

/// Mistakes in recipients' queries, and scopes that a report cannot show, are found before any night.
#[test]
fn check_finds_what_is_wrong() {
    let project = scoped();
    project.write(
        "queries/recipients/owners.sql",
        "select email, region, locle from (select 'a' as email, 'b' as region, 'c' as locle)\n",
    );
    project.replace(
        "config/leadgauge.yaml",
        "to: [Ann Lee <ann@small.example>]",
        "to: [{ email: ann@small.example, scope: { lead_source: Web } }, { query: reps }]",
    );
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
}
