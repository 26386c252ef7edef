//! Reports that were held, looked at again by a run for their day: what is missing is pulled; then they
//! are rendered, or at their deadline said to be not ready.

use std::collections::BTreeSet;

use super::gates::{self, Gate};
use super::render::Due;
use super::summary::{RunSummary, Watch};
use super::{PipelineError, Templates, Version, Warehouse, commit, late};
use crate::clock::{self, RunId};
use crate::config::{Config, Report};

/// Looks again at the reports of a version's day that are held, if it is the newest day: of an older one,
/// a later day's says it better. The answer is the version whose outbox is to be sent.
pub(super) async fn look_again(
    config: &Config,
    warehouse: &Warehouse,
    version: Version,
    summary: &mut RunSummary,
    watch: Watch<'_>,
) -> Result<Version, PipelineError> {
    let day = version.as_of;
    let newest = warehouse.latest().await?;
    let Some(newest) = newest.filter(|newest| newest.as_of == day) else {
        return Ok(version);
    };
    let held = gates::held(&gates::decisions(warehouse, &newest).await?, day);
    if held.is_empty() {
        return Ok(newest);
    }
    let config = &config.on(day);
    let newest = load(config, warehouse, newest, summary, watch).await?;
    let reports = config.reports.iter();
    let reports: Vec<&Report> = reports
        .filter(|report| held.contains(&report.name))
        .collect();
    let mut ripe = BTreeSet::new();
    for report in reports {
        match gates::gate(report, config, &newest, day, clock::now()) {
            Gate::Held(missing) => summary.withhold(report, gates::Decision::Held, &missing),
            Gate::Open | Gate::Late(_) => {
                ripe.insert(report.name.clone());
            }
        }
    }
    if ripe.is_empty() {
        return Ok(newest);
    }
    Box::pin(render(config, warehouse, &newest, &ripe, summary, watch)).await
}

/// Pulls what the day lacks. That nothing came is no news.
async fn load(
    config: &Config,
    warehouse: &Warehouse,
    newest: Version,
    summary: &mut RunSummary,
    watch: Watch<'_>,
) -> Result<Version, PipelineError> {
    let again = RunSummary::new(newest.as_of);
    match Box::pin(late::load(config, warehouse, &newest, again, watch)).await {
        Ok(loaded) => {
            summary.streams = loaded.streams;
            summary.problems.extend(loaded.problems);
            Ok(warehouse.latest().await?.unwrap_or(newest))
        }
        Err(PipelineError::NothingArrived { .. }) => Ok(newest),
        Err(error) => Err(error),
    }
}

/// Adds reports and their mails to the newest version.
async fn render(
    config: &Config,
    warehouse: &Warehouse,
    newest: &Version,
    ripe: &BTreeSet<String>,
    summary: &mut RunSummary,
    watch: Watch<'_>,
) -> Result<Version, PipelineError> {
    let templates = Templates::load(&config.templates)?;
    let decided = gates::decisions(warehouse, newest).await?;
    let mut reader = super::reader(config, None).await?;
    let session = reader.with_all_tables().await?;
    let run_id = RunId::new(newest.as_of);
    let mut draft = warehouse.begin_addition(&run_id, &config.time_zone).await?;
    let due = Due {
        config,
        session: &session,
        templates: &templates,
        mails: true,
        decided: &decided,
        only: Some(ripe),
    };
    let worked = Box::pin(due.queue(&mut draft, summary)).await;
    commit(config, warehouse, draft, worked, watch).await?;
    warehouse.latest().await?.ok_or(PipelineError::Empty)
}
