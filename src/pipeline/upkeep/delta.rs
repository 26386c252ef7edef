//! The Delta logs, an export: what befalls them undoes no night.

use crate::config::Config;
use crate::pipeline::PipelineError;
use crate::warehouse::{Rewritten, Warehouse};

/// Brings the Delta logs up to the newest commit; what stands in the way, in words. The next run
/// catches up.
pub(in crate::pipeline) async fn export_delta(warehouse: &Warehouse) -> Option<String> {
    let error = PipelineError::from(warehouse.export_delta().await.err()?);
    let told = super::in_full(&error);
    Some(format!("Other tools do not see this version yet: {told}"))
}

/// Writes the Delta logs anew from the commit log.
pub(crate) async fn rewrite_delta(config: &Config) -> Result<Rewritten, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    if warehouse.latest().await?.is_none() {
        return Err(PipelineError::Empty);
    }
    Ok(warehouse.rewrite_delta().await?)
}
