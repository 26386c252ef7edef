//! Every measure over random stage entries, against slow loops that know no SQL and share no code with
//! the measures: periods by plain dates, one pass over all entries for every figure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::json;

use super::fixture::{self, STAGES, config};
use super::{Config, measure, rows};

const AS_OF: Date = date(2026, 11, 19);
const DAY: f64 = 86_400_000_000.0;
const HORIZON: i64 = 30 * 86_400_000_000;
const LAST: usize = 4;

/// A stage entry. Instants are µs UTC; stages count from 1.
#[derive(Clone)]
struct Entry {
    person: usize,
    cycle: i64,
    stage: usize,
    at: i64,
    on: Date,
    exit: Option<i64>,
    outcome: &'static str,
    implied: bool,
    carried: bool,
    censored: bool,
    confirmed: Option<i64>,
    net_new: bool,
    source: &'static str,
    segment: Option<&'static str>,
}

impl Entry {
    fn observed(&self) -> bool {
        !self.implied && !self.carried && !self.censored
    }

    fn in_time(&self) -> bool {
        self.confirmed
            .is_none_or(|at| at - self.at <= 86_400_000_000)
    }

    fn member(&self, dimension: &str) -> &'static str {
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

fn local(micros: i64) -> Date {
    let at = Timestamp::from_microsecond(micros).unwrap();
    at.to_zoned(zone()).date()
}

fn day_end(day: Date) -> i64 {
    let next = day.tomorrow().unwrap().to_zoned(zone()).unwrap();
    next.timestamp().as_microsecond() - 1
}

/// Persons of one to three cycles, out of order now and then.
fn entries(seed: u64) -> Vec<Entry> {
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

fn session(config: &Config, entries: &[Entry]) -> super::Session {
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
        })
        .collect();
    fixture::session(config, AS_OF, &made)
}

/// Period, first day, last day.
type Period = (&'static str, Date, Date);

/// The periods, day by day: April begins the fiscal year.
fn periods(entries: &[Entry]) -> Vec<Period> {
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

/// Measure, period, first day, stage, later stage, dimension, member.
type Key = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);
type Figures = BTreeMap<Key, (i64, Option<f64>)>;

struct Slow<'a> {
    entries: &'a [Entry],
    /// Where the entry of a person, a cycle and a stage stands.
    places: BTreeMap<(usize, i64, usize), usize>,
    found: Figures,
}

/// The total, or a member of a dimension.
type Who = Option<(&'static str, &'static str)>;

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

