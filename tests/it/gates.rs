//! What is judged before it is recorded: by which gate a file is refused, that it is kept, and that
//! nights go on from the last complete one.

use std::fs;

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, commits, fresh, night, published, told};
use crate::support::Project;

const CONFIG: &str = "config/leadgauge.yaml";
const PERSONS: &str = "queries/canonical/crm/person_version.sql";

/// Gives the stream of leads gates.
fn with_gates(project: &Project, gates: &str) {
    let path = "path: \"{date}/lead.csv\"";
    let gates = format!("{path}\n          gates: {{ {gates} }}");
    project.replace(CONFIG, path, &gates);
}

fn leads(day: &str) -> String {
    format!("exports/{day}/lead.csv")
}

/// The leads of a day with one column more; a value for each row.
fn add_column(project: &Project, day: &str, name: &str, value: impl Fn(usize) -> String) {
    let text = project.read(&leads(day));
    let lines = text.lines().enumerate().map(|(row, line)| match row {
        0 => format!("{line},{name}\n"),
        row => format!("{line},{}\n", value(row)),
    });
    project.write(&leads(day), lines.collect::<String>());
}

/// What `job_check` holds of the leads of a day.
fn checks(project: &Project, day: &str, outcome: &str) -> Value {
    json!(project.sql(&format!(
        "select name, n, threshold from job_check
         where as_of = '{day}' and source = 'crm' and stream = 'lead' and outcome = '{outcome}'
         order by name"
    )))
}

/// A file that is refused is kept byte for byte and listed, the night goes on without it, and the next
/// sound one is compared with the last that was believed.
#[test]
fn a_refused_file_is_kept() {
    let project = published();
    let whole = project.read(&leads(SECOND));
    let head: Vec<&str> = whole.lines().take(3).collect();
    project.write(&leads(SECOND), head.join("\r\n"));
    let sent = fs::read(project.path(&leads(SECOND))).unwrap();
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-07 is published as version 2: 4 of 5 streams, 1 report, 2 mails sent, … s
    problem: `crm.lead` is quarantined: `crm.lead` fell from 7 rows on 2025-03-06 to 2; a fall of more than 20 % is not believed
        --> config/leadgauge.yaml:12:11
         |
      12 |         - name: lead
         |           ^
        fix: export it again; if so many are really gone, raise `max_fall` of stream `crm.lead`
    ");

    let kept = project.files("warehouse/quarantine");
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].ends_with("/crm/2025-03-07/lead.csv"), "{kept:?}");
    assert_eq!(fs::read(project.path(&kept[0])).unwrap(), sent);
    let listed = project.ok(&["--json", "warehouse", "quarantine"]).stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let [row] = &listed[..] else {
        panic!("one row: {listed:?}")
    };
    let stored = kept[0].strip_prefix("warehouse/").unwrap();
    assert_eq!(
        (
            &row["as_of"],
            &row["source"],
            &row["stream"],
            &row["bytes"],
            &row["file"]
        ),
        (
            &json!(SECOND),
            &json!("crm"),
            &json!("lead"),
            &json!(sent.len()),
            &json!(stored)
        )
    );
    let reason = row["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("`crm.lead` fell from 7 rows"),
        "{reason}"
    );
    let extract = "select e.file, e.bytes, e.sha256 = q.sha256 as same
         from job_extract e join quarantine q on e.run_id = q.run_id and e.stream = q.stream";
    assert_eq!(
        json!(project.sql(extract)),
        json!([{"file": "2025-03-07/lead.csv", "bytes": sent.len(), "same": true}])
    );
    assert_eq!(
        checks(&project, SECOND, "failed"),
        json!([{"name": "max_fall", "n": 5, "threshold": 1}])
    );
    assert_eq!(checks(&project, SECOND, "counted"), json!([]));

    project.ok(&["run", "--as-of", THIRD]);
    let third = project.sql(
        "select rows, new, changed, vanished from job_extract
         where as_of = '2025-03-08' and stream = 'lead'",
    );
    let rows = json!([{"rows": 8, "new": 1, "changed": 3, "vanished": 0}]);
    assert_eq!(json!(third), rows);
    assert_eq!(
        checks(&project, THIRD, "passed"),
        json!([
            {"name": "columns", "n": 0, "threshold": 0},
            {"name": "file", "n": 0, "threshold": 0},
            {"name": "max_fall", "n": 0, "threshold": 1},
            {"name": "max_future", "n": 0, "threshold": 12},
        ])
    );
    let counted = [
        "disagreements",
        "duplicates",
        "keyless",
        "unknown_fields",
        "unreadable",
    ];
    let counted = counted.map(|name| json!({"name": name, "n": 0, "threshold": null}));
    assert_eq!(checks(&project, THIRD, "counted"), json!(counted));
    assert_eq!(project.files("warehouse/quarantine"), kept);
}

