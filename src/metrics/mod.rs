//! Measures the funnel: volume, stock, conversion and velocity over `stage_entry`, the SLA's weeks,
//! the baseline and what differs from it, and the figures of each report.
//!
//! What is measured is plain SQL in `queries/`, one relation a file. Rust holds what SQL cannot say:
//! the calendar, the configured dimensions, what is measured of sorted durations (quantiles, curves),
//! and statistical tests. Everything is derived from `stage_entry` and the as-of date, so the same
//! night gives the same numbers.

mod audit;
mod baseline;
mod calendar;
mod compare;
mod comparison;
mod cycle;
mod definition;
mod durations;
mod figures;
mod incidence;
mod inputs;
mod member;
mod period;
mod published;
mod reading;
mod scope;
mod split;
mod stages;
mod statistics;
mod stock_age;
mod terms;
#[cfg(test)]
mod tests;
mod time_to_convert;
mod velocity;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::config::Config;
use crate::problem::{Problem, Problems};
use crate::warehouse::query::relation::{in_waves, load};
use crate::warehouse::{Frame, QueryError, Relation, Session};

pub(crate) use audit::audit;
pub(crate) use baseline::{Freeze, baselines, freeze, show};
pub(crate) use compare::{Compared, compare};
#[cfg(test)]
pub(crate) use figures::figures;
pub(crate) use figures::{Figures, Limits, MetricSet, figures_for};
pub(crate) use published::{Told, published};
pub(crate) use reading::{Given, Reading};

#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    /// A measure or a report's query was refused or failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Query files that are not SQL, or that read each other in a circle.
    #[error(transparent)]
    Files(#[from] Problems),
    /// A request that cannot be met as it is.
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error("The rows of `{table}` do not fit its columns")]
    Rows {
        table: &'static str,
        #[source]
        source: ArrowError,
    },
    #[error("There is no report `{report}`: `queries/reports/{report}` holds no query")]
    NoReport { report: String },
    #[error(
        "`{query}` gives rows of scopes without a column `scope_no` of whole numbers that says whose each is"
    )]
    Unscoped { query: String },
}

impl MetricsError {
    /// What is wrong with the text of a query, to be told with what else is wrong; any other error as
    /// it is.
    pub(crate) fn into_problems(self) -> Result<Vec<Problem>, Self> {
        match self {
            Self::Query(QueryError::Refused(problem)) => Ok(vec![*problem]),
            Self::Files(Problems(problems)) => Ok(problems),
            other => Err(other),
        }
    }
}

/// Large relations that only other measures read.
const STEPS: [&str; 3] = ["measured_entry", "stay_dimension", "stay_slot"];

/// What is made of a relation as soon as it is there: its split by dimension, and measures of
/// durations.
fn made_of(relation: &str) -> &'static [&'static str] {
    match relation {
        "entry" => &["entry_dimension"],
        "transition" => &["transition_dimension", "velocity", "time_to_convert"],
        "stay" => &["stay_dimension", "stock_age"],
        _ => &[],
    }
}

/// Computes every measure from `stage_entry`, and names the tables that are to be published.
///
/// Reads the tables `baseline` and `job_extract` too where the session has them. Leaves every
/// relation registered, for `freeze` and `figures`, but for steps that only measures read.
pub(crate) async fn measure(
    session: &Session,
    config: &Config,
) -> Result<Vec<String>, MetricsError> {
    let measured = inputs::register(session, config).await?;
    for wave in relations(config)? {
        let frames = session.run_all(&wave).await?;
        for (relation, frame) in wave.iter().zip(frames) {
            for (name, table) in made(&relation.name, &frame, &measured, config) {
                let (schema, batches) = table.map_err(rows(name))?;
                session.register(name, schema, batches)?;
            }
            session.register(&relation.name, frame.schema, frame.batches)?;
        }
    }
    session.forget(STEPS)?;
    comparison::register(session, config).await?;
    let published = [
        "metric",
        "restated",
        "sla_week",
        "stage",
        "score_difference",
    ];
    Ok(published.map(str::to_owned).to_vec())
}

type Made = Result<(SchemaRef, Vec<RecordBatch>), ArrowError>;

/// What is made of a relation, side by side.
fn made(
    relation: &str,
    frame: &Frame,
    measured: &inputs::Measured,
    config: &Config,
) -> Vec<(&'static str, Made)> {
    std::thread::scope(|scope| {
        let begin = |name: &&'static str| {
            let name = *name;
            (
                name,
                scope.spawn(move || make(name, frame, measured, config)),
            )
        };
        let tasks: Vec<_> = made_of(relation).iter().map(begin).collect();
        let ended = tasks.into_iter().map(|(name, task)| {
            let table = task.join();
            let table = table.unwrap_or_else(|failed| std::panic::resume_unwind(failed));
            (name, table)
        });
        ended.collect()
    })
}

fn make(name: &str, frame: &Frame, measured: &inputs::Measured, config: &Config) -> Made {
    let periods = &measured.periods;
    match name {
        "velocity" => velocity::table(frame, periods),
        "time_to_convert" => time_to_convert::table(frame, periods, config.metrics.horizon_days),
        "stock_age" => stock_age::table(frame, periods, measured.as_of, &config.time_zone),
        _ => split::split(frame, config.metrics.dimensions.len()),
    }
}

/// Measures unless `measure` has been there: a published version holds the results, not the steps.
async fn measured(session: &Session, config: &Config) -> Result<(), MetricsError> {
    if !session.tables().contains(comparison::TABLE) {
        measure(session, config).await?;
    }
    Ok(())
}

/// The measures and the SLA in waves, each after what it reads.
fn relations(config: &Config) -> Result<Vec<Vec<Relation>>, MetricsError> {
    let mut all = load("metrics", &config.queries)?;
    all.extend(load("sla", &config.queries)?);
    all.extend(load("restatement", &config.queries)?);
    all.extend(load("score", &config.queries)?);
    for relation in &mut all {
        for base in ["entry", "transition", "stay"] {
            if made_of(base).iter().any(|it| relation.needs.contains(*it)) {
                relation.needs.insert(base.to_owned());
            }
        }
    }
    Ok(in_waves(all)?)
}

fn rows(table: &'static str) -> impl Fn(ArrowError) -> MetricsError {
    move |source| MetricsError::Rows { table, source }
}
