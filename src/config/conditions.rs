//! When a report that is due is sent: its `gates`, `send_when` and `always_on`.

use std::collections::BTreeMap;

use jiff::civil::{Time, Weekday};

use super::calendar::WEEKDAYS;
use super::reader::{Field, Reader};
use super::yaml::{Node, Value};

/// What a report that is due waits for, and what it is not mailed for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) gates: Option<ReportGates>,
    pub(crate) send_when: Option<SendWhen>,
    /// Weekdays of the as-of date on which `send_when` is not asked.
    pub(crate) always_on: Vec<Weekday>,
}

/// What a report's data must be. Until then the report is held; at the deadline its recipients are told
/// that it is not ready, and why.
#[derive(Debug, Clone)]
pub(crate) struct ReportGates {
    /// On the day after the as-of date, in the company's zone.
    pub(crate) deadline: Time,
    /// The streams that must be in the night, as `<source>.<stream>`; none: all of them.
    pub(crate) streams: Option<Vec<String>>,
    /// How many rows a stream's extract must have at least.
    pub(crate) rows: BTreeMap<String, u32>,
}

/// By one of the report's own queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SendWhen {
    /// Only if it gives rows.
    Rows(String),
    /// Only if its rows are others than when the report was mailed last.
    Changed(String),
}

pub(super) fn read(
    reader: &Reader<'_>,
    node: &Node,
    [gates, send_when, always_on]: &[Field<'_>; 3],
) -> Option<Conditions> {
    if always_on.is_meant() && !send_when.is_meant() {
        let what = "`always_on` says nothing without `send_when`";
        return reader.refuse(node, what, "Add `send_when:`, or leave `always_on` out");
    }
    let gates = gates.optional(|node| read_gates(reader, node));
    let send_when = send_when.optional(|node| read_send_when(reader, node));
    let always_on = always_on.or(Vec::new(), |list| {
        reader.list(list, |item| reader.choice(item, "weekday", &WEEKDAYS))
    });
    Some(Conditions {
        gates: gates?,
        send_when: send_when?,
        always_on: always_on?,
    })
}

fn read_gates(reader: &Reader<'_>, node: &Node) -> Option<ReportGates> {
    let [deadline, streams, rows] =
        reader.fields(node, "a report's `gates`", ["deadline", "streams", "rows"])?;
    let deadline = deadline.required(|node| clock_time(reader, node));
    let streams = streams.optional(|list| reader.some(list, |item| reader.text(item)));
    let rows = rows.or(BTreeMap::new(), |node| read_rows(reader, node));
    Some(ReportGates {
        deadline: deadline?,
        streams: streams?,
        rows: rows?,
    })
}

/// `{ crm.lead: 1000 }`.
fn read_rows(reader: &Reader<'_>, node: &Node) -> Option<BTreeMap<String, u32>> {
    let Value::Map(entries) = &node.value else {
        let fix = "Write streams with their rows, as `{ crm.lead: 1000 }`";
        return reader.refuse(node, "This names no stream", fix);
    };
    let rows = entries.iter().map(|entry| {
        let least = reader.whole(&entry.node, 1..=1_000_000_000)?;
        Some((entry.key.clone(), least))
    });
    rows.collect()
}

/// `09:00`.
fn clock_time(reader: &Reader<'_>, node: &Node) -> Option<Time> {
    let text = reader.any_text(node)?;
    let time = text.parse::<Time>().ok().filter(|_| text.len() == 5);
    time.or_else(|| {
        let fix = "Write hours and minutes in the company's zone, as `09:00`";
        reader.refuse(node, format!("`{text}` is no time of day"), fix)
    })
}

fn read_send_when(reader: &Reader<'_>, node: &Node) -> Option<SendWhen> {
    let [rows, changed] = reader.fields(node, "`send_when`", ["rows", "changed"])?;
    match (rows.node, changed.node) {
        (Some(query), None) => reader.text(query).map(SendWhen::Rows),
        (None, Some(query)) => reader.text(query).map(SendWhen::Changed),
        (None, None) if rows.is_meant() || changed.is_meant() => None,
        _ => {
            let fix =
                "Write one of `rows` and `changed`, with the name of one of the report's queries";
            reader.refuse(node, "A report has one condition", fix)
        }
    }
}
