//! `leadgauge warehouse`.

use super::args::WarehouseCommand;
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;

pub(super) async fn warehouse(
    config: &Config,
    command: &WarehouseCommand,
    output: &Output,
) -> Result<Outcome, Failure> {
    let frame = match command {
        WarehouseCommand::Quarantine => pipeline::quarantined(config).await?,
    };
    output.finish();
    output.rows(&frame).map_err(Failure::run)?;
    Ok(Outcome::Done)
}
