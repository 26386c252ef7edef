//! `leadgauge backfill`.

use super::args::BackfillArgs;
use super::output::Output;
use super::{Failure, Outcome, run};
use crate::clock;
use crate::config::Config;
use crate::pipeline;

pub(super) async fn backfill(
    config: &Config,
    args: &BackfillArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let to = args
        .to
        .unwrap_or_else(|| clock::yesterday(&config.time_zone));
    if to < args.from {
        return Err(Failure::start(format!(
            "{} comes after {to}\n  fix: name the first day first",
            args.from
        )));
    }
    let watch = |event: &pipeline::Event| output.event(event);
    let days = pipeline::Days {
        from: args.from,
        to,
        mails: run::mails(args.no_send),
    };
    let summaries = pipeline::backfill(config, &days, &watch).await?;
    let mut worst = Outcome::Done;
    for summary in &summaries {
        worst = worst.worse(run::tell(summary, output)?);
    }
    if summaries.is_empty() && !output.wants_json() {
        output.finish();
        output.say(&format!("Nothing is missing from {} to {to}", args.from));
    }
    Ok(worst)
}
