//! Evidence: every dated sign that a person met a trigger, left the funnel, or was deleted.
//!
//! Each kind of trigger has a file of its own that turns what changed into signs; this one judges what
//! all signs have in common (excluded, a customer then, dated after the as-of day) and makes the
//! table. Signs for an opportunity go to the person it is credited to, else to `opportunity:<id>`.

mod change;
mod definition;
mod event;
mod opportunity;
mod sql;
mod stamp;
mod table;
mod version;

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::FunnelError;
use super::customer::Customers;
use super::events::Events;
use super::history::{History, Marks, filled, holds, instant};
use super::opportunity::Opportunities;
use super::person::Versions;
use super::score::{Happened, Scores};
use crate::clock;
use crate::warehouse::date_of;
use change::Change;
pub(super) use definition::{Columns, Definition};
pub(crate) use sql::{TriggerSql, trigger_sql};
pub(super) use table::table;

/// All that evidence is drawn from.
pub(super) struct Facts<'a> {
    pub(super) zone: &'a TimeZone,
    /// The last microsecond of the as-of day.
    pub(super) end: i64,
    pub(super) records: &'a History,
    pub(super) marks: Marks<'a>,
    /// The number of each record's person.
    pub(super) person_of_record: &'a [usize],
    pub(super) versions: &'a Versions,
    pub(super) opportunities: &'a Opportunities,
    pub(super) opportunity_marks: Marks<'a>,
    /// The rows of the table `opportunity_version`.
    pub(super) opportunity_versions: &'a arrow::array::RecordBatch,
    pub(super) customers: &'a Customers,
    pub(super) activity: &'a Events,
    pub(super) response: &'a Events,
}

/// Facts, with the scores that a definition has of them.
#[derive(Clone, Copy)]
struct Scored<'a> {
    facts: &'a Facts<'a>,
    scores: &'a Scores<'a>,
}

/// One sign.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the table"
)]
struct Sign {
    /// The number of the definition that judged it; `Signs` gives it.
    definition: usize,
    who: Who,
    at: i64,
    /// From 1; 0 for a deletion.
    order: usize,
    kind: Kind,
    via: Via,
    origin: Origin,
    opportunity: Option<usize>,
    seen_after: Option<i64>,
    known_at: i64,
    censored: bool,
    imported: bool,
    date_only: bool,
    won: Option<bool>,
    reason: Option<String>,
    new_business: bool,
    amount: Option<i128>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Who {
    Person(usize),
    /// An opportunity that is credited to nobody.
    Opportunity(usize),
}

/// The row that a sign comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Record(usize),
    Opportunity(usize),
    Activity(usize),
    Response(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A new definition found the condition true.
    Carry,
    Enter,
    Recycle,
    Disqualify,
    Reinstate,
    Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    Stamp,
    History,
    Snapshot,
    Event,
    /// A score that time alone changed: an event left its window, or faded.
    Score,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Enter => "enter",
            Self::Recycle => "recycle",
            Self::Disqualify => "disqualify",
            Self::Reinstate => "reinstate",
            Self::Deleted => "deleted",
        }
    }
}

impl Via {
    /// How the version was found that a sign comes from.
    fn of_version(via: Option<&str>) -> Self {
        match via {
            Some("history") => Self::History,
            _ => Self::Snapshot,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Stamp => "stamp",
            Self::History => "history",
            Self::Snapshot => "snapshot",
            Self::Event => "event",
            Self::Score => "score",
        }
    }
}

impl Sign {
    /// What a version tells of any sign that comes from it; as it stands, a deletion.
    fn of_version(marks: &Marks<'_>, row: usize, who: Who, at: i64, origin: Origin) -> Self {
        Self {
            who,
            definition: 0,
            at,
            order: 0,
            kind: Kind::Deleted,
            via: Via::of_version(filled(marks.via, row)),
            origin,
            opportunity: None,
            seen_after: instant(marks.seen_after, row),
            known_at: instant(marks.known_at, row).unwrap_or(at),
            censored: holds(marks.censored, row),
            imported: holds(marks.imported, row),
            date_only: false,
            won: None,
            reason: None,
            new_business: true,
            amount: None,
        }
    }
}

