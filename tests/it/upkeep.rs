//! `warehouse verify`, `compact` and `vacuum`, and the vacuum at a night's end.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, commits, night, published, told};
use crate::support::Project;

const ENTRIES: &str = "select * from stage_entry order by person_id, cycle, stage_order";

/// With three nights published.
fn three_nights() -> Project {
    let project = published();
    for day in [SECOND, THIRD] {
        project.ok(&["run", "--as-of", day]);
    }
    project
}

/// What each night's version answers.
fn answers(project: &Project) -> Vec<Vec<Value>> {
    let days = [FIRST, SECOND, THIRD];
    days.map(|day| project.sql_as_of(ENTRIES, day)).to_vec()
}

/// A file that a run left half done, and one that no commit came to name, three days ago.
fn litter(project: &Project) -> [&'static str; 2] {
    let litter = [
        "_log/00000000000000000009.json#71",
        "derived/metric/2025-03-09-0a1b2c3d-1.parquet",
    ];
    let then = SystemTime::now() - Duration::from_hours(72);
    for path in litter {
        let path = format!("warehouse/{path}");
        project.write(&path, "half");
        let file = File::options().write(true).open(project.path(&path));
        file.unwrap().set_modified(then).unwrap();
    }
    litter
}

/// Three nights are sound. A file with a flipped byte is named, with what was stated and what to do,
/// and the command exits with 1.
#[test]
fn damage_is_named() {
    let project = three_nights();
    let sound = project.ok(&["warehouse", "verify"]).stderr;
    assert!(sound.starts_with("3 commits and "), "{sound}");
    assert!(sound.ends_with(" bytes are read: 0 faults\n"), "{sound}");
    let path = &project.files("warehouse/history")[0];
    let mut bytes = fs::read(project.path(path)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    project.write(path, bytes);
    let ran = project.run(&["warehouse", "verify"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let named = format!("fault: `[ROOT]/{path}` has the SHA-256 ");
    assert!(lines[0].starts_with(&named), "{}", ran.stderr);
    assert!(lines[0].contains("; commit 1 states "), "{}", ran.stderr);
    assert_eq!(lines[1], "  fix: put it back from a copy of the warehouse");
    assert!(lines[2].ends_with(" bytes are read: 1 fault"));
    let ran = project.run(&["--json", "warehouse", "verify"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["commits"], 3);
    let fault = &told["faults"][0];
    assert_eq!(fault["file"], format!("[ROOT]/{path}"));
    assert_eq!(fault["fix"], "put it back from a copy of the warehouse");
}

/// Merging and deleting leave every answer as it was; a rehearsal deletes nothing, and what this
/// program did not write stays and is told.
#[test]
fn merging_and_deleting_change_no_answer() {
    let project = three_nights();
    let before = answers(&project);
    let merged = project.ok(&["warehouse", "compact"]).stderr;
    let words = " are one file each as of version 4; the old ones go with a later vacuum\n";
    assert!(merged.ends_with(words), "{merged}");
    let again = project.ok(&["warehouse", "compact"]).stderr;
    assert_eq!(
        again,
        "There is nothing to merge: every table is one file\n"
    );
    assert_eq!(commits(&project), 4);
    let kept = project.ok(&["warehouse", "vacuum"]);
    assert_eq!(
        (kept.stdout.as_str(), kept.stderr.as_str()),
        ("", "0 files of 0 bytes went\n")
    );

    let litter = litter(&project);
    project.write("warehouse/history/notes.txt", "mine");
    let files = project.files("warehouse");
    let grace = ["warehouse", "vacuum", "--grace", "0"];
    let rehearsed = project.ok(&[&grace[..], &["--dry-run"]].concat());
    assert_eq!(project.files("warehouse"), files);
    let would: Vec<&str> = rehearsed.stdout.lines().collect();
    assert!(litter.iter().all(|path| would.contains(path)), "{would:?}");
    assert!(would.iter().any(|path| path.starts_with("history/")));
    let unknown = "unknown, left alone: `[ROOT]/warehouse/history/notes.txt`\n";
    assert!(
        rehearsed.stderr.starts_with(unknown),
        "{}",
        rehearsed.stderr
    );
    assert!(rehearsed.stderr.ends_with(" bytes would go\n"));
    let went = project.ok(&grace);
    assert_eq!(went.stdout, rehearsed.stdout);
    assert_eq!(went.stderr, rehearsed.stderr.replace("would go", "went"));
    let left: Vec<String> = files
        .into_iter()
        .filter(|file| {
            !would
                .iter()
                .any(|path| *file == format!("warehouse/{path}"))
        })
        .collect();
    assert_eq!(project.files("warehouse"), left);
    let none = project.ok(&[&["--json"], &grace[..]].concat()).stdout;
    let none: Value = serde_json::from_str(&none).unwrap();
    let notes = "[ROOT]/warehouse/history/notes.txt";
    let expected =
        json!({"dry_run": false, "bytes": 0, "files": [], "unknown": [notes], "failed": []});
    assert_eq!(none, expected);
    assert_eq!(answers(&project), before);
    project.ok(&["warehouse", "verify"]);
}

/// A night ends with a vacuum that keeps the grace. Where it fails the night is published all the
/// same, and the run tells it and exits with 1.
#[test]
fn a_night_ends_with_a_vacuum() {
    let project = published();
    let gone = litter(&project);
    let young = "warehouse/derived/metric/2025-03-09-0a1b2c3d-2.parquet";
    project.write(young, "half");
    project.ok(&["run", "--as-of", SECOND]);
    for path in gone {
        assert!(!project.path("warehouse").join(path).exists(), "{path}");
    }
    assert!(project.path(young).exists());
    #[cfg(unix)]
    {
        let round = project.path("warehouse/archive/round");
        std::os::unix::fs::symlink(project.path("warehouse/archive"), round).unwrap();
        let ran = night(&project, THIRD);
        assert_eq!((ran.code, commits(&project)), (1, 3));
        let told = told(&ran);
        assert!(
            told.starts_with("2025-03-08 is published as version 3: "),
            "{told}"
        );
        assert!(
            told.contains("\nproblem: Old files stay: Cannot read or write `[ROOT]/warehouse"),
            "{told}"
        );
    }
}
