//! `leadgauge baseline`.

use super::args::BaselineCommand;
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;
use crate::warehouse::FrameFormat;

pub(super) async fn baseline(
    config: &Config,
    command: &BaselineCommand,
    output: &Output,
) -> Result<Outcome, Failure> {
    match command {
        BaselineCommand::Freeze(args) => {
            let window = args.from.zip(args.to);
            let frozen = pipeline::freeze(config, &args.name, window, args.imported).await?;
            output.finish();
            output.say(&format!(
                "Baseline `{}` is frozen: {} to {}, {} figures, in version {}",
                args.name, frozen.first_day, frozen.last_day, frozen.figures, frozen.commit_no
            ));
        }
        BaselineCommand::List => {
            let frame = pipeline::baselines(config).await?;
            output.finish();
            let format = if output.wants_json() {
                FrameFormat::Json
            } else {
                FrameFormat::Table
            };
            output.data(&frame.bytes(format).map_err(Failure::run)?);
        }
    }
    Ok(Outcome::Done)
}
