//! The SQL behind the stages of a definition.

use crate::clock;
use crate::config::Config;
use crate::funnel::{self, TriggerSql};
use crate::pipeline::ready::canonical;
use crate::pipeline::{PipelineError, open_session};
use crate::problem::{Problem, Problems};
use crate::warehouse::Warehouse;

/// The queries of every stage, or of one. Of the warehouse only columns are read.
pub(crate) async fn stage_sql(
    config: &Config,
    stage: Option<&str>,
) -> Result<Vec<TriggerSql>, PipelineError> {
    let mut problems = Vec::new();
    let canonical = canonical(config, &mut problems);
    let ids = config.funnel.stages.iter().map(|stage| stage.id.as_str());
    let ids: Vec<&str> = ids.collect();
    if let Some(asked) = stage.filter(|asked| !ids.contains(asked)) {
        problems.push(no_stage(&ids, asked));
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let warehouse = Warehouse::open(&config.warehouse)?;
    let version = warehouse.latest().await?;
    let as_of = clock::yesterday(&config.time_zone);
    let session = open_session(&warehouse, version.as_ref(), config, as_of, &canonical).await?;
    session.empty_tables().await?;
    let mut queries = funnel::trigger_sql(&session, &canonical, &config.funnel).await?;
    queries.retain(|query| stage.is_none_or(|asked| query.stage == asked));
    Ok(queries)
}

pub(super) fn no_stage(ids: &[&str], asked: &str) -> Problem {
    Problem::new(format!("There is no stage `{asked}`"))
        .fix(format!("name one of `{}`", ids.join("`, `")))
}
