//! Reads the rows of a report's queries: each cell by its column's name, or an error that names
//! the query file and the column.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::{ReportError, words};
use crate::metrics::MetricSet;

/// One row of one query of a report.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    report: &'a str,
    query: &'a str,
    number: usize,
    cells: &'a Map<String, Value>,
}

/// What a query says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Up,
    Down,
    Same,
    /// Too few to say.
    Few,
}

/// The rows of `query`, each turned into a `T`.
pub(super) fn read<T>(
    set: &MetricSet,
    query: &str,
    from: impl Fn(&Row<'_>) -> Result<T, ReportError>,
) -> Result<Vec<T>, ReportError> {
    let rows = set.tables.get(query).ok_or_else(|| ReportError::Query {
        report: set.report.clone(),
        file: file(&set.report, query),
    })?;
    let row = |(index, cells)| Row {
        report: &set.report,
        query,
        number: index + 1,
        cells,
    };
    rows.iter().enumerate().map(|it| from(&row(it))).collect()
}

/// The one row of `query`, or none where there is nothing to say.
pub(super) fn read_one<T>(
    set: &MetricSet,
    query: &str,
    from: impl Fn(&Row<'_>) -> Result<T, ReportError>,
) -> Result<Option<T>, ReportError> {
    let mut rows = read(set, query, from)?;
    if rows.len() > 1 {
        return Err(ReportError::OneRow {
            report: set.report.clone(),
            file: file(&set.report, query),
            rows: rows.len(),
        });
    }
    Ok(rows.pop())
}

fn file(report: &str, query: &str) -> String {
    format!("queries/reports/{report}/{query}.sql")
}

impl Row<'_> {
    pub(super) fn text(&self, column: &str) -> Result<String, ReportError> {
        self.must(column, self.maybe_text(column)?)
    }

    pub(super) fn maybe_text(&self, column: &str) -> Result<Option<String>, ReportError> {
        self.cell(column, "a text", |value| value.as_str().map(words::clean))
    }

    pub(super) fn integer(&self, column: &str) -> Result<i64, ReportError> {
        self.must(column, self.maybe_integer(column)?)
    }

    pub(super) fn maybe_integer(&self, column: &str) -> Result<Option<i64>, ReportError> {
        self.cell(column, "a whole number", Value::as_i64)
    }

    pub(super) fn maybe_number(&self, column: &str) -> Result<Option<f64>, ReportError> {
        self.cell(column, "a number", Value::as_f64)
    }

    pub(super) fn boolean(&self, column: &str) -> Result<bool, ReportError> {
        self.must(column, self.maybe_boolean(column)?)
    }

    pub(super) fn maybe_boolean(&self, column: &str) -> Result<Option<bool>, ReportError> {
        self.cell(column, "true or false", Value::as_bool)
    }

    pub(super) fn date(&self, column: &str) -> Result<Date, ReportError> {
        self.must(column, self.maybe_date(column)?)
    }

    pub(super) fn maybe_date(&self, column: &str) -> Result<Option<Date>, ReportError> {
        self.cell(column, "a date as `YYYY-MM-DD`", |value| {
            value.as_str()?.parse().ok()
        })
    }

    pub(super) fn maybe_verdict(&self, column: &str) -> Result<Option<Verdict>, ReportError> {
        self.cell(
            column,
            "one of `up`, `down`, `same`, `few`",
            |value| match value.as_str()? {
                "up" => Some(Verdict::Up),
                "down" => Some(Verdict::Down),
                "same" => Some(Verdict::Same),
                "few" => Some(Verdict::Few),
                _ => None,
            },
        )
    }

    /// A column that a query may leave out altogether.
    pub(super) fn has(&self, column: &str) -> bool {
        self.cells.contains_key(column)
    }

    /// A cell that must be one of the words a report knows.
    pub(super) fn refuse(&self, column: &str, expected: &'static str) -> ReportError {
        ReportError::Column {
            report: self.report.to_owned(),
            file: file(self.report, self.query),
            row: self.number,
            column: column.to_owned(),
            expected,
        }
    }

    fn cell<T>(
        &self,
        column: &str,
        expected: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ReportError> {
        match self.cells.get(column) {
            None => Err(self.refuse(column, "a column of this name")),
            Some(Value::Null) => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| self.refuse(column, expected)),
        }
    }

    fn must<T>(&self, column: &str, found: Option<T>) -> Result<T, ReportError> {
        found.ok_or_else(|| self.refuse(column, "a value, not null"))
    }
}
