//! Questions to the warehouse: every form of answer, every day, and what is said of a wrong question.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::small::{FIRST, SECOND, piped, published};
use crate::support::Project;

/// Text, number, instant, date, money, truth and null.
const DEALS: &str = "select opportunity_id, name, created_at, close_date, amount, is_won, next_step
    from opportunity order by opportunity_id";

fn asked(project: &Project, format: &str) -> String {
    project.ok(&["sql", "--format", format, DEALS]).stdout
}

/// One answer in every form of text. Null is empty in tables and CSV, and written in JSON.
#[test]
fn every_form_of_text() {
    let project = published();
    insta::assert_snapshot!(asked(&project, "table"), @r"
    +----------------+---------------------+----------------------+------------+------------+--------+-----------+
    | opportunity_id | name                | created_at           | close_date | amount     | is_won | next_step |
    +----------------+---------------------+----------------------+------------+------------+--------+-----------+
    | D1             | Müller: first order | 2025-02-16T08:00:00Z | 2025-03-02 | 12500.0000 | true   |           |
    | D2             | Tan: pilot          | 2025-02-18T09:00:00Z | 2025-04-30 | 8000.5000  | false  |           |
    +----------------+---------------------+----------------------+------------+------------+--------+-----------+
    ");
    insta::assert_snapshot!(asked(&project, "csv"), @r"
    opportunity_id,name,created_at,close_date,amount,is_won,next_step
    D1,Müller: first order,2025-02-16T08:00:00Z,2025-03-02,12500.0000,true,
    D2,Tan: pilot,2025-02-18T09:00:00Z,2025-04-30,8000.5000,false,
    ");
    insta::assert_snapshot!(asked(&project, "ndjson"), @r#"
    {"opportunity_id":"D1","name":"Müller: first order","created_at":"2025-02-16T08:00:00Z","close_date":"2025-03-02","amount":12500.0000,"is_won":true,"next_step":null}
    {"opportunity_id":"D2","name":"Tan: pilot","created_at":"2025-02-18T09:00:00Z","close_date":"2025-04-30","amount":8000.5000,"is_won":false,"next_step":null}
    "#);
    let rows: serde_json::Value = serde_json::from_str(&asked(&project, "json")).unwrap();
    let lines = asked(&project, "ndjson");
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows, json!(lines));
    let usual = project.ok(&["sql", DEALS]).stdout;
    assert_eq!(usual, asked(&project, "table"));
    let json = project.ok(&["--json", "sql", DEALS]).stdout;
    assert_eq!(json, asked(&project, "json"));
}

/// An answer without rows still says its columns.
#[test]
fn no_rows() {
    let project = published();
    let none = |format| {
        project
            .ok(&[
                "sql",
                "--format",
                format,
                "select stage from stage_entry where false",
            ])
            .stdout
    };
    assert_eq!(none("csv"), "stage\n");
    assert_eq!(none("json"), "[]\n");
    assert_eq!(none("ndjson"), "");
    assert!(none("table").contains("| stage |"));
}

/// Parquet goes to a file; so may any other form, and the query may come from one.
#[test]
fn files_in_and_out() {
    let project = published();
    project.write("deals.sql", format!("-- All of them.\n{DEALS};\n"));
    let args = ["sql", "--file", "deals.sql", "--format"];
    let to = |format, out| project.ok(&[&args[..], &[format, "--out", out]].concat());
    let ran = to("parquet", "out/deals.parquet");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let bytes = fs::read(project.path("out/deals.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    to("csv", "out/deals.csv");
    assert_eq!(project.read("out/deals.csv"), asked(&project, "csv"));

    let absent = project.run(&["sql", "--file", "nowhere.sql"]);
    assert_eq!(absent.code, 2);
    assert_eq!(absent.stderr, "error: `nowhere.sql` is not there\n");
    project.write("taken", "no folder");
    let unwritable = project.run(&["sql", "select 1 as a", "--out", "taken/a.csv"]);
    assert_eq!(unwritable.code, 1);
    assert!(
        unwritable
            .stderr
            .starts_with("error: Cannot read or write `taken/a.csv`\n  why: "),
        "{}",
        unwritable.stderr
    );
}

/// An earlier day answers as it did then, whatever was published since.
#[test]
fn an_earlier_day() {
    let project = published();
    let deals = "select opportunity_id as id, stage from opportunity order by 1";
    let then = project.sql(deals);
    project.ok(&["run", "--as-of", SECOND]);
    assert_eq!(
        json!(project.sql(deals)),
        json!([{"id": "D1", "stage": "Won"}, {"id": "D2", "stage": "Lost"}])
    );
    assert_eq!(project.sql_as_of(deals, FIRST), then);
    assert_eq!(
        json!(then),
        json!([{"id": "D1", "stage": "Won"}, {"id": "D2", "stage": "Offer"}])
    );
    let parameter = "select $as_of as day, day_end($as_of) = $as_of_end as same";
    assert_eq!(
        json!(project.sql_as_of(parameter, FIRST)),
        json!([{"day": FIRST, "same": true}])
    );
}

fn refused(project: &Project, sql: &str) -> String {
    let ran = project.run(&["sql", sql]);
    assert_eq!(ran.code, 2, "{sql}\n{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    ran.stderr
}

/// What is wrong with a question: what, where, and what to write instead.
#[test]
fn a_wrong_name() {
    let project = published();
    let refused = |sql: &str| refused(&project, sql);
    insta::assert_snapshot!(refused("select *\nfrom stage_entri"), @r"
    error: There is no table `stage_entri`
     --> the query:2:6
      |
    2 | from stage_entri
      |      ^
      fix: did you mean `stage_entry`?
    ");
    insta::assert_snapshot!(refused("select * from crm.leads"), @r"
    error: There is no table `crm.leads`
     --> the query:1:15
      |
    1 | select * from crm.leads
      |               ^
      fix: did you mean `crm.lead`?
    ");
    insta::assert_snapshot!(refused("select * from nothing_like_it"), @r"
    error: There is no table `nothing_like_it`
     --> the query:1:15
      |
    1 | select * from nothing_like_it
      |               ^
      fix: `\d` at the prompt of `leadgauge sql` lists the tables
    ");
    insta::assert_snapshot!(refused("select stag from stage_entry"), @r"
    error: There is no column `stag`
     --> the query:1:8
      |
    1 | select stag from stage_entry
      |        ^
      fix: did you mean `stage`?
    ");
    insta::assert_snapshot!(refused("select e.stag from stage_entry e"), @r"
    error: There is no column `e.stag`
     --> the query:1:8
      |
    1 | select e.stag from stage_entry e
      |        ^
      fix: did you mean `e.stage`?
    ");
    insta::assert_snapshot!(refused("select x.stage from stage_entry e"), @r"
    error: There is no column `x.stage`
     --> the query:1:8
      |
    1 | select x.stage from stage_entry e
      |        ^
      fix: name a table of the `from` clause; `x` is none
    ");
    insta::assert_snapshot!(refused("select quark from sla_week"), @r"
    error: There is no column `quark`
     --> the query:1:8
      |
    1 | select quark from sla_week
      |        ^
      fix: the columns are `as_of`, `quarter`, `stage`, `week_no`, `week_start`, `week_end`, `working_days`, `working_days_done`, `weight`, `weight_done`, `commitment`, `gross`, `rejected`, `pending`, `net`, `attained`, `complete`, `verdict`
    ");
    insta::assert_snapshot!(refused("select lenght(stage) from stage_entry"), @r"
    error: There is no function `lenght`
     --> the query:1:8
      |
    1 | select lenght(stage) from stage_entry
      |        ^
      fix: did you mean `length`?
    ");
    insta::assert_snapshot!(refused("select current_date"), @r"
    error: There is no function `current_date`
     --> the query:1:8
      |
    1 | select current_date
      |        ^
      fix: use `$as_of`: a result depends on the as-of date, never on the clock
    ");
}

/// What is no query, and what no query can say.
#[test]
fn a_wrong_query() {
    let project = published();
    let refused = |sql: &str| refused(&project, sql);
    insta::assert_snapshot!(refused("select $asof"), @r"
    error: There is no parameter `$asof`
     --> the query:1:8
      |
    1 | select $asof
      |        ^
      fix: use `$as_of` (date) or `$as_of_end` (the last instant of that day)
    ");
    insta::assert_snapshot!(refused("select name + 1 from person"), @r"
    error: The query cannot be planned: Cannot coerce arithmetic expression string + bigint to valid types
     --> the query:1:8
      |
    1 | select name + 1 from person
      |        ^
    ");
    insta::assert_snapshot!(refused("select stage,\nfrom stage_entry where"), @r"
    error: This is not SQL: Expected: an expression, found the end
     --> the query:2:23
      |
    2 | from stage_entry where
      |                       ^
    ");
    insta::assert_snapshot!(refused(""), @r"
    error: There is no query here
     --> the query:1:1
      fix: write one that begins with `select`
    ");
    insta::assert_snapshot!(refused("select 1; select 2"), @r"
    error: Expected one query, found 2 statements
     --> the query:1:1
      |
    1 | select 1; select 2
      | ^
      fix: split them: one relation a file, one query at a time
    ");
}

/// Nothing is written through SQL, and no file is read.
#[test]
fn only_questions() {
    let project = published();
    let before = project.files("");
    for sql in [
        "drop table person",
        "insert into person values (1)",
        "create table mine as select 1",
        "create external table mine stored as csv location 'config'",
        "copy (select 1) to 'mine.csv'",
        "delete from person",
        "set datafusion.execution.batch_size = 1",
    ] {
        let ran = project.run(&["sql", sql]);
        assert_eq!(ran.code, 2, "{sql}");
        let refused = "error: Only a query (`select`) may stand here\n --> the query:1:1\n";
        assert!(ran.stderr.starts_with(refused), "{}", ran.stderr);
    }
    let ran = project.run(&["sql", "select * from 'config/leadgauge.yaml'"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.starts_with("error: There is no table `"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.files(""), before);
}

/// What fails on the rows is told without them.
#[test]
fn a_question_that_fails_on_the_data() {
    let project = published();
    let ran = project.run(&["sql", "select cast(company as bigint) from person"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stderr, @r"
    error: Running `the query` failed
      why: Cannot cast string '…' to value of bigint type
    ");
}

/// A reader that has seen enough, as `| head -1`, is no failure.
#[test]
fn a_reader_that_goes_away() {
    let project = published();
    let many = "select a.*, b.* from stage_entry a, stage_entry b, stage_entry c";
    let mut child = Command::new(env!("CARGO_BIN_EXE_leadgauge"))
        .args(["sql", "--format", "csv", many])
        .current_dir(project.root())
        .env_remove("LEADGAUGE_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

/// The prompt reads what is piped in: commands, a query over several lines, one without its `;` at
/// the end of the input. Data and words go to their own streams.
#[test]
fn the_prompt_reads_a_pipe() {
    let project = published();
    let input = "\\d\n\n\\d crm.form\nselect count(*) as n\nfrom person;\n\\q\nselect 1;\n";
    let ran = piped(&project, &["sql", "--format", "csv"], input);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let tables: Vec<&str> = ran
        .stdout
        .lines()
        .take_while(|line| !line.starts_with('+'))
        .collect();
    for table in ["crm.lead_history", "job_delivery", "metric", "stage_entry"] {
        assert!(tables.contains(&table), "{tables:?}");
    }
    let rest = ran
        .stdout
        .lines()
        .skip(tables.len())
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(rest, @r"
    +-------------+-----------+
    | column      | type      |
    +-------------+-----------+
    | id          | string    |
    | leadid      | string    |
    | form        | string    |
    | submittedat | timestamp |
    | record_id   | string    |
    | known_at    | timestamp |
    | commit_no   | bigint    |
    | imported    | boolean   |
    +-------------+-----------+
    n
    7
    ");
    assert!(
        ran.stderr.starts_with("Version 1 of 2025-03-06. "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("\n1 row, "), "{}", ran.stderr);

    let unfinished = piped(&project, &["sql", "--format", "csv"], "select 7 as a");
    assert_eq!((unfinished.code, unfinished.stdout.as_str()), (0, "a\n7\n"));
}

/// A wrong question does not end the prompt, but what was piped in has not all been done.
#[test]
fn the_prompt_goes_on_after_a_mistake() {
    let project = published();
    let input = "select 1 from persn;\n\\d persn\nselect 2 as a;\n";
    let ran = piped(&project, &["--json", "sql"], input);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout, "[{\"a\":2}]\n");
    let words: Vec<&str> = ran
        .stderr
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("1 row"))
        .collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    error: There is no table `persn`
     --> the query:1:15
      |
    1 | select 1 from persn
      |               ^
      fix: did you mean `person`?
    error: There is no table `persn`
      fix: did you mean `person`?
    ");
    let out = piped(&project, &["sql", "--out", "a.csv"], "select 1;");
    assert_eq!(out.code, 2, "{}", out.stderr);
}
