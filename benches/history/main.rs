//! The history of one million people, night by night: `cargo bench --bench history`.
//!
//! Drives the release executable on exports that it writes itself, and prints what it measured:
//!
//! * `nights`: 64 nights on which 0.5 % of the people change: recording a night against reading its
//!   file, and the peak of memory until the history is written, merges included;
//! * `year`: 365 nights of 100,000 people: what the history takes on disk against its first snapshot;
//! * `job`: 1,000 nights of 20,000 people: the whole job on the last nights against the tenth;
//! * `scan`: every column of the whole history, by `leadgauge sql` and by DataFusion's own scan of the
//!   same Parquet files; the answers must be equal.
//!
//! A word behind `--` runs one of them: `cargo bench --bench history -- scan`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, fails by panicking and writes its own exports"
)]

mod company;
mod deployment;
mod scan;

use std::env;
use std::time::{Duration, SystemTime};

use company::Company;
use deployment::{Deployment, Night};

fn main() {
    let asked: Vec<String> = env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    if let [word, files @ ..] = asked.as_slice()
        && word == "datafusion"
    {
        scan::datafusion(files);
        return;
    }
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    if wanted("nights") || wanted("scan") {
        let deployment = nights();
        if wanted("scan") {
            scan::compare(&deployment);
            deployment.compact();
            scan::compare(&deployment);
        }
    }
    if wanted("year") {
        year();
    }
    if wanted("job") {
        job();
    }
}

/// 64 nights of one million people.
fn nights() -> Deployment {
    let mut company = Company::new(number("PEOPLE", 1_000_000));
    let deployment = Deployment::new(&company);
    let count = number("NIGHTS", 64);
    let mut measured = Vec::new();
    for night in 0..=count {
        deployment.export(&company, night);
        measured.push(deployment.run(night));
        deployment.forget(night);
        company.live(night + 1);
    }
    let later = &measured[1..];
    let ratio = |night: &Night| night.recording.as_secs_f64() / night.reading.as_secs_f64();
    let ratios: Vec<f64> = later.iter().map(ratio).collect();
    let mib = later.iter().map(|night| night.peak).max().unwrap_or(0) / (1 << 20);
    println!(
        "nights: {} of {} people, 0.5 % change",
        later.len(),
        company.people()
    );
    println!("  the first snapshot: {}", measured[0]);
    println!("  the median night: {}", median(later));
    println!(
        "  recording against reading: {:.2} in the median, {:.2} at most, merges included",
        middle(&ratios),
        ratios.iter().copied().fold(0.0, f64::max)
    );
    println!("  peak memory until the history is written: {mib} MiB");
    deployment
}

/// A year of nights.
fn year() {
    let mut company = Company::new(number("PEOPLE", 1_000_000) / 10);
    let deployment = Deployment::new(&company);
    let mut first = 0;
    for night in 0..=365 {
        deployment.export(&company, night);
        deployment.run(night);
        deployment.forget(night);
        company.live(night + 1);
        if night == 0 {
            first = deployment.history_bytes();
        }
    }
    let bytes = deployment.history_bytes();
    println!(
        "year: {} people, 365 nights: {:.1} MB of history, {:.2} times the first snapshot's {:.1} MB",
        company.people(),
        bytes as f64 / 1e6,
        bytes as f64 / first as f64,
        first as f64 / 1e6
    );
}

/// The whole job over a thousand nights, a day apart by the age of their files.
fn job() {
    let mut company = Company::new(number("JOB_PEOPLE", 20_000));
    let deployment = Deployment::whole(&company);
    let nights = number("JOB_NIGHTS", 1_000);
    let mut seconds = Vec::new();
    for night in 0..=nights {
        deployment.export(&company, night);
        let began = SystemTime::now();
        seconds.push(deployment.run(night).whole.as_secs_f64());
        deployment.forget(night);
        deployment.age(began, nights - night);
        company.live(night + 1);
    }
    let early = middle(&seconds[6..15]);
    let last = middle(&seconds[seconds.len() - 9..]);
    println!(
        "job: {} people, night 10 {early:.3} s, night {} {last:.3} s (medians of nine): {:.2} times",
        company.people(),
        seconds.len() - 1,
        last / early
    );
}

fn median(nights: &[Night]) -> Night {
    let of = |part: fn(&Night) -> Duration| {
        let seconds: Vec<f64> = nights
            .iter()
            .map(|night| part(night).as_secs_f64())
            .collect();
        Duration::from_secs_f64(middle(&seconds))
    };
    Night {
        reading: of(|night| night.reading),
        recording: of(|night| night.recording),
        whole: of(|night| night.whole),
        peak: nights.iter().map(|night| night.peak).max().unwrap_or(0),
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A size, which `LEADGAUGE_BENCH_<name>` makes smaller for a trial.
fn number(name: &str, usual: usize) -> usize {
    let told = env::var(format!("LEADGAUGE_BENCH_{name}"));
    told.map_or(usual, |text| text.parse().unwrap())
}
