//! The examples of a definition, run over the deployment's columns.

use crate::clock;
use crate::config::Config;
use crate::funnel::{self, Past};
use crate::pipeline::ready::canonical;
use crate::pipeline::{PipelineError, open_session};
use crate::problem::{Problem, Problems};
use crate::warehouse::Warehouse;

/// How a definition's examples came out.
pub(crate) struct Tested {
    pub(crate) examples: usize,
    /// What came out otherwise than expected, at its place in the file.
    pub(crate) failures: Vec<Problem>,
}

/// Runs the examples of the configuration's definition. Of the warehouse only columns are read.
pub(crate) async fn test(config: &Config) -> Result<Tested, PipelineError> {
    let (funnel, zone) = (&config.funnel, &config.time_zone);
    if funnel.examples.is_empty() {
        return Ok(Tested {
            examples: 0,
            failures: Vec::new(),
        });
    }
    let mut problems = Vec::new();
    let canonical = canonical(config, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let warehouse = Warehouse::open(&config.warehouse)?;
    let version = warehouse.latest().await?;
    let as_of = clock::yesterday(zone);
    let session = open_session(&warehouse, version.as_ref(), config, as_of, &canonical).await?;
    session.empty_tables().await?;
    let past = Past::read(&session, &canonical, &[&[funnel]], zone).await?;
    Ok(Tested {
        examples: funnel.examples.len(),
        failures: funnel::failures(&past, funnel, zone).await?,
    })
}
