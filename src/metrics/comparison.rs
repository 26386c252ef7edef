//! What differs from the baseline by more than chance: counts, rates and days of every stage.
//!
//! Rates are compared within the horizon in force over entries at least as old on both sides, whatever
//! horizon the baseline was frozen with. A side below the configured floor is too few to say. The tests
//! of one as-of date share one false discovery rate. Entries of the last days may lie in the
//! baseline's window too: then the difference is understated, never overstated.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::statistics::{
    FALSE_DISCOVERY, count_score, discoveries, of, of_usize, p_value, proportion_score, rank_score,
};
use super::{MetricsError, inputs};
use crate::config::{ColumnType, Config};
use crate::warehouse::Session;

pub(super) const TABLE: &str = "comparison";

/// The columns of `comparison`, one row a stage; what the first of them are, `recent` says.
/// `baseline_28` is the mean of the baseline's weeks, `season_28` what its four weeks of 52 weeks ago
/// held, null where the window lacks one of them. The industry's are what others report.
pub(super) const COLUMNS: [(&str, ColumnType); 21] = [
    ("stage", ColumnType::String),
    ("to_stage", ColumnType::String),
    ("entered_28", ColumnType::Bigint),
    ("baseline_28", ColumnType::Double),
    ("season_28", ColumnType::Bigint),
    ("volume_p", ColumnType::Double),
    ("volume_verdict", ColumnType::String),
    ("rate", ColumnType::Double),
    ("rate_n", ColumnType::Bigint),
    ("baseline_rate", ColumnType::Double),
    ("baseline_rate_n", ColumnType::Bigint),
    ("rate_p", ColumnType::Double),
    ("rate_verdict", ColumnType::String),
    ("median_days", ColumnType::Double),
    ("median_n", ColumnType::Bigint),
    ("baseline_median_days", ColumnType::Double),
    ("days_p", ColumnType::Double),
    ("days_verdict", ColumnType::String),
    ("industry_rate", ColumnType::Double),
    ("industry_median_days", ColumnType::Double),
    ("industry_source", ColumnType::String),
];

/// The weeks of `entered_28`.
const RECENT_WEEKS: f64 = 4.0;

/// A row of `recent`.
#[derive(Deserialize)]
pub(super) struct Recent {
    stage: String,
    to_stage: Option<String>,
    entered_28: i64,
    mature_n: i64,
    converted: i64,
    duration_n: i64,
    median_days: Option<f64>,
    durations: Option<String>,
    industry_rate: Option<f64>,
    industry_median_days: Option<f64>,
    industry_source: Option<String>,
}

/// A row of the baseline.
#[derive(Clone, Deserialize)]
pub(super) struct Kept {
    measure: String,
    stage: String,
    to_stage: Option<String>,
    period_start: Option<Date>,
    age_days: Option<i64>,
    n: i64,
    converted: Option<i64>,
    value: Option<f64>,
    durations: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Row<'a> {
    stage: &'a str,
    to_stage: Option<&'a str>,
    entered_28: i64,
    baseline_28: Option<f64>,
    season_28: Option<i64>,
    volume_p: Option<f64>,
    volume_verdict: Option<&'static str>,
    rate: Option<f64>,
    rate_n: i64,
    baseline_rate: Option<f64>,
    baseline_rate_n: Option<i64>,
    rate_p: Option<f64>,
    rate_verdict: Option<&'static str>,
    median_days: Option<f64>,
    median_n: i64,
    baseline_median_days: Option<f64>,
    days_p: Option<f64>,
    days_verdict: Option<&'static str>,
    industry_rate: Option<f64>,
    industry_median_days: Option<f64>,
    industry_source: Option<&'a str>,
}

/// Compares every stage with the configured baseline and registers the table `comparison`. Without
/// a baseline of that name its columns of the baseline are null.
pub(super) async fn register(session: &Session, config: &Config) -> Result<(), MetricsError> {
    let sql = "select * from recent order by stage_order";
    let recent: Vec<Recent> = session.query("recent", sql).await?.rows()?;
    let kept = Baselines::read(session, config.metrics.horizon_days).await?;
    let sides: Vec<Sides<'_>> = recent
        .iter()
        .map(|recent| Sides::of(recent, &kept, config))
        .collect();
    inputs::table(session, TABLE, &COLUMNS, &judge(&sides))
}

