//! The log of a ServiceNow desk, replayed as nightly exports through the `files` source; the states
//! of its incidents are the stages, by configuration and SQL alone. The stock of every state at a
//! day's end is the number of incidents whose latest version by then is in it.
//!
//! A closed incident's cycle has ended, so it is in no stock: its entries are counted instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, date};
use serde_json::Value;

use crate::support::{Project, shared_data};

const FIRST: Date = date(2016, 2, 29);
const LAST: Date = date(2016, 3, 11);
/// The first day and the last, a quiet Saturday, which is the first day on which many are closed, and
/// two working days.
const LOOKED_AT: [Date; 5] = [
    FIRST,
    date(2016, 3, 3),
    date(2016, 3, 5),
    date(2016, 3, 9),
    LAST,
];

/// The stages, by the state that the log writes.
const STATES: [(&str, &str); 9] = [
    ("New", "new"),
    ("Active", "active"),
    ("Awaiting User Info", "awaiting_user_info"),
    ("Awaiting Problem", "awaiting_problem"),
    ("Awaiting Vendor", "awaiting_vendor"),
    ("Awaiting Evidence", "awaiting_evidence"),
    ("-100", "invalid"),
    ("Resolved", "resolved"),
    ("Closed", CLOSED),
];
const CLOSED: &str = "closed";

/// One line of the log: the whole record after an update.
struct Line<'a> {
    number: &'a str,
    state: &'a str,
    updated: DateTime,
    /// ServiceNow's own count of updates, which settles the order within a minute.
    update: u32,
    cells: Vec<&'a str>,
}

struct Log<'a> {
    header: Vec<&'a str>,
    /// In the order of updates.
    lines: Vec<Line<'a>>,
}

// On each of five days every state holds as many incidents as the log says, though they skip states,
// move back and stay in the export after they are closed.
#[test]
fn stock_by_state() {
    let Some(data) = shared_data("sn_incident") else {
        return;
    };
    let text = unzip(&data.join("incident_event_log.zip"));
    let log = Log::read(&text);
    let project = Project::from("incident");
    let nights: Vec<Date> = FIRST
        .series(1.day())
        .take_while(|day| *day <= LAST)
        .collect();
    log.export(&project, &nights);
    project.ok(&["check"]);
    for day in &nights {
        project.ok(&["run", "--as-of", &day.to_string(), "--no-send"]);
    }

    for day in LOOKED_AT {
        let told = log.stock(day);
        assert_eq!(stock(&project, day), told, "{day}");
        assert_eq!(past_stock(&project, day), told, "{day} as of {LAST}");
    }
    types_and_names(&project, &log);
}

/// What the version published for `day` says: persons in each stage, and of the last one its entries.
fn stock(project: &Project, day: Date) -> BTreeMap<String, i64> {
    let query = format!(
        "select stage, n from metric
         where measure = 'stock' and period = 'day' and period_end = date '{day}' and dimension is null
             and stage <> '{CLOSED}'
         union all
         select '{CLOSED}', count(*) from stage_entry where stage = '{CLOSED}' and outcome = 'won'"
    );
    let rows = project.sql_as_of(&query, &day.to_string());
    let stock = by_stage(&rows);
    assert_eq!(stock.len(), rows.len(), "a stage comes twice");
    stock
}

/// The same of a past day, from the entries as the newest version has them.
fn past_stock(project: &Project, day: Date) -> BTreeMap<String, i64> {
    let query = format!(
        "select stage, count(distinct person_id) as n from stage_entry
         where entered_on <= date '{day}'
             and (exited_at is null or local_date(exited_at) > date '{day}' or stage = '{CLOSED}')
         group by stage"
    );
    let none = STATES.iter().map(|(_, stage)| ((*stage).to_owned(), 0));
    none.chain(by_stage(&project.sql(&query))).collect()
}

fn by_stage(rows: &[Value]) -> BTreeMap<String, i64> {
    let counted = rows.iter().map(|row| {
        let stage = row["stage"].as_str().unwrap();
        (stage.to_owned(), row["n"].as_i64().unwrap())
    });
    counted.collect()
}

/// Ids keep their zeros, both columns named `category` arrive, and `?` is nothing.
fn types_and_names(project: &Project, log: &Log<'_>) {
    let rows = project.sql(
        "select record_id, category, subcategory, owner_id
         from person_version v
         join person_record r on r.person_id = v.person_id
         where r.record_id = '0000045' and v.valid_to is null",
    );
    let last = log
        .lines
        .iter()
        .rfind(|line| line.number == "0000045" && line.updated.date() <= LAST)
        .unwrap();
    let cell = |column: usize| match last.cells[column] {
        "?" => None,
        text => Some(text),
    };
    let categories = log.columns("category");
    assert_eq!(categories.len(), 2);
    let expected = serde_json::json!({
        "record_id": "0000045",
        "category": cell(categories[0]),
        "subcategory": cell(categories[1]),
        "owner_id": cell(log.columns("assigned_to")[0]),
    });
    assert_eq!(rows, [expected]);
}

