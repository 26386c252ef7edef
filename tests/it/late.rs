//! What comes late, what was refused and is taken after all, and nights whose tables were let go.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, commits, fresh, night, published, told};
use crate::support::Project;

const CONFIG: &str = "config/leadgauge.yaml";

/// A history without what tells when it was loaded.
fn history(project: &Project) -> Vec<Value> {
    project.sql(
        "select record_id, status, score, valid_from, valid_to, seen_after, deleted, via, censored, imported
         from crm.lead_history",
    )
}

/// The entries without the versions that made them known.
fn entries(project: &Project) -> Vec<Value> {
    project.sql("select person_id, stage, cycle, entered_at, exited_at, outcome from stage_entry")
}

/// What is queried of a night, in full: each table's rows.
fn answers(project: &Project, day: &str) -> BTreeMap<String, String> {
    let tables = "select table_schema, table_name from information_schema.tables";
    let tables = project.sql_as_of(tables, day);
    let names = tables.iter().map(|row| {
        let [schema, table] =
            ["table_schema", "table_name"].map(|name| row[name].as_str().unwrap());
        if schema == "public" {
            table.to_owned()
        } else {
            format!("{schema}.{table}")
        }
    });
    let asked =
        names.filter(|name| !name.starts_with("information_schema") && !name.starts_with("job_"));
    asked
        .map(|name| {
            let query = format!("select * from {name}");
            let rows = project.ok(&["sql", "--format", "csv", "--as-of", day, &query]);
            (name, rows.stdout)
        })
        .collect()
}

/// The answers are the same; the tables in which they are not are named, not shown.
fn assert_same(found: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    let names = |all: &BTreeMap<String, String>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    let other = expected
        .iter()
        .filter(|(name, rows)| found[*name] != **rows);
    let other: Vec<&String> = other.map(|(name, _)| name).collect();
    assert!(other.is_empty(), "{other:?}");
}

/// A night that was missed and is run later joins the history as if it had come in its turn; the
/// newest day is derived again, nobody is mailed, and what was published stays to be asked.
#[test]
fn a_missed_night_is_run_later() {
    let project = published();
    project.ok(&["run", "--as-of", THIRD]);
    let mails = project.files("mail");
    let third = answers(&project, THIRD);
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @"2025-03-07 came late: 5 of 5 streams join the history in version 3, … s");
    assert_eq!(project.files("mail"), mails);
    assert_same(&answers(&project, THIRD), &third);

    let in_order = published();
    in_order.ok(&["run", "--as-of", SECOND]);
    in_order.ok(&["run", "--as-of", THIRD]);
    assert_eq!(history(&project), history(&in_order));
    assert_eq!(entries(&project), entries(&in_order));

    let asked = project.run(&["sql", "--as-of", SECOND, "select 1"]);
    assert_eq!(asked.code, 2);
    insta::assert_snapshot!(asked.stderr, @r"
    error: Nothing is published for 2025-03-07
      fix: `leadgauge runs` lists the days there are; the newest is 2025-03-08
    ");
    let runs = project.sql("select as_of, outcome from job_run order by commit_no desc limit 1");
    assert_eq!(
        json!(runs),
        json!([{"as_of": SECOND, "outcome": "complete"}])
    );
}

