//! The daily report: every stage against its expectation and its baseline, the quarter against its
//! commitment, and what needs someone.

mod cells;
mod restated;
mod rows;
mod sentences;
mod told;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use self::restated::Restated;
use self::rows::{Baseline, Month, Need, Point, Stage, Stuck, Summary};
use self::sentences::Reading;
use super::chart::{self, Bar};
use super::rows::{Verdict, read, read_one};
use super::view::{Cell, Drawing, Fault, Figure, Key, Signing, Wait, WeekRow, Weeks};
use super::{Prepared, ReportError, sentence, words};
use crate::metrics::MetricSet;

/// What the templates of the daily report see.
#[derive(Serialize)]
struct View {
    title: &'static str,
    company: String,
    as_of: Date,
    zone: String,
    /// The day's count, without title and day.
    subject: String,
    lede: String,
    standing: Option<String>,
    moved: Option<String>,
    /// Which stages had an unusual day before this one.
    recovered: Option<String>,
    faults: Vec<Fault>,
    /// What the faults do to the figures.
    consequence: &'static str,
    keys: Vec<Key>,
    restated: Option<restated::View>,
    needs: Vec<Wait>,
    funnel: Option<Figure>,
    weeks: Option<Weeks>,
    trends: Vec<Trend>,
    trend_from: Option<Date>,
    trend_to: Option<Date>,
    months: Vec<MonthRow>,
    stages: Vec<StageRow>,
    baseline: Option<Baseline>,
    #[serde(flatten)]
    signing: Signing,
}

/// A stage's last weeks.
#[derive(Serialize)]
struct Trend {
    label: String,
    last: Option<i64>,
    mean: f64,
    svg: String,
}

/// A stage's last month and this one, in words.
#[derive(Serialize)]
struct MonthRow {
    label: String,
    says: String,
}

#[derive(Serialize)]
struct StageRow {
    label: String,
    term: String,
    stock: Option<i64>,
    entered: Cell,
    entered_28: Cell,
    next: Option<String>,
    rate: Cell,
    days: Cell,
}

/// What the report leads with.
struct Lead<'a> {
    label: &'a str,
    entered: Option<i64>,
    expected: Option<(i64, i64)>,
    /// Where most came from, and how many.
    source: Option<(Option<&'a str>, i64)>,
    reading: Reading,
    /// Fewer persons than this are no figure.
    few: Option<u32>,
    /// The stage's own row.
    stage: Option<&'a Stage>,
}

/// The rows of every query of this report.
struct Figures {
    summary: Option<Summary>,
    stages: Vec<Stage>,
    points: Vec<Point>,
    months: Vec<Month>,
    restated: Vec<Restated>,
    weeks: Vec<WeekRow>,
    stuck: Vec<Stuck>,
    needs: Vec<Need>,
    faults: Vec<Fault>,
    few: Option<u32>,
}

impl Figures {
    fn read(set: &MetricSet) -> Result<Self, ReportError> {
        let mut figures = Self {
            summary: read_one(set, "summary", Summary::read)?,
            stages: read(set, "stages", Stage::read)?,
            points: read(set, "trend", Point::read)?,
            months: read(set, "months", Month::read)?,
            restated: read(set, "restated", Restated::read)?,
            weeks: read(set, "weeks", |row| WeekRow::read(row, set.as_of))?,
            stuck: read(set, "stuck", Stuck::read)?,
            needs: read(set, "needs", Need::read)?,
            faults: read(set, "faults", Fault::read)?,
            few: set.limits.few,
        };
        let readings: Vec<Reading> = figures
            .stages
            .iter()
            .map(|it| figures.reading(it))
            .collect();
        for (stage, reading) in figures.stages.iter_mut().zip(readings) {
            stage.volume_verdict = stage.volume_verdict.filter(|_| reading == Reading::Known);
        }
        Ok(figures)
    }

