//! Everything that can be checked offline: the whole job is run over empty tables, so that every
//! query is planned and every template rendered, and nothing is written.

use serde::Serialize;

use super::record;
use super::{PipelineError, Ready, contract, open_session, ready, recipients};
use crate::clock;
use crate::config::{Config, Suppressed};
use crate::problem::Problems;
use crate::warehouse::Warehouse;
use crate::{funnel, metrics, report};

/// What was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) sources: usize,
    pub(crate) streams: usize,
    pub(crate) stages: usize,
    pub(crate) queries: usize,
    pub(crate) templates: usize,
    /// Of the definition, all of which hold.
    pub(crate) examples: usize,
    /// That the definition is unsigned, in words.
    pub(crate) unsigned: Option<String>,
}

/// Checks a deployment. A stream that was never pulled is taken to have the columns that its
/// configuration declares.
pub(crate) async fn check(config: &Config) -> Result<Checked, PipelineError> {
    let as_of = clock::yesterday(&config.time_zone);
    let now = config.on(as_of);
    let Ready {
        canonical,
        templates,
    } = ready(&now, as_of)?;
    let warehouse = Warehouse::open(&config.warehouse)?;
    let base = warehouse.latest().await?;
    let session = open_session(&warehouse, base.as_ref(), config, as_of, &canonical).await?;
    record::register_extracts(&session, &warehouse, base.as_ref(), &[]).await?;
    // A definition that waits for its day is planned too.
    let definitions = config.definitions();
    let derived = funnel::derive(&session, &canonical, &definitions, &config.time_zone).await?;
    metrics::measure(&session, &now).await?;
    metrics::audit(&session, &now, &derived.counts).await?;
    let mut problems = Vec::new();
    let list = config.delivery.suppress.as_deref().map(Suppressed::read);
    if let Some(Err(wrong)) = list {
        problems.extend(wrong.0);
    }
    for report in &config.reports {
        match recipients::check(&session, &now, report, as_of).await {
            Ok((set, wrong)) => {
                problems.extend(wrong);
                problems.extend(report::check_own(&set, &report.place, &templates));
            }
            Err(PipelineError::Metrics(error)) => problems.extend(error.into_problems()?),
            Err(error) => return Err(error),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let tested = contract::test(config).await?;
    if !tested.failures.is_empty() {
        return Err(Problems(tested.failures).into());
    }
    Ok(Checked {
        examples: tested.examples,
        unsigned: contract::unsigned(config, &warehouse).await?,
        sources: config.sources.len(),
        streams: config
            .sources
            .iter()
            .map(|source| source.streams.len())
            .sum(),
        stages: now.funnel.stages.len(),
        queries: canonical.values().map(Vec::len).sum(),
        templates: templates.len(),
    })
}
