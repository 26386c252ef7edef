//! The Delta logs, an export: what befalls them undoes no night.

use std::error::Error;

use crate::config::Config;
use crate::pipeline::PipelineError;
use crate::warehouse::{Rewritten, Warehouse};

/// Brings the Delta logs up to the newest commit; what stands in the way, in words. The next run
/// catches up.
pub(in crate::pipeline) async fn export_delta(warehouse: &Warehouse) -> Option<String> {
    let error = PipelineError::from(warehouse.export_delta().await.err()?);
    let mut told = format!("Other tools do not see this version yet: {error}");
    if let Some(why) = error.source() {
        told = format!("{told}\n  why: {why}");
    }
    if let Some(fix) = error.fix() {
        told = format!("{told}\n  fix: {fix}");
    }
    Some(told)
}

/// Writes the Delta logs anew from the commit log.
pub(crate) async fn rewrite_delta(config: &Config) -> Result<Rewritten, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    if warehouse.latest().await?.is_none() {
        return Err(PipelineError::Empty);
    }
    Ok(warehouse.rewrite_delta().await?)
}
