//! One sign, as the walk handles it; everything else about it is read from its row when needed.
//! And why evidence is refused.

use super::columns::Row;

#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    /// Its instant; of a date without time, the start of that day.
    pub(super) at: i64,
    /// The instant whose turn it is taken in; `order` says when it differs from `at`.
    pub(super) turn: i64,
    pub(super) row: Row,
    /// The number of the definition in force at its instant.
    pub(super) definition: usize,
    pub(super) opportunity: Option<&'a str>,
    /// Of the stage entered, or of the `to` stage; from 1. 0 for a deletion.
    pub(super) order: usize,
    pub(super) kind: Kind,
    pub(super) censored: bool,
    pub(super) date_only: bool,
}

/// In the order in which evidence of one instant is taken: a reinstated person may enter, what was so
/// before stands before what turns so, and whoever enters and leaves at one instant has entered first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Reinstate,
    Carry,
    Enter,
    Recycle,
    Disqualify,
    Deleted,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "carry" => Some(Self::Carry),
            "enter" => Some(Self::Enter),
            "recycle" => Some(Self::Recycle),
            "disqualify" => Some(Self::Disqualify),
            "reinstate" => Some(Self::Reinstate),
            "deleted" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// Evidence that the walk cannot read. Nothing of a person is ever in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvidenceError {
    #[error("Evidence column `{column}` is {found}, expected {expected}")]
    Column {
        column: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error("Evidence of kind `{kind}` is not known")]
    Kind { kind: String },
    #[error("Evidence of stage {order} does not fit a funnel of {stages} stages")]
    Stage { order: i64, stages: usize },
    #[error("Evidence is not sorted by `person_id`\n  fix: export it with `order by person_id`")]
    Unsorted,
}
