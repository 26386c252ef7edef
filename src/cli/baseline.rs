//! `leadgauge baseline`.

use serde_json::json;

use super::args::{BaselineCommand, FreezeArgs};
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;
use crate::problem::Problem;

pub(super) async fn baseline(
    config: &Config,
    command: &BaselineCommand,
    output: &Output,
) -> Result<Outcome, Failure> {
    match command {
        BaselineCommand::Freeze(args) => return freeze(config, args, output).await,
        BaselineCommand::List => {
            let frame = pipeline::baselines(config).await?;
            output.finish();
            output.rows(&frame).map_err(Failure::run)?;
        }
        BaselineCommand::Show(args) => {
            let frame = pipeline::show_baseline(config, &args.name).await?;
            output.finish();
            output.rows(&frame).map_err(Failure::run)?;
        }
        BaselineCommand::Compare(args) => compare(config, args.name.as_deref(), output).await?,
    }
    Ok(Outcome::Done)
}

async fn freeze(config: &Config, args: &FreezeArgs, output: &Output) -> Result<Outcome, Failure> {
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
    Ok(Outcome::Done)
}

/// The notes go before the rows: they bear on every figure.
async fn compare(config: &Config, name: Option<&str>, output: &Output) -> Result<(), Failure> {
    let Some(name) = name.or(config.metrics.baseline.as_deref()) else {
        let problem = Problem::new("No baseline is named, here or by `baseline` in `metrics`")
            .fix("`leadgauge baseline list` lists those there are");
        return Err(Failure::start(problem.to_string()));
    };
    let compared = pipeline::compare(config, name).await?;
    output.finish();
    if output.wants_json() {
        let rows: Vec<serde_json::Value> = compared.rows.rows().map_err(Failure::run)?;
        output.json(&json!({ "baseline": name, "notes": compared.notes, "stages": rows }));
        return Ok(());
    }
    for note in &compared.notes {
        output.say(note);
    }
    output.rows(&compared.rows).map_err(Failure::run)
}
