//! What changed between nights, why, and what reports had said: worked cases, each with its cause.

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, fresh};
use crate::support::Project;

/// Changes of the total that count in volume or in `volume_implied`, without those of other persons.
const CHANGES: &str =
    "select as_of, person_id, cycle, stage, change, old_on, new_on, old_implied, new_implied, cause
     from stage_entry_change where dimension is null order by commit_no, person_id, stage, cycle";

/// Adds lines to a night's export of a stream.
pub(crate) fn add(project: &Project, day: &str, file: &str, lines: &[&str]) {
    let path = format!("exports/{day}/{file}");
    let before = project.read(&path);
    project.write(
        &path,
        format!("{}\n{}\n", before.trim_end(), lines.join("\n")),
    );
}

pub(crate) fn run(project: &Project, day: &str) {
    project.ok(&["run", "--as-of", day]);
}

/// A small deployment with the same additions to a stream on each of its nights, by night.
fn with(file: &str, nights: [&[&str]; 3]) -> Project {
    let project = fresh();
    for (day, lines) in [FIRST, SECOND, THIRD].into_iter().zip(nights) {
        add(&project, day, file, lines);
    }
    project
}

/// Changes as short lines: stage, change, days, cause.
fn lines(rows: &[Value]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let line = |row: &Value| {
        let columns = ["person_id", "stage", "change", "old_on", "new_on", "cause"];
        columns.map(|column| text(&row[column])).join(" ")
    };
    rows.iter().map(line).collect()
}

/// The changes of a night, of these persons.
fn changes(project: &Project, day: &str, persons: &[&str]) -> Vec<String> {
    let rows: Vec<Value> = project.sql(CHANGES);
    let named = |row: &&Value| {
        let person = row["person_id"].as_str().unwrap_or_default();
        row["as_of"] == day && persons.iter().any(|end| person.ends_with(end))
    };
    lines(&rows.iter().filter(named).cloned().collect::<Vec<_>>())
}

fn unexplained(project: &Project) -> Value {
    json!(project.sql("select sum(n) as n from job_check where name = 'changes_unexplained'"))
}

// The first night changes nothing; a night's own entries are no change; a night that is run again
// writes nothing.
#[test]
fn a_night_of_its_own_entries_changes_nothing() {
    let project = fresh();
    run(&project, FIRST);
    assert_eq!(
        project.sql("select * from stage_entry_change"),
        Vec::<Value>::new()
    );
    run(&project, SECOND);
    let second = project.sql(CHANGES);
    run(&project, SECOND);
    assert_eq!(project.sql(CHANGES), second);
    assert_eq!(unexplained(&project), json!([{"n": 0}]));
}

