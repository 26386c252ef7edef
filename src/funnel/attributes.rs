//! What a stage entry freezes of its person: the attributes as at the end of the day of entry.
//!
//! A person who was not there by then has the first values known. The campaign is that of the latest
//! response by then. An opportunity that is credited to nobody has its own lead source and owner.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, Date32Type};
use jiff::tz::TimeZone;

use super::FunnelError;
use super::events::{Events, Touches};
use super::history::{History, primitive, text};
use crate::clock;
use crate::warehouse::date_of;

/// The attributes of a person that an entry freezes.
const FROZEN: [&str; 5] = ["lead_source", "channel", "segment", "region", "owner_id"];

/// Adds the frozen attributes to the entries that the walk made.
pub(super) fn freeze(
    entries: &RecordBatch,
    versions: &History,
    opportunities: &History,
    responses: &Events,
    zone: &TimeZone,
) -> Result<RecordBatch, FunnelError> {
    let ends = ends(entries, zone);
    let person_id = text(entries, "person_id");
    let persons = versions.index();
    let direct = opportunities.index();
    // Entries of one person stand together.
    let mut who: Vec<Who> = Vec::with_capacity(entries.num_rows());
    for row in 0..entries.num_rows() {
        let id = person_id.value(row);
        let same = row > 0 && person_id.value(row - 1) == id;
        let known = who.last().copied().filter(|_| same);
        who.push(known.unwrap_or_else(|| Who::named(id, &persons, &direct)));
    }
    let schema = entries.schema();
    let mut columns: Vec<(&str, ArrayRef)> = schema
        .fields()
        .iter()
        .zip(entries.columns())
        .map(|(field, column)| (field.name().as_str(), Arc::clone(column)))
        .collect();
    let cells: Vec<(usize, usize)> = who
        .iter()
        .zip(&ends)
        .map(|(who, end)| who.version(*end, versions, opportunities))
        .collect();
    for name in FROZEN {
        let values = [
            column(&versions.rows, name),
            column(&opportunities.rows, name),
        ];
        columns.push((name, pick(&values, &cells)?));
    }
    columns.push(("campaign_id", campaign(&who, &ends, responses)?));
    super::table(columns)
}

/// Whose attributes an entry has.
#[derive(Debug, Clone, Copy)]
enum Who {
    Person(usize),
    Opportunity(usize),
    Nobody,
}

/// The place of a null cell.
const NULL: (usize, usize) = (2, 0);

impl Who {
    fn named(
        id: &str,
        persons: &HashMap<&str, usize>,
        opportunities: &HashMap<&str, usize>,
    ) -> Self {
        let direct = id.strip_prefix("opportunity:");
        let direct = direct.and_then(|id| opportunities.get(id).copied());
        match (persons.get(id), direct) {
            (Some(person), _) => Self::Person(*person),
            (None, Some(opportunity)) => Self::Opportunity(opportunity),
            (None, None) => Self::Nobody,
        }
    }

    /// The table (persons, opportunities, neither) and the row of the version at an instant.
    fn version(self, instant: i64, versions: &History, opportunities: &History) -> (usize, usize) {
        let (table, history, thing) = match self {
            Self::Person(person) => (0, versions, person),
            Self::Opportunity(opportunity) => (1, opportunities, opportunity),
            Self::Nobody => return NULL,
        };
        let row = history.as_of(thing, instant);
        (table, row.unwrap_or(history.spans[thing].start))
    }
}

/// The last instant of each entry's day.
fn ends(entries: &RecordBatch, zone: &TimeZone) -> Vec<i64> {
    let days = primitive::<Date32Type>(entries, "entered_on");
    let mut known: HashMap<i32, i64> = HashMap::new();
    let mut end = |day: i32| {
        *known.entry(day).or_insert_with(|| {
            date_of(day).map_or(i64::MAX, |date| clock::day_end(date, zone).as_microsecond())
        })
    };
    days.values().iter().map(|day| end(*day)).collect()
}

/// A column of text; one that is not there is all null.
fn column(rows: &RecordBatch, name: &str) -> ArrayRef {
    let found = rows.column_by_name(name);
    let text = found.filter(|column| *column.data_type() == DataType::Utf8);
    text.cloned()
        .unwrap_or_else(|| arrow::array::new_null_array(&DataType::Utf8, rows.num_rows()))
}

fn pick(values: &[ArrayRef; 2], cells: &[(usize, usize)]) -> Result<ArrayRef, FunnelError> {
    let null = StringArray::from(vec![None::<&str>]);
    let arrays: [&dyn Array; 3] = [&values[0], &values[1], &null];
    interleave(&arrays, cells).map_err(FunnelError::arrow("freezing attributes"))
}

/// The campaign of each person's latest response by the end of the day.
fn campaign(who: &[Who], ends: &[i64], responses: &Events) -> Result<ArrayRef, FunnelError> {
    let touches = Touches::of(responses);
    let latest = |(who, end): (&Who, &i64)| match who {
        Who::Person(person) => touches.latest(*person, *end),
        Who::Opportunity(_) | Who::Nobody => None,
    };
    let rows: UInt32Array = who.iter().zip(ends).map(latest).collect();
    let column = text(&responses.table, "campaign_id");
    take(column, &rows, None).map_err(FunnelError::arrow("freezing campaigns"))
}
