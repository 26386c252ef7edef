//! The rows of the daily report's queries, typed.

use jiff::civil::Date;
use serde::Serialize;

use crate::report::ReportError;
use crate::report::rows::{Row, Verdict};
use crate::report::words;

/// `summary.sql`: what the sentences are made of.
pub(super) struct Summary {
    /// The stage that is promised, by its short name; none where none is.
    pub(super) label: Option<String>,
    pub(super) stage: Option<String>,
    pub(super) entered: Option<i64>,
    pub(super) expected: Option<(i64, i64)>,
    pub(super) top_source: Option<String>,
    pub(super) top_source_n: Option<i64>,
    pub(super) quarter: Option<String>,
    pub(super) commitment: Option<i64>,
    pub(super) attained: Option<i64>,
    pub(super) due: Option<f64>,
    pub(super) baseline: Option<Baseline>,
}

/// The window with which everything is compared.
#[derive(Clone, Serialize)]
pub(super) struct Baseline {
    pub(super) name: String,
    pub(super) from: Date,
    pub(super) to: Date,
    /// Whether the window's history came with an import, not night by night.
    pub(super) imported: bool,
}

/// `stages.sql`: one stage, in order.
pub(super) struct Stage {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) term: String,
    pub(super) stock: Option<i64>,
    pub(super) entered: Option<i64>,
    pub(super) expected: Option<(i64, i64)>,
    /// How the day before was unusual, where this one is not any more.
    pub(super) recovered: Option<Recovered>,
    pub(super) entered_28: Option<i64>,
    pub(super) baseline_28: Option<f64>,
    pub(super) volume_verdict: Option<Verdict>,
    pub(super) next_term: Option<String>,
    pub(super) rate: Measured,
    pub(super) days: Measured,
    /// Whether the figures of this stage are withheld for a fault; none where the query does not say.
    pub(super) withheld: Option<bool>,
}

/// A day before that was outside what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovered {
    /// There were more.
    Above,
    /// There were fewer.
    Below,
}

fn recovered(row: &Row<'_>) -> Result<Option<Recovered>, ReportError> {
    // A query of the deployment's own may be of before.
    if !row.has("recovered") {
        return Ok(None);
    }
    match row.maybe_text("recovered")?.as_deref() {
        None => Ok(None),
        Some("above") => Ok(Some(Recovered::Above)),
        Some("below") => Ok(Some(Recovered::Below)),
        Some(_) => Err(row.refuse("recovered", "one of `above`, `below`")),
    }
}

/// A rate or a number of days beside its baseline.
pub(super) struct Measured {
    pub(super) value: Option<f64>,
    pub(super) n: Option<i64>,
    pub(super) baseline: Option<f64>,
    pub(super) verdict: Option<Verdict>,
}

/// `trend.sql`: one stage in one week.
pub(super) struct Point {
    pub(super) week_start: Date,
    pub(super) stage: String,
    pub(super) n: i64,
}

/// `months.sql`: one stage in one month.
pub(super) struct Month {
    pub(super) stage: String,
    pub(super) start: Date,
    pub(super) end: Date,
    pub(super) n: i64,
    pub(super) complete: bool,
}

/// `stuck.sql`: what has waited longer in a stage than nine of ten did.
pub(super) struct Stuck {
    pub(super) label: String,
    pub(super) n: i64,
    pub(super) oldest_days: Option<f64>,
    pub(super) p90_days: Option<f64>,
}

/// `needs.sql`: what waits for someone.
pub(super) struct Need {
    pub(super) kind: String,
    pub(super) n: i64,
    pub(super) oldest_hours: Option<f64>,
}

impl Summary {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let (stage, term) = (row.maybe_text("stage")?, row.maybe_text("term")?);
        let label = stage.as_ref().map(|id| {
            let term = term.as_ref().unwrap_or(id);
            words::label(id, term)
        });
        let name = row.maybe_text("baseline_name")?;
        let window = both(
            row.maybe_date("baseline_from")?,
            row.maybe_date("baseline_to")?,
        );
        let imported = row.maybe_boolean("baseline_imported")?.unwrap_or(false);
        Ok(Self {
            label,
            stage,
            entered: row.maybe_integer("entered")?,
            expected: expected(row)?,
            top_source: row.maybe_text("top_source")?,
            top_source_n: row.maybe_integer("top_source_n")?,
            quarter: row.maybe_text("quarter")?,
            commitment: row.maybe_integer("commitment")?,
            attained: row.maybe_integer("attained")?,
            due: row.maybe_number("expected_to_date")?,
            baseline: both(name, window).map(|(name, (from, to))| Baseline {
                name,
                from,
                to,
                imported,
            }),
        })
    }
}

impl Stage {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let (id, term) = (row.text("stage")?, row.text("term")?);
        Ok(Self {
            label: words::label(&id, &term),
            id,
            term,
            stock: row.maybe_integer("stock")?,
            entered: row.maybe_integer("entered")?,
            expected: expected(row)?,
            recovered: recovered(row)?,
            entered_28: row.maybe_integer("entered_28")?,
            baseline_28: row.maybe_number("baseline_28")?,
            volume_verdict: row.maybe_verdict("volume_verdict")?,
            next_term: row.maybe_text("next_term")?,
            rate: Measured {
                value: row.maybe_number("rate")?,
                n: row.maybe_integer("rate_n")?,
                baseline: row.maybe_number("baseline_rate")?,
                verdict: row.maybe_verdict("rate_verdict")?,
            },
            days: Measured {
                value: row.maybe_number("median_days")?,
                n: row.maybe_integer("median_n")?,
                baseline: row.maybe_number("baseline_median_days")?,
                verdict: row.maybe_verdict("days_verdict")?,
            },
            withheld: if row.has("withheld") {
                Some(row.boolean("withheld")?)
            } else {
                None
            },
        })
    }
}

impl Point {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            week_start: row.date("week_start")?,
            stage: row.text("stage")?,
            n: row.integer("n")?,
        })
    }
}

impl Month {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            stage: row.text("stage")?,
            start: row.date("period_start")?,
            end: row.date("period_end")?,
            n: row.integer("n")?,
            complete: row.boolean("complete")?,
        })
    }
}

impl Stuck {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            label: words::label(&row.text("stage")?, &row.text("term")?),
            n: row.integer("n")?,
            oldest_days: row.maybe_number("oldest_days")?,
            p90_days: row.maybe_number("p90_days")?,
        })
    }
}

impl Need {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            kind: row.text("kind")?,
            n: row.integer("n")?,
            oldest_hours: row.maybe_number("oldest_hours")?,
        })
    }
}

/// In whole entries, as it is shown: what is compared is what is said.
fn expected(row: &Row<'_>) -> Result<Option<(i64, i64)>, ReportError> {
    let low = row.maybe_number("expected_low")?.and_then(words::whole);
    Ok(both(
        low,
        row.maybe_number("expected_high")?.and_then(words::whole),
    ))
}

fn both<A, B>(a: Option<A>, b: Option<B>) -> Option<(A, B)> {
    Some((a?, b?))
}
