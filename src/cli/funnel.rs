//! `leadgauge funnel`.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::args::{Format, FunnelCommand, ReplayArgs, WhatifArgs};
use super::output::Output;
use super::run::counted;
use super::sql::written;
use super::{Failure, Outcome, table};
use crate::config::Config;
use crate::fs;
use crate::pipeline::contract::{self, Contrast, Sweep, Swept, Tried};

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
    let mut text = match contrast.words.as_slice() {
        [] => "The definitions are the same\n".to_owned(),
        words => format!("{}\n", words.join("\n")),
    };
    text.push_str(&format!(
        "\nOver the history up to {}, before ({before}) and after ({after}):\n",
        contrast.as_of
    ));
    let stages: Vec<StageRow> = contrast.stages.rows().map_err(Failure::run)?;
    text.push_str(&side_by_side(&stages));
    output.data(text.as_bytes());
    Ok(Outcome::Done)
}

/// A row of `queries/contract/contrast.sql`.
#[derive(Deserialize)]
struct StageRow {
    stage: String,
    entered_before: Option<i64>,
    entered_after: Option<i64>,
    next_rate_before: Option<f64>,
    next_rate_after: Option<f64>,
    close_rate_before: Option<f64>,
    close_rate_after: Option<f64>,
    median_days_before: Option<f64>,
    median_days_after: Option<f64>,
    enter: i64,
    leave: i64,
    other_day: i64,
}

fn side_by_side(stages: &[StageRow]) -> String {
    let head = [
        "stage",
        "entries",
        "to the next",
        "to a won close",
        "median days",
        "persons in",
        "out",
        "other day",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let number = |n: i64| n.to_string();
    let percent = |rate: f64| format!("{:.1} %", rate * 100.0);
    let days = |days: f64| format!("{days:.1}");
    for it in stages {
        rows.push(vec![
            it.stage.clone(),
            pair(it.entered_before, it.entered_after, number),
            pair(it.next_rate_before, it.next_rate_after, percent),
            pair(it.close_rate_before, it.close_rate_after, percent),
            pair(it.median_days_before, it.median_days_after, days),
            it.enter.to_string(),
            it.leave.to_string(),
            it.other_day.to_string(),
        ]);
    }
    table::text(&rows)
}

/// `6 > 4`; a dash for what is not there.
fn pair<T>(before: Option<T>, after: Option<T>, shown: impl Fn(T) -> String) -> String {
    let [before, after] = [before, after].map(|it| it.map_or_else(dash, &shown));
    format!("{before} > {after}")
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
        output.data(told(&swept).as_bytes());
    }
    Ok(Outcome::Done)
}

/// Three tables: months, later stages and commitments down, values across.
fn told(swept: &Swept) -> String {
    let names: Vec<String> = swept.tried.iter().map(name).collect();
    let head = |first: &str| [&[first.to_owned()][..], &names].concat();
    let across = |first: String, cell: &dyn Fn(&Tried) -> String| {
        let mut row = vec![first];
        row.extend(swept.tried.iter().map(cell));
        row
    };
    let Some(today) = swept.tried.first() else {
        return String::new();
    };
    let mut months = vec![head("month")];
    for (index, month) in today.months.iter().enumerate() {
        let shown = month.month.strftime("%Y-%m").to_string();
        months.push(across(shown, &|it| {
            cell(it.months.get(index).map(|it| it.n))
        }));
    }
    let mut reach = vec![head("to")];
    for (index, later) in today.reach.iter().enumerate() {
        let rate = |it: &Tried| {
            it.reach
                .get(index)
                .map_or_else(dash, |it| share(it.reached, it.n))
        };
        reach.push(across(later.to_stage.clone(), &rate));
    }
    let mut text = format!(
        "Entries into `{}` a month, up to {}\n{}\nOf these, over the whole history, reached\n{}",
        swept.stage,
        swept.as_of,
        table::text(&months),
        table::text(&reach)
    );
    for (index, promise) in today.promises.iter().enumerate() {
        let of = |it: &Tried, figure: &dyn Fn(&contract::Promise) -> String| {
            it.promises.get(index).map_or_else(dash, figure)
        };
        let rows = [
            head(&format!("{} {}", promise.stage, promise.quarter)),
            across("commitment".to_owned(), &|it| {
                of(it, &|it| it.commitment.to_string())
            }),
            across("attained".to_owned(), &|it| {
                of(it, &|it| it.attained.to_string())
            }),
            across("a week, lately".to_owned(), &|it| {
                of(it, &|it| format!("{:.1}", it.weekly))
            }),
            across("a week, needed".to_owned(), &|it| {
                of(it, &|it| {
                    it.needed_weekly
                        .map_or_else(dash, |needed| format!("{needed:.1}"))
                })
            }),
            across("enough".to_owned(), &|it| {
                of(it, &|it| if it.reachable { "yes" } else { "no" }.to_owned())
            }),
        ];
        text.push_str(&format!("\nThe commitment\n{}", table::text(&rows)));
    }
    text
}

fn name(tried: &Tried) -> String {
    tried.value.clone().unwrap_or_else(|| "today".to_owned())
}

fn cell(n: Option<i64>) -> String {
    n.map_or_else(dash, |n| n.to_string())
}

fn dash() -> String {
    "-".to_owned()
}

/// `61 of 100, 61.0 %`.
fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return dash();
    }
    let permille = (part * 2000 + whole) / (whole * 2);
    format!("{part} of {whole}, {}.{} %", permille / 10, permille % 10)
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
