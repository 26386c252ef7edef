//! What truly happens to a person, as far as the funnel is concerned.

use super::calendar::{At, Calendar, Day};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Anonymous,
    Known,
    Responded,
    Mql,
    Sal,
    Sql,
    Opportunity,
    Closed,
}

impl Stage {
    pub(super) const ALL: [Self; 8] = [
        Self::Anonymous,
        Self::Known,
        Self::Responded,
        Self::Mql,
        Self::Sal,
        Self::Sql,
        Self::Opportunity,
        Self::Closed,
    ];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Known => "known",
            Self::Responded => "responded",
            Self::Mql => "mql",
            Self::Sal => "sal",
            Self::Sql => "sql",
            Self::Opportunity => "opportunity",
            Self::Closed => "closed",
        }
    }
}

/// Something that truly happened to a person.
#[derive(Debug, Clone)]
pub(super) struct Sign {
    pub(super) at: At,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Enter(Stage),
    /// An opportunity left `Prospecting`.
    Worked {
        opportunity: String,
        new_business: bool,
    },
    Closed {
        opportunity: String,
        new_business: bool,
        on: Day,
        won: bool,
    },
    Recycle,
    Disqualify,
    Reinstate,
    Deleted,
}

impl Sign {
    /// Whether it ends a cycle, or could.
    pub(super) fn ends(&self) -> bool {
        matches!(
            self.what,
            What::Recycle | What::Disqualify | What::Closed { .. } | What::Deleted
        )
    }

    /// A close has a date only: it comes after everything else of its day.
    pub(super) fn turn(&self, calendar: &Calendar) -> (At, usize) {
        let at = match self.what {
            What::Closed { on, .. } => calendar.close(on),
            _ => self.at,
        };
        let rank = match self.what {
            What::Reinstate => 0,
            What::Enter(stage) => 1 + stage as usize,
            What::Worked { .. } => 1 + Stage::Opportunity as usize,
            What::Closed { .. } => 1 + Stage::Closed as usize,
            What::Recycle => 20,
            What::Disqualify => 21,
            What::Deleted => 22,
        };
        (at, rank)
    }
}
