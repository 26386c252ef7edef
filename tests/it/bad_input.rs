//! What is said of input that is wrong: what, where, why and what to do, each once; and that nothing
//! is half-written.
//!
//! What is wrong with the deployment stops the job before anything is pulled, and `check` says the
//! same. What is wrong with a file sets its stream aside: the night goes on without it.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::small::{FIRST, SECOND, commits, fresh, night, published, state, told};
use crate::support::Project;

const LEADGAUGE: &str = "config/leadgauge.yaml";
const FUNNEL: &str = "config/funnel.yaml";
const PERSONS: &str = "queries/canonical/crm/person_version.sql";

// ---- the deployment ----

/// What a deployment is refused with, by the job and by `check` alike; nothing is written.
fn refused(spoil: impl FnOnce(&Project)) -> String {
    let project = fresh();
    spoil(&project);
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(state(&project), Vec::<String>::new());
    let checked = project.run(&["check"]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert_eq!(told(&checked), told(&ran));
    told(&ran)
}

/// The same where only the night's rows bring it to light.
fn refused_by_the_data(code: i32, spoil: impl FnOnce(&Project)) -> String {
    let project = published();
    spoil(&project);
    let before = (commits(&project), project.files("mail"));
    let answer = project.sql("select * from stage_entry order by person_id, cycle, stage_order");
    let ran = night(&project, SECOND);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert_eq!((commits(&project), project.files("mail")), before);
    let after = project.sql("select * from stage_entry order by person_id, cycle, stage_order");
    assert_eq!(after, answer);
    told(&ran)
}

/// A file of the deployment that is not there.
#[test]
fn a_missing_configuration() {
    let told = refused(|project| fs::remove_file(project.path(LEADGAUGE)).unwrap());
    insta::assert_snapshot!(told, @r"
    error: `config/leadgauge.yaml` is not there
      fix: Create it, or name the deployment's `leadgauge.yaml` with `--config`; `sla.yaml` and `calendar.yaml` may be empty
    ");
    let told = refused(|project| fs::remove_file(project.path("config/sla.yaml")).unwrap());
    insta::assert_snapshot!(told, @r"
    error: `config/sla.yaml` is not there
      fix: Create it, or name the deployment's `leadgauge.yaml` with `--config`; `sla.yaml` and `calendar.yaml` may be empty
    ");
}

/// Folders that cannot be read are told, not taken to be empty.
#[test]
fn an_unreadable_folder() {
    let told = refused(|project| {
        fs::remove_dir_all(project.path("queries")).unwrap();
        project.write("queries", "no folder");
    });
    insta::assert_snapshot!(told, @r"
    error: Cannot read or write `config/../queries/canonical/crm`
      why: Not a directory (os error 20)
      fix: see that it is there as a folder of `.sql` files that this program may read
    ");
    let told = refused(|project| project.write("templates", "no folder"));
    insta::assert_snapshot!(told, @r"
    error: Cannot read `config/../templates`
      why: Not a directory (os error 20)
    ");
}

/// A key that nobody reads.
#[test]
fn an_unknown_key() {
    let told = refused(|project| project.replace(LEADGAUGE, "horizon_days", "horizon_dais"));
    insta::assert_snapshot!(told, @r"
    error: Unknown key `horizon_dais` in `metrics`
      --> config/leadgauge.yaml:63:3
       |
    63 |   horizon_dais: 90
       |   ^
      fix: Did you mean `horizon_days`?
    ");
}

/// A recipient that is no address.
#[test]
fn a_recipient_without_an_address() {
    let told = refused(|project| {
        project.replace(LEADGAUGE, "bob@small.example", "bob at small.example");
    });
    insta::assert_snapshot!(told, @r"
    error: This is no e-mail address
      --> config/leadgauge.yaml:69:39
       |
    69 |     to: [Ann Lee <ann@small.example>, bob at small.example]
       |                                       ^
      why: it has no `@`
      fix: Write `name@example.com` or `Name <name@example.com>`
    ");
}

/// A report that nobody can render.
#[test]
fn an_unknown_report() {
    let told = refused(|project| project.replace(LEADGAUGE, "name: daily", "name: dayly"));
    insta::assert_snapshot!(told, @r"
    error: There is no report `dayly`
      --> config/leadgauge.yaml:67:5
       |
    67 |   - name: dayly
       |     ^
      fix: name one of `daily`, `sla-weekly`
    ");
}

/// Mistakes in two files, and two in one, are told at once.
#[test]
fn several_mistakes_at_once() {
    let told = refused(|project| {
        project.replace(LEADGAUGE, "Europe/Berlin", "Europe/Berlim");
        project.replace(LEADGAUGE, "bob@small.example", "bob");
        project.replace(FUNNEL, "2025-01-01", "2025-01-32");
    });
    insta::assert_snapshot!(told, @r"
    error: `Europe/Berlim` is no time zone
     --> config/leadgauge.yaml:4:12
      |
    4 | time_zone: Europe/Berlim
      |            ^
      fix: Did you mean `Europe/Berlin`?

    This is no e-mail address
      --> config/leadgauge.yaml:69:39
       |
    69 |     to: [Ann Lee <ann@small.example>, bob]
       |                                       ^
      why: it has no `@`
      fix: Write `name@example.com` or `Name <name@example.com>`

    `2025-01-32` is no date
     --> config/funnel.yaml:2:17
      |
    2 | effective_from: 2025-01-32
      |                 ^
      fix: Write year-month-day, as `2026-10-01`
    ");
    let told = refused(|project| {
        project.replace(LEADGAUGE, "name: daily", "name: dayly");
        project.replace(PERSONS, "select\n", "selct\n");
        project.write("templates/daily.mail.txt.hbs", "{{lede}} {{lade}}");
    });
    insta::assert_snapshot!(told, @r"
    error: There is no report `dayly`
      --> config/leadgauge.yaml:67:5
       |
    67 |   - name: dayly
       |     ^
      fix: name one of `daily`, `sla-weekly`

    This is not SQL: Expected: an SQL statement, found: selct
     --> config/../queries/canonical/crm/person_version.sql:2:1
      |
    2 | selct
      | ^

    Unknown variable `lade`
     --> config/../templates/daily.mail.txt.hbs:1:10
      |
    1 | {{lede}} {{lade}}
      |          ^
      fix: one of: `title`, `company`, `as_of`, `zone`, `subject`, `lede`, `standing`, `moved`, `faults`, `consequence`, `keys`, `needs`, `funnel`, `weeks`, `trends`, `trend_from`, `trend_to`, `stages`, `baseline`, `definition`, `signed`
    ");
}

/// A trigger that is no SQL, one that names a column nobody gives, and a stamp that names none.
#[test]
fn a_wrong_trigger() {
    let told = refused(|project| {
        project.replace(FUNNEL, "status = 'Working'", "status = = 'Working'");
    });
    insta::assert_snapshot!(told, @r#"
    error: The `when` of stage `sal` is not SQL: Expected: an expression, found: =
     --> config/funnel.yaml:7:97
      |
    7 |   - { id: sal, term: Sales accepted lead, definition: Sales works on the lead., when: "status = = 'Working'" }
      |                                                                                                 ^
    "#);
    let told = refused(|project| {
        project.replace(FUNNEL, "status = 'Working'", "state = 'Working'");
        project.replace(FUNNEL, "stamp: mql_at", "stamp: mql_on");
    });
    insta::assert_snapshot!(told, @r#"
    error: The `stamp` of stage `mql` names `mql_on`, and `person_version` has no such column
     --> config/funnel.yaml:6:100
      |
    6 |   - { id: mql, term: Marketing qualified lead, definition: Marketing handed the lead over., stamp: mql_on }
      |                                                                                                    ^
      fix: did you mean `mql_at`?

    The `when` of stage `sal` names `state`, and `person_version` has no such column
     --> config/funnel.yaml:7:88
      |
    7 |   - { id: sal, term: Sales accepted lead, definition: Sales works on the lead., when: "state = 'Working'" }
      |                                                                                        ^
      fix: did you mean `status`?
    "#);
}

/// Canonical SQL of the deployment's own: its syntax, and every name in it.
#[test]
fn wrong_canonical_sql() {
    let told = refused(|project| project.replace(PERSONS, "from crm.", "form crm."));
    insta::assert_snapshot!(told, @r"
    error: This is not SQL: Expected: end of statement, found: crm
      --> config/../queries/canonical/crm/person_version.sql:23:6
       |
    23 | form crm.lead_history
       |      ^
    ");
    let told = refused(|project| project.replace(PERSONS, "lower(email)", "lower(e_mail)"));
    insta::assert_snapshot!(told, @r"
    error: There is no column `e_mail`
     --> config/../queries/canonical/crm/person_version.sql:5:11
      |
    5 |     lower(e_mail) as email,
      |           ^
      fix: did you mean `email`?
    ");
    let told = refused(|project| project.replace(PERSONS, "lower(email)", "lowr(email)"));
    insta::assert_snapshot!(told, @r"
    error: There is no function `lowr`
     --> config/../queries/canonical/crm/person_version.sql:5:5
      |
    5 |     lowr(email) as email,
      |     ^
      fix: did you mean `lower`?
    ");
    let told = refused(|project| project.replace(PERSONS, "crm.lead_history", "lead_history"));
    insta::assert_snapshot!(told, @r"
    error: There is no table `lead_history`
      --> config/../queries/canonical/crm/person_version.sql:23:6
       |
    23 | from lead_history
       |      ^
      fix: did you mean `crm.lead_history`?
    ");
    let told = refused(|project| project.replace(PERSONS, "    known_at,\n", ""));
    insta::assert_snapshot!(told, @r"
    error: `config/../queries/canonical/crm/person_version.sql` gives no column `known_at`
      fix: add `known_at` to its `select`
    ");
}

/// A canonical query under a name that nothing is made from would be lost without a word.
#[test]
fn a_canonical_query_of_another_name() {
    let told = refused(|project| {
        let (from, to) = ("response.sql", "responses.sql");
        let folder = project.path("queries/canonical/crm");
        fs::rename(folder.join(from), folder.join(to)).unwrap();
    });
    insta::assert_snapshot!(told, @r"
    error: There is no canonical table `responses`
     --> config/../queries/canonical/crm/responses.sql:1:1
      |
    1 | -- Grain: one row per form sent.
      | ^
      fix: did you mean `response.sql`?
    ");
}

/// A source whose streams no query maps.
#[test]
fn a_source_without_canonical_sql() {
    let told = refused(|project| {
        fs::remove_dir_all(project.path("queries/canonical/crm")).unwrap();
    });
    insta::assert_snapshot!(told, @r"
    error: No query says what the streams of `crm` mean
     --> config/leadgauge.yaml:8:5
      |
    8 |   - name: crm
      |     ^
      fix: write `person_version.sql` and what else applies in `config/../queries/canonical/crm`
    ");
}

/// A measure that asks the clock, and one that reads what is not there.
#[test]
fn a_wrong_measure() {
    let told = refused(|project| {
        project.write("queries/metrics/recent.sql", "select\n    now() as at\n");
    });
    insta::assert_snapshot!(told, @r"
    error: There is no function `now`
     --> config/../queries/metrics/recent.sql:2:5
      |
    2 |     now() as at
      |     ^
      fix: use `$as_of`: a result depends on the as-of date, never on the clock
    ");
    let told = refused(|project| {
        project.write(
            "queries/metrics/recent.sql",
            "select count(*) as n\nfrom stage_entri\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: There is no table `stage_entri`
     --> config/../queries/metrics/recent.sql:2:6
      |
    2 | from stage_entri
      |      ^
      fix: did you mean `stage_entry`?
    ");
}

/// A template's variable that its view does not have, also where no night may ever come by.
#[test]
fn an_unknown_variable() {
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{company}}: {{weak}}\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Unknown variable `weak`
     --> config/../templates/sla-weekly.subject.txt.hbs:1:14
      |
    1 | {{company}}: {{weak}}
      |              ^
      fix: one of: `title`, `company`, `as_of`, `zone`, `subject`, `lede`, `standing`, `needed`, `faults`, `consequence`, `keys`, `weeks`, `parts`, `sources`, `other_sources`, `quarter`, `definition`
    ");
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{company}}{{#if faulty}}: faults{{/if}}\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Unknown variable `faulty`
     --> config/../templates/sla-weekly.subject.txt.hbs:1:12
      |
    1 | {{company}}{{#if faulty}}: faults{{/if}}
      |            ^
      fix: one of: `title`, `company`, `as_of`, `zone`, `subject`, `lede`, `standing`, `needed`, `faults`, `consequence`, `keys`, `weeks`, `parts`, `sources`, `other_sources`, `quarter`, `definition`
    ");
}

/// A template that is none.
#[test]
fn a_template_that_does_not_parse() {
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{#if company}}\n{{company}}\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Template does not parse
     --> config/../templates/sla-weekly.subject.txt.hbs:3:1
      why: invalid handlebars syntax: expected escape, expression, html_expression, decorator_expression, partial_expression, invert_tag, invert_chain_tag, helper_block_start, helper_block_end, decorator_block_start, partial_block_start, raw_block_start, hbs_comment, or hbs_comment_compact
    ");
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

// ---- the files ----

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