    /// What the report leads with: the promised stage, else the first.
    fn lead(&self) -> Option<Lead<'_>> {
        let promised = self
            .summary
            .as_ref()
            .and_then(|it| Some((it, it.stage.as_deref()?)));
        let Some((summary, id)) = promised else {
            let stage = self.stages.first()?;
            return Some(Lead {
                label: &stage.label,
                entered: stage.entered,
                expected: stage.expected,
                source: None,
                reading: self.reading(stage),
                few: self.few,
                stage: Some(stage),
            });
        };
        let stage = self.stages.iter().find(|stage| stage.id == id);
        Some(Lead {
            label: summary.label.as_deref().unwrap_or(id),
            entered: summary.entered,
            expected: summary.expected,
            source: summary
                .top_source_n
                .map(|n| (summary.top_source.as_deref(), n)),
            reading: stage.map_or(Reading::Known, |stage| self.reading(stage)),
            few: self.few,
            stage,
        })
    }

    fn reading(&self, stage: &Stage) -> Reading {
        match stage.withheld {
            Some(true) => Reading::Withheld,
            None if !self.faults.is_empty() => Reading::AtLeast,
            _ => Reading::Known,
        }
    }

    /// What the faults do to the figures below.
    fn consequence(&self) -> &'static str {
        let has = |reading| {
            self.stages
                .iter()
                .any(|stage| self.reading(stage) == reading)
        };
        if has(Reading::Withheld) {
            "What depends on it is not known, and no verdict is given on it."
        } else if has(Reading::AtLeast) {
            "The day's counts are lower bounds, and no verdict is given on them."
        } else {
            "No count below depends on it."
        }
    }
}

pub(super) fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    let figures = Figures::read(set)?;
    let mut drawings = Vec::new();
    let view = view(set, &figures, &mut drawings);
    Ok(Prepared::new(&view, drawings).telling(told::all(&figures, set.as_of)))
}

fn view(set: &MetricSet, figures: &Figures, drawings: &mut Vec<Drawing>) -> View {
    let lead = figures.lead();
    let lede = match &lead {
        Some(lead) => sentences::lede(lead, set.as_of),
        None => format!("Nothing is known of {} yet.", words::long_date(set.as_of)),
    };
    let reading = lead.as_ref().map_or(Reading::Withheld, |lead| lead.reading);
    let standing = figures
        .summary
        .as_ref()
        .and_then(|it| sentences::standing(it, reading));
    let (trends, span) = trends(figures);
    View {
        title: "Funnel",
        company: words::clean(&set.company),
        as_of: set.as_of,
        zone: set.zone.clone(),
        subject: lead
            .as_ref()
            .map_or_else(|| "not known".to_owned(), sentences::subject),
        lede,
        standing,
        moved: sentences::moved(&figures.stages),
        recovered: sentences::recovered(&figures.stages),
        faults: figures.faults.clone(),
        consequence: figures.consequence(),
        keys: lead
            .map(|lead| keys(figures, &lead, set.as_of))
            .unwrap_or_default(),
        restated: restated::view(&figures.restated, set.as_of),
        needs: needs(figures),
        funnel: funnel(figures, drawings),
        weeks: weeks(figures, drawings),
        trends,
        trend_from: span.map(|(from, _)| from),
        trend_to: span.map(|(_, to)| to),
        months: month_rows(figures),
        stages: stage_rows(figures),
        baseline: figures.summary.as_ref().and_then(|it| it.baseline.clone()),
        signing: Signing::of(set),
    }
}

fn keys(figures: &Figures, lead: &Lead<'_>, as_of: Date) -> Vec<Key> {
    let mut keys = vec![Key {
        cell: cells::entered(lead.entered, lead.expected, lead.reading, lead.few),
        name: format!(
            "{} on {}",
            words::entries_title(lead.label),
            as_of.strftime("%A")
        ),
    }];
    let sure = figures
        .summary
        .as_ref()
        .filter(|_| lead.reading == Reading::Known);
    keys.extend(sure.and_then(pace_key));
    let next = lead
        .stage
        .and_then(|stage| Some((stage, next_label(&figures.stages, stage)?)));
    if let Some((stage, next)) = next {
        keys.push(Key {
            cell: cells::rate(stage),
            name: format!("{} to {next}", stage.label),
        });
        keys.push(Key {
            cell: cells::days(stage),
            name: format!("{} to {next}, median", stage.label),
        });
    }
    keys
}

fn pace_key(summary: &Summary) -> Option<Key> {
    let (attained, commitment) = (summary.attained?, summary.commitment?);
    sentence::pace_key(attained, commitment, summary.due?)
}

