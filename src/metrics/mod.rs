//! Measures the funnel: volume, stock, conversion and velocity over `stage_entry`, the SLA's weeks,
//! the baseline and what differs from it, and the figures of each report.
//!
//! What is measured is plain SQL in `queries/`, one relation a file. Rust holds what SQL cannot say:
//! the calendar, the configured dimensions, and statistical tests. Everything is derived from
//! `stage_entry` and the as-of date, so the same night gives the same numbers.

mod baseline;
mod calendar;
mod comparison;
mod figures;
mod inputs;
mod period;
mod split;
mod stages;
mod statistics;
#[cfg(test)]
mod tests;

use arrow::error::ArrowError;

use crate::config::Config;
use crate::problem::{Problem, Problems};
use crate::warehouse::query::relation::{in_waves, load};
use crate::warehouse::{QueryError, Relation, Session};

pub(crate) use baseline::{Freeze, baselines, freeze};
pub(crate) use figures::{MetricSet, figures};

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
}

/// The relations that measures split by dimension, as `<name>_dimension`.
const SPLIT: [&str; 3] = ["entry", "transition", "stay"];

/// Computes every measure from `stage_entry`, and names the tables that are to be published.
///
/// Reads the tables `baseline` and `job_extract` too where the session has them. Leaves every
/// relation registered, for `freeze` and `figures`.
pub(crate) async fn measure(
    session: &Session,
    config: &Config,
) -> Result<Vec<String>, MetricsError> {
    inputs::register(session, config).await?;
    for wave in relations(config)? {
        let frames = session.run_all(&wave).await?;
        for (relation, frame) in wave.iter().zip(frames) {
            if SPLIT.contains(&relation.name.as_str()) {
                let name = split::name_of(&relation.name);
                let (schema, batches) = split::split(&frame).map_err(rows("members"))?;
                session.register(&name, schema, batches)?;
            }
            session.register(&relation.name, frame.schema, frame.batches)?;
        }
    }
    comparison::register(session, config).await?;
    Ok(["metric", "sla_week", "stage", "score_difference"]
        .map(str::to_owned)
        .to_vec())
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
    all.extend(load("score", &config.queries)?);
    for relation in &mut all {
        for base in SPLIT {
            if relation.needs.contains(&split::name_of(base)) {
                relation.needs.insert(base.to_owned());
            }
        }
    }
    Ok(in_waves(all)?)
}

fn rows(table: &'static str) -> impl Fn(ArrowError) -> MetricsError {
    move |source| MetricsError::Rows { table, source }
}
