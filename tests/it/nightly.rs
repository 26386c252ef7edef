//! The nightly job on the small deployment: what a night makes visible, what a second run of it
//! leaves alone, and what is left when it fails.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::small::{FIRST, SECOND, THIRD, commits, fresh, night, published, state, told};
use crate::support::Project;

/// A night publishes tables, page and mails at once; the same night again changes nothing and says so.
#[test]
fn a_night_is_published_once() {
    let project = fresh();
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        told(&ran),
        "2025-03-06 is published as version 1: 5 of 5 streams, 1 report, 2 mails sent, … s"
    );
    assert_eq!(commits(&project), 1);
    // The page, and the index.
    assert_eq!(project.files("warehouse/archive").len(), 2);
    assert_eq!(project.files("mail").len(), 2);
    assert_eq!(counts(&project), stages([7, 5, 5, 4, 2, 1]));
    let run = project.sql("select as_of, outcome, streams, reports, mails from job_run");
    let first =
        json!([{"as_of": FIRST, "outcome": "complete", "streams": 5, "reports": 1, "mails": 2}]);
    assert_eq!(json!(run), first);

    let before = state(&project);
    let again = night(&project, FIRST);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(
        again.stderr,
        "2025-03-06 was published already, as version 1: nothing is pulled, 0 mails sent\n"
    );
    assert_eq!(state(&project), before);
}

/// A second night adds to history, and the first night's answers stay what they were.
#[test]
fn a_second_night_adds_history() {
    let project = published();
    let entries = "select * from stage_entry order by person_id, cycle, stage_order";
    let before = project.sql(entries);
    project.ok(&["run", "--as-of", SECOND]);
    assert_eq!(commits(&project), 2);
    // L5 is handed over, L6 accepted, L8 new; the pilot is lost.
    assert_eq!(counts(&project), stages([8, 7, 6, 5, 2, 2]));
    assert_eq!(project.sql_as_of(entries, FIRST), before);
    let versions = project.sql(
        "select record_id, count(*) as n from crm.lead_history
         where known_at > '2025-03-07T12:00:00Z' group by record_id order by record_id",
    );
    assert_eq!(
        json!(versions),
        json!([{"record_id": "L5", "n": 1}, {"record_id": "L6", "n": 1}, {"record_id": "L8", "n": 1}])
    );
    let calls = project.sql("select count(*) as n from crm.call");
    assert_eq!(
        json!(calls),
        json!([{"n": 4}]),
        "an event told twice counts once"
    );
}

/// Of mails that are held back, the last day's are sent by a later run, each once.
#[test]
fn mails_wait_for_a_run_that_sends() {
    let project = fresh();
    let held = project.ok(&["run", "--as-of", FIRST, "--no-send"]);
    assert_eq!(
        told(&held),
        "2025-03-06 is published as version 1: 5 of 5 streams, 1 report, 0 mails sent, … s"
    );
    assert!(project.files("mail").is_empty());
    let later = project.ok(&["run", "--as-of", SECOND]);
    assert_eq!(
        told(&later),
        "2025-03-07 is published as version 2: 5 of 5 streams, 1 report, 2 mails sent, … s\n\
         note: The mail `2025-03-06-daily-0660050da7634102` is not sent: that of 2025-03-07 goes out in its place\n\
         note: The mail `2025-03-06-daily-30192a20b207ec29` is not sent: that of 2025-03-07 goes out in its place"
    );
    assert_eq!(project.files("mail").len(), 2);
    let again = project.ok(&["run", "--as-of", FIRST]);
    assert_eq!(
        told(&again),
        "2025-03-06 was published already, as version 1: nothing is pulled, 0 mails sent"
    );
}

/// A mail that cannot be handed over stands in nobody's way: the version is published, the exit code
/// asks for another try, and that sends it.
#[test]
fn a_mail_that_cannot_be_sent_waits() {
    let project = published();
    fs::rename(project.path("mail"), project.path("kept")).unwrap();
    project.write("mail", "no folder");
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    assert!(
        told(&ran).starts_with(
            "2025-03-07 is published as version 2: 5 of 5 streams, 1 report, 0 mails sent, … s\n\
             problem: The mail `2025-03-07-daily-"
        ),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("@small.example"), "{}", ran.stderr);
    fs::remove_file(project.path("mail")).unwrap();
    let again = project.ok(&["run", "--as-of", SECOND]);
    assert_eq!(
        told(&again),
        "2025-03-07 was published already, as version 2: nothing is pulled, 2 mails sent"
    );
}

