//! The derived tables of a night whose files were let go, derived again: by the configuration, the
//! definitions and the queries of that night, over its history as it was known. The same rows.

use super::ready::canonical;
use super::{PipelineError, open_session, restate};
use crate::config::Config;
use crate::problem::Problems;
use crate::warehouse::{Frame, Version, Warehouse};
use crate::{fs, funnel, metrics};

/// The derived tables of a version.
pub(super) async fn derive(
    config: &Config,
    warehouse: &Warehouse,
    version: &Version,
) -> Result<Vec<Frame>, PipelineError> {
    let folder = fs::scratch()?;
    let commit = warehouse.commit(version.commit_no).await?;
    let then = Config {
        warehouse: config.warehouse.clone(),
        ..Config::of_texts(&commit.texts, folder.path())?.on(version.as_of)
    };
    let mut problems = Vec::new();
    let canonical = canonical(&then, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let session = open_session(warehouse, Some(version), &then, version.as_of, &canonical).await?;
    for table in [
        "job_extract",
        "baseline",
        restate::CHANGES,
        restate::PUBLISHED,
    ] {
        if version.tables().contains(table) {
            let rows = warehouse.table(version, table).await?;
            session.register_table(table, &rows)?;
        }
    }
    let derived =
        funnel::derive(&session, &canonical, &then.definitions(), &then.time_zone).await?;
    let mut measured = metrics::measure(&session, &then).await?;
    measured.extend(metrics::audit(&session, &then, &derived.counts).await?);
    let mut tables = Vec::new();
    for table in derived.tables.iter().chain(&measured) {
        tables.push(session.table(table).await?);
    }
    Ok(tables)
}
