//! What is said of exports and a warehouse that are wrong, and that the night before still answers.
//!
//! What is wrong with a file sets its stream aside: the night goes on without it and says so. What no
//! night can go on with leaves everything as it was.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::small::{FIRST, SECOND, commits, fresh, night, published, state, told};
use crate::support::Project;

const FUNNEL: &str = "config/funnel.yaml";
const PERSONS: &str = "queries/canonical/crm/person_version.sql";

/// What a second night is refused with that only its rows bring to light.
fn refused_by_the_data(code: i32, spoil: impl FnOnce(&Project)) -> String {
    let project = published();
    spoil(&project);
    let before = state(&project);
    let answer = project.sql("select * from stage_entry order by person_id, cycle, stage_order");
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert_eq!(state(&project), before);
    let after = project.sql("select * from stage_entry order by person_id, cycle, stage_order");
    assert_eq!(after, answer);
    told(&ran)
}

/// A cast that fails on a row is told without the row: exports are full of personal data.
#[test]
fn canonical_sql_that_fails_on_the_data() {
    let told = refused_by_the_data(1, |project| {
        project.replace(
            PERSONS,
            "score as lead_score",
            "cast(company as bigint) as lead_score",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Running `config/../queries/canonical/crm/person_version.sql` failed
      why: Cannot cast string '…' to value of bigint type
    ");
    let told = refused_by_the_data(1, |project| {
        project.replace(FUNNEL, "status = 'Working'", "cast(company as bigint) = 1");
    });
    insta::assert_snapshot!(told, @r"
    error: The `when` of stage `sal` fails on a row of the data
      fix: write it so that every row has an answer, as with `try_cast`
    ");
}

/// A date where an instant must stand: only values tell, since between them lies the company's zone.
#[test]
fn a_column_of_the_wrong_type() {
    let told = refused_by_the_data(2, |project| {
        project.replace(
            PERSONS,
            "createdat as created_at",
            "cast(createdat as date) as created_at",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: `config/../queries/canonical/crm/person_version.sql` gives `created_at` as a date; an instant is expected
      fix: cast `created_at` in its `select`
    ");
}

/// A warehouse that is in the way.
#[test]
fn a_warehouse_that_is_no_folder() {
    let project = fresh();
    project.write("warehouse", "no folder");
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @r"
    error: Cannot read or write `[ROOT]/warehouse/_log`
      why: Not a directory (os error 20)
      fix: see that this program may read and write it
    ");
    assert_eq!(project.read("warehouse"), "no folder");
    assert!(project.files("mail").is_empty());
}

/// A file of the warehouse that is shorter than the commit log says is not half-read.
#[test]
fn a_damaged_warehouse() {
    let project = published();
    let file = project.files("warehouse/history/crm/lead").remove(0);
    let whole = fs::read(project.path(&file)).unwrap();
    project.write(&file, &whole[..100]);
    let before = commits(&project);
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let run = Path::new(&file).file_name().unwrap().to_string_lossy();
    let size = whole.len().to_string();
    let told = told(&ran).replace(&*run, "[FILE]").replace(&size, "[SIZE]");
    insta::assert_snapshot!(told, @r"
    error: `[ROOT]/warehouse/history/crm/lead/[FILE]` has 100 bytes; the commit log says [SIZE]
      fix: put it back from a copy of the warehouse
    ");
    assert_eq!(commits(&project), before);
}

/// What a night says that goes on without some streams: the outcomes of those, and its words.
fn set_aside(project: &Project, day: &str) -> (serde_json::Value, String) {
    let before = (commits(project), project.files("mail").len());
    let ran = night(project, day);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(commits(project), before.0 + 1);
    assert_eq!(project.files("mail").len(), before.1 + 2);
    let outcomes = project
        .sql("select stream, outcome from job_extract where outcome <> 'ok' order by stream");
    (json!(outcomes), told(&ran))
}

/// On the first night: a column that a query needs, a date that is none, another delimiter, no bytes.
#[test]
fn files_that_cannot_be_believed() {
    let project = fresh();
    let exports = |file: &str| format!("exports/{FIRST}/{file}");
    project.replace(&exports("lead.csv"), "Score", "Points");
    project.replace(&exports("deal.csv"), "30.04.2025", "31.04.2025");
    let calls = project.read(&exports("call.csv"));
    project.write(&exports("call.csv"), calls.replace(',', ";"));
    project.write(&exports("form.ndjson"), "");
    let (outcomes, told) = set_aside(&project, FIRST);
    insta::assert_snapshot!(told, @r#"
    2025-03-06 is published as version 1: 1 of 5 streams, 1 report, 2 mails sent, … s
    problem: `crm.lead` is quarantined: `[ROOT]/exports/2025-03-06/lead.csv` has no column `Score`
        --> config/../queries/canonical/crm/person_version.sql:12:5
         |
      12 |     score as lead_score,
         |     ^
        why: this query reads it
        fix: have it exported, or take it out of the query and out of the stream's `columns`
    problem: `crm.deal` is quarantined: Column `CloseDate` of `[ROOT]/exports/2025-03-06/deal.csv` holds a value that is no date, as `99.99.9999`, in line 3
       --> [ROOT]/exports/2025-03-06/deal.csv:3:1
        fix: Correct the export, or the format `%d.%m.%Y` of column `CloseDate`
    problem: `crm.call` is quarantined: `[ROOT]/exports/2025-03-06/call.csv` is malformed in line 1: its header is one column; `;` seems to be its delimiter
       --> [ROOT]/exports/2025-03-06/call.csv:1:1
        fix: Write `delimiter: ";"` for stream `crm.call`
    problem: `crm.form` is quarantined: `[ROOT]/exports/2025-03-06/form.ndjson` is empty: it holds no bytes
        fix: Export it again; an export without rows has a header (CSV) or is `[]` (JSON)
    "#);
    let all = ["call", "deal", "form", "lead"];
    let all = all.map(|stream| json!({"stream": stream, "outcome": "quarantined"}));
    assert_eq!(outcomes, json!(all));
    assert_eq!(project.sql("select 1 from crm.lead_change").len(), 7);
}

/// On a later night: a column that was there before, and rows that are gone.
#[test]
fn a_file_that_lost_a_column_or_its_rows() {
    let project = published();
    let exports = |file: &str| format!("exports/{SECOND}/{file}");
    project.replace(&exports("lead.csv"), "Score", "Points");
    let deals = project.read(&exports("deal.csv"));
    let header = deals.lines().next().unwrap();
    project.write(&exports("deal.csv"), format!("{header}\n"));
    let (outcomes, told) = set_aside(&project, SECOND);
    insta::assert_snapshot!(told, @r"
    2025-03-07 is published as version 2: 3 of 5 streams, 1 report, 2 mails sent, … s
    problem: `crm.lead` is quarantined: `[ROOT]/exports/2025-03-07/lead.csv` has no column `Score` any more
        --> config/../queries/canonical/crm/person_version.sql:12:5
         |
      12 |     score as lead_score,
         |     ^
        why: this query reads it
        fix: have it exported, or take it out of the query and out of the stream's `columns`
    problem: `crm.deal` is quarantined: `crm.deal` fell from 2 rows on 2025-03-06 to 0; a fall of more than 20 % is not believed
        --> config/leadgauge.yaml:39:11
         |
      39 |         - name: deal
         |           ^
        fix: export it again; if so many are really gone, raise `max_fall` of stream `crm.deal`
    ");
    let both = ["deal", "lead"].map(|name| json!({"stream": name, "outcome": "quarantined"}));
    assert_eq!(outcomes, json!(both));
    // What the night before knew still stands.
    assert_eq!(project.sql("select 1 from crm.lead").len(), 7);
    assert_eq!(project.sql("select 1 from opportunity").len(), 2);
}

/// A column that nothing declares: the query that reads it has the place.
#[test]
fn a_column_that_only_the_query_knows() {
    let told = refused_by_the_data(2, |project| {
        project.replace(PERSONS, "score as lead_score", "points as lead_score");
    });
    insta::assert_snapshot!(told, @r"
    error: There is no column `points`
      --> config/../queries/canonical/crm/person_version.sql:12:5
       |
    12 |     points as lead_score,
       |     ^
      fix: the columns are `id`, `name`, `lastname`, `email`, `company`, `source`, `status`, `reason`, `score`, `mqlat`, `owner`, `createdat`, `modifiedat`, `record_id`, `valid_from`, `valid_to`, `seen_after`, `known_at`, `commit_no`, `deleted`, `via`, `censored`, `imported`
    ");
}

/// Exports that cannot be read at all: the night is not published, and trying again will not help.
#[test]
fn exports_that_cannot_be_read() {
    let told = refused_by_the_data(1, |project| {
        fs::remove_dir_all(project.path("exports")).unwrap();
        project.write("exports", "no folder");
    });
    insta::assert_snapshot!(told, @r"
    error: No stream arrived for 2025-03-07, so nothing is published
    `crm.lead_change` is missing: Cannot read `[ROOT]/exports/2025-03-07/lead_change.csv`: Not a directory (os error 20)
      fix: See that the path is a file that this program may read
    `crm.lead` is missing: Cannot read `[ROOT]/exports/2025-03-07/lead.csv`: Not a directory (os error 20)
      fix: See that the path is a file that this program may read
    `crm.deal` is missing: Cannot read `[ROOT]/exports/2025-03-07/deal.csv`: Not a directory (os error 20)
      fix: See that the path is a file that this program may read
    `crm.call` is missing: Cannot read `[ROOT]/exports/2025-03-07/call.csv`: Not a directory (os error 20)
      fix: See that the path is a file that this program may read
    `crm.form` is missing: Cannot read `[ROOT]/exports/2025-03-07/form.ndjson`: Not a directory (os error 20)
      fix: See that the path is a file that this program may read
    ");
}
