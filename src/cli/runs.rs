//! `leadgauge runs`.

use super::args::RunsArgs;
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;

pub(super) async fn runs(
    config: &Config,
    args: &RunsArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let frame = pipeline::runs(config, args.last).await?;
    output.finish();
    output.rows(&frame).map_err(Failure::run)?;
    Ok(Outcome::Done)
}
