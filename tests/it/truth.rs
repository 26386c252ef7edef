//! The demo's company against what its simulation made happen: every entry, every count and every mean,
//! with no tolerance but that of a sum of floating numbers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::demo::{demo, sql};
use crate::support::Project;

// Every entry, with its instant and all that is said of it, and no other.
#[test]
fn every_entry_is_the_truth() {
    entries_agree(demo());
}

// Volume as published: entries, implied ones and re-entries of each stage.
#[test]
fn every_measure_is_the_truth() {
    measures_agree(demo());
}

// Conversion within 90 days and mean days of each step.
#[test]
fn every_step_is_the_truth() {
    steps_agree(demo());
}

// The weeks of MQLs against the commitment.
#[test]
fn every_week_is_the_truth() {
    weeks_agree(demo());
}

// A large company over more than a year, three times: three minutes with `--release`, an hour without.
#[test]
#[ignore = "takes long; run it with --ignored"]
fn truth_at_full_size() {
    for seed in ["1", "2", "3"] {
        let project = Project::empty();
        let args = ["demo", "--people", "20000", "--days", "400", "--seed", seed];
        project.ok(&args);
        entries_agree(&project);
        measures_agree(&project);
        steps_agree(&project);
        weeks_agree(&project);
    }
}

/// The rows of a company's `truth.csv` as maps.
fn truth(project: &Project) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(project.path("demo/truth.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn truth_json(project: &Project) -> Value {
    serde_json::from_str(&project.read("demo/truth.json")).unwrap()
}

/// Every entry that the simulation made happen is there, with its instant and all that is said of it,
/// and no other. A deletion is dated by the night that missed the record, so its exit is not compared.
fn entries_agree(project: &Project) {
    let line = |of: &dyn Fn(&str) -> String| {
        let exited = if of("outcome") == "deleted" {
            String::new()
        } else {
            of("exited_at")
        };
        let names = [
            "person_id",
            "opportunity_id",
            "cycle",
            "stage",
            "stage_order",
            "entered_at",
            "entered_on",
            "implied",
            "confirmed_at",
            "net_new",
            "customer",
            "outcome",
            "direct",
        ];
        let cells: Vec<String> = names.iter().map(|name| of(name)).collect();
        format!("{} {exited}", cells.join(" "))
    };
    let mut expected: Vec<String> = truth(project)
        .iter()
        .map(|row| line(&|name| row[name].clone()))
        .collect();
    let mut found: Vec<String> = sql(project, "select * from stage_entry where not carried")
        .iter()
        .map(|row| {
            line(&|name| match &row[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        })
        .collect();
    expected.sort();
    found.sort();
    assert!(expected.len() > 2000, "{} entries", expected.len());
    let missing: Vec<_> = expected
        .iter()
        .filter(|it| found.binary_search(it).is_err())
        .take(5)
        .collect();
    let extra: Vec<_> = found
        .iter()
        .filter(|it| expected.binary_search(it).is_err())
        .take(5)
        .collect();
    assert_eq!((missing, extra), (vec![], vec![]));
    assert_eq!(expected.len(), found.len());
}

/// Volume, conversion and velocity, as published, are what the simulation counted.
fn measures_agree(project: &Project) {
    let truth = truth_json(project);
    for stage in truth["stages"].as_array().unwrap() {
        let id = stage["stage"].as_str().unwrap();
        let rows = sql(
            project,
            &format!(
                "select measure, sum(n) as n from metric
                 where stage = '{id}' and period = 'quarter' and dimension is null
                   and measure in ('volume', 'volume_implied', 'volume_reentry')
                 group by measure order by measure"
            ),
        );
        let found: BTreeMap<&str, i64> = rows
            .iter()
            .map(|row| (row["measure"].as_str().unwrap(), row["n"].as_i64().unwrap()))
            .collect();
        let of = |measure: &str| found.get(measure).copied().unwrap_or(0);
        let expected =
            ["entries", "implied", "re_entries"].map(|name| stage[name].as_i64().unwrap());
        assert_eq!(
            ["volume", "volume_implied", "volume_reentry"].map(of),
            expected,
            "{id}"
        );
    }
}

/// So are each step's conversions within 90 days and its mean days.
fn steps_agree(project: &Project) {
    let truth = truth_json(project);
    for step in truth["steps"].as_array().unwrap() {
        let (from, to) = (step["from"].as_str().unwrap(), step["to"].as_str().unwrap());
        let rows = sql(
            project,
            &format!(
                "select measure, sum(n) as n, sum(n * value) as total from metric
                 where stage = '{from}' and to_stage = '{to}' and period = 'quarter' and dimension is null
                   and measure in ('conversion', 'velocity_mean') group by measure order by measure"
            ),
        );
        let close = |found: &Value, expected: f64| {
            let found = found.as_f64().unwrap_or(0.0);
            assert!(
                (found - expected).abs() < 1e-6 * expected.max(1.0),
                "{from} {to}: {found} {expected}"
            );
        };
        assert_eq!(rows[0]["n"], step["n"], "{from} {to}");
        close(
            &rows[0]["total"],
            step["converted_within_90_days"].as_f64().unwrap(),
        );
        // A lost opportunity is no passage into the last stage.
        let velocity = if to == "closed" {
            &truth["days_to_won"]
        } else {
            &step["velocity"]
        };
        assert_eq!(rows[1]["n"], velocity["n"], "{from} {to}");
        close(
            &rows[1]["total"],
            velocity["n"].as_f64().unwrap() * velocity["mean_days"].as_f64().unwrap(),
        );
    }
}

/// The demo's weeks of MQLs against the commitment are the simulation's.
fn weeks_agree(project: &Project) {
    let truth = truth_json(project);
    let expected: BTreeMap<String, i64> = truth["mql_weeks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|week| {
            (
                week["week_start"].as_str().unwrap().to_owned(),
                week["n"].as_i64().unwrap(),
            )
        })
        .collect();
    let rows = sql(
        project,
        // A week that two quarters share is split between them, and left out here.
        "select cast(week_start as varchar) as week, sum(gross) as n from sla_week
         where week_end - week_start = 6 group by week_start",
    );
    let compared = rows
        .iter()
        .filter(|row| row["n"].as_i64().unwrap_or(0) > 0)
        .inspect(|row| {
            let week = row["week"].as_str().unwrap();
            assert_eq!(row["n"].as_i64(), expected.get(week).copied(), "{week}");
        })
        .count();
    assert!(compared > 3, "{compared} weeks");
}
