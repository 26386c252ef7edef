//! `leadgauge warehouse`.

use serde_json::json;

use super::args::{LogArgs, ReleaseArgs, WarehouseCommand};
use super::output::Output;
use super::{Failure, Outcome, run};
use crate::config::Config;
use crate::pipeline;

pub(super) async fn warehouse(
    config: &Config,
    command: &WarehouseCommand,
    output: &Output,
) -> Result<Outcome, Failure> {
    match command {
        WarehouseCommand::Log(args) => log(config, args, output).await,
        WarehouseCommand::Quarantine => quarantine(config, output).await,
        WarehouseCommand::Release(args) => release(config, args, output).await,
        WarehouseCommand::Delta => delta(config, output).await,
    }
}

async fn quarantine(config: &Config, output: &Output) -> Result<Outcome, Failure> {
    let frame = pipeline::quarantined(config).await?;
    output.finish();
    output.rows(&frame).map_err(Failure::run)?;
    Ok(Outcome::Done)
}

async fn release(config: &Config, args: &ReleaseArgs, output: &Output) -> Result<Outcome, Failure> {
    let watch = |event: &pipeline::Event| output.event(event);
    let summary = pipeline::release(config, &args.stream, args.as_of, &watch).await?;
    run::tell(&summary, output)
}

async fn log(config: &Config, args: &LogArgs, output: &Output) -> Result<Outcome, Failure> {
    let frame = pipeline::commits(config, args.last).await?;
    output.finish();
    output.rows(&frame).map_err(Failure::run)?;
    Ok(Outcome::Done)
}

async fn delta(config: &Config, output: &Output) -> Result<Outcome, Failure> {
    let written = pipeline::rewrite_delta(config).await?;
    output.finish();
    if output.wants_json() {
        output.json(&json!({"tables": written.tables, "version": written.version}));
    } else {
        output.say(&format!(
            "The Delta logs of {} tables are written anew: versions 0 to {}",
            written.tables, written.version
        ));
    }
    Ok(Outcome::Done)
}
