//! 500 recipients, each with a scope of their own: `cargo bench --bench recipients`.
//!
//! Drives the release executable over the same night twice, once with a single recipient and once with
//! 500 more whom a query gives, and prints what the 500 cost: seconds, and the most memory that the
//! process held. Each must have one mail in the outbox, and each mail its proof.
//!
//! `LEADGAUGE_BENCH_PEOPLE` makes the company smaller for a trial.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, fails by panicking and writes its own exports"
)]

#[path = "../measures/company.rs"]
mod company;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const AS_OF: &str = "2026-11-19";
const RECIPIENTS: usize = 500;

const QUERY: &str = "-- parts: one recipient for each of 500 parts of the company.
select concat(channel, '-', segment, '@bench.example') as email, channel, segment
from (select distinct channel, segment from person where channel is not null and segment is not null
      order by channel, segment limit 500)
";

fn main() {
    let people = env::var("LEADGAUGE_BENCH_PEOPLE");
    let people = people.map_or(20_000, |text| text.parse().unwrap());
    let alone = night(people, "ops@bench.example");
    let all = night(
        people,
        "ops@bench.example, { query: parts, scope: [channel, segment] }",
    );
    assert_eq!((alone.mails, all.mails), (1, RECIPIENTS + 1));
    println!(
        "recipients: {RECIPIENTS} with a scope of their own, of {people} people: {:.2} s more than for one ({:.2} s against \
         {:.2} s), {} MiB at most against {} MiB",
        all.seconds - alone.seconds,
        all.seconds,
        alone.seconds,
        all.peak_mib,
        alone.peak_mib
    );
}

struct Night {
    seconds: f64,
    peak_mib: u64,
    mails: usize,
}

/// One night that mails whom `to` names; nothing is sent.
fn night(people: usize, to: &str) -> Night {
    let folder = tempfile::tempdir().unwrap();
    company::write(folder.path(), people);
    let config = folder.path().join("config/leadgauge.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text
        .replace("[ops@bench.example]", &format!("[{to}]"))
        .replace("lead_source, segment, region, owner_id, channel", "segment");
    fs::write(&config, text).unwrap();
    let queries = folder.path().join("queries/recipients");
    fs::create_dir_all(&queries).unwrap();
    fs::write(queries.join("parts.sql"), QUERY).unwrap();
    let began = Instant::now();
    let peak_mib = run(folder.path());
    let seconds = began.elapsed().as_secs_f64();
    Night {
        seconds,
        peak_mib,
        mails: outbox(&folder.path().join("warehouse/outbox")),
    }
}

/// Runs the night to its end and gives the most memory, in MiB, that it held.
fn run(folder: &Path) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_leadgauge"))
        .args(["run", "--no-send", "--as-of", AS_OF])
        .current_dir(folder)
        .spawn()
        .unwrap();
    let mut peak = 0;
    loop {
        peak = peak.max(high_water(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the night failed");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The most memory that a process ever held, in MiB; 0 once it is gone.
fn high_water(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.map_or(0, |text| text.parse::<u64>().unwrap() / 1_024)
}

/// How many recipients have exactly one mail.
fn outbox(folder: &Path) -> usize {
    let mut to = BTreeSet::new();
    let mut mails = 0;
    for night in fs::read_dir(folder).unwrap().flatten() {
        for file in fs::read_dir(night.path()).unwrap().flatten() {
            if file
                .path()
                .extension()
                .is_some_and(|ending| ending == "json")
            {
                let envelope = fs::read_to_string(file.path()).unwrap();
                let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
                to.insert(envelope["to"].as_str().unwrap().to_owned());
                mails += 1;
            }
        }
    }
    assert_eq!(to.len(), mails, "somebody has two mails");
    mails
}
