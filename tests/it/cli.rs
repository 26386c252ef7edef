//! Help, exit codes, and the commands about a published warehouse.

use serde_json::json;

use crate::small::{FIRST, SECOND, commits, fresh, published};
use crate::support::Project;

/// Every command, with the words that its help begins with.
const COMMANDS: [(&str, &str); 26] = [
    ("demo", "Make a company"),
    ("check", "Check everything that can be checked offline"),
    ("run", "The nightly job"),
    ("report", "Render one report"),
    ("sql", "Ask the warehouse in SQL"),
    ("baseline", "Freeze, list, show and compare baselines"),
    ("baseline freeze", "Freeze the figures"),
    ("baseline list", "List the baselines"),
    ("warehouse", "Look after what the warehouse keeps"),
    ("warehouse log", "List the commits"),
    ("warehouse delta", "Write the tables' Delta Lake logs anew"),
    ("warehouse quarantine", "List the refused files"),
    ("warehouse verify", "Read everything"),
    ("warehouse compact", "Merge all files of each table"),
    ("warehouse vacuum", "Delete the files that no version names"),
    ("warehouse erase", "Take persons out of everything"),
    ("warehouse erased", "Look through everything"),
    ("runs", "What ran, what failed"),
    ("funnel", "The definition as a contract"),
    ("funnel show", "The definition as a reference card"),
    ("funnel sql", "The SQL behind each stage"),
    ("funnel test", "Run the examples"),
    ("funnel diff", "What a change of definition changes"),
    ("funnel replay", "The history under another definition"),
    ("funnel whatif", "Try several values"),
    ("funnel sign", "Record that somebody signed"),
];

/// No arguments show the help, which names every command; each command has a help of its own.
#[test]
fn help_is_complete() {
    let project = Project::empty();
    let ran = project.run(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("Usage: leadgauge"), "{}", ran.stderr);
    let help = project.ok(&["--help"]).stdout;
    assert!(help.contains("\nExit codes: 0 all done; 1 "), "{help}");
    for (command, words) in COMMANDS {
        let mut args: Vec<&str> = command.split(' ').collect();
        let name = format!("\n  {} ", args[0]);
        assert!(
            ran.stderr.contains(&name) && help.contains(&name),
            "{command}\n{help}"
        );
        args.push("--help");
        let own = project.ok(&args).stdout;
        assert!(own.starts_with(words), "{own}");
        let usage = format!("Usage: leadgauge {command}");
        assert!(own.contains(&usage), "{own}");
    }
}

