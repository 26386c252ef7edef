//! `leadgauge funnel`.

use std::path::Path;

use serde_json::json;

use super::args::{Format, FunnelCommand, ReplayArgs, WalkArgs, WhatifArgs};
use super::output::Output;
use super::run::counted;
use super::sql::written;
use super::{Failure, Outcome, compared};
use crate::config::Config;
use crate::fs;
use crate::pipeline::contract::{self, Contrast, Sweep};

pub(super) async fn funnel(
    config: &Config,
    command: &FunnelCommand,
    output: &Output,
) -> Result<Outcome, Failure> {
    match command {
        FunnelCommand::Show(args) => show(config, args.file.as_deref(), output),
        FunnelCommand::Sql(args) => sql(config, args.stage.as_deref(), output).await,
        FunnelCommand::Test(args) => test(config, args.file.as_deref(), output).await,
        FunnelCommand::Diff(args) => {
            let names = (args.before.as_deref(), args.after.as_deref());
            let contrast = Box::pin(contract::diff(config, names.0, names.1)).await?;
            print_contrast(&contrast, output)
        }
        FunnelCommand::Replay(args) => Box::pin(replay(config, args, output)).await,
        FunnelCommand::Walk(args) => walk(config, args, output),
        FunnelCommand::Whatif(args) => Box::pin(whatif(config, args, output)).await,
        FunnelCommand::Sign(args) => sign(config, &args.role, &args.name, output),
    }
}

fn show(config: &Config, file: Option<&Path>, output: &Output) -> Result<Outcome, Failure> {
    let card = contract::card(&contract::definition(config, file)?);
    output.finish();
    if output.wants_json() {
        output.json(&serde_json::to_value(&card).map_err(Failure::run)?);
    } else {
        output.data(card.to_string().as_bytes());
    }
    Ok(Outcome::Done)
}

async fn sql(config: &Config, stage: Option<&str>, output: &Output) -> Result<Outcome, Failure> {
    let queries = contract::stage_sql(config, stage).await?;
    output.finish();
    if output.wants_json() {
        output.json(&serde_json::to_value(&queries).map_err(Failure::run)?);
    } else {
        let shown = queries.iter().map(|query| {
            let (stage, trigger) = (&query.stage, query.trigger);
            format!("-- Stage `{stage}`, `{trigger}`\n{};\n", query.sql)
        });
        output.data(shown.collect::<Vec<_>>().join("\n").as_bytes());
    }
    Ok(Outcome::Done)
}

async fn test(config: &Config, file: Option<&Path>, output: &Output) -> Result<Outcome, Failure> {
    let config = contract::definition(config, file)?;
    let tested = contract::test(&config).await?;
    output.finish();
    let failures: Vec<String> = tested.failures.iter().map(ToString::to_string).collect();
    if output.wants_json() {
        output.json(&json!({
            "definition": config.funnel.definition, "examples": tested.examples, "failures": failures,
        }));
    } else {
        for failure in &failures {
            output.say(&format!("{failure}\n"));
        }
        let examples = counted(tested.examples, "example");
        output.say(&match failures.len() {
            0 => format!(
                "{examples} of definition `{}` as expected",
                config.funnel.definition
            ),
            number => format!("{examples}, {} not as expected", counted(number, "stage")),
        });
    }
    Ok(if failures.is_empty() {
        Outcome::Done
    } else {
        Outcome::Incomplete
    })
}

fn print_contrast(contrast: &Contrast, output: &Output) -> Result<Outcome, Failure> {
    output.finish();
    if output.wants_json() {
        let stages: Vec<serde_json::Value> = contrast.stages.rows().map_err(Failure::run)?;
        output.json(&json!({
            "as_of": contrast.as_of, "before": contrast.before, "after": contrast.after,
            "words": contrast.words, "stages": stages,
        }));
        return Ok(Outcome::Done);
    }
    let (before, after) = (&contrast.before, &contrast.after);
    let words = match contrast.words.as_slice() {
        [] => "The definitions are the same".to_owned(),
        words => words.join("\n"),
    };
    let stages = contrast.stages.rows().map_err(Failure::run)?;
    let text = format!(
        "{words}\n\nOver the history up to {}, before ({before}) and after ({after}):\n{}",
        contrast.as_of,
        compared::side_by_side(&stages)
    );
    output.data(text.as_bytes());
    Ok(Outcome::Done)
}

async fn replay(config: &Config, args: &ReplayArgs, output: &Output) -> Result<Outcome, Failure> {
    let other = contract::definition(config, Some(&args.file))?;
    let contrast = contract::replay(config, &other, args.as_of).await?;
    if let Some(folder) = &args.out {
        let ending = match args.format {
            Format::Table => "txt",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
        };
        let bytes = written(&contrast.entries, args.format).map_err(Failure::run)?;
        let path = folder.join(format!("stage_entry.{ending}"));
        fs::write(&path, &bytes).map_err(Failure::run)?;
    }
    print_contrast(&contrast, output)
}

fn walk(config: &Config, args: &WalkArgs, output: &Output) -> Result<Outcome, Failure> {
    let walked = contract::walk(config, &args.evidence, args.as_of, &args.out)?;
    output.finish();
    let read: u64 = walked.counts.values().sum();
    if output.wants_json() {
        output.json(&json!({
            "evidence": read, "entries": walked.entries, "fates": walked.counts,
            "file": args.out.display().to_string(),
        }));
        return Ok(Outcome::Done);
    }
    let happened = walked.counts.iter().filter(|(_, count)| **count > 0);
    let fates = happened.map(|(fate, count)| format!("\n  {fate}: {count}"));
    output.say(&format!(
        "`{}` holds what was entered: {} rows, of {read} rows of evidence{}",
        args.out.display(),
        walked.entries,
        fates.collect::<String>()
    ));
    Ok(Outcome::Done)
}

async fn whatif(config: &Config, args: &WhatifArgs, output: &Output) -> Result<Outcome, Failure> {
    let asked = Sweep {
        stage: &args.stage,
        when: args.when.as_deref(),
        number: args.number.as_deref(),
        values: &args.values,
    };
    let swept = contract::whatif(config, &asked).await?;
    output.finish();
    if output.wants_json() {
        output.json(&serde_json::to_value(&swept).map_err(Failure::run)?);
    } else {
        output.data(compared::swept(&swept).as_bytes());
    }
    Ok(Outcome::Done)
}

fn sign(config: &Config, role: &str, name: &str, output: &Output) -> Result<Outcome, Failure> {
    let signature = contract::sign(config, role, name)?;
    output.finish();
    let file = config.signatures_file();
    if output.wants_json() {
        output.json(&json!({ "file": file.display().to_string(), "signature": signature }));
    } else {
        output.say(&format!(
            "{role} signed definition `{}` on {}: commit `{}` with the rest",
            signature.definition,
            signature.date,
            file.display()
        ));
    }
    Ok(Outcome::Done)
}
