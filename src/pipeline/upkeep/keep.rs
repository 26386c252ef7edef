//! What keeps the warehouse small and sound: files merged, files deleted, everything read.

use jiff::civil::Date;

use crate::config::Config;
use crate::pipeline::PipelineError;
use crate::warehouse::{Compacted, GRACE_DAYS, Vacuumed, Verified, Warehouse, WarehouseError};

/// Merges all files of each table that grows into one; none if there is nothing to merge. What keeps
/// other tools from seeing it is told with it.
pub(crate) async fn compact(
    config: &Config,
) -> Result<(Option<Compacted>, Option<String>), PipelineError> {
    let (warehouse, as_of) = published(config).await?;
    let texts = config.texts.clone();
    let hash = config.on(as_of).funnel.hash;
    let compacted = warehouse.compact(texts, &hash).await?;
    let problem = match compacted {
        Some(_) => super::export_delta(&warehouse).await,
        None => None,
    };
    Ok((compacted, problem))
}

/// Reads everything that can still be asked for.
pub(crate) async fn verify(config: &Config) -> Result<Verified, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    match warehouse.verify().await {
        Err(WarehouseError::Empty) => Err(PipelineError::Empty),
        other => Ok(other?),
    }
}

/// Deletes what no version names, or tells what it would delete.
pub(crate) async fn vacuum(
    config: &Config,
    grace_days: u32,
    rehearsal: bool,
) -> Result<Vacuumed, PipelineError> {
    let (warehouse, _) = published(config).await?;
    Ok(warehouse.vacuum(grace_days, rehearsal).await?)
}

/// The vacuum at a night's end; what stood in its way, in words. The next night makes up for it.
pub(in crate::pipeline) async fn vacuum_after(warehouse: &Warehouse) -> Vec<String> {
    let told = |error: PipelineError| format!("Old files stay: {}", super::in_full(&error));
    match warehouse.vacuum(GRACE_DAYS, false).await {
        Ok(done) => {
            let stuck = done.stuck.into_iter();
            stuck.map(|error| told(error.into())).collect()
        }
        // Another run is at work, and vacuums in its turn.
        Err(WarehouseError::Locked { .. }) => Vec::new(),
        Err(error) => vec![told(error.into())],
    }
}

/// The warehouse, and the newest day in it.
async fn published(config: &Config) -> Result<(Warehouse, Date), PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    match warehouse.latest().await? {
        Some(newest) => Ok((warehouse, newest.as_of)),
        None => Err(PipelineError::Empty),
    }
}
