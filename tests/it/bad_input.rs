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
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| fs::remove_file(project.path("config/sla.yaml")).unwrap());
    insta::assert_snapshot!(told, @"");
}

/// Folders that cannot be read are told, not taken to be empty.
#[test]
fn an_unreadable_folder() {
    let told = refused(|project| {
        fs::remove_dir_all(project.path("queries")).unwrap();
        project.write("queries", "no folder");
    });
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| project.write("templates", "no folder"));
    insta::assert_snapshot!(told, @"");
}

/// A key that nobody reads.
#[test]
fn an_unknown_key() {
    let told = refused(|project| project.replace(LEADGAUGE, "horizon_days", "horizon_dais"));
    insta::assert_snapshot!(told, @"");
}

/// A recipient that is no address.
#[test]
fn a_recipient_without_an_address() {
    let told = refused(|project| {
        project.replace(LEADGAUGE, "bob@small.example", "bob at small.example");
    });
    insta::assert_snapshot!(told, @"");
}

/// A report that nobody can render.
#[test]
fn an_unknown_report() {
    let told = refused(|project| project.replace(LEADGAUGE, "name: daily", "name: dayly"));
    insta::assert_snapshot!(told, @"");
}

/// Mistakes in two files, and two in one, are told at once.
#[test]
fn several_mistakes_at_once() {
    let told = refused(|project| {
        project.replace(LEADGAUGE, "Europe/Berlin", "Europe/Berlim");
        project.replace(LEADGAUGE, "bob@small.example", "bob");
        project.replace(FUNNEL, "2025-01-01", "2025-01-32");
    });
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| {
        project.replace(LEADGAUGE, "name: daily", "name: dayly");
        project.replace(PERSONS, "select\n", "selct\n");
        project.write("templates/daily.mail.txt.hbs", "{{lede}} {{lade}}");
    });
    insta::assert_snapshot!(told, @"");
}

/// A trigger that is no SQL, one that names a column nobody gives, and a stamp that names none.
#[test]
fn a_wrong_trigger() {
    let told = refused(|project| {
        project.replace(FUNNEL, "status = 'Working'", "status = = 'Working'");
    });
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| {
        project.replace(FUNNEL, "status = 'Working'", "state = 'Working'");
        project.replace(FUNNEL, "stamp: mql_at", "stamp: mql_on");
    });
    insta::assert_snapshot!(told, @"");
}

/// Canonical SQL of the deployment's own: its syntax, and every name in it.
#[test]
fn wrong_canonical_sql() {
    let told = refused(|project| project.replace(PERSONS, "from crm.", "form crm."));
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| project.replace(PERSONS, "lower(email)", "lower(e_mail)"));
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| project.replace(PERSONS, "lower(email)", "lowr(email)"));
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| project.replace(PERSONS, "crm.lead_history", "lead_history"));
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| project.replace(PERSONS, "    known_at,\n", ""));
    insta::assert_snapshot!(told, @"");
}

/// A canonical query under a name that nothing is made from would be lost without a word.
#[test]
fn a_canonical_query_of_another_name() {
    let told = refused(|project| {
        let (from, to) = ("response.sql", "responses.sql");
        let folder = project.path("queries/canonical/crm");
        fs::rename(folder.join(from), folder.join(to)).unwrap();
    });
    insta::assert_snapshot!(told, @"");
}

/// A source whose streams no query maps.
#[test]
fn a_source_without_canonical_sql() {
    let told = refused(|project| {
        fs::remove_dir_all(project.path("queries/canonical/crm")).unwrap();
    });
    insta::assert_snapshot!(told, @"");
}

/// A measure that asks the clock, and one that reads what is not there.
#[test]
fn a_wrong_measure() {
    let told = refused(|project| {
        project.write("queries/metrics/recent.sql", "select\n    now() as at\n");
    });
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| {
        project.write(
            "queries/metrics/recent.sql",
            "select count(*) as n\nfrom stage_entri\n",
        );
    });
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{company}}{{#if faulty}}: faults{{/if}}\n",
        );
    });
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
    let told = refused_by_the_data(1, |project| {
        project.replace(FUNNEL, "status = 'Working'", "cast(company as bigint) = 1");
    });
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
}

/// A warehouse that is in the way.
#[test]
fn a_warehouse_that_is_no_folder() {
    let project = fresh();
    project.write("warehouse", "no folder");
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran), @"");
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
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(told, @"");
}

/// Exports that cannot be read at all: the night is not published, and trying again will not help.
#[test]
fn exports_that_cannot_be_read() {
    let told = refused_by_the_data(1, |project| {
        fs::remove_dir_all(project.path("exports")).unwrap();
        project.write("exports", "no folder");
    });
    insta::assert_snapshot!(told, @"");
}
