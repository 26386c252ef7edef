//! The weekly SLA report: the quarter so far against its commitment, week by week, and what is
//! still needed.

mod rows;
mod told;

use jiff::civil::Date;
use serde::Serialize;

use self::rows::{Quarter, Source};
use super::rows::{Verdict, read, read_one};
use super::view::{Cell, Drawing, Fault, Key, Signing, WeekRow, Weeks, mark};
use super::{Prepared, ReportError, chart, sentence, words};
use crate::metrics::MetricSet;

/// What the templates of the weekly SLA report see.
#[derive(Serialize)]
struct View {
    title: &'static str,
    company: String,
    as_of: Date,
    zone: String,
    subject: String,
    lede: String,
    standing: Option<String>,
    needed: Option<String>,
    faults: Vec<Fault>,
    /// What the faults do to the figures.
    consequence: &'static str,
    keys: Vec<Key>,
    weeks: Option<Weeks>,
    parts: Vec<Part>,
    sources: Vec<SourceRow>,
    /// How many entries the sources left out of the table brought.
    other_sources: i64,
    quarter: Option<Span>,
    #[serde(flatten)]
    signing: Signing,
}

/// A part of the entries that count, as a share of all of them.
#[derive(Serialize)]
struct Part {
    name: String,
    n: i64,
    share: String,
    says: String,
}

#[derive(Serialize)]
struct SourceRow {
    /// None for entries that have no source.
    member: Option<String>,
    n: i64,
    share: Option<f64>,
    /// The bar's length in percent of the largest.
    length: i64,
}

#[derive(Serialize)]
struct Span {
    name: String,
    first_day: Date,
    last_day: Date,
}

/// The rows of every query of this report.
struct Figures {
    quarter: Option<Quarter>,
    weeks: Vec<WeekRow>,
    sources: Vec<Source>,
    faults: Vec<Fault>,
}

impl Figures {
    fn read(set: &MetricSet) -> Result<Self, ReportError> {
        Ok(Self {
            quarter: read_one(set, "quarter", Quarter::read)?,
            weeks: read(set, "weeks", |row| WeekRow::read(row, set.as_of))?,
            sources: read(set, "sources", Source::read)?,
            faults: read(set, "faults", Fault::read)?,
        })
    }

    /// The quarter, unless a fault in the data leaves it unknown.
    fn known(&self) -> Option<&Quarter> {
        self.quarter
            .as_ref()
            .filter(|quarter| quarter.withheld != Some(true))
    }

    /// The quarter, where there is no doubt whether it is on its pace.
    fn judged(&self) -> Option<&Quarter> {
        let doubt = |quarter: &Quarter| quarter.withheld.is_none() && !self.faults.is_empty();
        self.known().filter(|quarter| !doubt(quarter))
    }

    /// What the faults do to the figures below.
    fn consequence(&self) -> &'static str {
        match (self.known(), self.judged()) {
            (None, _) => "The quarter's figures depend on it and are not known.",
            (Some(_), None) => "The quarter's counts are lower bounds, and no verdict is given.",
            _ => "No count below depends on it.",
        }
    }

    /// The last week that is complete.
    fn last_week(&self) -> Option<&WeekRow> {
        self.weeks.iter().rev().find(|week| week.complete)
    }
}

pub(super) fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    let figures = Figures::read(set)?;
    let mut drawings = Vec::new();
    let view = view(set, &figures, &mut drawings);
    Ok(Prepared::new(&view, drawings).telling(told::all(&figures)))
}

fn view(set: &MetricSet, figures: &Figures, drawings: &mut Vec<Drawing>) -> View {
    let (sources, other_sources) = sources(figures);
    View {
        title: "SLA",
        company: words::clean(&set.company),
        as_of: set.as_of,
        zone: set.zone.clone(),
        subject: subject(figures),
        lede: lede(figures),
        standing: figures.judged().map(standing),
        needed: figures
            .judged()
            .and_then(|quarter| needed(quarter, figures.last_week())),
        faults: figures.faults.clone(),
        consequence: figures.consequence(),
        keys: figures
            .known()
            .map(|quarter| keys(quarter, figures))
            .unwrap_or_default(),
        weeks: weeks(figures, drawings),
        parts: figures.known().map(parts).unwrap_or_default(),
        sources,
        other_sources,
        quarter: figures.quarter.as_ref().map(|quarter| Span {
            name: quarter.name.clone(),
            first_day: quarter.first_day,
            last_day: quarter.last_day,
        }),
        signing: Signing::of(set),
    }
}

/// `673 of 1,200 MQLs in 2026-Q4, 61 behind pace`.
fn subject(figures: &Figures) -> String {
    let Some(promised) = &figures.quarter else {
        return "no commitment for this quarter".to_owned();
    };
    let Some(quarter) = figures.known() else {
        return format!("{} is not known", promised.name);
    };
    let gap = match figures.judged().and_then(Quarter::gap) {
        None => String::new(),
        Some(gap) if gap < 0 => format!(", {} behind pace", words::integer(-gap)),
        Some(0) => ", on pace".to_owned(),
        Some(gap) => format!(", {} ahead of pace", words::integer(gap)),
    };
    let of = words::integer(quarter.commitment);
    let attained = words::integer(quarter.attained);
    format!(
        "{attained} of {of} {} in {}{gap}",
        quarter.what(),
        quarter.name
    )
}

