//! Reports of one's own: the rows of each query by the query's name, for a template that is written
//! once for page, mail and plain text, or once for each.

mod check;
pub(super) mod shapes;
#[cfg(test)]
mod tests;
mod told;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use self::check::check;
use super::rows::read;
use super::view::{Fault, Signing};
use super::{Prepared, ReportError, words};
use crate::config::ColumnType;
use crate::metrics::MetricSet;

/// The query that every report shares.
const FAULTS: &str = "faults";

/// The view: what every report says of itself, and the rows of each query.
pub(super) fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    let mut prepared = Prepared::new(&Head::of(set)?, Vec::new()).telling(told::all(set));
    let queries = set.tables.iter().filter(|(query, _)| *query != FAULTS);
    for (query, rows) in queries {
        if prepared.view.get(query).is_some() {
            return Err(ReportError::Taken {
                report: set.report.clone(),
                query: query.clone(),
            });
        }
        let columns = set.columns.get(query).map_or(&[][..], Vec::as_slice);
        prepared.view[query] = rows.iter().map(|row| shown(row, columns)).collect();
    }
    Ok(prepared)
}

/// What every report of one's own says besides its rows.
#[derive(Serialize)]
struct Head {
    title: String,
    company: String,
    as_of: Date,
    zone: String,
    faults: Vec<Fault>,
    /// What the faults do to the figures.
    consequence: &'static str,
    #[serde(flatten)]
    signing: Signing,
}

impl Head {
    fn of(set: &MetricSet) -> Result<Self, ReportError> {
        Ok(Self {
            title: title(&set.report),
            company: words::clean(&set.company),
            as_of: set.as_of,
            zone: set.zone.clone(),
            faults: read(set, FAULTS, Fault::read)?,
            consequence: "What depends on it is as of its last good day.",
            signing: Signing::of(set),
        })
    }
}

/// `Lead sources` of `lead-sources`.
fn title(name: &str) -> String {
    words::capital(&words::clean(&name.replace(['-', '_'], " ")))
}

/// A row as templates see it: texts made harmless, decimals as numbers.
fn shown(row: &Map<String, Value>, columns: &[(String, ColumnType)]) -> Value {
    let cell = |(name, value): (&String, &Value)| {
        let kind = columns.iter().find(|(column, _)| column == name);
        let value = match (value, kind) {
            (Value::String(text), Some((_, ColumnType::Decimal))) => {
                text.parse::<f64>().map_or(Value::Null, Value::from)
            }
            (Value::String(text), _) => Value::String(words::clean(text)),
            (Value::Array(_) | Value::Object(_), _) => Value::Null,
            (other, _) => other.clone(),
        };
        (name.clone(), value)
    };
    Value::Object(row.iter().map(cell).collect())
}
