//! `leadgauge warehouse`.

use std::error::Error;

use serde_json::json;

use super::args::{LogArgs, ReleaseArgs, VacuumArgs, WarehouseCommand};
use super::output::Output;
use super::run::counted;
use super::{Failure, Outcome, erase, run};
use crate::config::Config;
use crate::fs::StoreError;
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
        WarehouseCommand::Erase(args) => erase::erase(config, args, output).await,
        WarehouseCommand::Erased => erase::erased(config, output).await,
        WarehouseCommand::Delta => delta(config, output).await,
        WarehouseCommand::Verify => verify(config, output).await,
        WarehouseCommand::Compact => compact(config, output).await,
        WarehouseCommand::Vacuum(args) => vacuum(config, args, output).await,
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
        output.json(&json!({
            "tables": written.tables, "first": written.first, "version": written.version,
        }));
    } else {
        output.say(&format!(
            "The Delta logs of {} tables are written anew: versions {} to {}",
            written.tables, written.first, written.version
        ));
    }
    Ok(Outcome::Done)
}

async fn verify(config: &Config, output: &Output) -> Result<Outcome, Failure> {
    let verified = pipeline::verify(config).await?;
    output.finish();
    if output.wants_json() {
        output.json(&serde_json::to_value(&verified).map_err(Failure::run)?);
    } else {
        for fault in &verified.faults {
            output.say(&format!("fault: {fault}"));
        }
        output.say(&format!(
            "{} commits and {} files of {} bytes are read: {}",
            verified.commits,
            verified.files,
            verified.bytes,
            counted(verified.faults.len(), "fault")
        ));
    }
    Ok(done_if(verified.faults.is_empty()))
}

async fn compact(config: &Config, output: &Output) -> Result<Outcome, Failure> {
    let (compacted, problem) = pipeline::compact(config).await?;
    output.finish();
    let Some(done) = compacted else {
        if output.wants_json() {
            output.json(&json!({"commit_no": null, "tables": 0, "files": 0}));
        } else {
            output.say("There is nothing to merge: every table is one file");
        }
        return Ok(Outcome::Done);
    };
    if output.wants_json() {
        output.json(
            &json!({"commit_no": done.commit_no, "tables": done.tables, "files": done.files}),
        );
    } else {
        output.say(&format!(
            "{} files of {} are one file each as of version {}; the old ones go with a later vacuum",
            done.files,
            counted(done.tables, "table"),
            done.commit_no
        ));
    }
    if let Some(problem) = &problem {
        output.say(&format!("problem: {}", problem.replace('\n', "\n  ")));
    }
    Ok(done_if(problem.is_none()))
}

/// What goes, or would go, is data: a path a line.
async fn vacuum(config: &Config, args: &VacuumArgs, output: &Output) -> Result<Outcome, Failure> {
    let done = pipeline::vacuum(config, args.grace, args.dry_run).await?;
    output.finish();
    let bytes: u64 = done.gone.iter().map(|file| file.bytes).sum();
    let paths: Vec<&str> = done.gone.iter().map(|file| file.path.as_str()).collect();
    let stuck: Vec<String> = done.stuck.iter().map(in_words).collect();
    if output.wants_json() {
        output.json(
            &json!({"dry_run": args.dry_run, "bytes": bytes, "files": paths,
            "unknown": done.unknown, "failed": stuck}),
        );
    } else {
        for path in &paths {
            output.data(format!("{path}\n").as_bytes());
        }
        for path in &done.unknown {
            output.say(&format!("unknown, left alone: `{path}`"));
        }
        for problem in &stuck {
            output.say(&format!("problem: {problem}"));
        }
        let files = counted(paths.len(), "file");
        let went = if args.dry_run { "would go" } else { "went" };
        output.say(&format!("{files} of {bytes} bytes {went}"));
    }
    Ok(done_if(stuck.is_empty()))
}

fn in_words(error: &StoreError) -> String {
    match error.source() {
        Some(why) => format!("{error}: {why}"),
        None => error.to_string(),
    }
}

fn done_if(complete: bool) -> Outcome {
    if complete {
        Outcome::Done
    } else {
        Outcome::Incomplete
    }
}
