//! All measures by five dimensions over two million stage entries: `cargo bench --bench measures`.
//!
//! Drives the release executable over a night that it makes itself, and DuckDB over the night's own
//! `stage_entry`, and prints both times, their ratio and both peaks of memory. The program's time is that
//! of `leadgauge report daily`: the whole process, which computes every measure anew and renders a page.
//! DuckDB's is that of reading the same files and of its best SQL for the same figures; those that it
//! makes must be the program's own. DuckDB comes from PyPI into `target/duckdb`.
//!
//! `LEADGAUGE_BENCH_PEOPLE` makes it smaller for a trial.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, fails by panicking and writes its own exports"
)]

mod company;
#[path = "../process/mod.rs"]
mod process;

use std::env;
use std::path::Path;
use std::process::Command;

use process::{leadgauge, middle, run};

const AS_OF: &str = "2026-11-19";
const TURNS: usize = 3;

fn main() {
    let people = env::var("LEADGAUGE_BENCH_PEOPLE");
    let people = people.map_or(650_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    company::write(folder, people);
    run(leadgauge(folder, &["run", "--no-send", "--as-of", AS_OF]));
    let answers = folder.join("metric.parquet");
    let all = [
        "sql",
        "--format",
        "parquet",
        "--out",
        "metric.parquet",
        "select * from metric",
    ];
    run(leadgauge(folder, &all));
    let python = process::python("duckdb", &["duckdb==2.0.1"]);
    let mut seconds = [Vec::new(), Vec::new()];
    let mut peaks = [0, 0];
    let mut agreed = String::new();
    for _ in 0..TURNS {
        let ours = run(leadgauge(folder, &["report", "daily", "--out", "page"]));
        seconds[0].push(ours.seconds);
        peaks[0] = peaks[0].max(ours.peak_mib);
        let mut command = Command::new(&python);
        let entries = folder.join("warehouse/derived/stage_entry/*.parquet");
        command.arg("benches/measures/duckdb_measures.py").args([
            &entries,
            Path::new(AS_OF),
            &answers,
        ]);
        let told = run(command).stdout;
        let told: Vec<&str> = told.split_whitespace().collect();
        seconds[1].push(told[0].parse().unwrap());
        peaks[1] = peaks[1].max(told[1].parse().unwrap());
        told[2].clone_into(&mut agreed);
    }
    let count = leadgauge(
        folder,
        &[
            "sql",
            "--format",
            "csv",
            "select count(*) as n from stage_entry",
        ],
    );
    let entries = run(count).stdout.replace("n\n", "");
    let [ours, duckdb] = seconds.map(|seconds| middle(&seconds));
    println!(
        "measures: {} stage entries, five dimensions: leadgauge {ours:.2} s and {} MiB, DuckDB {duckdb:.2} s and {} MiB: \
         {:.2} times; {agreed} figures agree",
        entries.trim(),
        peaks[0],
        peaks[1],
        ours / duckdb
    );
}
