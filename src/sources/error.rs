//! Why a stream's file is refused. Texts name the file, lines and columns and show the shape of a
//! value, never the value: exports are full of personal data.

use std::fmt;

use super::Input;
use crate::problem::{Place, Problem};

#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("`{path}` is not there")]
    Missing {
        path: String,
        /// `<source>.<stream>`.
        stream: String,
        /// The stream in the configuration.
        place: Place,
    },
    #[error("Cannot read `{path}`: {reason}")]
    Unreadable {
        path: String,
        reason: String,
        transient: bool,
    },
    #[error("`{path}` is empty: {what}")]
    Empty { path: String, what: &'static str },
    /// The file ends before its content does.
    #[error("`{path}` is cut off{}: {what}", InLine(*line))]
    Truncated {
        path: String,
        line: Option<usize>,
        what: String,
    },
    /// The file is not what its format or encoding asks for, at a place that is not its end.
    #[error("`{path}` is malformed{}: {what}", InLine(*line))]
    Malformed {
        path: String,
        line: Option<usize>,
        what: String,
        fix: String,
    },
    /// The file lacks columns that the stream names.
    #[error("{}", lines(columns))]
    Columns {
        columns: Vec<MissingColumn>,
        place: Place,
    },
    /// Columns hold values that they may not hold.
    #[error("{}", lines(columns))]
    Values {
        path: String,
        columns: Vec<BadColumn>,
    },
    /// The stream's configuration cannot be followed.
    #[error("{what}")]
    Setting {
        what: String,
        fix: String,
        place: Place,
    },
}

#[derive(Debug)]
pub(crate) struct MissingColumn {
    pub(super) path: String,
    pub(super) column: String,
    /// What the configuration names it as, to follow the name and a comma.
    pub(super) role: String,
    pub(super) nearest: Option<String>,
}

#[derive(Debug)]
pub(crate) struct BadColumn {
    pub(super) path: String,
    pub(super) column: String,
    pub(super) fault: Fault,
    pub(super) count: usize,
    /// `lines 2, 5 and 9`.
    pub(super) places: String,
    pub(super) first_line: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Fault {
    /// Values that do not parse.
    Unfit {
        kind: &'static str,
        shape: String,
        /// The form in which the column's values are written, if one was stated.
        format: Option<String>,
    },
    /// Dates that read both as day/month and as month/day.
    Ambiguous { shape: String, formats: [String; 2] },
    /// Dates that read one way only, but nobody said so.
    Unstated {
        shape: String,
        order: &'static str,
        format: String,
    },
    /// Nulls where a record's key, or what a change hangs on, must stand.
    Null { role: &'static str },
}

impl SourceError {
    pub(super) fn unreadable(path: String, transient: bool, reason: impl Into<String>) -> Self {
        Self::Unreadable {
            path,
            reason: reason.into(),
            transient,
        }
    }

    /// The stream's outcome in `job_extract`: `missing` if nothing was read, else `quarantined`.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Unreadable { .. } => "missing",
            _ => "quarantined",
        }
    }

    /// Whether a later try may succeed with nobody changing anything here.
    pub(crate) fn transient(&self) -> bool {
        match self {
            Self::Missing { .. } => true,
            Self::Unreadable { transient, .. } => *transient,
            _ => false,
        }
    }

    /// The error with its place, in the data file or the configuration, and the fix.
    pub(crate) fn problem(&self) -> Problem {
        Problem {
            what: self.to_string(),
            place: self.place().map(Box::new),
            why: None,
            fix: Some(self.fix()),
        }
    }

    fn place(&self) -> Option<Place> {
        let (path, line) = match self {
            Self::Missing { place, .. }
            | Self::Columns { place, .. }
            | Self::Setting { place, .. } => return Some(place.clone()),
            Self::Truncated { path, line, .. } | Self::Malformed { path, line, .. } => {
                (path, (*line)?)
            }
            Self::Values { path, columns } => (path, columns.first()?.first_line?),
            Self::Unreadable { .. } | Self::Empty { .. } => return None,
        };
        // The line itself is not shown: it may name persons.
        Some(Place {
            file: path.clone(),
            line,
            column: 1,
            text: String::new(),
        })
    }