// A stamp that is first seen a night after its day is late, and one that is replaced is re-dated: the
// day of the old one loses an entry, that of the new one gains it.
#[test]
fn late_and_re_dated() {
    let project = with(
        "lead.csv",
        [
            &[
                "T1,Tia Lum,Lum,tia@lum.example,Lum,Web,New,,70,,rep1,2025-03-01T09:00:00Z,2025-03-01T09:00:00Z",
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-03-04T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-04T10:00:00Z",
            ],
            &[
                "T1,Tia Lum,Lum,tia@lum.example,Lum,Web,New,,70,2025-03-05T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T09:00:00Z",
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-03-03T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T09:00:00Z",
            ],
            &[],
        ],
    );
    run(&project, FIRST);
    run(&project, SECOND);
    insta::assert_snapshot!(changes(&project, SECOND, &["T1", "R1"]).join("\n"), @r"
    crm.lead:R1 mql moved 2025-03-04 2025-03-03 re-dated
    crm.lead:R1 responded moved 2025-03-04 2025-03-03 re-dated
    crm.lead:T1 mql added - 2025-03-05 late
    crm.lead:T1 responded added - 2025-03-05 late
    ");
    assert_eq!(unexplained(&project), json!([{"n": 0}]));
}

// Two leads that get one address are one person, who entered once: merged. When the address parts
// again they are two: split.
#[test]
fn merged_and_split() {
    let first = "M1,Ida Kim,Kim,ida@kim.example,Kim,Web,New,,70,2025-03-03T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-03T10:00:00Z";
    let second = "M2,Ida Kim,Kim,i.kim@kim.example,Kim,Event,New,,70,2025-03-04T10:00:00Z,rep1,2025-03-02T09:00:00Z,2025-03-04T10:00:00Z";
    let same = "M2,Ida Kim,Kim,ida@kim.example,Kim,Event,New,,70,2025-03-04T10:00:00Z,rep1,2025-03-02T09:00:00Z,2025-03-07T09:00:00Z";
    let again = "M2,Ida Kim,Kim,i.kim@kim.example,Kim,Event,New,,70,2025-03-04T10:00:00Z,rep1,2025-03-02T09:00:00Z,2025-03-08T09:00:00Z";
    let project = with(
        "lead.csv",
        [&[first, second], &[first, same], &[first, again]],
    );
    run(&project, FIRST);
    run(&project, SECOND);
    insta::assert_snapshot!(changes(&project, SECOND, &["M1", "M2"]).join("\n"), @r"
    crm.lead:M2 known removed 2025-03-02 - merged
    crm.lead:M2 mql removed 2025-03-04 - merged
    crm.lead:M2 responded removed 2025-03-04 - merged
    ");
    run(&project, THIRD);
    insta::assert_snapshot!(changes(&project, THIRD, &["M1", "M2"]).join("\n"), @r"
    crm.lead:M2 known added - 2025-03-02 split
    crm.lead:M2 mql added - 2025-03-04 split
    crm.lead:M2 responded added - 2025-03-04 split
    ");
    assert_eq!(unexplained(&project), json!([{"n": 0}]));
}

// A stage that was implied counts once its own sign comes: confirmed.
#[test]
fn confirmed() {
    let lead = "I1,Ivo Ren,Ren,ivo@ren.example,Ren,Web,New,,70,2025-03-04T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-04T10:00:00Z";
    let project = with("lead.csv", [&[lead], &[lead], &[]]);
    let form = r#"{"id":"F9","leadId":"I1","form":"demo","submittedAt":"2025-03-07T12:00:00Z"}"#;
    add(&project, SECOND, "form.ndjson", &[form]);
    run(&project, FIRST);
    run(&project, SECOND);
    insta::assert_snapshot!(changes(&project, SECOND, &["I1"]).join("\n"), @r"
    crm.lead:I1 responded changed 2025-03-04 2025-03-04 confirmed
    ");
    assert_eq!(unexplained(&project), json!([{"n": 0}]));
}

// A deal that is opened again was never won: reopened. A deal without a lead that gets one moves to
// the lead, whose lower stages it implies: linked.
#[test]
fn reopened_and_linked() {
    let alone = "D9,,Kim: pilot,Offer,100.00,New,,2025-03-04T09:00:00Z,2025-03-04T09:00:00Z";
    let given = "D9,L5,Kim: pilot,Offer,100.00,New,,2025-03-04T09:00:00Z,2025-03-07T09:00:00Z";
    let project = with("deal.csv", [&[alone], &[given], &[]]);
    project.replace(
        &format!("exports/{SECOND}/deal.csv"),
        "Won,12500.00,New,02.03.2025,2025-02-16T08:00:00Z,2025-03-02T15:00:00Z",
        "Offer,12500.00,New,30.04.2025,2025-02-16T08:00:00Z,2025-03-07T15:00:00Z",
    );
    run(&project, FIRST);
    run(&project, SECOND);
    insta::assert_snapshot!(changes(&project, SECOND, &["L1", "L5", "D9"]).join("\n"), @r"
    crm.lead:L1 closed removed 2025-03-02 - reopened
    crm.lead:L5 mql added - 2025-03-04 linked
    crm.lead:L5 responded added - 2025-03-04 linked
    crm.lead:L5 sal added - 2025-03-04 linked
    ");
    assert_eq!(unexplained(&project), json!([{"n": 0}]));
}

// A night under another definition: every change is its.
#[test]
fn redefined() {
    let project = fresh();
    run(&project, FIRST);
    project.replace(
        "config/funnel.yaml",
        "on: \"response where success\"",
        "on: \"response where success and kind = 'call'\"",
    );
    run(&project, SECOND);
    let causes = "select distinct cause from stage_entry_change";
    assert_eq!(json!(project.sql(causes)), json!([{"cause": "redefined"}]));
}

// Whoever is erased leaves changes without a name: those of the nights before, and those that the
// erasure itself makes.
#[test]
fn erased() {
    let project = with(
        "lead.csv",
        [
            &[
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-03-04T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-04T10:00:00Z",
            ],
            &[
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-03-03T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T09:00:00Z",
            ],
            &[],
        ],
    );
    run(&project, FIRST);
    run(&project, SECOND);
    project.ok(&["warehouse", "erase", "--email", "rex@ode.example"]);
    let rows = project.sql(
        "select person_id, stage, change, old_on, new_on, cause from stage_entry_change
         where dimension is null and (cause = 'erased' or cause = 're-dated') order by commit_no, stage",
    );
    insta::assert_snapshot!(lines(&rows).join("\n"), @r"
    - mql moved 2025-03-04 2025-03-03 re-dated
    - responded moved 2025-03-04 2025-03-03 re-dated
    - known removed 2025-03-01 - erased
    - mql removed 2025-03-03 - erased
    - responded removed 2025-03-03 - erased
    ");
    let left = project.ok(&["warehouse", "erased"]);
    assert_eq!(left.code, 0, "{}", left.stdout);
    run(&project, THIRD);
    assert_sums(&project);
}

// A day that comes late changes days that were told; the changes are told of the commit that made them,
// and every figure still sums.
#[test]
fn a_late_day() {
    let project = with(
        "lead.csv",
        [
            &[],
            &[
                "T1,Tia Lum,Lum,tia@lum.example,Lum,Web,New,,70,2025-03-07T10:00:00Z,rep1,2025-03-07T09:00:00Z,2025-03-07T10:00:00Z",
            ],
            &[],
        ],
    );
    run(&project, FIRST);
    run(&project, THIRD);
    run(&project, SECOND);
    insta::assert_snapshot!(changes(&project, THIRD, &["T1"]).join("\n"), @r"
    crm.lead:T1 known added - 2025-03-07 late
    crm.lead:T1 mql added - 2025-03-07 late
    crm.lead:T1 responded added - 2025-03-07 late
    ");
    assert_eq!(unexplained(&project), json!([{"n": 0}]));
    assert_sums(&project);
}

/// What every figure that was told differs by is the sum of its causes; none is without one.
fn assert_sums(project: &Project) {
    let wrong = project.sql(
        "select * from restated where unexplained <> 0 or difference <> merged + split + deleted + re_dated
             + redefined + reopened + linked + confirmed + late + erased",
    );
    assert_eq!(wrong, Vec::<Value>::new());
}

// The report says what it told, what is so now and why, once; the figures are those of the query.
#[test]
fn the_report_tells() {
    let project = with(
        "lead.csv",
        [
            &[
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-03-06T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-06T10:00:00Z",
            ],
            &[
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-02-26T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T09:00:00Z",
            ],
            &[
                "R1,Rex Ode,Ode,rex@ode.example,Ode,Web,New,,70,2025-02-26T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T09:00:00Z",
            ],
        ],
    );
    run(&project, FIRST);
    run(&project, SECOND);
    let told = project.sql(
        "select period, period_start, stage, n_then, n_now, difference, re_dated from restated
         where stage = 'mql' and report = 'daily' and fresh <> 0 order by period, period_start",
    );
    insta::assert_snapshot!(told.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"), @r#"
    {"period":"day","period_start":"2025-03-06","stage":"mql","n_then":1,"n_now":0,"difference":-1,"re_dated":-1}
    {"period":"month","period_start":"2025-02-01","stage":"mql","n_then":4,"n_now":5,"difference":1,"re_dated":1}
    {"period":"month","period_start":"2025-03-01","stage":"mql","n_then":2,"n_now":1,"difference":-1,"re_dated":-1}
    {"period":"week","period_start":"2025-02-23","stage":"mql","n_then":0,"n_now":1,"difference":1,"re_dated":1}
    "#);
    let page = |day: &str| {
        let files = project.files("warehouse/archive");
        let page = files
            .iter()
            .find(|file| file.contains(&format!("/{day}-")) && file.ends_with("daily.html"));
        project.read(page.unwrap())
    };
    let section = |page: &str| {
        let (_, rest) = page.split_once("What changed since we told you").unwrap();
        let (list, _) = rest.split_once("</ul>").unwrap();
        list.lines()
            .filter(|line| line.starts_with("<li>"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(section(&page(SECOND)), @r"
    <li>March entries into Known up to Thu 6 Mar: 2 when we told you, 1 now: 1 re-dated.</li>
    <li>March MQLs up to Thu 6 Mar: 2 when we told you, 1 now: 1 re-dated.</li>
    <li>February entries into Known: 3 when we told you, 4 now: 1 re-dated.</li>
    <li>February MQLs: 4 when we told you, 5 now: 1 re-dated.</li>
    <li>MQLs in the week of Sun 23 Feb: 0 when we told you, 1 now: 1 re-dated.</li>
    <li>MQLs on Thu 6 Mar: 1 when we told you, 0 now: 1 re-dated.</li>
    ");
    assert!(!page(FIRST).contains("What changed since we told you"));
    run(&project, THIRD);
    assert!(!page(THIRD).contains("What changed since we told you"));
    assert_sums(&project);
}
