//! The figures that a report of one's own tells: rows that come with the key of `metric`.

use std::borrow::Cow;

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::metrics::{MetricSet, Told};

/// The rows of every query that has the columns of a figure's key; of another query, none.
pub(super) fn all(set: &MetricSet) -> Vec<Told> {
    set.tables.values().flatten().filter_map(figure).collect()
}

fn figure(row: &Map<String, Value>) -> Option<Told> {
    let text = |column: &str| Some(row.get(column)?.as_str()?.to_owned());
    let date = |column: &str| row.get(column)?.as_str()?.parse::<Date>().ok();
    Some(Told {
        measure: Cow::Owned(text("measure")?),
        period: Cow::Owned(text("period")?),
        period_start: date("period_start")?,
        period_end: date("period_end")?,
        stage: text("stage")?,
        to_stage: text("to_stage"),
        dimension: text("dimension"),
        member: text("member"),
        n: row.get("n").and_then(Value::as_i64),
        value: row.get("value")?.as_f64(),
    })
}
