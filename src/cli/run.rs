//! `leadgauge run`.

use super::args::RunArgs;
use super::output::Output;
use super::{Failure, Outcome};
use crate::clock;
use crate::config::Config;
use crate::pipeline::{self, Mails, RunSummary};

pub(super) async fn run(
    config: &Config,
    args: &RunArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let as_of = args
        .as_of
        .unwrap_or_else(|| clock::yesterday(&config.time_zone));
    let summary = pipeline::run(config, as_of, mails(args.no_send), &|event| {
        output.event(event);
    })
    .await?;
    tell(&summary, output)
}

/// What `--no-send` asks for.
pub(super) fn mails(no_send: bool) -> Mails {
    if no_send { Mails::Queue } else { Mails::Send }
}

/// Says what a run did.
pub(super) fn tell(summary: &RunSummary, output: &Output) -> Result<Outcome, Failure> {
    output.finish();
    if output.wants_json() {
        let line = serde_json::to_string(summary).map_err(Failure::run)?;
        output.data(format!("{line}\n").as_bytes());
    } else {
        for line in told(summary) {
            output.say(&line);
        }
    }
    Ok(outcome(summary))
}

pub(super) fn outcome(summary: &RunSummary) -> Outcome {
    match (summary.is_complete(), summary.transient) {
        (true, _) => Outcome::Done,
        (false, true) => Outcome::TryAgain,
        (false, false) => Outcome::Incomplete,
    }
}

/// A run in a few lines.
pub(super) fn told(summary: &RunSummary) -> Vec<String> {
    let mut lines = Vec::new();
    let streams = summary.streams.len();
    let whole = summary
        .streams
        .iter()
        .filter(|stream| stream.outcome == "ok")
        .count();
    match (summary.commit_no, summary.already_published) {
        (Some(number), _) if summary.late => lines.push(format!(
            "{} came late: {whole} of {streams} streams join the history in version {number}, {:.1} s",
            summary.as_of, summary.seconds
        )),
        (Some(number), true) => lines.push(format!(
            "{} was published already, as version {number}: nothing is pulled, {}",
            summary.as_of,
            sent(summary)
        )),
        (Some(number), false) => lines.push(format!(
            "{} is published as version {number}: {whole} of {streams} streams, {}, {}, {:.1} s",
            summary.as_of,
            counted(summary.reports.len(), "report"),
            sent(summary),
            summary.seconds
        )),
        (None, _) => lines.push(format!("{} is not published", summary.as_of)),
    }
    lines.extend(
        summary
            .problems
            .iter()
            .map(|problem| format!("problem: {}", problem.replace('\n', "\n  "))),
    );
    lines.extend(summary.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn sent(summary: &RunSummary) -> String {
    format!("{} sent", counted(summary.sent, "mail"))
}

/// `1 mail`, `2 mails`.
pub(super) fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
