//! `warehouse erase` takes a person out of everything that is kept, and `warehouse erased` proves it.

use std::fs;

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, fresh, night, piped, published, told};
use crate::support::{Project, Ran};

const BEN: &str = "ben@kunde.example";
const PEOPLE: &str = "select person_id, email, name, status from person order by 1";
const ENTRIES: &str = "select person_id, cycle, stage, entered_at, outcome from stage_entry \
     where person_id <> 'crm.lead:L2' order by person_id, cycle, stage_order";

/// With two nights published, of which the second refused the leads' file, which names everybody.
fn two_nights() -> Project {
    let project = published();
    let path = format!("exports/{SECOND}/lead.csv");
    project.replace(&path, ",Email,", ",Mail,");
    assert_eq!(night(&project, SECOND).code, 1);
    project
}

/// What is said, without how many old files there were.
fn said(ran: &Ran) -> String {
    let lines = ran.stderr.lines().filter(|line| !line.starts_with('{'));
    let masked = lines.map(|line| match line.split_once(" old file") {
        Some((before, after)) => {
            let before = before.trim_end_matches(|digit: char| digit.is_ascii_digit());
            format!("{before}… old file{after}")
        }
        None => line.to_owned(),
    });
    masked.collect::<Vec<_>>().join("\n")
}