/// A password that is not there holds the mails, not the night.
#[test]
fn a_missing_password_holds_the_mails() {
    let project = published();
    project.replace(
        "config/leadgauge.yaml",
        "folder: ../mail",
        "smtp: { host: localhost, user: small, password: { env: LEADGAUGE_TEST_NOT_SET } }",
    );
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-07 is published as version 2: 5 of 5 streams, 1 report, 0 mails sent, … s
    problem: The mails wait in the outbox: A secret of the mail server cannot be read
      The environment variable `LEADGAUGE_TEST_NOT_SET` holds no secret
        why: it is not there, not readable, or empty
        fix: Set it for the user that runs the job, or name another in `leadgauge.yaml`
    ");
    assert_eq!(commits(&project), 2);
}

/// Subtlety 32. One file that is missing: the run goes on, says so, and so does the report.
#[test]
fn a_missing_file_is_told_everywhere() {
    let project = published();
    fs::remove_file(project.path("exports/2025-03-07/form.ndjson")).unwrap();
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-07 is published as version 2: 4 of 5 streams, 1 report, 2 mails sent, … s
    problem: `crm.form` is missing: `[ROOT]/exports/2025-03-07/form.ndjson` is not there
        --> config/leadgauge.yaml:56:11
         |
      56 |         - name: form
         |           ^
        fix: Put the export there, or correct `path` of stream `crm.form`
    ");
    let pages = project.files("warehouse/archive");
    let page = pages.iter().rfind(|page| page.ends_with("daily.html"));
    assert!(
        project.read(page.unwrap()).contains("crm.form"),
        "the page is silent"
    );
    for mail in project
        .files("mail")
        .iter()
        .filter(|mail| mail.contains(SECOND))
    {
        assert!(project.read(mail).contains("crm.form"), "{mail} is silent");
    }
    let extract = project.sql(
        "select outcome, rows from job_extract where as_of = '2025-03-07' and stream = 'form'",
    );
    assert_eq!(json!(extract), json!([{"outcome": "missing", "rows": 0}]));
    let run =
        project.sql("select outcome, streams_missing from job_run order by as_of desc limit 1");
    assert_eq!(
        json!(run),
        json!([{"outcome": "incomplete", "streams_missing": 1}])
    );
    // What came before stands.
    assert_eq!(project.sql("select 1 from response").len(), 3);
}