    fn fix(&self) -> String {
        let fix = match self {
            Self::Missing { stream, .. } => {
                return format!("Put the export there, or correct `path` of stream `{stream}`");
            }
            Self::Malformed { fix, .. } | Self::Setting { fix, .. } => fix,
            Self::Columns { columns, .. } => {
                return fixes(columns.iter().map(MissingColumn::fix));
            }
            Self::Values { columns, .. } => return fixes(columns.iter().map(BadColumn::fix)),
            Self::Unreadable {
                transient: true, ..
            } => "Run again; if it goes on, check the store's address and credentials",
            Self::Unreadable { .. } => "See that the path is a file that this program may read",
            Self::Empty { .. } => {
                "Export it again; an export without rows has a header (CSV) or is `[]` (JSON)"
            }
            Self::Truncated { .. } => {
                "Export or copy it again, and rename it only when it is whole"
            }
        };
        fix.to_owned()
    }
}

impl Input<'_> {
    pub(super) fn empty(&self, what: &'static str) -> SourceError {
        SourceError::Empty {
            path: self.path.to_owned(),
            what,
        }
    }

    pub(super) fn truncated(&self, line: Option<usize>, what: impl Into<String>) -> SourceError {
        SourceError::Truncated {
            path: self.path.to_owned(),
            line,
            what: what.into(),
        }
    }

    pub(super) fn malformed(&self, line: Option<usize>, what: impl Into<String>) -> SourceError {
        SourceError::Malformed {
            path: self.path.to_owned(),
            line,
            what: what.into(),
            fix: format!("Correct the export, or `format` of stream `{}`", self.name),
        }
    }
}

impl SourceError {
    /// Says what to do about a malformed file, where that is better known.
    pub(super) fn with_fix(mut self, text: impl Into<String>) -> Self {
        if let Self::Malformed { fix, .. } = &mut self {
            *fix = text.into();
        }
        self
    }
}

impl MissingColumn {
    fn fix(&self) -> String {
        match &self.nearest {
            Some(nearest) => format!("Write `{nearest}` if that is the column meant"),
            None => format!("Have `{}` exported, or name another column", self.column),
        }
    }
}

impl fmt::Display for MissingColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, column, .. } = self;
        write!(f, "`{path}` has no column `{column}`, {}", self.role)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

impl BadColumn {
    fn fix(&self) -> String {
        let column = &self.column;
        match &self.fault {
            Fault::Unfit {
                format: Some(format),
                ..
            } => format!("Correct the export, or the format `{format}` of column `{column}`"),
            Fault::Unfit { format: None, .. } => {
                "Correct the export, or state the columns' types and formats".to_owned()
            }
            Fault::Ambiguous { formats, .. } => format!(
                "Write `format: \"{}\"` or `format: \"{}\"` for column `{column}`",
                formats[0], formats[1]
            ),
            Fault::Unstated { format, .. } => {
                format!("Write `format: \"{format}\"` for column `{column}`")
            }
            Fault::Null { .. } => {
                format!("Correct the export, or name another column than `{column}`")
            }
        }
    }
}

impl fmt::Display for BadColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            column,
            places,
            ..
        } = self;
        write!(f, "Column `{column}` of `{path}` ")?;
        match &self.fault {
            Fault::Unfit { kind, shape, .. } if self.count == 1 => {
                write!(f, "holds a value that is no {kind}, as `{shape}`, {places}")
            }
            Fault::Unfit { kind, shape, .. } => write!(
                f,
                "holds {} values that are no {kind}, as `{shape}`, {places}",
                self.count
            ),
            Fault::Ambiguous { shape, .. } => write!(
                f,
                "is ambiguous: every date, as `{shape}`, reads both as day/month and as month/day"
            ),
            Fault::Unstated { shape, order, .. } => write!(
                f,
                "needs its format stated: its dates, as `{shape}`, read only as {order}"
            ),
            Fault::Null { role } => write!(f, "is the stream's {role}, but is empty {places}"),
        }
    }
}

/// ` in line 17`, or nothing.
struct InLine(Option<usize>);

impl fmt::Display for InLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, " in line {line}"))
    }
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(T::to_string).collect();
    texts.join("\n")
}

/// Each fix once.
fn fixes(texts: impl Iterator<Item = String>) -> String {
    let mut fixes: Vec<String> = texts.collect();
    fixes.dedup();
    fixes.join("; ")
}

/// The text of the innermost cause.
pub(super) fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
