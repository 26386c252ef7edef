//! The cells of a query's rows, typed: what a workbook and a CSV file are both written from.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::config::ColumnType;
use crate::metrics::MetricSet;

/// One query's rows.
pub(super) struct Sheet<'a> {
    pub(super) query: &'a str,
    pub(super) columns: &'a [(String, ColumnType)],
    pub(super) rows: &'a [Map<String, Value>],
    zone: TimeZone,
    zone_name: &'a str,
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Empty,
    Text(&'a str),
    /// A number, and as it is written.
    Number(f64, String),
    Flag(bool),
    Day(Date),
    /// An instant, in the company's zone.
    At(DateTime),
}

/// A sheet for each query, in the order of their names.
pub(super) fn sheets(set: &MetricSet) -> Vec<Sheet<'_>> {
    let zone = TimeZone::get(&set.zone).unwrap_or(TimeZone::UTC);
    let sheets = set.tables.iter().map(|(query, rows)| Sheet {
        query,
        columns: set.columns.get(query).map_or(&[], Vec::as_slice),
        rows,
        zone: zone.clone(),
        zone_name: &set.zone,
    });
    sheets.collect()
}

impl Sheet<'_> {
    /// The column's name, and that of the zone where it holds instants.
    pub(super) fn heading(&self, (name, kind): &(String, ColumnType)) -> String {
        match kind {
            ColumnType::Timestamp => format!("{name} ({})", self.zone_name),
            _ => name.clone(),
        }
    }

    pub(super) fn cell<'r>(
        &self,
        row: &'r Map<String, Value>,
        (name, kind): &(String, ColumnType),
    ) -> Cell<'r> {
        match row.get(name) {
            Some(Value::Bool(flag)) => Cell::Flag(*flag),
            Some(Value::Number(number)) => number
                .as_f64()
                .map_or(Cell::Empty, |value| Cell::Number(value, number.to_string())),
            Some(Value::String(text)) => self.typed(text, *kind),
            // A list is no kind of ours: no query of a report gives one.
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => Cell::Empty,
        }
    }

    fn typed<'r>(&self, text: &'r str, kind: ColumnType) -> Cell<'r> {
        let typed = match kind {
            ColumnType::Date => text.parse().ok().map(Cell::Day),
            ColumnType::Timestamp => text.parse().ok().map(|at: Timestamp| {
                let local = at.to_zoned(self.zone.clone()).datetime();
                Cell::At(local)
            }),
            ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal => text
                .parse()
                .ok()
                .map(|value| Cell::Number(value, text.to_owned())),
            ColumnType::String | ColumnType::Boolean => None,
        };
        typed.unwrap_or(Cell::Text(text))
    }
}
