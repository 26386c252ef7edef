//! The tables that the measures read besides `stage_entry`: calendar, stages, commitments, settings.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::period::{self, Periods};
use super::{MetricsError, baseline, calendar, definition, published, rows, scope, split, stages};
use crate::config::{ColumnType, Commitment, Config, Split};
use crate::problem::Problem;
use crate::warehouse::{Frame, Session, batch_of, schema_of};

const STAGE: [(&str, ColumnType); 5] = [
    ("id", ColumnType::String),
    ("term", ColumnType::String),
    ("definition", ColumnType::String),
    ("stage_order", ColumnType::Bigint),
    ("last", ColumnType::Boolean),
];

const COMMITMENT: [(&str, ColumnType); 8] = [
    ("quarter", ColumnType::String),
    ("stage", ColumnType::String),
    ("first_day", ColumnType::Date),
    ("last_day", ColumnType::Date),
    ("commitment", ColumnType::Bigint),
    ("split", ColumnType::String),
    ("minimum_days", ColumnType::Bigint),
    ("current", ColumnType::Boolean),
];

/// What the measures read of `stage_entry`; `cycle_no` and `members` join it.
const MEASURED: [&str; 18] = [
    "person_id",
    "cycle",
    "stage",
    "stage_order",
    "entered_at",
    "entered_on",
    "exited_at",
    "outcome",
    "implied",
    "confirmed_at",
    "carried",
    "censored",
    "late",
    "net_new",
    "customer",
    "known_at",
    "lead_source",
    "owner_id",
];

const SETTING: [(&str, ColumnType); 8] = [
    ("stages", ColumnType::Bigint),
    ("first_weekday", ColumnType::Bigint),
    ("first_day", ColumnType::Date),
    ("definition", ColumnType::String),
    ("horizon_us", ColumnType::Bigint),
    ("floor", ColumnType::Bigint),
    ("baseline", ColumnType::String),
    ("stage", ColumnType::String),
];

const INDUSTRY_AVERAGE: [(&str, ColumnType); 5] = [
    ("stage", ColumnType::String),
    ("to_stage", ColumnType::String),
    ("conversion", ColumnType::Double),
    ("median_days", ColumnType::Double),
    ("source", ColumnType::String),
];

/// What `faults` reads of the run's record; the table is the pipeline's.
const JOB_EXTRACT: [(&str, ColumnType); 5] = [
    ("as_of", ColumnType::Date),
    ("source", ColumnType::String),
    ("stream", ColumnType::String),
    ("outcome", ColumnType::String),
    ("message", ColumnType::String),
];

/// What `restated` reads of the changes; the table is the funnel's.
const STAGE_ENTRY_CHANGE: [(&str, ColumnType); 14] = [
    ("commit_no", ColumnType::Bigint),
    ("stage", ColumnType::String),
    ("dimension", ColumnType::String),
    ("old_on", ColumnType::Date),
    ("new_on", ColumnType::Date),
    ("old_member", ColumnType::String),
    ("new_member", ColumnType::String),
    ("old_implied", ColumnType::Boolean),
    ("new_implied", ColumnType::Boolean),
    ("old_net_new", ColumnType::Boolean),
    ("new_net_new", ColumnType::Boolean),
    ("old_won", ColumnType::Boolean),
    ("new_won", ColumnType::Boolean),
    ("cause", ColumnType::String),
];

/// What `score_difference` reads; a version from before there were scores has none.
const QUALIFIED: [(&str, ColumnType); 6] = [
    ("score", ColumnType::String),
    ("person_id", ColumnType::String),
    ("points", ColumnType::Bigint),
    ("qualified", ColumnType::Boolean),
    ("vendor_points", ColumnType::Bigint),
    ("vendor_qualified", ColumnType::Boolean),
];

pub(super) const DAY_US: i64 = 86_400_000_000;

#[derive(Serialize)]
struct StageRow<'a> {
    id: &'a str,
    term: &'a str,
    /// In words.
    definition: &'a str,
    stage_order: usize,
    last: bool,
}

#[derive(Serialize)]
struct CommitmentRow<'a> {
    quarter: &'a str,
    stage: &'a str,
    first_day: Date,
    last_day: Date,
    commitment: u32,
    split: &'static str,
    minimum_days: u32,
    /// The one that a report is about: of the quarter that holds the as-of date, the first named.
    current: bool,
}

