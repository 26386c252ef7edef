//! Random stage entries, the same at every run: persons of one to three cycles, out of order now and
//! then, with everything that an entry can be; and the periods they fall into, by plain dates.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use super::fixture::{self, STAGES};
use super::{Config, Session};

pub(super) const AS_OF: Date = date(2026, 11, 19);

/// The last stage.
pub(super) const LAST: usize = 4;

/// A stage entry. Instants are µs UTC; stages count from 1.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the columns of `stage_entry`"
)]
pub(super) struct Entry {
    pub(super) person: usize,
    pub(super) cycle: i64,
    pub(super) stage: usize,
    pub(super) at: i64,
    pub(super) on: Date,
    pub(super) exit: Option<i64>,
    pub(super) outcome: &'static str,
    pub(super) implied: bool,
    pub(super) carried: bool,
    pub(super) censored: bool,
    pub(super) confirmed: Option<i64>,
    pub(super) net_new: bool,
    pub(super) source: &'static str,
    pub(super) segment: Option<&'static str>,
}

impl Entry {
    pub(super) fn observed(&self) -> bool {
        !self.implied && !self.carried && !self.censored
    }

    pub(super) fn in_time(&self) -> bool {
        self.confirmed
            .is_none_or(|at| at - self.at <= 86_400_000_000)
    }

    pub(super) fn member(&self, dimension: &str) -> &'static str {
        let value = match dimension {
            "lead_source" => self.source,
            _ => self.segment.unwrap_or_default(),
        };
        if value.trim().is_empty() {
            "blank"
        } else {
            value
        }
    }
}

/// Numbers from a small generator of its own, the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % below
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(i64::try_from(of.len()).unwrap())).unwrap()]
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }
}

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

pub(super) fn local(micros: i64) -> Date {
    let at = Timestamp::from_microsecond(micros).unwrap();
    at.to_zoned(zone()).date()
}

pub(super) fn day_end(day: Date) -> i64 {
    let next = day.tomorrow().unwrap().to_zoned(zone()).unwrap();
    next.timestamp().as_microsecond() - 1
}

/// Persons of one to three cycles, out of order now and then.
pub(super) fn entries(seed: u64) -> Vec<Entry> {
    let mut dice = Dice(seed);
    let end = day_end(AS_OF);
    let mut all = Vec::new();
    for person in 0..80 {
        let days = dice.below(700);
        let mut clock = end - days * 86_400_000_000 - dice.below(86_400_000_000);
        let source = dice.pick(&["Web", "Event", " ", "List"]);
        for cycle in 1..=1 + dice.below(3) {
            let mut made: Vec<Entry> = Vec::new();
            for stage in 1..=LAST {
                if dice.one_in(3) || clock > end {
                    continue;
                }
                let back = if dice.one_in(12) {
                    -dice.below(5)
                } else {
                    dice.below(40)
                };
                let at =
                    (clock + back * 86_400_000_000 * dice.below(2) + dice.below(90_000_000_000))
                        .min(end);
                let carried = cycle > 1 && stage == 1 && dice.one_in(2);
                made.push(Entry {
                    person,
                    cycle,
                    stage,
                    at,
                    on: local(at),
                    exit: None,
                    outcome: "open",
                    implied: !carried && dice.one_in(9),
                    carried,
                    censored: !carried && dice.one_in(10),
                    confirmed: dice.one_in(8).then(|| at + dice.below(200_000_000_000)),
                    net_new: !carried && dice.one_in(2),
                    source: if dice.one_in(5) { "Web" } else { source },
                    segment: dice.pick(&[None, Some("Small"), Some("Large")]),
                });
                clock = at;
            }
            let ends = dice.below(3) > 0 || made.iter().any(|it| it.stage == LAST);
            let outcome = if made.iter().any(|it| it.stage == LAST) {
                dice.pick(&["won", "lost"])
            } else {
                dice.pick(&["recycled", "disqualified", "deleted"])
            };
            let last = made.iter().map(|it| it.at).max().unwrap_or(clock);
            let ended = (last + dice.below(20) * 86_400_000_000).min(end);
            for index in 0..made.len() {
                let higher = made[index + 1..].iter().map(|it| it.at);
                let next = higher.filter(|at| *at >= made[index].at).min();
                let entry = &mut made[index];
                (entry.exit, entry.outcome) = match next {
                    Some(at) => (Some(at), "progressed"),
                    None if ends => (Some(ended), outcome),
                    None => (None, "open"),
                };
            }
            all.extend(made);
            clock = ended + 1;
        }
    }
    all
}

/// The region that a person stays in.
pub(super) fn region(person: usize) -> Option<&'static str> {
    [Some("EMEA"), Some("APAC"), None, Some("AMER")][person % 4]
}

pub(super) fn session(config: &Config, entries: &[Entry]) -> Session {
    let text = |micros: i64| Timestamp::from_microsecond(micros).unwrap().to_string();
    let made: Vec<fixture::Entry> = entries
        .iter()
        .map(|it| {
            fixture::entry(
                &format!("p{:03}", it.person),
                STAGES[it.stage - 1],
                "2026-01-01",
            )
            .with("cycle", it.cycle)
            .with("entered_at", text(it.at))
            .with("entered_on", it.on.to_string())
            .with("exited_at", json!(it.exit.map(text)))
            .with("outcome", it.outcome)
            .with("implied", it.implied)
            .with("carried", it.carried)
            .with("censored", it.censored)
            .with("confirmed_at", json!(it.confirmed.map(text)))
            .with("net_new", it.net_new)
            .with("lead_source", it.source)
            .with("segment", json!(it.segment))
            .with("region", json!(region(it.person)))
            .with("owner_id", format!("u{}", it.person / 4 % 3))
        })
        .collect();
    fixture::session(config, AS_OF, &made)
}

/// Period, first day, last day.
pub(super) type Period = (&'static str, Date, Date);

/// The periods, day by day: April begins the fiscal year.
pub(super) fn periods(entries: &[Entry]) -> Vec<Period> {
    let first = entries.iter().map(|it| it.on).min().unwrap();
    let mut found: BTreeSet<Period> = BTreeSet::new();
    let mut day = first;
    while day <= AS_OF {
        let ago = (AS_OF - day).get_days();
        if ago < 60 {
            found.insert(("day", day, day));
        }
        let mut monday = day;
        while monday.weekday() != jiff::civil::Weekday::Monday {
            monday = monday.yesterday().unwrap();
        }
        if (AS_OF - monday).get_days() < 371 {
            found.insert(("week", monday, monday + 6.days()));
        }
        found.insert(("month", day.first_of_month(), day.last_of_month()));
        let mut quarter = day.first_of_month();
        while !matches!(quarter.month(), 1 | 4 | 7 | 10) {
            quarter = quarter.yesterday().unwrap().first_of_month();
        }
        let end = (quarter + 3.months()).yesterday().unwrap();
        found.insert(("quarter", quarter, end));
        let mut year = day.first_of_month();
        while year.month() != 4 {
            year = year.yesterday().unwrap().first_of_month();
        }
        found.insert(("fiscal_year", year, (year + 1.year()).yesterday().unwrap()));
        day = day.tomorrow().unwrap();
    }
    for (name, days) in [
        ("rolling_7", 6),
        ("rolling_28", 27),
        ("rolling_90", 89),
        ("rolling_365", 364),
    ] {
        found.insert((name, AS_OF - days.days(), AS_OF));
    }
    found.into_iter().collect()
}
