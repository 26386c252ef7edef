//! The daily report: every stage against its expectation and its baseline, the quarter against its
//! commitment, and what needs someone.

mod rows;
mod sentences;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use self::rows::{Measured, Need, Point, Stage, Stuck, Summary};
use self::sentences::{Against, Reading};
use super::chart::{self, Bar};
use super::rows::{Verdict, read, read_one};
use super::view::{Cell, Drawing, Fault, Figure, Key, Mark, WeekRow, Weeks, mark};
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
    faults: Vec<Fault>,
    /// What the faults do to the figures.
    consequence: &'static str,
    keys: Vec<Key>,
    needs: Vec<Wait>,
    funnel: Option<Figure>,
    weeks: Option<Weeks>,
    trends: Vec<Trend>,
    trend_from: Option<Date>,
    trend_to: Option<Date>,
    stages: Vec<StageRow>,
    baseline: Option<Baseline>,
    definition: String,
    signed: bool,
}

/// Something that waits for someone.
#[derive(Serialize)]
struct Wait {
    what: String,
    detail: String,
}

/// A stage's last weeks.
#[derive(Serialize)]
struct Trend {
    label: String,
    last: Option<i64>,
    mean: f64,
    svg: String,
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

#[derive(Serialize)]
struct Baseline {
    name: String,
    from: Date,
    to: Date,
}

/// What the report leads with.
struct Lead<'a> {
    label: &'a str,
    entered: Option<i64>,
    expected: Option<(i64, i64)>,
    /// Where most came from, and how many.
    source: Option<(Option<&'a str>, i64)>,
    reading: Reading,
    /// The stage's own row.
    stage: Option<&'a Stage>,
}

/// The rows of every query of this report.
struct Figures {
    summary: Option<Summary>,
    stages: Vec<Stage>,
    points: Vec<Point>,
    weeks: Vec<WeekRow>,
    stuck: Vec<Stuck>,
    needs: Vec<Need>,
    faults: Vec<Fault>,
}

impl Figures {
    fn read(set: &MetricSet) -> Result<Self, ReportError> {
        let mut figures = Self {
            summary: read_one(set, "summary", Summary::read)?,
            stages: read(set, "stages", Stage::read)?,
            points: read(set, "trend", Point::read)?,
            weeks: read(set, "weeks", |row| WeekRow::read(row, set.as_of))?,
            stuck: read(set, "stuck", Stuck::read)?,
            needs: read(set, "needs", Need::read)?,
            faults: read(set, "faults", Fault::read)?,
        };
        let readings: Vec<Reading> = figures.stages.iter().map(|it| figures.reading(it)).collect();
        for (stage, reading) in figures.stages.iter_mut().zip(readings) {
            stage.volume_verdict = stage.volume_verdict.filter(|_| reading == Reading::Known);
        }
        Ok(figures)
    }

