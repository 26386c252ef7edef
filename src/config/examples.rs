//! `tests:` of `funnel.yaml`: made-up persons, what became of them, and the entries that the definition
//! should give them.

use jiff::civil::{Date, DateTime, Time};

use super::reader::Reader;
use super::yaml::{Entry, Node, Value};
use crate::problem::Place;

/// One made-up person.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) name: String,
    /// Everything that had happened when this day had ended is known.
    pub(crate) as_of: Date,
    /// What the person's record says from an instant on; each line holds only what it changes.
    pub(crate) person: Vec<Happening>,
    pub(crate) activities: Vec<Happening>,
    pub(crate) responses: Vec<Happening>,
    /// As `person`; `opportunity_id` tells several apart.
    pub(crate) opportunities: Vec<Happening>,
    pub(crate) expected: Vec<Expected>,
}

/// A line of an example: at a local instant, some columns of the canonical table.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) at: DateTime,
    pub(crate) place: Place,
    pub(crate) cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) column: String,
    pub(crate) place: Place,
    pub(crate) value: Scalar,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(f64),
    Text(String),
}

/// The entries of one stage, in order; none: it is never entered.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) stage: String,
    pub(crate) place: Place,
    pub(crate) entries: Vec<Entered>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) day: Date,
    /// The local time of day, where it is stated.
    pub(crate) time: Option<Time>,
    pub(crate) implied: bool,
}

pub(super) fn read(reader: &Reader<'_>, list: &Node, stages: &[&str]) -> Option<Vec<Example>> {
    reader.tell_repeated(list.names("name"), "example");
    reader.list(list, |item| read_example(reader, item, stages))
}

fn read_example(reader: &Reader<'_>, node: &Node, stages: &[&str]) -> Option<Example> {
    let [
        name,
        as_of,
        person,
        activities,
        responses,
        opportunities,
        expect,
    ] = reader.fields(
        node,
        "an example",
        [
            "name",
            "as_of",
            "person",
            "activities",
            "responses",
            "opportunities",
            "expect",
        ],
    )?;
    let happenings = |node| reader.list(node, |item| read_happening(reader, item));
    let name = name.required(|node| reader.text(node));
    let as_of = as_of.required(|node| reader.date(node));
    let person = person.or(Vec::new(), happenings);
    let activities = activities.or(Vec::new(), happenings);
    let responses = responses.or(Vec::new(), happenings);
    let opportunities = opportunities.or(Vec::new(), happenings);
    let expected = expect.required(|node| read_expected(reader, node, stages));
    Some(Example {
        name: name?,
        as_of: as_of?,
        person: person?,
        activities: activities?,
        responses: responses?,
        opportunities: opportunities?,
        expected: expected?,
    })
}

fn read_happening(reader: &Reader<'_>, node: &Node) -> Option<Happening> {
    let Value::Map(entries) = &node.value else {
        let fix = "Write it as `{ at: 2026-03-01, email: ann@example.com }`";
        return reader.refuse(node, "An example's line holds `at` and columns", fix);
    };
    reader.tell_repeated(entries.iter().map(Entry::named), "key");
    let Some(at) = node.get("at") else {
        return reader.refuse(node, "`at` is missing in an example's line", "Add `at:`");
    };
    let at = read_instant(reader, at);
    let columns = entries.iter().filter(|entry| entry.key != "at");
    let cells: Vec<Option<Cell>> = columns.map(|entry| read_cell(reader, entry)).collect();
    Some(Happening {
        at: at?,
        place: node.place.clone(),
        cells: cells.into_iter().collect::<Option<_>>()?,
    })
}

fn read_cell(reader: &Reader<'_>, entry: &Entry) -> Option<Cell> {
    let value = match &entry.node.value {
        Value::Null => Scalar::Null,
        Value::Boolean(value) => Scalar::Boolean(*value),
        Value::Integer(value) => Scalar::Integer(*value),
        Value::Decimal(value) => Scalar::Decimal(*value),
        Value::Text(text) => Scalar::Text(text.clone()),
        Value::List(_) | Value::Map(_) => {
            let fix = "Write one value";
            return reader.refuse(&entry.node, "A column holds one value", fix);
        }
    };
    Some(Cell {
        column: entry.key.clone(),
        place: entry.place.clone(),
        value,
    })
}

/// A day, which stands for its beginning, or a day and a time of day.
fn read_instant(reader: &Reader<'_>, node: &Node) -> Option<DateTime> {
    let text = reader.any_text(node)?;
    let read = moment(text).map(|(day, time)| day.to_datetime(time.unwrap_or(Time::midnight())));
    read.or_else(|| refuse_moment(reader, node, text))
}

fn refuse_moment<T>(reader: &Reader<'_>, node: &Node, text: &str) -> Option<T> {
    let fix = "Write `2026-03-01`, or `2026-03-01 09:30`; times are the company's";
    reader.refuse(node, format!("`{text}` is no day and no instant"), fix)
}

/// `2026-03-01`, or `2026-03-01 09:30`.
fn moment(text: &str) -> Option<(Date, Option<Time>)> {
    let (day, time) = match text.split_once([' ', 'T']) {
        None => (text, None),
        Some((day, time)) => (day, Some(time.parse().ok()?)),
    };
    let read: Date = day.parse().ok()?;
    (read.to_string() == day).then_some((read, time))
}

/// By stage: when it is entered, once or in a list; or `never`.
fn read_expected(reader: &Reader<'_>, node: &Node, stages: &[&str]) -> Option<Vec<Expected>> {
    let Value::Map(entries) = &node.value else {
        let fix = "Write it as `{ known: 2026-03-01, mql: never }`";
        return reader.refuse(node, "`expect` holds stages and when they are entered", fix);
    };
    reader.tell_repeated(entries.iter().map(Entry::named), "key");
    let stages: Vec<_> = stages.iter().map(|stage| (*stage, *stage)).collect();
    let expected = |entry: &Entry| {
        let key = Node {
            place: entry.place.clone(),
            value: Value::Text(entry.key.clone()),
        };
        let stage = reader.word(&key, &entry.key, "stage", &stages);
        let entries = match &entry.node.value {
            Value::List(_) => reader.list(&entry.node, |item| read_entered(reader, item)),
            Value::Text(text) if text == "never" => Some(Vec::new()),
            _ => read_entered(reader, &entry.node).map(|entered| vec![entered]),
        };
        Some(Expected {
            stage: stage?.to_owned(),
            place: entry.node.place.clone(),
            entries: entries?,
        })
    };
    let read: Vec<Option<Expected>> = entries.iter().map(expected).collect();
    read.into_iter().collect()
}

/// A day or an instant, and `implied` where a later stage implies the entry.
fn read_entered(reader: &Reader<'_>, node: &Node) -> Option<Entered> {
    let text = reader.any_text(node)?;
    let (when, implied) = match text.strip_suffix(" implied") {
        Some(when) => (when, true),
        None => (text, false),
    };
    let read = moment(when.trim()).map(|(day, time)| Entered { day, time, implied });
    read.or_else(|| {
        let fix =
            "Write `2026-03-01`, `2026-03-01 09:30`, either followed by `implied`, or `never`";
        reader.refuse(node, format!("`{text}` does not say when"), fix)
    })
}
