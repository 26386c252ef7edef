//! `leadgauge deliver`.

use serde_json::json;

use super::args::{DeliverCommand, MessagesArgs, PreviewArgs, ResendArgs};
use super::output::Output;
use super::run::{self, counted};
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline::{self, RunSummary, Which};

pub(super) async fn deliver(
    config: &Config,
    command: &DeliverCommand,
    output: &Output,
) -> Result<Outcome, Failure> {
    match command {
        DeliverCommand::List(args) => list(config, args, output).await,
        DeliverCommand::Retry => {
            let summary = pipeline::retry(config).await?;
            Ok(tell(&summary, "There is nothing to send", output))
        }
        DeliverCommand::Resend(args) => resend(config, args, output).await,
        DeliverCommand::Preview(args) => preview(config, args, output).await,
    }
}

async fn list(config: &Config, args: &MessagesArgs, output: &Output) -> Result<Outcome, Failure> {
    let frame = pipeline::list_messages(config, &which(args)).await?;
    output.finish();
    output.rows(&frame).map_err(Failure::run)?;
    Ok(Outcome::Done)
}

async fn resend(config: &Config, args: &ResendArgs, output: &Output) -> Result<Outcome, Failure> {
    let summary = pipeline::resend(config, &args.message, &args.name).await?;
    Ok(tell(&summary, "Nothing was sent", output))
}

async fn preview(config: &Config, args: &PreviewArgs, output: &Output) -> Result<Outcome, Failure> {
    let written = pipeline::preview(config, &which(&args.messages), &args.out).await?;
    output.finish();
    let files: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if output.wants_json() {
        output.json(&json!({ "files": files }));
    } else if files.is_empty() {
        output.say(
            "No message fits: `leadgauge run --no-send` makes a night's mails without sending them, \
             and `--as-of DATE` takes those of a day that were sent already",
        );
    } else {
        output.data(format!("{}\n", files.join("\n")).as_bytes());
    }
    Ok(Outcome::Done)
}

fn which(args: &MessagesArgs) -> Which {
    Which {
        as_of: args.as_of,
        report: args.report.clone(),
        to: args.to.clone(),
    }
}

/// What was sent, and what stood in the way.
fn tell(summary: &RunSummary, nothing: &str, output: &Output) -> Outcome {
    output.finish();
    if output.wants_json() {
        output.json(&json!({"sent": summary.sent, "problems": summary.problems}));
    } else {
        if summary.sent > 0 {
            output.say(&format!("{} sent", counted(summary.sent, "mail")));
        } else if summary.is_complete() {
            output.say(nothing);
        }
        for note in &summary.notes {
            output.say(&format!("note: {note}"));
        }
        for problem in &summary.problems {
            output.say(&format!("problem: {}", problem.replace('\n', "\n  ")));
        }
    }
    run::outcome(summary)
}
