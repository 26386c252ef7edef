//! What events give: the events that met a rule, by person and time, and the points they make up.
//!
//! Age is counted in the company's local days: an event is 0 days old on its own day, whatever the
//! hour, and grows a day older where the next one begins. So points change only when an event
//! happens and where a day begins.

use std::ops::Range;

use arrow::array::BooleanArray;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::shares::{Shares, WHOLE};
use crate::clock;
use crate::funnel::events::Events;

/// The first instants of local days, up to the as-of day.
#[derive(Debug, Default)]
pub(super) struct Days {
    first: i32,
    starts: Vec<i64>,
}

/// An event that met a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Met {
    pub(super) person: usize,
    pub(super) at: i64,
    /// The local day, counted from 1970.
    day: i32,
    /// The row of the event.
    pub(super) row: usize,
}

/// The events that met one rule, and what they count for.
#[derive(Debug)]
pub(super) struct Behaviours<'a> {
    /// By person and time.
    met: Vec<Met>,
    points: i64,
    shares: &'a Shares,
    at_most: i64,
}

impl Days {
    /// The days from that of `earliest` to that of `end`.
    pub(super) fn new(earliest: i64, end: i64, zone: &TimeZone) -> Self {
        let date = |instant| {
            let at = Timestamp::from_microsecond(instant).unwrap_or(Timestamp::UNIX_EPOCH);
            at.to_zoned(zone.clone()).date()
        };
        let (mut day, last) = (date(earliest.min(end)), date(end));
        let first = since_1970(day);
        let mut starts = Vec::new();
        while day <= last {
            starts.push(clock::day_start(day, zone).as_microsecond());
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Self { first, starts }
    }

    /// The day of an instant.
    fn of(&self, instant: i64) -> i32 {
        let passed = self.starts.partition_point(|start| *start <= instant);
        let passed = i32::try_from(passed).unwrap_or(i32::MAX);
        self.first.saturating_add(passed - 1)
    }

    /// Where a day begins; none after the as-of day.
    fn start(&self, day: i32) -> Option<i64> {
        let index = usize::try_from(day.checked_sub(self.first)?).ok()?;
        self.starts.get(index).copied()
    }
}

fn since_1970(day: Date) -> i32 {
    let days = day.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24;
    i32::try_from(days).unwrap_or(0)
}

/// The earliest event that has a person.
pub(super) fn earliest(events: &Events) -> Option<i64> {
    let rows = events.persons.iter().enumerate();
    rows.filter(|(_, person)| person.is_some())
        .filter_map(|(row, _)| events.at(row))
        .min()
}

impl<'a> Behaviours<'a> {
    /// The events up to `end` for which `truths` holds; all, without it.
    pub(super) fn new(
        events: &Events,
        truths: Option<&BooleanArray>,
        (points, shares, at_most): (i64, &'a Shares, Option<i64>),
        (days, end): (&Days, i64),
    ) -> Self {
        let rows = events.persons.iter().enumerate();
        let met = |(row, person): (usize, &Option<usize>)| {
            let at = events.at(row).filter(|at| *at <= end)?;
            let met = truths.is_none_or(|truths| truths.value(row));
            met.then_some(())?;
            Some(Met {
                person: (*person)?,
                at,
                day: days.of(at),
                row,
            })
        };
        let mut met: Vec<Met> = rows.filter_map(met).collect();
        met.sort_unstable();
        Self {
            met,
            points,
            shares,
            at_most: at_most.unwrap_or(i64::MAX),
        }
    }

    /// Where a person's events stand.
    pub(super) fn of(&self, person: usize) -> Range<usize> {
        let start = self.met.partition_point(|met| met.person < person);
        let count = self.met[start..].partition_point(|met| met.person == person);
        start..start + count
    }

    /// Those of a person's events that count at an instant.
    pub(super) fn counting(&self, person: usize, at: i64, days: &Days) -> &[Met] {
        self.window(&self.met[self.of(person)], at, days.of(at))
    }

    /// The points that events which count give on a day.
    pub(super) fn worth(&self, counting: &[Met], at: i64, days: &Days) -> i64 {
        self.rounded(self.shares(counting, days.of(at)))
    }

    /// Of one person's events, those up to `at` that the window of `day` holds.
    fn window<'m>(&self, met: &'m [Met], at: i64, day: i32) -> &'m [Met] {
        let met = &met[..met.partition_point(|met| met.at <= at)];
        let oldest = day - self.shares.within();
        &met[met.partition_point(|met| met.day <= oldest)..]
    }

    /// The shares of events on a day, in millionths.
    fn shares(&self, counting: &[Met], day: i32) -> i64 {
        let shares = counting.iter().map(|met| self.shares.at(day - met.day));
        shares.sum()
    }

    /// The points of so many shares: rounded once, half away from zero; the cap comes last.
    fn rounded(&self, shares: i64) -> i64 {
        let millionths = shares * self.points;
        let half = millionths.signum() * (WHOLE / 2);
        ((millionths + half) / WHOLE).clamp(-self.at_most, self.at_most)
    }

    /// Calls `tell` with each instant at which the points of the person whose events are `met`
    /// change, and with what they are from then on; in order of time.
    pub(super) fn changes(&self, met: Range<usize>, days: &Days, mut tell: impl FnMut(i64, i64)) {
        let met = &self.met[met];
        let mut starts = self.turning_days(met);
        starts.reverse();
        let mut coming = met.iter().peekable();
        let (mut before, mut shares, mut today) = (0, 0, None);
        loop {
            let start = starts.last().and_then(|day| days.start(*day));
            let event = coming.peek().map(|met| met.at);
            let Some(at) = start.into_iter().chain(event).min() else {
                break;
            };
            if start == Some(at) {
                starts.pop();
            }
            let mut fresh = 0;
            while coming.next_if(|met| met.at == at).is_some() {
                fresh += self.shares.at(0);
            }
            // Summed anew once a day, so that a day of a million events is no million sums.
            let day = days.of(at);
            shares = match today {
                Some(same) if same == day => shares + fresh,
                _ => self.shares(self.window(met, at, day), day),
            };
            today = Some(day);
            let points = self.rounded(shares);
            if points != before {
                tell(at, points);
            }
            before = points;
        }
    }

    /// The days on which a share may change, ascending.
    fn turning_days(&self, met: &[Met]) -> Vec<i32> {
        let ages = self.shares.changes();
        let mut turning: Vec<i32> = Vec::new();
        for event in met {
            let days = ages.iter().map(|age| event.day + age);
            // Of what changes daily, the events before have told all days up to their last.
            let told = turning.last().copied().filter(|_| self.shares.is_daily());
            turning.extend(days.filter(|day| told.is_none_or(|told| *day > told)));
        }
        turning.sort_unstable();
        turning.dedup();
        turning
    }
}
