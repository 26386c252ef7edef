//! Evidence: every dated sign that a person met a trigger, left the funnel, or was deleted.
//!
//! Each kind of trigger has a file of its own that turns what changed into signs; this one judges what
//! all signs have in common (excluded, a customer then, dated after the as-of day) and makes the
//! table. Signs for an opportunity go to the person it is credited to, else to `opportunity:<id>`.

mod definition;
mod event;
mod opportunity;
mod stamp;
mod table;
mod version;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::FunnelError;
use super::customer::Customers;
use super::events::Events;
use super::history::{History, Marks, filled, holds, instant};
use super::opportunity::Opportunities;
use super::person::Versions;
use super::score::Scores;
use crate::clock;
use crate::config::Funnel;
use crate::warehouse::date_of;
pub(super) use definition::{Columns, Definition};
pub(super) use table::table;

/// All that evidence is drawn from.
pub(super) struct Facts<'a> {
    pub(super) funnel: &'a Funnel,
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
    pub(super) scores: &'a Scores<'a>,
}

/// One sign.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the table"
)]
struct Sign {
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
    pub(super) waiting: u64,
}

impl Signs {
    fn push(&mut self, sign: Sign) {
        if sign.at > self.end {
            self.waiting += 1;
        } else {
            self.dated.push(sign);
        }
    }
}

/// Draws all signs.
pub(super) fn gather(facts: &Facts<'_>, definition: &Definition) -> Result<Signs, FunnelError> {
    let mut signs = Signs {
        end: facts.end,
        ..Signs::default()
    };
    for (stage, formula) in &definition.stamps {
        stamp::signs(facts, *stage, formula, &mut signs)?;
    }
    for (stage, formula) in &definition.whens {
        version::entries(facts, *stage, formula, &mut signs)?;
    }
    for on in &definition.events {
        event::signs(facts, on, &mut signs)?;
    }
    for on in &definition.opportunities {
        opportunity::signs(facts, on, &mut signs)?;
    }
    for leaving in &definition.recycle {
        version::recycling(facts, leaving, &mut signs)?;
    }
    for leaving in &definition.disqualify {
        version::disqualification(facts, leaving, &mut signs)?;
    }
    version::deletions(facts, &mut signs);
    opportunity::deletions(facts, &mut signs);
    Ok(signs)
}

impl Facts<'_> {
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
