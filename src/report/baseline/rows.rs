//! The rows of the baseline report's queries, typed.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::report::ReportError;
use crate::report::rows::{Row, Verdict};
use crate::report::words;

/// `summary.sql`: the baseline.
pub(super) struct Baseline {
    pub(super) name: String,
    pub(super) from: Date,
    pub(super) to: Date,
    pub(super) imported: bool,
    pub(super) definition: String,
}

/// What both sides are measured with; the baseline, if there is one of the configured name.
pub(super) struct Summary {
    pub(super) baseline: Option<Baseline>,
    pub(super) horizon_days: Option<i64>,
    pub(super) floor: i64,
}

/// `stages.sql` and `members.sql`: one stage, of all or of a member.
pub(super) struct Stage {
    pub(super) label: String,
    pub(super) term: String,
    pub(super) next: Option<String>,
    pub(super) entered: Option<i64>,
    pub(super) baseline_entered: Option<f64>,
    pub(super) volume: Option<Verdict>,
    pub(super) rate: Measured,
    /// The 95% interval of the rate.
    pub(super) range: Option<(f64, f64)>,
    pub(super) days: Measured,
}

/// A rate or days beside the baseline's, and what others reach on average where that is known.
pub(super) struct Measured {
    pub(super) value: Option<f64>,
    pub(super) n: Option<i64>,
    pub(super) baseline: Option<f64>,
    pub(super) industry: Option<f64>,
    pub(super) verdict: Option<Verdict>,
}

/// A member of a dimension at one stage.
pub(super) struct Member {
    pub(super) dimension: String,
    pub(super) member: String,
    pub(super) stage: Stage,
}

impl Summary {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let head = (
            row.maybe_text("baseline_name")?,
            row.maybe_date("baseline_from")?,
            row.maybe_date("baseline_to")?,
        );
        let imported = row.maybe_boolean("baseline_imported")?.unwrap_or(false);
        let definition = row.maybe_text("baseline_definition")?.unwrap_or_default();
        let baseline = match head {
            (Some(name), Some(from), Some(to)) => Some(Baseline {
                name,
                from,
                to,
                imported,
                definition,
            }),
            _ => None,
        };
        Ok(Self {
            baseline,
            horizon_days: row.maybe_integer("horizon_days")?,
            floor: row.integer("floor")?,
        })
    }
}

impl Stage {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let range = (
            row.maybe_number("rate_low")?,
            row.maybe_number("rate_high")?,
        );
        let next = row.maybe_text("next_term")?;
        Ok(Self {
            label: words::label(&row.text("stage")?, &row.text("term")?),
            term: row.text("term")?,
            next,
            entered: row.maybe_integer("entered_28")?,
            baseline_entered: row.maybe_number("baseline_28")?,
            volume: told(row, "volume_verdict")?,
            rate: Measured {
                value: row.maybe_number("rate")?,
                n: row.maybe_integer("rate_n")?,
                baseline: row.maybe_number("baseline_rate")?,
                industry: known(row, "industry_rate")?,
                verdict: told(row, "rate_verdict")?,
            },
            range: range.0.zip(range.1),
            days: Measured {
                value: row.maybe_number("median_days")?,
                n: row.maybe_integer("median_n")?,
                baseline: row.maybe_number("baseline_median_days")?,
                industry: known(row, "industry_days")?,
                verdict: told(row, "days_verdict")?,
            },
        })
    }
}

impl Member {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            dimension: row.text("dimension")?,
            member: row.text("member")?,
            stage: Stage::read(row)?,
        })
    }
}

/// Calls the stage that follows each by its short name, where one of `stages` is that.
pub(super) fn short_next(stages: &mut [Stage], members: &mut [Member]) {
    let label = |it: &Stage| (it.term.clone(), it.label.clone());
    let labels: BTreeMap<String, String> = stages.iter().map(label).collect();
    let of_members = members.iter_mut().map(|it| &mut it.stage);
    for stage in stages.iter_mut().chain(of_members) {
        let short = stage.next.as_ref().and_then(|next| labels.get(next));
        stage.next = short.or(stage.next.as_ref()).cloned();
    }
}

/// A verdict, of a query that gives one.
fn told(row: &Row<'_>, column: &str) -> Result<Option<Verdict>, ReportError> {
    if row.has(column) {
        row.maybe_verdict(column)
    } else {
        Ok(None)
    }
}

/// An industry average, of a query that gives one.
fn known(row: &Row<'_>, column: &str) -> Result<Option<f64>, ReportError> {
    if row.has(column) {
        row.maybe_number(column)
    } else {
        Ok(None)
    }
}