fn needs(figures: &Figures) -> Vec<Wait> {
    let needs = figures.needs.iter().filter(|need| need.n > 0);
    let needs = needs.map(|need| sentences::need(need, &figures.stages));
    let stuck = figures
        .stuck
        .iter()
        .filter(|stuck| stuck.n > 0)
        .map(sentences::stuck);
    let all = needs.chain(stuck);
    all.map(|(what, detail)| Wait { what, detail }).collect()
}

fn funnel(figures: &Figures, drawings: &mut Vec<Drawing>) -> Option<Figure> {
    let counted = figures.stages.iter().filter_map(|stage| {
        let n = stage.entered_28?;
        let few = stage.rate.verdict == Some(Verdict::Few);
        Some(Bar {
            label: stage.label.clone(),
            n,
            baseline: stage.baseline_28,
            change: cells::change(stage, n),
            mark: cells::volume_mark(stage),
            rate: stage.rate.value.filter(|_| !few),
        })
    });
    let bars: Vec<Bar> = counted.collect();
    if bars.is_empty() {
        return None;
    }
    Some(Figure::draw(
        "funnel",
        |room| chart::funnel(&bars, room),
        drawings,
    ))
}

fn weeks(figures: &Figures, drawings: &mut Vec<Drawing>) -> Option<Weeks> {
    let summary = figures.summary.as_ref()?;
    let (commitment, label) = (summary.commitment?, summary.label.as_deref()?);
    if figures.weeks.is_empty() {
        return None;
    }
    let what = words::entries_title(label);
    let quarter = summary.attained.map(|attained| chart::Quarter {
        commitment,
        attained,
        due: summary.due,
    });
    Some(Weeks::new(
        &what,
        commitment,
        &figures.weeks,
        quarter.as_ref(),
        drawings,
    ))
}

/// Each stage's weeks as a small chart, and the first and the last week they span.
fn trends(figures: &Figures) -> (Vec<Trend>, Option<(Date, Date)>) {
    let mut by_stage: BTreeMap<&str, BTreeMap<Date, i64>> = BTreeMap::new();
    for point in &figures.points {
        by_stage
            .entry(&point.stage)
            .or_default()
            .insert(point.week_start, point.n);
    }
    let trends = figures
        .stages
        .iter()
        .enumerate()
        .filter_map(|(number, stage)| {
            let counts: Vec<i64> = by_stage.get(stage.id.as_str())?.values().copied().collect();
            Some(Trend {
                label: stage.label.clone(),
                last: counts.last().copied(),
                mean: chart::mean(&counts),
                svg: chart::trend(&stage.label, &counts, number).inline(),
            })
        });
    let starts = || figures.points.iter().map(|point| point.week_start);
    (trends.collect(), starts().min().zip(starts().max()))
}

/// Each stage's last month and this one; not of a stage whose counts are withheld.
fn month_rows(figures: &Figures) -> Vec<MonthRow> {
    let of = |stage: &Stage| {
        let reading = figures.reading(stage);
        let months = figures
            .months
            .iter()
            .filter(|month| month.stage == stage.id);
        let says: Vec<String> = months
            .map(|month| sentences::month(month, reading))
            .collect();
        let known = reading != Reading::Withheld && !says.is_empty();
        known.then(|| MonthRow {
            label: stage.label.clone(),
            says: says.join(", "),
        })
    };
    figures.stages.iter().filter_map(of).collect()
}

fn stage_rows(figures: &Figures) -> Vec<StageRow> {
    let row = |stage: &Stage| StageRow {
        label: stage.label.clone(),
        term: stage.term.clone(),
        stock: stage.stock,
        entered: cells::entered(
            stage.entered,
            stage.expected,
            figures.reading(stage),
            figures.few,
        ),
        entered_28: cells::entered_28(stage, figures.few),
        next: next_label(&figures.stages, stage),
        rate: cells::rate(stage),
        days: cells::days(stage),
    };
    figures.stages.iter().map(row).collect()
}

/// The short name of the stage after `stage`.
fn next_label(stages: &[Stage], stage: &Stage) -> Option<String> {
    let term = stage.next_term.as_ref()?;
    let next = stages.iter().find(|next| &next.term == term);
    Some(next.map_or_else(|| term.clone(), |next| next.label.clone()))
}
