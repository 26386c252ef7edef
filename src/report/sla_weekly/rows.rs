//! The rows of the weekly SLA report's queries, typed.

use jiff::civil::Date;

use crate::report::ReportError;
use crate::report::rows::Row;
use crate::report::words;

/// `quarter.sql`: the quarter so far.
pub(super) struct Quarter {
    pub(super) name: String,
    pub(super) first_day: Date,
    pub(super) last_day: Date,
    pub(super) stage: String,
    /// The promised stage's short name.
    pub(super) label: String,
    pub(super) commitment: i64,
    pub(super) attained: i64,
    pub(super) gross: i64,
    pub(super) rejected: i64,
    pub(super) pending: i64,
    pub(super) net: i64,
    pub(super) due: Option<f64>,
    pub(super) remaining_weeks: Option<f64>,
    pub(super) needed_per_week: Option<f64>,
    /// Whether a fault in the data leaves the quarter unknown; none where the query does not say.
    pub(super) withheld: Option<bool>,
}

/// `sources.sql`: where the quarter's entries came from, the largest first.
pub(super) struct Source {
    pub(super) member: Option<String>,
    pub(super) n: i64,
    pub(super) share: Option<f64>,
}

impl Quarter {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            name: row.text("quarter")?,
            first_day: row.date("first_day")?,
            last_day: row.date("last_day")?,
            label: words::label(&row.text("stage")?, &row.text("term")?),
            stage: row.text("stage")?,
            commitment: row.integer("commitment")?,
            attained: row.integer("attained")?,
            gross: row.integer("gross")?,
            rejected: row.integer("rejected")?,
            pending: row.integer("pending")?,
            net: row.integer("net")?,
            due: row.maybe_number("expected_to_date")?,
            remaining_weeks: row.maybe_number("remaining_weeks")?,
            needed_per_week: row.maybe_number("needed_per_week")?,
            withheld: if row.has("withheld") {
                Some(row.boolean("withheld")?)
            } else {
                None
            },
        })
    }

    /// What is promised, in the plural: `MQLs`.
    pub(super) fn what(&self) -> String {
        words::entries_title(&self.label)
    }

    /// Attained less what was due by now, in whole entries.
    pub(super) fn gap(&self) -> Option<i64> {
        Some(self.attained - words::whole(self.due?)?)
    }
}

impl Source {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            member: row.maybe_text("member")?,
            n: row.integer("n")?,
            share: row.maybe_number("share")?,
        })
    }
}
