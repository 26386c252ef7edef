//! `leadgauge baseline`.

use serde_json::json;

use super::args::BaselineCommand;
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;

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
            if output.wants_json() {
                output.json(&json!({
                    "baseline": args.name, "first_day": frozen.first_day, "last_day": frozen.last_day,
                    "figures": frozen.figures, "commit_no": frozen.commit_no, "problem": frozen.problem,
                }));
            } else {
                output.say(&format!(
                    "Baseline `{}` is frozen: {} to {}, {} figures, in version {}",
                    args.name, frozen.first_day, frozen.last_day, frozen.figures, frozen.commit_no
                ));
            }
            if let Some(problem) = frozen.problem {
                output.say(&format!("problem: {}", problem.replace('\n', "\n  ")));
                return Ok(Outcome::Incomplete);
            }
        }
        BaselineCommand::List => {
            let frame = pipeline::baselines(config).await?;
            output.finish();
            output.rows(&frame).map_err(Failure::run)?;
        }
    }
    Ok(Outcome::Done)
}