/// The signs of all triggers; those dated after the as-of day wait, and are counted.
#[derive(Debug, Default)]
pub(super) struct Signs {
    dated: Vec<Sign>,
    end: i64,
    /// The number of the definition whose signs are drawn, and its time.
    definition: usize,
    time: Range<i64>,
    pub(super) waiting: u64,
}

impl Signs {
    /// Takes a sign, if it is dated in the time of its definition.
    fn push(&mut self, sign: Sign) {
        if !self.time.contains(&sign.at) {
            return;
        }
        if sign.at > self.end {
            self.waiting += 1;
            return;
        }
        let definition = self.definition;
        self.dated.push(Sign { definition, ..sign });
    }
}

impl Extend<Sign> for Signs {
    fn extend<T: IntoIterator<Item = Sign>>(&mut self, signs: T) {
        signs.into_iter().for_each(|sign| self.push(sign));
    }
}

/// Draws all signs: each definition gives those dated in its time, and what changes as it takes effect.
/// Beside them the scores of the last definition. No more than two definitions' scores are held at once.
pub(super) fn gather<'a>(
    facts: &'a Facts<'a>,
    definitions: &'a [Definition<'a>],
) -> Result<(Signs, Option<Scores<'a>>), FunnelError> {
    let mut signs = Signs {
        end: facts.end,
        ..Signs::default()
    };
    let mut former: Option<(&Definition<'_>, Scores<'_>)> = None;
    for (number, definition) in definitions.iter().enumerate() {
        signs.definition = number;
        signs.time = definition.from..definition.until;
        let scores = Scores::new(&definition.scores, facts.happened())?;
        let scored = |scores| Scored { facts, scores };
        draw(scored(&scores), definition, &mut signs)?;
        if let Some((former, before)) = &former {
            let change = Change {
                facts,
                former,
                before: scored(before),
                now: definition,
                after: scored(&scores),
            };
            change.signs(&mut signs)?;
        }
        former = Some((definition, scores));
    }
    Ok((signs, former.map(|(_, scores)| scores)))
}

/// Draws the signs of one definition.
fn draw(
    scored: Scored<'_>,
    definition: &Definition<'_>,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    let facts = scored.facts;
    for (stage, formula) in &definition.stamps {
        stamp::signs(facts, *stage, formula, signs)?;
    }
    for (stage, formula) in &definition.whens {
        version::entries(scored, *stage, formula, signs)?;
    }
    for on in &definition.events {
        event::signs(facts, on, signs)?;
    }
    for on in &definition.opportunities {
        opportunity::signs(facts, definition, on, signs)?;
    }
    for leaving in &definition.recycle {
        version::recycling(scored, leaving, signs)?;
    }
    for leaving in &definition.disqualify {
        version::disqualification(scored, leaving, signs)?;
    }
    version::deletions(facts, signs);
    opportunity::deletions(facts, definition, signs);
    Ok(())
}

impl<'a> Facts<'a> {
    /// What scores are worked out from.
    fn happened(&self) -> Happened<'a> {
        Happened {
            history: &self.versions.history,
            activity: self.activity,
            response: self.response,
            zone: self.zone,
            end: self.end,
        }
    }

    /// The first instant of a day, counted from 1970.
    fn day_start(&self, day: i32) -> Option<i64> {
        Some(clock::day_start(date_of(day)?, self.zone).as_microsecond())
    }

    /// The last instant of the local day that an instant falls on.
    fn day_end(&self, instant: i64) -> i64 {
        let Ok(timestamp) = Timestamp::from_microsecond(instant) else {
            return instant;
        };
        let date = timestamp.to_zoned(self.zone.clone()).date();
        clock::day_end(date, self.zone).as_microsecond()
    }
}