/// Subtlety 32. A stale export, stamps of days to come and a column that ran empty are told at once.
#[test]
fn an_export_that_fails_every_gate() {
    let project = published();
    with_gates(
        &project,
        "max_age: 1 day, max_future: 0.05, max_null: { Owner: 0.1, Email: 0 }",
    );
    let text = project.read(&leads(SECOND));
    project.write(&leads(SECOND), text.replace("2025-03-07T", "2025-04-07T"));
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-07 is published as version 2: 4 of 5 streams, 1 report, 2 mails sent, … s
    problem: `crm.lead` is quarantined: `crm.lead` is stale: its newest stamp lies 3 days before the end of 2025-03-07; at most 1 is believed
        --> config/leadgauge.yaml:12:11
         |
      12 |         - name: lead
         |           ^
        fix: see that the export still runs; if so little really happens, raise `max_age` of stream `crm.lead`
      `crm.lead` has 4 of its 16 stamps after 2025-03-07; more than 5 % are not believed
        --> config/leadgauge.yaml:12:11
         |
      12 |         - name: lead
         |           ^
        fix: see that this is the export of that day, and that zone and format of its stamps are right; else raise `max_future` of stream `crm.lead`
      `Owner` of `crm.lead` is null in 1 of 8 rows; more than 10 % are not believed
        --> config/leadgauge.yaml:12:11
         |
      12 |         - name: lead
         |           ^
        fix: export it again; if so many are really without it, raise `Owner` in `max_null` of stream `crm.lead`
    ");
    assert_eq!(
        checks(&project, SECOND, "failed"),
        json!([
            {"name": "max_age", "n": 3, "threshold": 1},
            {"name": "max_future", "n": 4, "threshold": 0},
            {"name": "max_null: Owner", "n": 1, "threshold": 0},
        ])
    );
}

/// A gate of a column that the stream does not have is a mistake of the configuration.
#[test]
fn a_gate_of_no_column() {
    let project = fresh();
    with_gates(&project, "max_null: { Emial: 0.2 }");
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: The stream's `columns` have no `Emial`
      --> config/leadgauge.yaml:14:32
       |
    14 |           gates: { max_null: { Emial: 0.2 } }
       |                                ^
      fix: Did you mean `Email`?
    ");
}

/// A column that seems to have another name is told as such; once the query reads both names, nights
/// go on, and what was known under the old name stands.
#[test]
fn a_renamed_column() {
    let project = published();
    for day in [SECOND, THIRD] {
        project.replace(&leads(day), ",Email,", ",E_Mail,");
    }
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-07 is published as version 2: 4 of 5 streams, 1 report, 2 mails sent, … s
    problem: `crm.lead` is quarantined: `[ROOT]/exports/2025-03-07/lead.csv` has no column `Email` any more
       --> config/../queries/canonical/crm/person_version.sql:5:11
        |
      5 |     lower(email) as email,
        |           ^
        why: this query reads it; `Email` is gone and `E_Mail` is new: was it renamed?
        fix: if it was, write `coalesce(e_mail, email)` in the query; else have it exported, or take it out of the query and out of the stream's `columns`
    ");
    project.replace(PERSONS, "lower(email)", "lower(coalesce(e_mail, email))");
    project.ok(&["run", "--as-of", THIRD]);
    let emails = "select count(distinct email) as n from person";
    assert_eq!(json!(project.sql(emails)), json!([{"n": 8}]));
    assert_eq!(
        json!(project.sql(
            "select name from job_check where as_of = '2025-03-08' and name like '%: %' order by name"
        )),
        json!([{"name": "added: E_Mail"}, {"name": "vanished: Email"}])
    );
}

/// Whole numbers that get fractions are followed, and said; a text among them is refused by its place,
/// not its value.
#[test]
fn numbers_that_widen() {
    let project = fresh();
    add_column(&project, FIRST, "Visits", |row| row.to_string());
    add_column(&project, SECOND, "Visits", |row| format!("{row}.5"));
    add_column(&project, THIRD, "Visits", |row| match row {
        2 => "Jane".to_owned(),
        row => row.to_string(),
    });
    project.ok(&["run", "--as-of", FIRST]);
    project.ok(&["run", "--as-of", SECOND]);
    let said = "select name, n from job_check where name like 'widened%'";
    assert_eq!(
        json!(project.sql(said)),
        json!([{"name": "widened: Visits", "n": 1}])
    );
    let visits = project.sql(
        "select visits from crm.lead_history where record_id = 'L1' order by valid_from desc limit 2",
    );
    assert_eq!(json!(visits), json!([{"visits": 1.5}, {"visits": 1.0}]));
    let ran = night(&project, THIRD);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    2025-03-08 is published as version 3: 4 of 5 streams, 2 reports, 3 mails sent, … s
    problem: `crm.lead` is quarantined: Column `Visits` of `[ROOT]/exports/2025-03-08/lead.csv` holds a value that is no double, as `Aaaa`, in line 3
       --> [ROOT]/exports/2025-03-08/lead.csv:3:1
        fix: Correct the export, or state the columns' types and formats
    ");
    assert_eq!(project.files("warehouse/quarantine").len(), 1);
}

/// Where nothing at all could be believed there is no night, and no file is kept.
#[test]
fn without_a_night_nothing_is_kept() {
    let project = published();
    for stream in [
        "lead.csv",
        "lead_change.csv",
        "deal.csv",
        "call.csv",
        "form.ndjson",
    ] {
        project.write(&format!("exports/{SECOND}/{stream}"), "");
    }
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(commits(&project), 1);
    assert!(project.files("warehouse/quarantine").is_empty());
    let listed = project.ok(&["--json", "warehouse", "quarantine"]);
    assert_eq!(listed.stdout, "[]\n");
}