fn real(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn share(a: usize, b: usize) -> Option<f64> {
    (b > 0).then(|| real(a) / real(b))
}

impl<'a> Slow<'a> {
    fn put(
        &mut self,
        what: &str,
        p: Period,
        stages: (usize, usize),
        who: Who,
        figure: (i64, Option<f64>),
    ) {
        let id = |stage: usize| STAGES[stage - 1].to_owned();
        let to = (stages.1 > 0).then(|| id(stages.1));
        let (dimension, member) = who.unzip();
        let key = (
            what.to_owned(),
            p.0.to_owned(),
            p.1.to_string(),
            id(stages.0),
            to,
            dimension.map(str::to_owned),
            member.map(str::to_owned),
        );
        assert!(
            self.found.insert(key.clone(), figure).is_none(),
            "{key:?} twice"
        );
    }

    fn of(&self, who: Who, stage: usize) -> Vec<&'a Entry> {
        let belongs = |it: &&Entry| {
            it.stage == stage
                && who.is_none_or(|(dimension, member)| it.member(dimension) == member)
        };
        self.entries.iter().filter(belongs).collect()
    }

    fn measure(&mut self, who: Who, p: Period) {
        let within = |on: Date| p.1 <= on && on <= p.2;
        let mut counts = Vec::new();
        for stage in 1..=LAST {
            let here = self.of(who, stage);
            let entered: Vec<&Entry> = here
                .iter()
                .copied()
                .filter(|it| within(it.on) && !it.carried)
                .collect();
            let observed: Vec<&Entry> =
                entered.iter().copied().filter(|it| it.observed()).collect();
            let won = observed.iter().filter(|it| it.outcome == "won").count();
            self.volume(who, p, stage, &entered);
            counts.push((observed.len(), won));
            self.stock(who, p, stage);
            if p.0 == "day" {
                continue;
            }
            let to: BTreeSet<usize> = [stage + 1, LAST]
                .into_iter()
                .filter(|to| *to > stage && *to <= LAST)
                .collect();
            for to in to {
                self.cohort(who, p, (stage, to), &observed);
                let all: Vec<&Entry> = here.iter().copied().filter(|it| it.observed()).collect();
                self.velocity(who, p, (stage, to), &all);
            }
        }
        if p.0 != "day" {
            self.rates(who, p, &counts);
        }
    }

    fn volume(&mut self, who: Who, p: Period, stage: usize, entered: &[&Entry]) {
        let again = |it: &&&Entry| {
            self.entries.iter().any(|a| {
                a.person == it.person && a.stage == stage && a.cycle < it.cycle && !a.carried
            })
        };
        let count =
            |wanted: &dyn Fn(&Entry) -> bool| entered.iter().filter(|it| wanted(it)).count();
        let reentry = entered
            .iter()
            .filter(|it| it.observed())
            .filter(again)
            .count();
        let mut found = vec![
            ("volume", count(&Entry::observed)),
            ("volume_net_new", count(&|it| it.observed() && it.net_new)),
            ("volume_reentry", reentry),
            ("volume_implied", count(&|it| it.implied)),
        ];
        if stage == LAST {
            found.push((
                "volume_won",
                count(&|it| it.observed() && it.outcome == "won"),
            ));
        }
        for (name, n) in found {
            if who.is_none() || n > 0 {
                self.put(name, p, (stage, 0), who, (whole(n), Some(real(n))));
            }
        }
    }

    /// Persons in the stage when the period's last day ended, by the entry that put them there first.
    fn stock(&mut self, who: Who, p: Period, stage: usize) {
        if p.2 > AS_OF
            || p.0.starts_with("rolling")
            || (p.0 == "day" && who.is_some() && p.2 < AS_OF)
        {
            return;
        }
        let mut there: BTreeMap<usize, &Entry> = BTreeMap::new();
        for it in self
            .entries
            .iter()
            .filter(|it| it.stage == stage && it.on <= p.2)
        {
            if it.exit.is_none_or(|exit| local(exit) > p.2) {
                let first = there.entry(it.person).or_insert(it);
                if (it.on, it.cycle) < (first.on, first.cycle) {
                    *first = it;
                }
            }
        }
        there.retain(|_, it| who.is_none_or(|(dimension, member)| it.member(dimension) == member));
        if who.is_none() || !there.is_empty() {
            self.put(
                "stock",
                p,
                (stage, 0),
                who,
                (whole(there.len()), Some(real(there.len()))),
            );
        }
        let aged = !(p.0 == "week" || (p.0 == "day" && p.2 < AS_OF));
        let ages: Vec<i64> = there
            .values()
            .filter(|it| !it.censored)
            .map(|it| day_end(p.2) - it.at)
            .collect();
        if aged && !ages.is_empty() {
            let n = whole(ages.len());
            for (name, value) in ["stock_age_mean", "stock_age_median", "stock_age_p90"]
                .iter()
                .zip(spread(&ages))
            {
                self.put(name, p, (stage, 0), who, (n, Some(value)));
            }
        }
    }

    /// The entry of the same cycle into a later stage that counts as arrival.
    fn arrival(&self, it: &Entry, to: usize) -> Option<&'a Entry> {
        let found = self
            .places
            .get(&(it.person, it.cycle, to))
            .map(|at| &self.entries[*at]);
        found.filter(|b| !b.carried && (to < LAST || b.outcome == "won"))
    }

    fn cycle_end(&self, it: &Entry) -> Option<i64> {
        let cycle = || {
            self.entries
                .iter()
                .filter(|b| (b.person, b.cycle) == (it.person, it.cycle))
        };
        let open = cycle().any(|b| b.outcome == "open");
        if open {
            None
        } else {
            cycle().filter_map(|b| b.exit).max()
        }
    }

    fn cohort(&mut self, who: Who, p: Period, stages: (usize, usize), observed: &[&Entry]) {
        let (mut n, mut converted) = (0, 0);
        // Time, and 0 for converted, 1 for competing, 2 for censored.
        let mut fates: Vec<(i64, u8)> = Vec::new();
        for it in observed {
            let reached = self.arrival(it, stages.1).filter(|b| b.at >= it.at);
            let soon = reached.is_some_and(|b| b.at - it.at <= HORIZON);
            if soon || !reached.is_some_and(|b| b.censored) {
                n += 1;
                converted += usize::from(soon);
            }
            match (reached, self.cycle_end(it)) {
                (Some(b), _) if b.censored => {}
                (Some(b), _) => fates.push((b.at - it.at, 0)),
                (None, Some(end)) => fates.push(((end - it.at).max(0), 1)),
                (None, None) => fates.push((day_end(AS_OF) - it.at, 2)),
            }
        }
        if !observed.is_empty() {
            self.put(
                "conversion",
                p,
                stages,
                who,
                (whole(n), share(converted, n)),
            );
            let kept = ["quarter", "fiscal_year", "rolling_90", "rolling_365"];
            if who.is_none() || kept.contains(&p.0) {
                self.incidence(who, p, stages, &fates);
            }
        }
    }

    /// Aalen and Johansen by their formula: at each conversion the share of all that had come to it.
    fn incidence(&mut self, who: Who, p: Period, stages: (usize, usize), fates: &[(i64, u8)]) {
        let n = whole(fates.len());
        let times: BTreeSet<i64> = fates.iter().map(|it| it.0).collect();
        let count = |wanted: &dyn Fn(&(i64, u8)) -> bool| {
            real(fates.iter().filter(|it| wanted(it)).count())
        };
        let (mut left, mut sum) = (1.0, 0.0);
        let mut curve: Vec<(i64, f64)> = Vec::new();
        for time in &times {
            let at_risk = count(&|it| it.0 >= *time);
            let came = count(&|it| it.0 == *time && it.1 == 0);
            sum += left * came / at_risk;
            left *= 1.0 - count(&|it| it.0 == *time && it.1 < 2) / at_risk;
            curve.push((*time, sum));
        }
        let median = curve.iter().find(|it| it.1 > 0.5 - 1e-9);
        let days = median.map(|it| crate::metrics::statistics::of(it.0) / DAY);
        self.put("time_to_convert", p, stages, who, (n, days));
        let last = times.last().copied().unwrap_or(0);
        let over = !fates.iter().any(|it| it.0 == last && it.1 == 2) && !fates.is_empty();
        for mark in [7, 14, 30, 60, 90, 180] {
            let time = mark * 86_400_000_000;
            let upto = curve.iter().rfind(|it| it.0 <= time).map_or(0.0, |it| it.1);
            let value = (time <= last || over).then_some(upto);
            self.put(&format!("incidence_{mark}"), p, stages, who, (n, value));
        }
    }

    fn velocity(&mut self, who: Who, p: Period, stages: (usize, usize), observed: &[&Entry]) {
        let (mut days, mut apart) = (Vec::new(), 0);
        for it in observed {
            let Some(b) = self.arrival(it, stages.1) else {
                continue;
            };
            if b.observed() && it.in_time() && b.in_time() && p.1 <= b.on && b.on <= p.2 {
                if b.at >= it.at {
                    days.push(b.at - it.at);
                } else {
                    apart += 1;
                }
            }
        }
        if days.is_empty() && apart == 0 {
            return;
        }
        let n = whole(days.len());
        let values = if days.is_empty() {
            [None; 3]
        } else {
            spread(&days).map(Some)
        };
        for (name, value) in ["velocity_mean", "velocity_median", "velocity_p90"]
            .iter()
            .zip(values)
        {
            self.put(name, p, stages, who, (n, value));
        }
    }

    fn rates(&mut self, who: Who, p: Period, counts: &[(usize, usize)]) {
        let (closed, won) = counts[LAST - 1];
        if who.is_none() || closed > 0 {
            self.put(
                "win_rate",
                p,
                (LAST, 0),
                who,
                (whole(closed), share(won, closed)),
            );
        }
        for stage in 1..LAST {
            let below = counts[stage - 1].0;
            let above = if stage + 1 == LAST {
                won
            } else {
                counts[stage].0
            };
            if who.is_none() || below + above > 0 {
                self.put(
                    "period_rate",
                    p,
                    (stage, stage + 1),
                    who,
                    (whole(below), share(above, below)),
                );
            }
        }
    }
}