/// The configured baseline by stage: its total, or one member.
#[derive(Clone, Default)]
pub(super) struct Baselines {
    /// The weeks of each stage that the baseline knows.
    weeks: BTreeMap<String, BTreeMap<Date, i64>>,
    /// By stage and next stage: within the horizon in force, of entries at least as old.
    rates: BTreeMap<(String, String), Kept>,
    durations: BTreeMap<(String, String), Kept>,
    /// The first and last day of four weeks' beginnings, 52 weeks ago.
    season: Option<(Date, Date)>,
}

impl Baselines {
    pub(super) async fn read(
        session: &Session,
        horizon_days: Option<u32>,
    ) -> Result<Self, MetricsError> {
        let sql = "select b.measure, b.stage, b.to_stage, b.period_start, b.age_days, b.n, b.converted, b.value,
                          b.durations
                   from baseline b join setting s on s.baseline = b.baseline
                   where b.dimension is null and b.measure in ('volume_week', 'conversion_by_age', 'duration')
                   order by b.stage, b.period_start, b.age_days";
        let rows: Vec<Kept> = session.query("baseline", sql).await?.rows()?;
        let as_of = inputs::known(session).await?.as_of;
        let before = |days: i32| as_of.saturating_sub((364 + days).days());
        let mut found = Self {
            season: Some((before(30), before(3))),
            ..Self::default()
        };
        for row in rows {
            found.keep(row, horizon_days);
        }
        Ok(found)
    }

    /// The same window with nothing in it yet, for the rows of a member.
    pub(super) fn emptied(&self) -> Self {
        let emptied = |weeks: &BTreeMap<Date, i64>| weeks.keys().map(|start| (*start, 0)).collect();
        let weeks = self.weeks.iter();
        Self {
            weeks: weeks
                .map(|(stage, weeks)| (stage.clone(), emptied(weeks)))
                .collect(),
            season: self.season,
            ..Self::default()
        }
    }

    pub(super) fn keep(&mut self, row: Kept, horizon_days: Option<u32>) {
        let key = (row.stage.clone(), row.to_stage.clone().unwrap_or_default());
        match (row.measure.as_str(), row.period_start) {
            ("volume_week", Some(start)) => {
                let weeks = self.weeks.entry(row.stage).or_default();
                weeks.insert(start, row.n);
            }
            // A row holds until the next: the last one up to the horizon stands.
            ("conversion_by_age", _) => {
                if row.age_days <= horizon_days.map(i64::from) {
                    self.rates.insert(key, row);
                }
            }
            _ => drop(self.durations.insert(key, row)),
        }
    }

    /// What the four weeks of 52 weeks ago held; none unless the baseline has them all.
    fn season(&self, weeks: &BTreeMap<Date, i64>) -> Option<i64> {
        let (first, last) = self.season?;
        let held: Vec<i64> = weeks.range(first..=last).map(|(_, n)| *n).collect();
        (held.len() == 4).then(|| held.iter().sum())
    }
}

/// Both sides of one stage's three comparisons.
pub(super) struct Sides<'a> {
    recent: &'a Recent,
    weeks: Option<Vec<i64>>,
    season: Option<i64>,
    rate: Option<&'a Kept>,
    days: Option<&'a Kept>,
    volume: Test,
    conversion: Test,
    velocity: Test,
}

/// What a comparison comes to before the others are known.
#[derive(Clone, Copy)]
pub(super) enum Test {
    /// There is no other side.
    Missing,
    Few,
    /// No difference that a test could be made of.
    Equal,
    Score(f64),
}

impl<'a> Sides<'a> {
    pub(super) fn of(recent: &'a Recent, kept: &'a Baselines, config: &Config) -> Self {
        let key = (
            recent.stage.clone(),
            recent.to_stage.clone().unwrap_or_default(),
        );
        let floor = i64::from(config.metrics.floor);
        let weeks = kept.weeks.get(&recent.stage);
        let goes_on = weeks.filter(|_| recent.to_stage.is_some());
        let comparable = goes_on.filter(|_| config.metrics.horizon_days.is_some());
        let (rate, days) = (kept.rates.get(&key), kept.durations.get(&key));
        let counts: Option<Vec<i64>> = weeks.map(|it| it.values().copied().collect());
        Self {
            recent,
            season: weeks.and_then(|it| kept.season(it)),
            rate,
            days,
            volume: counts
                .as_ref()
                .map_or(Test::Missing, |it| volume(recent, it, floor)),
            conversion: comparable.map_or(Test::Missing, |_| conversion(recent, rate, floor)),
            velocity: goes_on.map_or(Test::Missing, |_| velocity(recent, days, floor)),
            weeks: counts,
        }
    }

    fn tests(&self) -> [Test; 3] {
        [self.volume, self.conversion, self.velocity]
    }