/// A backfill runs the days of a range in order and mails only the last; a second one finds nothing
/// to do.
#[test]
fn a_range_is_filled() {
    let project = fresh();
    let ran = project.run(&["backfill", FIRST, THIRD]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-06 is published as version 1: 5 of 5 streams, 1 report, 0 mails sent, … s
    2025-03-07 is published as version 2: 5 of 5 streams, 1 report, 0 mails sent, … s
    2025-03-08 is published as version 3: 5 of 5 streams, 2 reports, 3 mails sent, … s
    ");
    let again = project.ok(&["backfill", FIRST, THIRD]);
    insta::assert_snapshot!(told(&again), @"Nothing is missing from 2025-03-06 to 2025-03-08");
    let wrong = project.run(&["backfill", THIRD, FIRST]);
    assert_eq!(wrong.code, 2);
    insta::assert_snapshot!(wrong.stderr, @r"
    error: 2025-03-08 comes after 2025-03-06
      fix: name the first day first
    ");
}

/// A file that came after its night was published is loaded by a backfill, alone.
#[test]
fn a_stream_that_came_late() {
    let project = published();
    let path = format!("exports/{SECOND}/lead.csv");
    let leads = project.read(&path);
    fs::remove_file(project.path(&path)).unwrap();
    assert_eq!(night(&project, SECOND).code, 1);
    project.ok(&["run", "--as-of", THIRD]);
    project.write(&path, leads);
    let ran = project.ok(&["backfill", FIRST, THIRD]);
    insta::assert_snapshot!(told(&ran), @"2025-03-07 came late: 1 of 1 streams join the history in version 4, … s");
    let in_order = published();
    in_order.ok(&["run", "--as-of", SECOND]);
    in_order.ok(&["run", "--as-of", THIRD]);
    assert_eq!(history(&project), history(&in_order));
}

/// A refused file is recorded by one command, from the copy that was kept.
#[test]
fn a_refused_file_is_released() {
    let project = published();
    let path = format!("exports/{SECOND}/lead.csv");
    let whole = project.read(&path);
    let head: Vec<&str> = whole.lines().take(3).collect();
    project.write(&path, head.join("\n"));
    assert_eq!(night(&project, SECOND).code, 1);
    project.write(&path, "gone");
    let release = ["warehouse", "release", "crm.lead", "--as-of", SECOND];
    let ran = project.ok(&release);
    insta::assert_snapshot!(told(&ran), @"2025-03-07 came late: 1 of 1 streams join the history in version 3, … s");
    let now = project.sql("select record_id from crm.lead");
    assert_eq!(
        json!(now),
        json!([{"record_id": "L1"}, {"record_id": "L2"}])
    );
    let listed = project.ok(&["--json", "warehouse", "quarantine"]).stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert!(
        listed[0]["released_by"]
            .as_str()
            .unwrap()
            .starts_with("2025-03-07-")
    );

    let twice = project.run(&release);
    assert_eq!(twice.code, 2);
    assert!(
        twice.stderr.starts_with(
            "error: `crm.lead` of 2025-03-07 is released already, by run `2025-03-07-"
        ),
        "{}",
        twice.stderr
    );
    let none = project.run(&["warehouse", "release", "crm.deal", "--as-of", SECOND]);
    assert_eq!(none.code, 2);
    insta::assert_snapshot!(none.stderr, @r"
    error: No file of `crm.deal` is kept for 2025-03-07
      fix: `leadgauge warehouse quarantine` lists what is kept
    ");
    assert_eq!(commits(&project), 3);
}

/// Subtlety 2. The tables of a night whose files were let go are derived again, by its own configuration and
/// queries: the same answers to the byte.
#[test]
fn an_old_night_is_derived_again() {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    let then = [FIRST, SECOND].map(|day| answers(&project, day));
    assert!(
        then[0].iter().any(|(name, _)| name == "stage_entry"),
        "{:?}",
        then[0]
    );

    project.write(
        CONFIG,
        project.read(CONFIG) + "\nretention: { derived: 0 days }\n",
    );
    let query = "queries/canonical/crm/person_version.sql";
    project.replace(query, "score as", "0 * score as");
    project.ok(&["run", "--as-of", THIRD]);
    for file in project.files("warehouse/derived") {
        if !file.contains(THIRD) && !file.contains("_delta_log") {
            fs::remove_file(project.path(&file)).unwrap();
        }
    }
    for (day, then) in [FIRST, SECOND].into_iter().zip(then) {
        assert_same(&answers(&project, day), &then);
    }
}

/// Both questions about the past are asked in SQL, beside the present: what was known for a day, and
/// what the state was on a day as it is known now.
#[test]
fn the_past_is_asked_in_sql() {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    let states = project.sql(&format!(
        "select then.record_id, then.status as was, lead.status as is
         from state_on('crm.lead', date '{FIRST}') as then join crm.lead using (record_id)
         where then.status <> lead.status"
    ));
    assert_eq!(
        json!(states),
        json!([{"record_id": "L6", "was": "New", "is": "Working"}])
    );
    let counted = "select count(*) as n from stage_entry";
    let then = project.sql_as_of(counted, FIRST);
    let asked = project.sql(&format!(
        "select (select count(*) from known_on('stage_entry', date '{FIRST}')) as n,
                (select count(*) from stage_entry) as now"
    ));
    assert_eq!(asked[0]["n"], then[0]["n"]);
    assert_eq!(asked[0]["now"], project.sql(counted)[0]["n"]);
    assert_ne!(asked[0]["n"], asked[0]["now"]);
    let person = project.sql(&format!(
        "select lead_score from state_on('person_version', date '{FIRST}') where email = 'eli@firma.example'"
    ));
    assert_eq!(json!(person), json!([{"lead_score": 20}]));
}

/// A question about the past that cannot be asked is refused where it stands.
#[test]
fn a_wrong_question_about_the_past() {
    let project = published();
    let refused = |query: &str| {
        let ran = project.run(&["sql", query]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.stderr
    };
    insta::assert_snapshot!(refused("select *\nfrom known_on('crm.lead', $as_of)"), @r"
    error: `known_on` is asked for a day as `date '2026-11-12'`
     --> the query:2:6
      |
    2 | from known_on('crm.lead', $as_of)
      |      ^
      fix: write `known_on('person_version', date '2026-11-12')`
    ");
    insta::assert_snapshot!(refused("select * from state_on('crm.lead')"), @r"
    error: `state_on` is asked for a table's name and a day
     --> the query:1:15
      |
    1 | select * from state_on('crm.lead')
      |               ^
      fix: write `state_on('person_version', date '2026-11-12')`
    ");
    insta::assert_snapshot!(refused("select * from known_on('crm.laed', date '2025-03-06')"), @r"
    error: There is no table `crm.laed`
      fix: did you mean `crm.lead`?
    ");
    insta::assert_snapshot!(refused("select * from known_on('crm.lead', date '2025-03-05')"), @r"
    error: Nothing is published for 2025-03-05
      fix: `leadgauge runs` lists the days there are; the newest is 2025-03-06
    ");
}