/// Nothing arrives: nothing is published, the exit code says that a later try may help, and the
/// night before still answers.
#[test]
fn without_any_stream_there_is_no_night() {
    let project = published();
    fs::remove_dir_all(project.path("exports/2025-03-07")).unwrap();
    let before = state(&project);
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    assert_eq!(state(&project), before);
    assert_eq!(counts(&project), stages([7, 5, 5, 4, 2, 1]));
    insta::assert_snapshot!(told(&ran), @r"
    error: No stream arrived for 2025-03-07, so nothing is published
    `crm.lead_change` is missing: `[ROOT]/exports/2025-03-07/lead_change.csv` is not there
      --> config/leadgauge.yaml:29:11
       |
    29 |         - name: lead_change
       |           ^
      fix: Put the export there, or correct `path` of stream `crm.lead_change`
    `crm.lead` is missing: `[ROOT]/exports/2025-03-07/lead.csv` is not there
      --> config/leadgauge.yaml:12:11
       |
    12 |         - name: lead
       |           ^
      fix: Put the export there, or correct `path` of stream `crm.lead`
    `crm.deal` is missing: `[ROOT]/exports/2025-03-07/deal.csv` is not there
      --> config/leadgauge.yaml:39:11
       |
    39 |         - name: deal
       |           ^
      fix: Put the export there, or correct `path` of stream `crm.deal`
    `crm.call` is missing: `[ROOT]/exports/2025-03-07/call.csv` is not there
      --> config/leadgauge.yaml:52:11
       |
    52 |         - name: call
       |           ^
      fix: Put the export there, or correct `path` of stream `crm.call`
    `crm.form` is missing: `[ROOT]/exports/2025-03-07/form.ndjson` is not there
      --> config/leadgauge.yaml:56:11
       |
    56 |         - name: form
       |           ^
      fix: Put the export there, or correct `path` of stream `crm.form`
    ");
}

/// A day before the last one of which nothing is there changes nothing.
#[test]
fn a_late_day_without_exports() {
    let project = published();
    let before = state(&project);
    let ran = night(&project, "2025-03-05");
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    let said = told(&ran);
    let start = "error: No stream arrived for 2025-03-05, so nothing is published";
    assert!(said.starts_with(start), "{said}");
    assert_eq!(state(&project), before);
}

/// A definition that comes into force later does not judge an earlier day.
#[test]
fn a_definition_waits_for_its_day() {
    let project = fresh();
    project.replace(
        "config/funnel.yaml",
        "effective_from: 2025-01-01",
        "effective_from: 2025-03-07",
    );
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    error: Definition `2025-q1` comes into force on 2025-03-07, after 2025-03-06
      fix: run with the definition that is in force on that day
    ");
    assert_eq!(state(&project), Vec::<String>::new());
}

/// One writer at a time: the second is told to try again, and readers are not disturbed.
#[test]
fn two_writers_take_turns() {
    let project = published();
    let lock = fs::File::open(project.path("warehouse/writer.lock")).unwrap();
    lock.try_lock().unwrap();
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    assert!(
        ran.stderr
            .starts_with("error: Another run is writing to this warehouse: run `2025-03-06-"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.ends_with("\n  fix: wait until it has ended\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(counts(&project), stages([7, 5, 5, 4, 2, 1]));
    drop(lock);
    project.ok(&["run", "--as-of", SECOND]);
}

/// Subtlety 2. The same input gives the same pages, mails and rows, byte for byte, wherever and whenever it runs.
#[test]
fn the_same_input_gives_the_same_output() {
    let one = published();
    let other = fresh();
    other.ok(&["run", "--as-of", FIRST]);
    for project in [&one, &other] {
        project.ok(&["run", "--as-of", SECOND]);
        project.ok(&["run", "--as-of", THIRD]);
    }
    for (folder, files) in [
        ("archive", 4),
        ("derived", 84),
        ("history", 6),
        ("events", 7),
    ] {
        let folder = format!("warehouse/{folder}");
        assert_eq!(contents(&one, &folder).len(), files, "{folder}");
        assert_same(&one, &other, &folder);
    }
    assert_eq!(contents(&one, "mail").len(), 7);
    assert_same(&one, &other, "mail");
    for day in [FIRST, SECOND, THIRD] {
        assert_eq!(figures(&one, day), figures(&other, day));
    }
}

/// The rows of `metric`, whose order is not fixed.
fn figures(project: &Project, day: &str) -> Vec<String> {
    let rows = project.sql_as_of("select * from metric", day);
    let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
    rows.sort();
    rows
}

/// Entries of each stage, in order.
fn counts(project: &Project) -> Vec<serde_json::Value> {
    project.sql(
        "select stage, count(*) as n from stage_entry group by stage, stage_order order by stage_order",
    )
}

fn stages(counts: [usize; 6]) -> Vec<serde_json::Value> {
    let stages = ["known", "responded", "mql", "sal", "opportunity", "closed"];
    let row = |(stage, n)| json!({"stage": stage, "n": n});
    stages.into_iter().zip(counts).map(row).collect()
}

fn assert_same(one: &Project, other: &Project, folder: &str) {
    let (one, other) = (contents(one, folder), contents(other, folder));
    let differ: Vec<&String> = one
        .iter()
        .filter(|(name, bytes)| other.get(*name) != Some(bytes))
        .filter(|(name, _)| !name.contains("/metric/"))
        .map(|(name, _)| name)
        .collect();
    assert!(differ.is_empty() && one.len() == other.len(), "{differ:?}");
}

/// The files of a folder by path, in which a run is called by its day: the rest of its name is new
/// each time. Left out are Delta logs and the archive's index, which name runs inside.
fn contents(project: &Project, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let named = |file: String| {
        let bytes = fs::read(project.path(&file)).unwrap();
        let parts: Vec<String> = file.split('/').map(by_day).collect();
        (parts.join("/"), bytes)
    };
    let files = project.files(folder).into_iter();
    let names_runs = |file: &String| file.contains("/_delta_log/") || file.ends_with("/index.html");
    let equal = files.filter(|file| !names_runs(file));
    equal.map(named).collect()
}

/// `2025-03-06-14a771fa-22.parquet` as `2025-03-06-22.parquet`.
fn by_day(part: &str) -> String {
    match (part.get(..10), part.get(11..19), part.get(19..)) {
        (Some(day), Some(digits), Some(rest)) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{day}{rest}")
        }
        _ => part.to_owned(),
    }
}
