//! What blocks make of a query's rows: key figures, bars, a table. A cell is written by what it is,
//! and by the last word of its column: a `rate` or `share` is a percentage, `days` are days.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::grid::Grid;
use super::super::view::{Cell, Key};
use super::super::words;

/// One bar: its name, its length in percent of the longest, and what it stands for.
#[derive(Serialize)]
struct Bar {
    name: String,
    length: i64,
    shown: String,
}

/// The first row, each cell a figure with its column as the name.
pub(in crate::report) fn keys(rows: &[Value]) -> Value {
    let cells = rows.first().and_then(Value::as_object);
    let key = |(column, value): (&String, &Value)| Key {
        cell: cell(column, value),
        name: head(column),
    };
    let keys: Vec<Key> = cells.into_iter().flatten().map(key).collect();
    json!({ "keys": keys })
}

/// The first column names a bar, the first number after it is its length. Below nothing there is no
/// bar.
pub(in crate::report) fn bars(rows: &[Value]) -> Value {
    let measured = rows.iter().filter_map(Value::as_object).filter_map(|row| {
        let (column, value) = row.iter().skip(1).find(|(_, value)| value.is_number())?;
        Some((name(row), cell(column, value).shown, value.as_f64()?))
    });
    let measured: Vec<(String, String, f64)> = measured.collect();
    let longest = measured.iter().map(|(_, _, n)| *n).fold(0.0, f64::max);
    let bars: Vec<Bar> = measured
        .into_iter()
        .map(|(name, shown, n)| Bar {
            name,
            length: words::whole(n.max(0.0) / longest * 100.0).unwrap_or(0),
            shown,
        })
        .collect();
    json!({ "bars": bars })
}

/// A table: the first column names a row.
pub(in crate::report) fn grid(rows: &[Value]) -> Value {
    let objects = || rows.iter().filter_map(Value::as_object);
    let columns = objects().next().into_iter().flat_map(Map::keys);
    let heads: Vec<Cow<'static, str>> = columns.map(|column| head(column).into()).collect();
    let told: Vec<&str> = heads.iter().map(AsRef::as_ref).collect();
    let title = told.join(", ");
    let row = |row: &Map<String, Value>| {
        let cells = row.iter().skip(1);
        let cells = cells.map(|(column, value)| cell(column, value)).collect();
        (name(row), String::new(), cells)
    };
    json!(Grid::under(heads, "", title, "", objects().map(row)))
}

fn name(row: &Map<String, Value>) -> String {
    let first = row.iter().next();
    first.map_or_else(String::new, |(column, value)| cell(column, value).shown)
}

/// `Lead source` of `lead_source`; what is written with spaces or capitals stands as it is.
fn head(column: &str) -> String {
    words::capital(&words::clean(&column.replace('_', " ")))
}

fn cell(column: &str, value: &Value) -> Cell {
    match value {
        Value::Bool(true) => Cell::figure("yes", ""),
        Value::Bool(false) => Cell::figure("no", ""),
        Value::Number(number) => Cell::figure(number_of(column, number), ""),
        Value::String(text) => Cell::figure(text_of(text), ""),
        _ => Cell::words(words::NONE, ""),
    }
}

fn number_of(column: &str, number: &serde_json::Number) -> String {
    let value = number.as_f64().unwrap_or(f64::NAN);
    let column = column.to_lowercase();
    let last = column.rsplit(['_', ' ']).next();
    match (last, number.as_i64()) {
        (Some("rate" | "share"), _) => words::percent(value),
        (_, Some(whole)) => words::integer(whole),
        (Some("days"), _) => words::days(value),
        _ => words::decimal(value),
    }
}

/// A date and an instant are written as such, other texts as they are.
fn text_of(text: &str) -> String {
    if let Ok(day) = text.parse::<Date>()
        && text.len() == "2026-11-19".len()
    {
        return words::date(day);
    }
    match text.parse::<Timestamp>() {
        Ok(at) => at.strftime("%a %-d %b %Y, %H:%M UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}
