//! `leadgauge demo`.

use std::path::Path;
use std::time::Instant;

use include_dir::{Dir, include_dir};

use super::args::DemoArgs;
use super::output::Output;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::demo::{self, Plan, Told};
use crate::pipeline::{self, Mails, ReportPage, RunSummary};
use crate::{fs, problem::Problem};

/// The shipped example deployment; the demo's exports are what it reads.
static CONFIG: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config");

/// Stands in a folder that the demo made, so that the demo may make it anew.
const MARK: &str = ".leadgauge-demo";

pub(super) async fn demo(args: &DemoArgs, output: &Output) -> Result<Outcome, Failure> {
    let began = Instant::now();
    clear(&args.dir)?;
    fs::write(
        &args.dir.join(MARK),
        b"Made by `leadgauge demo`, which may make it anew.\n",
    )
    .map_err(Failure::run)?;
    let plan = Plan {
        people: args.people,
        days: args.days,
        seed: args.seed,
        ..Plan::default()
    };
    output.say(&format!(
        "Making a company of {} people in {}",
        plan.people,
        args.dir.display()
    ));
    let told = demo::write(&plan, &args.dir).map_err(Failure::run)?;
    for file in CONFIG.files() {
        fs::write(&args.dir.join("config").join(file.path()), file.contents())
            .map_err(Failure::run)?;
    }
    let config = Config::load(&args.dir.join("config/leadgauge.yaml"))?;
    for line in made(&told) {
        output.say(&line);
    }
    let mut nights = Vec::new();
    for night in &told.nights {
        let summary = pipeline::run(&config, *night, Mails::Send, &|event| {
            output.progress(event);
        })
        .await?;
        // The import holds the whole past: what is compared with from here on is frozen from it.
        if nights.is_empty()
            && let Some(name) = &config.metrics.baseline
        {
            pipeline::freeze(&config, name, None, true).await?;
        }
        nights.push(summary);
    }
    output.finish();
    for line in closing(args, &nights, began.elapsed().as_secs_f64()) {
        output.say(&line);
    }
    Ok(Outcome::Done)
}

/// What the exports hold, and what is wrong with them on purpose.
fn made(told: &Told) -> Vec<String> {
    let mut lines = vec![format!(
        "{} people of {} companies, {} rows of Salesforce and Marketo exports, {} MB; wrong on purpose:",
        told.people,
        told.companies,
        told.rows,
        told.bytes / 1_000_000
    )];
    lines.extend(told.faults.iter().map(|fault| {
        let what = fault
            .file
            .map_or_else(String::new, |file| format!(" {file}"));
        format!("  {}  {}{what} {}", fault.night, fault.source, fault.what)
    }));
    lines
}

/// Removes what an earlier demo made; refuses to touch any other folder that has something in it.
fn clear(folder: &Path) -> Result<(), Failure> {
    let empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if empty {
        return Ok(());
    }
    if !folder.join(MARK).is_file() {
        let problem = Problem::new(format!(
            "`{}` is there and is no demo's folder",
            folder.display()
        ))
        .fix("name another with --dir, or remove it yourself");
        return Err(Failure::start(problem.to_string()));
    }
    std::fs::remove_dir_all(folder).map_err(Failure::start)
}

/// What happened, where things are, what to type next.
fn closing(args: &DemoArgs, nights: &[RunSummary], seconds: f64) -> Vec<String> {
    let dir = args.dir.display();
    let mails: usize = nights.iter().map(|night| night.sent).sum();
    let mut lines = vec![format!(
        "{} nights are published, the first of them the import of the whole past; {mails} mails are written ({seconds:.0} s)",
        nights.len()
    )];
    for night in nights.iter().filter(|night| !night.is_complete()) {
        let faults: Vec<String> = night
            .streams
            .iter()
            .filter(|stream| stream.outcome != "ok")
            .map(|stream| format!("{}.{} {}", stream.source, stream.stream, stream.outcome))
            .collect();
        lines.push(format!(
            "  {} went on without {}",
            night.as_of,
            faults.join(", ")
        ));
    }
    if let Some(last) = nights.last() {
        let page = |report: &ReportPage| format!("{dir}/warehouse/{}", report.path);
        let pages: Vec<String> = last.reports.iter().map(page).collect();
        let config = format!("--config {dir}/config/leadgauge.yaml");
        lines.extend([
            format!("Reports    {}", pages.join("\n           ")),
            format!("Mails      {dir}/mail/*.eml"),
            format!("Warehouse  {dir}/warehouse"),
            format!("Truth      {dir}/truth.json (what the simulation knows; compare)"),
            "Next:".to_owned(),
            format!("  cargo run -- {config} sql \"select stage, count(*) as n from stage_entry group by stage order by n desc\""),
            format!("  cargo run -- {config} report sla-weekly --out {dir}/out"),
            format!("  cargo run -- {config} runs"),
        ]);
    }
    lines
}
