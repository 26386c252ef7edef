//! The Delta logs beside the tables, through which other tools read them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, commits, night, published, told};
use crate::support::Project;

/// The Delta logs' entries by path.
fn logs(project: &Project) -> BTreeMap<String, String> {
    let files = project.files("warehouse").into_iter();
    let entries = files.filter(|file| file.contains("/_delta_log/"));
    entries
        .map(|file| (file.clone(), project.read(&file)))
        .collect()
}

fn entry(table: &str, version: u64) -> String {
    format!("warehouse/{table}/_delta_log/{version:020}.json")
}

/// Every table has one entry a version, which names the files that the commit log names.
#[test]
fn every_night_has_an_entry() {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    let tables =
        ["derived", "tables"].map(|kind| fs::read_dir(project.path("warehouse").join(kind)));
    let tables: Vec<_> = tables.into_iter().flat_map(Result::unwrap).collect();
    let logs = logs(&project);
    assert_eq!(logs.len(), tables.len() * 3);
    let last = &logs[&entry("derived/stage_entry", 2)];
    let actions: Vec<Value> = last
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let added: Vec<&Value> = actions
        .iter()
        .filter_map(|action| action.get("add"))
        .collect();
    let path = added[0]["path"].as_str().unwrap();
    let file = project.path("warehouse/derived/stage_entry").join(path);
    assert_eq!(json!(fs::metadata(file).unwrap().len()), added[0]["size"]);
    let rows = project.sql("select count(*) as \"numRecords\" from stage_entry");
    let stats: Value = serde_json::from_str(added[0]["stats"].as_str().unwrap()).unwrap();
    assert_eq!((added.len(), &stats), (1, &rows[0]));
}

/// Logs that were deleted come back as they were: those of every table by `warehouse delta`, a lost
/// entry by the next run, even one that has nothing else to do.
#[test]
fn deleted_logs_come_back() {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    let before = logs(&project);
    for path in before.keys() {
        fs::remove_file(project.path(path)).unwrap();
    }
    let written = project.ok(&["warehouse", "delta"]);
    let tables = before.len() / 3;
    assert_eq!(written.stdout, "");
    assert_eq!(
        written.stderr,
        format!("The Delta logs of {tables} tables are written anew: versions 0 to 2\n")
    );
    assert_eq!(logs(&project), before);
    let again = project.ok(&["--json", "warehouse", "delta"]).stdout;
    assert_eq!(
        again,
        format!("{{\"tables\":{tables},\"first\":0,\"version\":2}}\n")
    );
    assert_eq!(logs(&project), before);
    fs::remove_file(project.path(&entry("derived/metric", 1))).unwrap();
    project.ok(&["run", "--as-of", SECOND]);
    assert_eq!(logs(&project), before);
}

/// A log that cannot be written undoes no night: the run tells it and exits with 1, and so does what
/// comes after it until the log is written anew.
#[test]
fn a_blocked_log_is_told() {
    let project = published();
    project.write(&entry("derived/metric", 2), "{}\n");
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1);
    let problem = "problem: Other tools do not see this version yet: Another program wrote to the Delta log: \
         `[ROOT]/warehouse/derived/metric/_delta_log/00000000000000000002.json`\n    \
         fix: write the Delta logs anew with `leadgauge warehouse delta`, and let others only read";
    let first = "2025-03-07 is published as version 2: 5 of 5 streams, 1 report, 2 mails sent, … s";
    assert_eq!(told(&ran), format!("{first}\n{problem}"));
    assert_eq!(commits(&project), 2);
    assert!(project.path(&entry("derived/stage", 2)).is_file());
    let february = ["--from", "2025-02-01", "--to", "2025-02-28", "--imported"];
    let frozen = project.run(&[&["baseline", "freeze", "start"], &february[..]].concat());
    assert_eq!((frozen.code, commits(&project)), (1, 3));
    assert!(frozen.stderr.contains(problem), "{}", frozen.stderr);
    project.ok(&["warehouse", "delta"]);
    project.ok(&["run", "--as-of", FIRST]);
    let whole = project.read(&entry("derived/metric", 2));
    assert!(whole.contains("as_of 2025-03-07"), "{whole}");
    assert!(project.path(&entry("derived/metric", 3)).is_file());
}
