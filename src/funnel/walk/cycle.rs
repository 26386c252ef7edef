//! One passage through the funnel: the stages entered in it, and how each was left.

use super::columns::Row;

#[derive(Debug, Clone, Copy)]
pub(super) struct Cycle {
    /// The number of the definition whose stages its entries stand by: the one in force at its end.
    pub(super) definition: usize,
    /// Where its entries begin among the person's.
    pub(super) start: usize,
    /// The evidence that named the opportunity it holds.
    pub(super) opportunity: Option<Row>,
    /// The order of the highest stage reached; 0 while none is.
    pub(super) highest: usize,
    pub(super) end: Option<End>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) at: i64,
    pub(super) outcome: Outcome,
    /// The evidence that ended it.
    pub(super) row: Row,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Recycled,
    Disqualified,
    Won,
    Lost,
    Deleted,
}

/// One stage entered in a cycle. What is not here is read from the row of its evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) row: Row,
    /// The opportunity that the cycle held at entry.
    pub(super) opportunity: Option<Row>,
    pub(super) entered_at: i64,
    pub(super) confirmed_at: Option<i64>,
    pub(super) made: Made,
    pub(super) mark: Mark,
    /// The person's first entry of the stage in any cycle.
    pub(super) first: bool,
    pub(super) customer: bool,
}

/// Under which definition an entry was made, and the order of its stage there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) definition: u16,
    pub(super) order: u16,
}

/// What made an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Evidence of the stage's own.
    Own,
    /// Evidence of a higher stage.
    Implied,
    /// The cycle's beginning: the person stands in the stage but did not enter it.
    Carried,
}

/// How a stage was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit {
    /// None while the person stands in it.
    pub(super) at: Option<i64>,
    pub(super) outcome: &'static str,
    /// The number of a definition, and the order in it of the stage progressed to.
    pub(super) next: Option<(usize, usize)>,
    pub(super) reason: Option<Row>,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Recycled => "recycled",
            Self::Disqualified => "disqualified",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Deleted => "deleted",
        }
    }

    fn has_reason(self) -> bool {
        matches!(self, Self::Recycled | Self::Disqualified)
    }
}

impl Exit {
    /// The same, or, of a stage not left yet, that the definition lost it.
    pub(super) fn or_redefined(self, at: i64) -> Self {
        if self.at.is_some() {
            return self;
        }
        Self {
            at: Some(at),
            outcome: "redefined",
            next: None,
            reason: None,
        }
    }
}

impl Cycle {
    /// How the stage of `order` was left: at the next entry into a higher stage, else at the
    /// cycle's end. `entries` are the cycle's, by stage.
    pub(super) fn exit(&self, entries: &[Option<Entry>], order: usize, entered_at: i64) -> Exit {
        let higher = entries.iter().enumerate().skip(order);
        let later = higher
            .filter_map(|(index, entry)| Some((entry.as_ref()?.entered_at, index + 1)))
            .filter(|(at, _)| *at >= entered_at);
        if let Some((at, next)) = later.min() {
            return Exit {
                at: Some(at),
                outcome: "progressed",
                next: Some((self.definition, next)),
                reason: None,
            };
        }
        let end = self.end;
        Exit {
            at: end.map(|end| end.at),
            outcome: end.map_or("open", |end| end.outcome.name()),
            next: None,
            reason: end
                .filter(|end| end.outcome.has_reason())
                .map(|end| end.row),
        }
    }
}