impl<'a> Log<'a> {
    fn read(text: &'a str) -> Self {
        assert!(!text.contains('"'), "no cell of this log is quoted");
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().unwrap();
        let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
        let [number, state, updated, update] =
            ["number", "ident_state", "sys_updated_at", "sys_mod_count"].map(place);
        let mut lines: Vec<Line<'_>> = lines
            .map(|cells| Line {
                number: cells[number],
                state: cells[state],
                updated: minute(cells[updated]),
                update: cells[update].parse().unwrap(),
                cells,
            })
            .collect();
        // Stable: of equals the later line stands.
        lines.sort_by_key(|line| (line.updated, line.update));
        Self { header, lines }
    }

    fn columns(&self, name: &str) -> Vec<usize> {
        let named = self.header.iter().enumerate();
        named
            .filter(|(_, column)| **column == name)
            .map(|(place, _)| place)
            .collect()
    }

    /// Writes each night's export: the latest version of every incident updated by that day's end.
    /// `resolved_at` and `closed_at` were written back into earlier lines, so no night could know them.
    fn export(&self, project: &Project, nights: &[Date]) {
        let unknown_then =
            |place: &usize| matches!(self.header[*place], "resolved_at" | "closed_at");
        let places: Vec<usize> = (0..self.header.len())
            .filter(|place| !unknown_then(place))
            .collect();
        let write = |file: &mut String, cells: &[&str]| {
            let kept: Vec<&str> = places.iter().map(|place| cells[*place]).collect();
            writeln!(file, "{}", kept.join(",")).unwrap();
        };
        let mut latest: BTreeMap<&str, &Line<'_>> = BTreeMap::new();
        let mut lines = self.lines.iter().peekable();
        for day in nights {
            while let Some(line) = lines.next_if(|line| line.updated.date() <= *day) {
                latest.insert(line.number, line);
            }
            let mut file = String::new();
            write(&mut file, &self.header);
            for line in latest.values() {
                write(&mut file, &line.cells);
            }
            project.write(&format!("exports/{day}/incident.csv"), file);
        }
    }

    /// How many incidents are in each state at a day's end, straight from the log.
    fn stock(&self, day: Date) -> BTreeMap<String, i64> {
        let mut stock: BTreeMap<String, i64> = STATES
            .iter()
            .map(|(_, stage)| ((*stage).to_owned(), 0))
            .collect();
        let mut seen = BTreeSet::new();
        let newest_first = self.lines.iter().rev();
        for line in newest_first.filter(|line| line.updated.date() <= day) {
            if seen.insert(line.number) {
                let named = |(state, _): &&(&str, &str)| *state == line.state;
                let (_, stage) = STATES.iter().find(named).unwrap();
                *stock.get_mut(*stage).unwrap() += 1;
            }
        }
        stock
    }
}

/// `29/2/2016 01:23`.
fn minute(text: &str) -> DateTime {
    let (day, time) = text.split_once(' ').unwrap();
    let numbers = |text: &str, by: char| -> Vec<i16> {
        text.split(by).map(|part| part.parse().unwrap()).collect()
    };
    let (day, time) = (numbers(day, '/'), numbers(time, ':'));
    let small = |number: i16| i8::try_from(number).unwrap();
    date(day[2], small(day[1]), small(day[0])).at(small(time[0]), small(time[1]), 0, 0)
}

/// The text of the one file in a zip archive, told by the header in front of it.
fn unzip(archive: &Path) -> String {
    const HEADER: usize = 30;
    let bytes = std::fs::read(archive).unwrap();
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let size = |at: usize| (usize::from(number(at + 2)) << 16) + usize::from(number(at));
    assert!(bytes.starts_with(b"PK\x03\x04"), "this is no zip archive");
    let (flags, method) = (number(6), number(8));
    assert_eq!((flags & 8, method), (0, 8), "sizes in front, deflated");
    let start = HEADER + usize::from(number(26)) + usize::from(number(28));
    let mut text = String::with_capacity(size(22));
    DeflateDecoder::new(&bytes[start..start + size(18)])
        .read_to_string(&mut text)
        .unwrap();
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    assert_eq!(usize::try_from(crc.sum()).unwrap(), size(14));
    text
}