/// The verdict: the last complete week, and whether the quarter is on its way.
fn lede(figures: &Figures) -> String {
    let Some(promised) = &figures.quarter else {
        return "Nothing is committed for this quarter.".to_owned();
    };
    let Some(quarter) = figures.known() else {
        let what = promised.what();
        return format!(
            "Where {} stands is not known: {what} cannot be counted.",
            promised.name
        );
    };
    if figures.judged().is_none() {
        return sentence::at_least(&quarter.name, quarter.attained, quarter.commitment);
    }
    let course = match quarter.gap() {
        None => "The quarter has no complete day yet.".to_owned(),
        Some(gap) if gap < 0 => format!("The quarter is {} behind its pace.", words::integer(-gap)),
        Some(0) => "The quarter is on its pace.".to_owned(),
        Some(gap) => format!("The quarter is {} ahead of its pace.", words::integer(gap)),
    };
    let Some(week) = figures.last_week() else {
        return course;
    };
    let n = week.attained.unwrap_or(0);
    let verdict = match n - week.commitment {
        gap if gap < 0 => format!("{} short of", words::integer(-gap)),
        0 => "just".to_owned(),
        gap => format!("{} more than", words::integer(gap)),
    };
    let entries = words::entries(n, &quarter.label);
    let of = words::integer(week.commitment);
    format!(
        "Week {} brought {entries}, {verdict} the {of} committed. {course}",
        week.number
    )
}

fn standing(quarter: &Quarter) -> String {
    sentence::standing(
        &quarter.name,
        quarter.attained,
        quarter.commitment,
        quarter.due,
    )
}

/// What each remaining week must bring, against what the weeks so far brought.
fn needed(quarter: &Quarter, last: Option<&WeekRow>) -> Option<String> {
    if quarter.attained >= quarter.commitment {
        return Some("The commitment is met.".to_owned());
    }
    let per_week = words::decimal(quarter.needed_per_week?);
    let weeks = quarter.remaining_weeks.filter(|weeks| *weeks > 0.0)?;
    let left = match words::decimal(weeks).strip_suffix(".0") {
        Some("1") => "the 1 remaining week".to_owned(),
        Some(whole) => format!("each of the {whole} remaining weeks"),
        None => format!("each of the {} remaining weeks", words::decimal(weeks)),
    };
    let compared = last
        .and_then(|week| week.attained)
        .map_or_else(String::new, |n| {
            format!("; the last complete week brought {}", words::integer(n))
        });
    Some(format!("{per_week} are needed in {left}{compared}."))
}

fn keys(quarter: &Quarter, figures: &Figures) -> Vec<Key> {
    let first = figures.last_week().map(|week| Key {
        cell: Cell::figure(
            words::integer(week.attained.unwrap_or(0)),
            format!("{} committed", words::integer(week.commitment)),
        )
        .marked(mark(
            week.short.then_some(Verdict::Down),
            true,
            ("more than committed", "short of the commitment"),
        )),
        name: format!("{} in week {}", quarter.what(), week.number),
    });
    let so_far = Key {
        cell: Cell::figure(
            words::integer(quarter.attained),
            format!("{} committed", words::integer(quarter.commitment)),
        ),
        name: format!("{} in {}", quarter.what(), quarter.name),
    };
    let judged = figures.judged();
    let pace = judged
        .and_then(|quarter| quarter.due)
        .and_then(|due| sentence::pace_key(quarter.attained, quarter.commitment, due));
    let needed = judged
        .and_then(|quarter| quarter.needed_per_week)
        .map(|n| Key {
            cell: Cell::figure(
                words::decimal(n),
                quarter.remaining_weeks.map_or_else(String::new, |weeks| {
                    format!(
                        "{} weeks remain",
                        words::decimal(weeks).trim_end_matches(".0")
                    )
                }),
            ),
            name: "needed per remaining week".to_owned(),
        });
    first
        .into_iter()
        .chain([so_far])
        .chain(pace)
        .chain(needed)
        .collect()
}

fn weeks(figures: &Figures, drawings: &mut Vec<Drawing>) -> Option<Weeks> {
    let quarter = figures.known()?;
    if figures.weeks.is_empty() {
        return None;
    }
    let bullet = chart::Quarter {
        commitment: quarter.commitment,
        attained: quarter.attained,
        due: quarter.due,
    };
    let what = quarter.what();
    Some(Weeks::new(
        &what,
        quarter.commitment,
        &figures.weeks,
        Some(&bullet),
        drawings,
    ))
}

/// What became of the entries that count.
fn parts(quarter: &Quarter) -> Vec<Part> {
    let part = |name: &str, n: i64, says: &str| {
        let share = words::percent(words::real(n) / words::real(quarter.gross));
        Part {
            name: name.to_owned(),
            n,
            share,
            says: says.to_owned(),
        }
    };
    vec![
        part("Gross", quarter.gross, "every entry that counts"),
        part(
            "Rejected",
            quarter.rejected,
            "ended before they were accepted",
        ),
        part(
            "Pending",
            quarter.pending,
            "neither accepted nor rejected yet",
        ),
        part("Net", quarter.net, "gross less rejected"),
    ]
}

/// The largest sources, and how many entries the others brought together.
fn sources(figures: &Figures) -> (Vec<SourceRow>, i64) {
    const SHOWN: usize = 12;
    let largest = figures
        .sources
        .iter()
        .map(|source| source.n)
        .max()
        .unwrap_or(0)
        .max(1);
    let rows = figures.sources.iter().take(SHOWN).map(|source| SourceRow {
        member: source.member.clone().filter(|member| member != "blank"),
        n: source.n,
        share: source.share,
        length: (source.n.max(0) * 100 + largest / 2) / largest,
    });
    let others = figures
        .sources
        .iter()
        .skip(SHOWN)
        .map(|source| source.n)
        .sum();
    (rows.collect(), others)
}
