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
#[path = "../process/mod.rs"]
mod process;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

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
    let args = ["run", "--no-send", "--as-of", AS_OF];
    let ran = process::run(process::leadgauge(folder.path(), &args));
    Night {
        seconds: ran.seconds,
        peak_mib: ran.peak_mib,
        mails: outbox(&folder.path().join("warehouse/outbox")),
    }
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