    fn row(&self, [volume, rate, days]: [Option<&'static str>; 3]) -> Row<'_> {
        let recent = self.recent;
        Row {
            stage: &recent.stage,
            to_stage: recent.to_stage.as_deref(),
            entered_28: recent.entered_28,
            baseline_28: self.weeks.as_deref().map(expected),
            season_28: self.season,
            volume_p: self.volume.p_value(),
            volume_verdict: volume,
            rate: ratio(recent.converted, recent.mature_n),
            rate_n: recent.mature_n,
            baseline_rate: self.rate.and_then(|rate| rate.value),
            baseline_rate_n: self.rate.map(|rate| rate.n),
            rate_p: self.conversion.p_value(),
            rate_verdict: rate,
            median_days: recent.median_days,
            median_n: recent.duration_n,
            baseline_median_days: self.days.and_then(|days| days.value),
            days_p: self.velocity.p_value(),
            days_verdict: days,
            industry_rate: recent.industry_rate,
            industry_median_days: recent.industry_median_days,
            industry_source: recent.industry_source.as_deref(),
        }
    }
}

fn volume(recent: &Recent, weeks: &[i64], floor: i64) -> Test {
    // A stage that usually has many entries and now has none is a finding, not too few to say.
    if of(recent.entered_28).max(expected(weeks)) < of(floor) {
        return Test::Few;
    }
    Test::of(count_score(recent.entered_28, RECENT_WEEKS, weeks))
}

fn conversion(recent: &Recent, rate: Option<&Kept>, floor: i64) -> Test {
    rate.map_or(Test::Few, |rate| {
        let baseline = (rate.n, rate.converted.unwrap_or_default());
        rates((recent.mature_n, recent.converted), baseline, floor)
    })
}

/// Two rates, each of so many entries, so many of which converted.
pub(super) fn rates(recent: (i64, i64), baseline: (i64, i64), floor: i64) -> Test {
    if recent.0.min(baseline.0) < floor {
        return Test::Few;
    }
    Test::of(proportion_score(recent.1, recent.0, baseline.1, baseline.0))
}

fn velocity(recent: &Recent, days: Option<&Kept>, floor: i64) -> Test {
    let Some(days) = days.filter(|days| recent.duration_n.min(days.n) >= floor) else {
        return Test::Few;
    };
    Test::of(rank_score(
        &micros(recent.durations.as_deref()),
        &micros(days.durations.as_deref()),
    ))
}

impl Test {
    fn of(score: Option<f64>) -> Self {
        score.map_or(Self::Equal, Self::Score)
    }

    pub(super) fn p_value(self) -> Option<f64> {
        match self {
            Self::Score(score) => Some(p_value(score)),
            _ => None,
        }
    }

    fn verdict(self, stands: bool) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::Few => Some("few"),
            Self::Score(score) if stands && score > 0.0 => Some("up"),
            Self::Score(_) if stands => Some("down"),
            Self::Score(_) | Self::Equal => Some("same"),
        }
    }
}

/// One row a stage; what stands is decided over all tests at once.
pub(super) fn judge<'a>(sides: &'a [Sides<'_>]) -> Vec<Row<'a>> {
    let tests: Vec<Test> = sides.iter().flat_map(Sides::tests).collect();
    let mut verdicts = verdicts(&tests).into_iter();
    let mut verdict = |_| verdicts.next().flatten();
    sides
        .iter()
        .map(|side| side.row(side.tests().map(&mut verdict)))
        .collect()
}

/// What each of the tests of one family comes to: they share one false discovery rate.
pub(super) fn verdicts(tests: &[Test]) -> Vec<Option<&'static str>> {
    let p_values: Vec<f64> = tests.iter().filter_map(|test| test.p_value()).collect();
    let mut stands = discoveries(&p_values, FALSE_DISCOVERY).into_iter();
    let verdict = |test: &Test| {
        let stands = test.p_value().is_some() && stands.next().unwrap_or(false);
        test.verdict(stands)
    };
    tests.iter().map(verdict).collect()
}

/// What 28 days bring at the mean of `weeks`.
fn expected(weeks: &[i64]) -> f64 {
    of(weeks.iter().sum()) / of_usize(weeks.len()) * RECENT_WEEKS
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole != 0).then(|| of(part) / of(whole))
}

/// Durations as `recent` and `baseline` keep them.
fn micros(text: Option<&str>) -> Vec<i64> {
    text.into_iter()
        .flat_map(|text| text.split(','))
        .filter_map(|value| value.parse().ok())
        .collect()
}