#[derive(Serialize)]
struct Setting<'a> {
    /// How many stages there are.
    stages: usize,
    /// The day that a week starts on; 0 is Sunday.
    first_weekday: i8,
    /// Of the first entry; without one, the as-of date.
    first_day: Date,
    definition: &'a str,
    horizon_us: Option<i64>,
    floor: u32,
    baseline: Option<&'a str>,
    /// The stage of the commitment in force.
    stage: Option<&'a str>,
}

/// What is measured, for the measures that are no SQL.
pub(super) struct Measured {
    pub(super) as_of: Date,
    pub(super) periods: Vec<period::Row>,
}

/// Registers them all; what earlier nights left (baselines, extracts, what was told and what changed)
/// empty where the session has none.
pub(super) async fn register(session: &Session, config: &Config) -> Result<Measured, MetricsError> {
    let known = known(session).await?;
    let days = calendar::days(
        &config.calendar,
        first_day(config, &known),
        last_day(config, &known),
    );
    let periods = Periods::of(&days, known.as_of, known.first_day.unwrap_or(known.as_of));
    table(session, "calendar_day", &calendar::COLUMNS, &days)?;
    table(session, "period", &period::COLUMNS, &periods.rows)?;
    table(session, "day_slot", &period::SLOT_COLUMNS, &periods.slots)?;
    table(session, "stage", &STAGE, &stages(config))?;
    table(
        session,
        "commitment",
        &COMMITMENT,
        &commitments(config, known.as_of),
    )?;
    table(session, "setting", &SETTING, &[setting(config, &known)])?;
    table(
        session,
        "industry_average",
        &INDUSTRY_AVERAGE,
        &industry_averages(config)?,
    )?;
    definition::register(session, config)?;
    let tables = session.tables();
    if !tables.contains("baseline") {
        table::<()>(session, "baseline", &baseline::COLUMNS, &[])?;
    }
    if !tables.contains("job_extract") {
        table::<()>(session, "job_extract", &JOB_EXTRACT, &[])?;
    }
    if !tables.contains("person_qualified") {
        table::<()>(session, "person_qualified", &QUALIFIED, &[])?;
    }
    if !tables.contains("published_metric") {
        table::<()>(session, "published_metric", &published::COLUMNS, &[])?;
    }
    if !tables.contains("stage_entry_change") {
        table::<()>(session, "stage_entry_change", &STAGE_ENTRY_CHANGE, &[])?;
    }
    measured_entry(session, config).await?;
    Ok(Measured {
        as_of: known.as_of,
        periods: periods.rows,
    })
}

/// `stage_entry` with only what is measured, and its members by number.
async fn measured_entry(session: &Session, config: &Config) -> Result<(), MetricsError> {
    let frame = session
        .query("stage entries", "select * from stage_entry")
        .await?;
    let dimensions = &config.metrics.dimensions;
    if let Some(unknown) = dimensions
        .iter()
        .find(|it| frame.schema.index_of(it).is_err())
    {
        return Err(MetricsError::Refused(Box::new(no_dimension(
            unknown, &frame,
        ))));
    }
    let frame = stages::of_today(frame, config).map_err(rows("measured_entry"))?;
    let columns = scope::columns(config);
    let gathered = split::gathered(&frame, &MEASURED, &columns).map_err(rows("measured_entry"))?;
    let (members, scoped) = scope::told_apart(gathered.members, dimensions);
    table(session, "member", &split::COLUMNS, &members)?;
    table(session, scope::MEMBERS, &split::COLUMNS, &scoped)?;
    Ok(session.register("measured_entry", gathered.schema, gathered.batches)?)
}

fn no_dimension(unknown: &str, frame: &Frame) -> Problem {
    let names: Vec<&str> = frame
        .schema
        .fields()
        .iter()
        .map(|it| it.name().as_str())
        .collect();
    Problem::new(format!(
        "`dimensions` names `{unknown}`, which is no column of `stage_entry`"
    ))
    .fix(format!("name some of: {}", names.join(", ")))
}

/// Registers rows of ours under `name`.
pub(super) fn table<T: Serialize>(
    session: &Session,
    name: &'static str,
    columns: &[(&str, ColumnType)],
    values: &[T],
) -> Result<(), MetricsError> {
    let schema = schema_of(columns);
    let batch = batch_of(&schema, values).map_err(rows(name))?;
    Ok(session.register(name, schema, vec![batch])?)
}

