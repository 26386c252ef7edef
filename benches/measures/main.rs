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

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const AS_OF: &str = "2026-11-19";
const TURNS: usize = 3;

fn main() {
    let people = env::var("LEADGAUGE_BENCH_PEOPLE");
    let people = people.map_or(650_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    company::write(folder.path(), people);
    run(leadgauge(&folder, &["run", "--no-send", "--as-of", AS_OF]));
    let answers = folder.path().join("metric.parquet");
    let all = [
        "sql",
        "--format",
        "parquet",
        "--out",
        "metric.parquet",
        "select * from metric",
    ];
    run(leadgauge(&folder, &all));
    let python = python();
    let mut seconds = [Vec::new(), Vec::new()];
    let mut peaks = [0, 0];
    let mut agreed = String::new();
    for _ in 0..TURNS {
        let ours = run(leadgauge(&folder, &["report", "daily", "--out", "page"]));
        seconds[0].push(ours.seconds);
        peaks[0] = peaks[0].max(ours.peak_mib);
        let mut command = Command::new(&python);
        let entries = folder
            .path()
            .join("warehouse/derived/stage_entry/*.parquet");
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
        &folder,
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

fn leadgauge(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadgauge"));
    command.args(args).current_dir(folder.path());
    command
}

struct Ran {
    seconds: f64,
    peak_mib: u64,
    stdout: String,
}

/// Runs a process to its end and watches the most memory that it holds.
fn run(mut command: Command) -> Ran {
    let began = Instant::now();
    let out = tempfile::tempfile().unwrap();
    let mut child = command
        .stdout(Stdio::from(out.try_clone().unwrap()))
        .spawn()
        .unwrap();
    let mut peak_mib = 0;
    let status = loop {
        peak_mib = peak_mib.max(high_water(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?} failed");
    let mut stdout = String::new();
    let mut out = out;
    std::io::Seek::rewind(&mut out).unwrap();
    std::io::Read::read_to_string(&mut out, &mut stdout).unwrap();
    Ran {
        seconds,
        peak_mib,
        stdout,
    }
}

/// The most memory that a process ever held, in MiB; 0 once it is gone.
fn high_water(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.map_or(0, |text| text.parse::<u64>().unwrap() / 1_024)
}

/// A Python that has DuckDB.
fn python() -> PathBuf {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/duckdb");
    let python = venv.join("bin/python");
    if !python.is_file() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&venv);
        run(make);
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "-q", "duckdb==2.0.1"]);
    run(install);
    python
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
