//! `leadgauge runs`.

use super::args::RunsArgs;
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;
use crate::warehouse::FrameFormat;

pub(super) async fn runs(
    config: &Config,
    args: &RunsArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let frame = pipeline::runs(config, args.last).await?;
    output.finish();
    let format = if output.wants_json() {
        FrameFormat::Json
    } else {
        FrameFormat::Table
    };
    let mut bytes = frame.bytes(format).map_err(Failure::run)?;
    if output.wants_json() {
        bytes.push(b'\n');
    }
    output.data(&bytes);
    Ok(Outcome::Done)
}
