//! The stage walk over stored evidence, against DuckDB and Polars: `cargo bench --bench replay`.
//!
//! Makes the evidence of a million people, about twenty million rows of it, and has `leadgauge funnel
//! walk` turn it into stage entries on disk; then DuckDB and Polars, by the best query for it that we
//! know, over the same file into the same columns. The three must give the same entries. Prints the time
//! and the peak of memory of each whole process, and how the program's time stands to decoding the same
//! columns and writing the same entries on two threads, which nobody can do without.
//!
//! The queries know less than the walk: this company has one definition, no opportunities, no dates
//! without time, no censored evidence. DuckDB and Polars come from PyPI into `target/replay`.
//!
//! `LEADGAUGE_BENCH_PEOPLE` makes it smaller for a trial.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, fails by panicking and writes its own files"
)]

mod bare;
mod company;
#[path = "../process/mod.rs"]
mod process;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use process::{leadgauge, middle, run};

const TURNS: usize = 5;

const CONFIG: &str = r#"
company: Bench
time_zone: UTC
warehouse: ../warehouse
sources:
  - name: crm
    files: { location: ../exports, streams: [{ name: lead, path: "{date}.csv", snapshot: { key: Id } }] }
metrics: { dimensions: [] }
reports:
  - { name: daily, schedule: daily, to: [ops@bench.example] }
delivery: { from: Bench <bench@bench.example>, transport: { folder: ../mail } }
"#;

/// What a tool took, over all turns.
#[derive(Default)]
struct Taken {
    seconds: Vec<f64>,
    peak_mib: u64,
}

fn main() {
    let people = env::var("LEADGAUGE_BENCH_PEOPLE");
    let people = people.map_or(1_000_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    deploy(folder);
    let evidence = folder.join("evidence.parquet");
    let rows = company::write(&evidence, people);
    let python = process::python("replay", &["duckdb==2.0.1", "polars==2.1.0"]);
    let rivals = ["duckdb", "polars"];
    let mut taken: [Taken; 3] = Default::default();
    let mut bare = Vec::new();
    for _ in 0..TURNS {
        walk(folder, &mut taken[0]);
        for (rival, taken) in rivals.iter().zip(&mut taken[1..]) {
            ask(rival, &python, folder, taken);
        }
        let decoding = bare::decode(&evidence);
        bare.push(decoding + bare::write(&folder.join("ours.parquet"), folder));
    }
    let entries = rivals.map(|rival| same(rival, &python, folder));
    let [ours, duckdb, polars] = taken.map(|taken| (middle(&taken.seconds), taken.peak_mib));
    println!(
        "replay: {people} people, {rows} rows of evidence, {} entries, the same of all three",
        entries[0]
    );
    println!("  leadgauge {:.2} s, {} MiB", ours.0, ours.1);
    for (name, (seconds, peak)) in [("DuckDB", duckdb), ("Polars", polars)] {
        println!(
            "  {name} {seconds:.2} s, {peak} MiB: {:.1} times the time, {:.1} times the memory",
            seconds / ours.0,
            ratio(peak, ours.1)
        );
    }
    let bare = middle(&bare);
    println!(
        "  decoding and writing alone {bare:.2} s: the walk takes {:.2} times that",
        ours.0 / bare
    );
}

fn deploy(folder: &Path) {
    let config = folder.join("config");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("leadgauge.yaml"), CONFIG).unwrap();
    fs::write(config.join("funnel.yaml"), company::FUNNEL).unwrap();
    fs::write(config.join("sla.yaml"), "").unwrap();
    fs::write(config.join("calendar.yaml"), "").unwrap();
}

fn walk(folder: &Path, taken: &mut Taken) {
    let args = [
        "funnel",
        "walk",
        "evidence.parquet",
        "--out",
        "ours.parquet",
        "--as-of",
        "2026-11-19",
    ];
    let ran = run(leadgauge(folder, &args));
    taken.seconds.push(ran.seconds);
    taken.peak_mib = taken.peak_mib.max(ran.peak_mib);
}

/// A rival times itself, without its start and its imports.
fn ask(rival: &str, python: &Path, folder: &Path, taken: &mut Taken) {
    let mut command = Command::new(python);
    command
        .arg(format!("benches/replay/{rival}_replay.py"))
        .arg(folder.join("evidence.parquet"))
        .arg(folder.join(format!("{rival}.parquet")));
    let told = run(command).stdout;
    let told: Vec<&str> = told.split_whitespace().collect();
    taken.seconds.push(told[0].parse().unwrap());
    taken.peak_mib = taken.peak_mib.max(told[1].parse().unwrap());
}

/// The number of entries, which must be the rival's to the last column.
fn same(rival: &str, python: &Path, folder: &Path) -> String {
    let mut command = Command::new(python);
    command
        .arg("benches/replay/compare.py")
        .arg(folder.join("ours.parquet"))
        .arg(folder.join(format!("{rival}.parquet")));
    run(command).stdout.trim().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "memory in MiB")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}