/// How many files were looked through is no matter.
fn proof(ran: &Ran) -> String {
    let lines = ran.stderr.lines().map(|line| match line.split_once("; ") {
        Some((before, after)) if after.contains(" looked through") => {
            let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            format!("{before}; …{after}")
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn without_ben(rows: Vec<Value>) -> Vec<Value> {
    let rows = rows.into_iter();
    rows.filter(|row| row["person_id"] != "crm.lead:L2")
        .collect()
}

/// A rehearsal says what would go and writes nothing. An erasure leaves every other row of every night
/// as it was, says so beside older nights, and the next night does not bring the person back.
#[test]
fn a_person_is_erased() {
    let project = two_nights();
    let files = project.files("warehouse");
    let rehearsal = project.ok(&["warehouse", "erase", "--email", BEN, "--dry-run"]);
    insta::assert_snapshot!(rehearsal.stdout, @r"
    crm.call: 1 row, 1 file
    crm.form: 1 row, 1 file
    crm.lead: 2 rows, 1 file
    crm.lead_change: 1 row, 1 file
    quarantine: 1 row, 1 file
    ");
    assert_eq!(rehearsal.stderr, "1 person would be erased\n");
    assert_eq!(project.files("warehouse"), files);
    let people = without_ben(project.sql_as_of(PEOPLE, FIRST));
    let entries = project.sql_as_of(ENTRIES, FIRST);

    let list = format!("\n {} \n", BEN.to_uppercase());
    let erased = piped(&project, &["warehouse", "erase", "--list", "-"], &list);
    assert_eq!((erased.code, &erased.stdout), (0, &rehearsal.stdout));
    insta::assert_snapshot!(said(&erased), @r"
    1 person is erased as of version 3; … old files were deleted
    `leadgauge warehouse erased` looks whether something is left
    ");
    assert_eq!(without_ben(project.sql(PEOPLE)), project.sql(PEOPLE));
    assert_eq!(project.sql_as_of(PEOPLE, FIRST), people);
    assert_eq!(project.sql_as_of(ENTRIES, FIRST), entries);
    let then = project.ok(&["sql", "--as-of", FIRST, "select 1"]);
    let warning = "1 person was erased since this version was published; it answers without them\n";
    assert_eq!(then.stderr, warning);
    let out = project.path("out").display().to_string();
    let page = project.ok(&["report", "daily", "--as-of", FIRST, "--out", &out]);
    assert_eq!(page.stderr, warning);
    assert_eq!(project.ok(&["sql", "select 1"]).stderr, "");

    let next = night(&project, THIRD);
    assert_eq!(next.code, 0, "{}", next.stderr);
    insta::assert_snapshot!(told(&next), @"2025-03-08 is published as version 4: 5 of 5 streams, 2 reports, 3 mails sent, … s");
    assert_eq!(without_ben(project.sql(PEOPLE)), project.sql(PEOPLE));
    let named = project.sql("select count(*) as n from crm.deal where leadid = 'L2'");
    assert_eq!(named, [json!({"n": 0})]);
    let counted = "select stream, n from job_check where name = 'erased' order by 1";
    let counted = json!(project.sql(counted));
    let expected = json!([{"stream": "deal", "n": 1}, {"stream": "lead", "n": 1}, {"stream": "lead_change", "n": 2}]);
    assert_eq!(counted, expected);
    let proven = project.ok(&["warehouse", "erased"]);
    insta::assert_snapshot!(proof(&proven), @"1 person was erased in 1 erasure; … files were looked through: nothing is left of them");
    project.ok(&["warehouse", "verify"]);
}

/// A refused file keeps its other rows byte for byte, is listed where it is now, and can be released.
#[test]
fn a_refused_file_is_cut() {
    let project = two_nights();
    let kept = &project.files("warehouse/quarantine")[0];
    let before = project.read(kept);
    project.ok(&["warehouse", "erase", "--email", BEN]);
    let kept = &project.files("warehouse/quarantine")[0];
    let after = project.read(kept);
    let lines = before
        .split_inclusive('\n')
        .filter(|line| !line.contains(BEN));
    assert_eq!(after, lines.collect::<String>());
    let listed = project.ok(&["--json", "warehouse", "quarantine"]).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let file = format!("warehouse/{}", listed[0]["file"].as_str().unwrap());
    assert_eq!(&file, kept);
    let args = ["warehouse", "release", "crm.lead", "--as-of", SECOND];
    let released = project.run(&args);
    assert!(!released.stderr.contains("No file"), "{}", released.stderr);
}

/// A file that comes back from a copy is found and named, with counts and no value; erasing the same
/// again deletes it.
#[test]
fn what_comes_back_is_found() {
    let project = published();
    assert_eq!(
        project.ok(&["warehouse", "erased"]).stderr,
        "Nobody was erased\n"
    );
    let history = project.files("warehouse/history/crm/lead");
    let copy = fs::read(project.path(&history[0])).unwrap();
    project.ok(&["warehouse", "erase", "--email", BEN]);
    project.write(&history[0], copy);
    let page = "warehouse/archive/2025-03-06-00000000/daily.html";
    project.write(page, format!("<a href=\"mailto:{BEN}\">"));
    let found = project.run(&["warehouse", "erased"]);
    assert_eq!(found.code, 1);
    let lines = format!("[ROOT]/{page}: 1 row\n[ROOT]/{}: 2 rows\n", history[0]);
    assert_eq!(found.stdout, lines);
    insta::assert_snapshot!(proof(&found), @r"
    1 person was erased in 1 erasure; … files were looked through: something is left in 2 files
      fix: erase the same again; a file that was put back from a copy goes with it
    ");
    let again = project.ok(&["warehouse", "erase", "--email", BEN]);
    assert_eq!(again.stdout, "");
    insta::assert_snapshot!(said(&again), @"All of them were erased before; … old files were deleted");
    project.ok(&["warehouse", "erased"]);
}

/// Pages and mails that name a person are taken out; a stub with the old hash stands for each, and a
/// mail that was not sent yet stays unsent.
#[test]
fn pages_and_mails_become_stubs() {
    let project = fresh();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    for name in ["daily.page.html.hbs", "daily.mail.txt.hbs"] {
        let text = fs::read_to_string(format!("{shipped}/{name}")).unwrap();
        project.write(&format!("templates/{name}"), text + "\nAsk Ben Okoro.\n");
    }
    project.ok(&["run", "--as-of", FIRST, "--no-send"]);
    let pages = project.files("warehouse/archive");
    let old = fs::read(project.path(&pages[0])).unwrap();
    let erased = project.ok(&["warehouse", "erase", "--email", BEN]);
    assert!(
        erased.stdout.starts_with("archive: 1 file\n"),
        "{}",
        erased.stdout
    );
    assert!(
        erased.stdout.contains("\noutbox: 4 files\n"),
        "{}",
        erased.stdout
    );
    insta::assert_snapshot!(said(&erased), @r"
    2 mails were not sent yet, and will not be
    1 person is erased as of version 2; … old files were deleted
    `leadgauge warehouse erased` looks whether something is left
    ");
    assert!(project.files("warehouse/outbox").is_empty());
    let stubs = project.files("warehouse/archive");
    // Of the page, two mails and their envelopes; and the index.
    assert_eq!(stubs.len(), 6);
    let stub = stubs
        .iter()
        .find(|stub| stub.ends_with("/daily.html.erased.json"));
    let stub: Value = serde_json::from_str(&project.read(stub.unwrap())).unwrap();
    assert_eq!(
        format!("warehouse/{}", stub["was"].as_str().unwrap()),
        pages[0]
    );
    assert_eq!(stub["bytes"], old.len());
    assert_eq!(stub["sha256"].as_str().unwrap().len(), 64);
    let again = project.ok(&["run", "--as-of", FIRST]);
    insta::assert_snapshot!(told(&again), @"2025-03-06 was published already, as version 1: nothing is pulled, 0 mails sent");
    assert!(project.files("mail").is_empty());
}

/// What cannot be meant is refused before anything is written, and no address is said.
#[test]
fn wrong_lists_are_refused() {
    let project = published();
    let files = project.files("warehouse");
    let refused = |args: &[&str], list: &str| {
        let ran = piped(&project, &[&["warehouse", "erase"], args].concat(), list);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        ran.stderr
    };
    insta::assert_snapshot!(refused(&["--email", "who@x.example"], ""), @r"
    error: Nobody ever had the address
      fix: see that it is written as the source has it
    ");
    let list = format!("{BEN}\n\nwho@x.example\nwhat@x.example\n");
    insta::assert_snapshot!(refused(&["--list", "-"], &list), @r"
    error: Nobody ever had the address in line 3 of the list
      fix: see that it is written as the source has it

    Nobody ever had the address in line 4 of the list
      fix: see that it is written as the source has it
    ");
    insta::assert_snapshot!(refused(&["--list", "-"], "Ben Okoro\n"), @r"
    error: Line 1 of the list is no address
      fix: write it as `name@company.example`
    ");
    insta::assert_snapshot!(refused(&["--list", "-"], "\n"), @r"
    error: The list is empty
      fix: write one address a line
    ");
    insta::assert_snapshot!(refused(&["--email", "ben"], ""), @r"
    error: What `--email` says is no address
      fix: write it as `name@company.example`
    ");
    assert_eq!(project.files("warehouse"), files);
}