    /// What the report leads with: the promised stage, else the first.
    fn lead(&self) -> Option<Lead<'_>> {
        let promised = self.summary.as_ref().and_then(|it| Some((it, it.stage.as_deref()?)));
        let Some((summary, id)) = promised else {
            let stage = self.stages.first()?;
            return Some(Lead {
                label: &stage.label,
                entered: stage.entered,
                expected: stage.expected,
                source: None,
                reading: self.reading(stage),
                stage: Some(stage),
            });
        };
        let stage = self.stages.iter().find(|stage| stage.id == id);
        Some(Lead {
            label: summary.label.as_deref().unwrap_or(id),
            entered: summary.entered,
            expected: summary.expected,
            source: summary.top_source_n.map(|n| (summary.top_source.as_deref(), n)),
            reading: stage.map_or(Reading::Known, |stage| self.reading(stage)),
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
        let has = |reading| self.stages.iter().any(|stage| self.reading(stage) == reading);
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
    Ok(Prepared::new(&view, drawings))
}

fn view(set: &MetricSet, figures: &Figures, drawings: &mut Vec<Drawing>) -> View {
    let lead = figures.lead();
    let lede = match &lead {
        Some(lead) => sentences::lede(lead, set.as_of),
        None => format!("Nothing is known of {} yet.", words::long_date(set.as_of)),
    };
    let reading = lead.as_ref().map_or(Reading::Withheld, |lead| lead.reading);
    let standing = figures.summary.as_ref().and_then(|it| sentences::standing(it, reading));
    let (trends, span) = trends(figures);
    View {
        title: "Funnel",
        company: words::clean(&set.company),
        as_of: set.as_of,
        zone: set.zone.clone(),
        subject: lead.as_ref().map_or_else(|| "not known".to_owned(), sentences::subject),
        lede,
        standing,
        moved: sentences::moved(&figures.stages),
        faults: figures.faults.clone(),
        consequence: figures.consequence(),
        keys: lead.map(|lead| keys(figures, &lead, set.as_of)).unwrap_or_default(),
        needs: needs(figures),
        funnel: funnel(figures, drawings),
        weeks: weeks(figures, drawings),
        trends,
        trend_from: span.map(|(from, _)| from),
        trend_to: span.map(|(_, to)| to),
        stages: stage_rows(figures),
        baseline: baseline(figures),
        definition: words::clean(&set.definition),
        signed: figures.summary.as_ref().is_some_and(|summary| summary.signed),
    }
}

fn keys(figures: &Figures, lead: &Lead<'_>, as_of: Date) -> Vec<Key> {
    let mut keys = vec![Key {
        cell: entered(lead.entered, lead.expected, lead.reading),
        name: format!("{} on {}", words::entries_title(lead.label), as_of.strftime("%A")),
    }];
    let sure = figures.summary.as_ref().filter(|_| lead.reading == Reading::Known);
    keys.extend(sure.and_then(pace_key));
    let next = lead.stage.and_then(|stage| Some((stage, next_label(&figures.stages, stage)?)));
    if let Some((stage, next)) = next {
        keys.push(Key {
            cell: rate(stage),
            name: format!("{} to {next}", stage.label),
        });
        keys.push(Key {
            cell: days(stage),
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
    let stuck = figures.stuck.iter().filter(|stuck| stuck.n > 0).map(sentences::stuck);
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
            change: change(stage, n),
            mark: volume_mark(stage),
            rate: stage.rate.value.filter(|_| !few),
        })
    });
    let bars: Vec<Bar> = counted.collect();
    if bars.is_empty() {
        return None;
    }
    Some(Figure::draw("funnel", |room| chart::funnel(&bars, room), drawings))
}

/// Entries of 28 days against the baseline, `+7.0%`.
fn change(stage: &Stage, n: i64) -> Option<String> {
    if stage.volume_verdict == Some(Verdict::Few) {
        return Some("too few".to_owned());
    }
    let baseline = stage.baseline_28.filter(|baseline| *baseline > 0.0)?;
    let change = words::percent(words::real(n) / baseline - 1.0);
    Some(if change.starts_with('−') || change == "0.0%" {
        change
    } else {
        format!("+{change}")
    })
}

fn volume_mark(stage: &Stage) -> Option<Mark> {
    mark(stage.volume_verdict, true, ("more than the baseline", "fewer than the baseline"))
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
    Some(Weeks::new(&what, commitment, &figures.weeks, quarter.as_ref(), drawings))
}

/// Each stage's weeks as a small chart, and the first and the last week they span.
fn trends(figures: &Figures) -> (Vec<Trend>, Option<(Date, Date)>) {
    let mut by_stage: BTreeMap<&str, BTreeMap<Date, i64>> = BTreeMap::new();
    for point in &figures.points {
        by_stage.entry(&point.stage).or_default().insert(point.week_start, point.n);
    }
    let trends = figures.stages.iter().enumerate().filter_map(|(number, stage)| {
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

fn stage_rows(figures: &Figures) -> Vec<StageRow> {
    let row = |stage: &Stage| StageRow {
        label: stage.label.clone(),
        term: stage.term.clone(),
        stock: stage.stock,
        entered: entered(stage.entered, stage.expected, figures.reading(stage)),
        entered_28: entered_28(stage),
        next: next_label(&figures.stages, stage),
        rate: rate(stage),
        days: days(stage),
    };
    figures.stages.iter().map(row).collect()
}

fn entered(n: Option<i64>, expected: Option<(i64, i64)>, reading: Reading) -> Cell {
    let note = expected.map_or_else(String::new, |range| {
        format!("{} expected", words::range(range))
    });
    let Some(n) = n.filter(|_| reading != Reading::Withheld) else {
        return Cell::words("not known", note);
    };
    if reading == Reading::AtLeast {
        return Cell::figure(format!("≥ {}", words::integer(n)), note);
    }
    let verdict = expected.and_then(|range| match sentences::against(n, range) {
        Against::Above => Some(Verdict::Up),
        Against::Below => Some(Verdict::Down),
        Against::Within => None,
    });
    let says = ("more than expected", "fewer than expected");
    Cell::figure(words::integer(n), note).marked(mark(verdict, true, says))
}

fn entered_28(stage: &Stage) -> Cell {
    let shown = stage.entered_28.map_or_else(|| words::NONE.to_owned(), words::integer);
    let note = stage.baseline_28.map_or_else(String::new, |baseline| {
        format!("baseline {}", words::rounded(baseline))
    });
    Cell::figure(shown, note).marked(volume_mark(stage))
}

fn rate(stage: &Stage) -> Cell {
    let says = ("more than the baseline", "less than the baseline");
    measured(&stage.rate, words::percent, true, says)
}

fn days(stage: &Stage) -> Cell {
    let says = ("slower than the baseline", "faster than the baseline");
    measured(&stage.days, words::days, false, says)
}

fn measured(it: &Measured, write: fn(f64) -> String, more: bool, says: (&str, &str)) -> Cell {
    if it.verdict == Some(Verdict::Few) {
        return Cell::few(it.n);
    }
    let baseline = it.baseline.map(|value| format!("baseline {}", write(value)));
    let n = it.n.map(|n| format!("n\u{a0}{}", words::integer(n)));
    let note: Vec<String> = baseline.into_iter().chain(n).collect();
    match it.value {
        Some(value) => {
            Cell::figure(write(value), note.join(", ")).marked(mark(it.verdict, more, says))
        }
        None => Cell::words(words::NONE, note.join(", ")),
    }
}

/// The short name of the stage after `stage`.
fn next_label(stages: &[Stage], stage: &Stage) -> Option<String> {
    let term = stage.next_term.as_ref()?;
    let next = stages.iter().find(|next| &next.term == term);
    Some(next.map_or_else(|| term.clone(), |next| next.label.clone()))
}

fn baseline(figures: &Figures) -> Option<Baseline> {
    let (name, from, to) = figures.summary.as_ref()?.baseline.clone()?;
    Some(Baseline { name, from, to })
}