fn stages(config: &Config) -> Vec<StageRow<'_>> {
    let stages = &config.funnel.stages;
    let numbered = stages.iter().enumerate();
    numbered
        .map(|(index, stage)| StageRow {
            id: &stage.id,
            term: &stage.term,
            definition: &stage.definition,
            stage_order: index + 1,
            last: index + 1 == stages.len(),
        })
        .collect()
}

#[derive(Serialize)]
struct IndustryRow<'a> {
    stage: &'a str,
    to_stage: &'a str,
    conversion: Option<f64>,
    median_days: Option<f64>,
    source: &'a str,
}

/// What others report; one that names no stage is refused where it stands.
fn industry_averages(config: &Config) -> Result<Vec<IndustryRow<'_>>, MetricsError> {
    let ids: Vec<&str> = config
        .funnel
        .stages
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    let averages = config.metrics.industry_averages.iter();
    averages
        .map(|average| {
            let named = [average.from.as_str(), average.to.as_str()];
            if let Some(unknown) = named.iter().find(|id| !ids.contains(id)) {
                let problem = Problem::new(format!(
                    "`industry_averages` names `{unknown}`, which is no stage of the funnel"
                ))
                .at(average.place.clone())
                .fix(format!("name some of: {}", ids.join(", ")));
                return Err(MetricsError::Refused(Box::new(problem)));
            }
            Ok(IndustryRow {
                stage: &average.from,
                to_stage: &average.to,
                conversion: average.conversion,
                median_days: average.median_days,
                source: &average.source,
            })
        })
        .collect()
}

fn commitments(config: &Config, as_of: Date) -> Vec<CommitmentRow<'_>> {
    let current = current(config, as_of);
    promised(config)
        .map(|commitment| CommitmentRow {
            quarter: &commitment.quarter,
            stage: &commitment.stage,
            first_day: commitment.first_day,
            last_day: commitment.last_day,
            commitment: commitment.commitment,
            split: match commitment.split {
                Split::WorkingDays => "working_days",
                Split::Even => "even",
            },
            minimum_days: commitment.minimum_days_before_resubmission,
            current: current.is_some_and(|it| std::ptr::eq(it, commitment)),
        })
        .collect()
}

fn current(config: &Config, as_of: Date) -> Option<&Commitment> {
    let holds = |it: &&Commitment| (it.first_day..=it.last_day).contains(&as_of);
    promised(config).find(holds)
}

/// The commitments whose stage the definition in force has; others can only be known from reports of
/// their time.
fn promised(config: &Config) -> impl Iterator<Item = &Commitment> {
    let has = |id: &str| config.funnel.stages.iter().any(|stage| stage.id == id);
    let all = config.sla.commitments.iter();
    all.filter(move |it| has(&it.stage))
}

fn setting<'a>(config: &'a Config, known: &Known) -> Setting<'a> {
    let metrics = &config.metrics;
    Setting {
        stages: config.funnel.stages.len(),
        first_weekday: config.calendar.week_starts.to_sunday_zero_offset(),
        first_day: known.first_day.unwrap_or(known.as_of),
        definition: &config.funnel.definition,
        horizon_us: metrics.horizon_days.map(|days| i64::from(days) * DAY_US),
        floor: metrics.floor,
        baseline: metrics.baseline.as_deref(),
        stage: current(config, known.as_of).map(|it| it.stage.as_str()),
    }
}

#[derive(Deserialize)]
pub(super) struct Known {
    pub(super) as_of: Date,
    /// Of the first entry.
    first_day: Option<Date>,
}

pub(super) async fn known(session: &Session) -> Result<Known, MetricsError> {
    let sql = "select $as_of as as_of, min(entered_on) as first_day from stage_entry";
    let mut rows: Vec<Known> = session.query("first day", sql).await?.rows()?;
    Ok(rows.remove(0))
}

/// The first day that a measure may be about: that of an entry, of a commitment, or of the 27 weeks
/// that reports look back on; a week earlier, so that its week is whole.
fn first_day(config: &Config, known: &Known) -> Date {
    let weeks = known.as_of.saturating_sub(27.weeks());
    let promised = config.sla.commitments.iter().map(|it| it.first_day);
    let first = promised.chain(known.first_day).fold(weeks, Date::min);
    first.saturating_sub(1.week())
}

fn last_day(config: &Config, known: &Known) -> Date {
    let promised = config.sla.commitments.iter().map(|it| it.last_day);
    promised.fold(known.as_of, Date::max)
}
