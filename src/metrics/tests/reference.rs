//! Every measure over random stage entries, against slow loops that know no SQL and share no code with
//! the measures: one pass over all entries for every figure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Deserialize;

use super::fixture::{STAGES, config};
use super::random::{AS_OF, Entry, LAST, Period, day_end, entries, local, periods, session};
use super::{measure, rows};

const DAY: f64 = 86_400_000_000.0;
const HORIZON: i64 = 30 * 86_400_000_000;

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

pub(super) struct Slow<'a> {
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
    pub(super) fn over(entries: &'a [Entry]) -> Self {
        let placed = entries.iter().enumerate();
        let placed = placed.map(|(at, it)| ((it.person, it.cycle, it.stage), at));
        Self {
            entries,
            places: placed.collect(),
            found: Figures::new(),
        }
    }

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
        let won = |it: &Entry| it.outcome == "won";
        let counted = |it: &Entry| it.observed() && it.net_new && (stage != LAST || won(it));
        let mut found = vec![
            ("volume", count(&Entry::observed)),
            ("volume_net_new", count(&|it| it.observed() && it.net_new)),
            ("volume_reentry", reentry),
            ("volume_implied", count(&|it| it.implied)),
            ("volume_counted", count(&counted)),
        ];
        if stage == LAST {
            found.push(("volume_won", count(&|it| it.observed() && won(it))));
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
    pub(super) fn arrival(&self, it: &Entry, to: usize) -> Option<&'a Entry> {
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
    let mut slow = Slow::over(&entries);
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