/// What is no command, no option and no value is refused before anything is read.
#[test]
fn arguments_are_checked() {
    let project = Project::empty();
    for args in [
        &["frobnicate"][..],
        &["run", "--frobnicate"],
        &["run", "--as-of", "yesterday"],
        &["sql", "--format", "xml", "select 1"],
        &["baseline", "freeze", "Not A Name"],
        &["baseline", "freeze", "half", "--from", FIRST],
    ] {
        let ran = project.run(args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let version = project.ok(&["--version"]).stdout;
    assert_eq!(
        version,
        format!("leadgauge {}\n", env!("CARGO_PKG_VERSION"))
    );
}

/// The shipped example deployment holds together, without an export and without a warehouse.
#[test]
fn the_shipped_configuration_is_good() {
    let project = Project::empty();
    for file in ["leadgauge.yaml", "funnel.yaml", "sla.yaml", "calendar.yaml"] {
        let shipped = format!("{}/config/{file}", env!("CARGO_MANIFEST_DIR"));
        project.write(&format!("config/{file}"), std::fs::read(shipped).unwrap());
    }
    let checked = project.ok(&["check"]);
    assert!(
        checked
            .stderr
            .starts_with("All good: 2 sources with 15 streams, 8 stages, "),
        "{}",
        checked.stderr
    );
    assert!(
        project.files("warehouse").is_empty(),
        "check writes nothing"
    );
}

/// What `check` looked at, as JSON; the configuration may lie anywhere.
#[test]
fn check_counts_what_it_saw() {
    let project = fresh();
    let checked = project.ok(&["--json", "--config", "config/leadgauge.yaml", "check"]);
    let seen: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(
        (
            &seen["sources"],
            &seen["streams"],
            &seen["stages"],
            &seen["queries"]
        ),
        (&json!(1), &json!(5), &json!(6), &json!(5))
    );
    assert_eq!(checked.stderr, "");
}

/// Questions to a warehouse in which nothing is published yet.
#[test]
fn an_empty_warehouse_says_so() {
    let project = fresh();
    for args in [
        &["runs"][..],
        &["report", "daily"],
        &["sql", "select 1"],
        &["baseline", "list"],
        &["baseline", "freeze", "first"],
        &["warehouse", "log"],
        &["warehouse", "delta"],
        &["warehouse", "verify"],
        &["warehouse", "compact"],
        &["warehouse", "vacuum"],
        &["warehouse", "quarantine"],
        &["warehouse", "erase", "--email", "a@b.example"],
    ] {
        let ran = project.run(args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert_eq!(
            ran.stderr,
            "error: The warehouse is empty\n  fix: run `leadgauge run` once\n"
        );
    }
    assert!(project.files("warehouse").is_empty());
}

/// What ran, newest first, as a table and as JSON.
#[test]
fn runs_are_listed() {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    let table = project.ok(&["runs"]).stdout;
    let days: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| 2025")?.get(..6))
        .collect();
    assert_eq!(days, ["-03-07", "-03-06"], "{table}");
    let last = project.ok(&["--json", "runs", "--last", "1"]).stdout;
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last[0]["as_of"], json!(SECOND));
    assert_eq!(last.as_array().unwrap().len(), 1);
}

/// The commits, newest first: nights, and what was done between them.
#[test]
fn commits_are_listed() {
    let project = published();
    let february = ["--from", "2025-02-01", "--to", "2025-02-28", "--imported"];
    project.ok(&[&["baseline", "freeze", "start"], &february[..]].concat());
    let listed = project.ok(&["--json", "warehouse", "log"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let told = |at: usize| {
        ["commit_no", "as_of", "what", "added", "removed", "streams"]
            .map(|key| listed[at][key].clone())
    };
    assert_eq!(json!(told(0)), json!([2, FIRST, "addition", 1, 0, 0]));
    let added = project.sql("select count(*) as n from baseline");
    assert_eq!(listed[0]["rows"], added[0]["n"]);
    let entry: serde_json::Value =
        serde_json::from_str(&project.read("warehouse/_log/00000000000000000001.json")).unwrap();
    let files = entry["added"].as_array().unwrap();
    assert_eq!(
        json!(told(1)),
        json!([1, FIRST, "night", files.len(), 0, 5])
    );
    let bytes: u64 = files
        .iter()
        .map(|file| file["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(
        (&listed[1]["bytes"], &listed[1]["run_id"]),
        (&json!(bytes), &entry["run_id"])
    );
    let table = project.ok(&["warehouse", "log", "--last", "1"]).stdout;
    assert!(
        table.contains("| 2         | 2025-03-06 |") && !table.contains("night"),
        "{table}"
    );
}

/// A report is written into three files, and nothing else changes; one of no such name is refused.
#[test]
fn a_report_is_rendered_into_files() {
    let project = published();
    let before = project.files("warehouse");
    let ran = project.ok(&["report", "daily", "--out", "out"]);
    let files = [
        "out/daily-2025-03-06.html",
        "out/daily-2025-03-06.mail.html",
        "out/daily-2025-03-06.txt",
    ];
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), files);
    assert_eq!(project.files("out"), files);
    let archived = project.files("warehouse/archive").remove(0);
    assert!(
        project.read(files[0]) == project.read(&archived),
        "the page is another"
    );
    let json = project
        .ok(&["--json", "report", "sla-weekly", "--out", "out"])
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["as_of"], json!(FIRST));
    assert_eq!(json["files"][2], json!("out/sla-weekly-2025-03-06.txt"));
    assert_eq!(project.files("out").len(), 6);
    assert_eq!(project.files("warehouse"), before);

    let unknown = project.run(&["report", "dayly"]);
    assert_eq!(unknown.code, 2);
    assert_eq!(
        unknown.stderr,
        "error: There is no report `dayly`\n  fix: name one of `daily`, `sla-weekly`\n"
    );
    let absent = project.run(&["report", "daily", "--as-of", "2025-03-05"]);
    assert_eq!(absent.code, 2);
    assert_eq!(
        absent.stderr,
        "error: Nothing is published for 2025-03-05\n  fix: `leadgauge runs` lists the days there are; \
         the newest is 2025-03-06\n"
    );
}

/// A baseline is frozen once, of a window that is known, and listed.
#[test]
fn a_baseline_is_frozen_once() {
    let project = published();
    let none = project.ok(&["--json", "baseline", "list"]);
    assert_eq!(none.stdout, "[]\n");
    let february = ["--from", "2025-02-01", "--to", "2025-02-28"];
    let freeze = |more: &[&str]| project.run(&[&["baseline", "freeze", "start"], more].concat());

    let unknown = freeze(&[]);
    assert_eq!(unknown.code, 2);
    insta::assert_snapshot!(unknown.stderr, @r"
    error: Baseline `start` cannot be frozen: its window begins on 2024-03-01, and the first entry known is of 2025-01-12
      why: months without history would count as months without entries
      fix: name a window that begins later, or wait
    ");
    let imported = freeze(&february);
    assert_eq!(imported.code, 2);
    insta::assert_snapshot!(imported.stderr, @r"
    error: Baseline `start` cannot be frozen: its window begins on 2025-02-01, and stage `known` was observed only from 2025-03-06
      why: what came before was imported, and may lack what the source did not keep
      fix: allow imported history; every comparison will then say so
    ");
    assert_eq!(commits(&project), 1);

    let with_imported = [&february[..], &["--imported"]].concat();
    let frozen = freeze(&with_imported);
    assert_eq!(frozen.code, 0, "{}", frozen.stderr);
    assert!(
        frozen
            .stderr
            .starts_with("Baseline `start` is frozen: 2025-02-01 to 2025-02-28, "),
        "{}",
        frozen.stderr
    );
    assert_eq!(commits(&project), 2);

    let taken = freeze(&with_imported);
    assert_eq!(taken.code, 2);
    assert_eq!(
        taken.stderr,
        "error: There is a baseline `start` already\n  why: a baseline never changes\n  \
         fix: freeze another under a new name\n"
    );
    assert_eq!(commits(&project), 2);
    let listed = project.ok(&["--json", "baseline", "list"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["baseline"], json!("start"));
    assert_eq!(listed[0]["imported"], json!(true));
    // The next night builds on the frozen baseline.
    project.ok(&["run", "--as-of", SECOND]);
    let kept = project.ok(&["baseline", "list"]).stdout;
    assert!(kept.contains("| start "), "{kept}");
}