/// Mean, median and ninth decile in days; quantiles between neighbours.
fn spread(micros: &[i64]) -> [f64; 3] {
    let mut sorted: Vec<f64> = micros
        .iter()
        .map(|it| crate::metrics::statistics::of(*it) / DAY)
        .collect();
    sorted.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let place = q * real(sorted.len() - 1);
        let below = (0..sorted.len())
            .rev()
            .find(|index| real(*index) <= place)
            .unwrap();
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (sorted[above] - sorted[below]) * (place - real(below))
    };
    [
        sorted.iter().sum::<f64>() / real(sorted.len()),
        at(0.5),
        at(0.9),
    ]
}

#[derive(Debug, Deserialize)]
struct Row {
    measure: String,
    period: String,
    period_start: String,
    stage: String,
    to_stage: Option<String>,
    dimension: Option<String>,
    member: Option<String>,
    n: i64,
    value: Option<f64>,
}

/// Every row of `metric`, of every measure, period and member, and no row besides.
#[tokio::test]
async fn slow_loops_agree() {
    let mut config = config();
    config.calendar.fiscal_year_starts = 4;
    let entries = entries(11);
    let session = session(&config, &entries);
    measure(&session, &config).await.unwrap();
    let sql = "select measure, period, period_start, stage, to_stage, dimension, member, n, value from metric";
    let found: Vec<Row> = rows(&session, sql)
        .await
        .into_iter()
        .map(|row| serde_json::from_value(row).unwrap())
        .collect();
    let placed = entries.iter().enumerate();
    let mut slow = Slow {
        entries: &entries,
        places: placed
            .map(|(at, it)| ((it.person, it.cycle, it.stage), at))
            .collect(),
        found: Figures::new(),
    };
    let mut who: Vec<Who> = vec![None];
    for dimension in ["lead_source", "segment"] {
        let members: BTreeSet<&'static str> =
            entries.iter().map(|it| it.member(dimension)).collect();
        who.extend(members.into_iter().map(|member| Some((dimension, member))));
    }
    for period in periods(&entries) {
        for who in &who {
            slow.measure(*who, period);
        }
    }
    assert!(found.len() > 5_000, "{}", found.len());
    let mut expected = slow.found;
    for row in found {
        let key = (
            row.measure,
            row.period,
            row.period_start,
            row.stage,
            row.to_stage,
            row.dimension,
            row.member,
        );
        let Some((n, value)) = expected.remove(&key) else {
            panic!("{key:?} is too much")
        };
        assert_eq!(row.n, n, "n of {key:?}");
        let near = match (row.value, value) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-4_f64.min(1e-9 + b.abs() * 1e-6),
            (a, b) => a == b,
        };
        assert!(near, "{key:?}: {:?} is not {value:?}", row.value);
    }
    assert_eq!(expected.into_iter().next(), None, "is missing");
}
