//! Restatement where no evidence came or went: another time zone, members that field history moves, what
//! an erasure leaves, a deletion that is dropped and taken back.

use serde_json::{Value, json};

use crate::restate::{add, run};
use crate::small::{FIRST, SECOND, THIRD, fresh};
use crate::support::Project;

/// Adds lines to the exports of a stream on each of the three nights.
fn with(project: &Project, file: &str, nights: [&[&str]; 3]) {
    for (day, lines) in [FIRST, SECOND, THIRD].into_iter().zip(nights) {
        add(project, day, file, lines);
    }
}

/// The changes that a query's condition names, as short lines.
fn changes(project: &Project, condition: &str) -> String {
    let rows: Vec<Value> = project.sql(&format!(
        "select as_of, person_id, stage, change, old_on, new_on, old_member, new_member, cause
         from stage_entry_change where {condition} order by commit_no, person_id, stage, old_on"
    ));
    let columns = [
        "as_of",
        "person_id",
        "stage",
        "change",
        "old_on",
        "new_on",
        "old_member",
        "new_member",
        "cause",
    ];
    let lines = rows.iter().map(|row| {
        let cells = columns.map(|column| row[column].as_str().unwrap_or("-").to_owned());
        cells.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every change has a cause, and the causes sum to what every figure that was told differs by.
fn assert_sums(project: &Project) {
    let defects = "select sum(n) as n from job_check where name = 'changes_unexplained'";
    assert_eq!(json!(project.sql(defects)), json!([{"n": 0}]));
    let wrong = project.sql(
        "select * from restated where unexplained <> 0 or difference <> merged + split + deleted + re_dated
             + redefined + reopened + linked + confirmed + late + erased",
    );
    assert_eq!(wrong, Vec::<Value>::new());
}

const NIGHT_OWL: &str = "N1,Nia Oz,Oz,nia@oz.example,Oz,Web,New,,70,2025-03-04T23:30:00Z,rep1,2025-03-01T09:00:00Z,2025-03-04T23:30:00Z";

// Another time zone puts an entry of half past midnight on the day before: every such change is the
// configuration's, and the next night under the same zone changes nothing.
#[test]
fn another_time_zone() {
    let project = fresh();
    with(&project, "lead.csv", [&[NIGHT_OWL]; 3]);
    run(&project, FIRST);
    project.replace(
        "config/leadgauge.yaml",
        "time_zone: Europe/Berlin",
        "time_zone: Europe/London",
    );
    run(&project, SECOND);
    let of_owl = "dimension is null and person_id like '%N1' and stage = 'mql'";
    assert_eq!(
        changes(&project, of_owl),
        "2025-03-07 crm.lead:N1 mql moved 2025-03-05 2025-03-04 - - redefined"
    );
    let others = project.sql("select distinct cause from stage_entry_change");
    assert_eq!(json!(others), json!([{"cause": "redefined"}]));
    assert_sums(&project);
    run(&project, THIRD);
    let later = project.sql(
        "select * from stage_entry_change where cause = 'redefined' and as_of = date '2025-03-08'",
    );
    assert_eq!(later, Vec::<Value>::new());
    assert_sums(&project);
}

// Field history that comes a night late tells that the source was another before the mql: the mql moves
// from one member to the other as late, what was entered before the change stays, no total changes.
#[test]
fn members_moved_by_late_field_history() {
    let project = fresh();
    let lead = |source: &str, modified: &str| {
        format!(
            "M1,Mo Ray,Ray,mo@ray.example,Ray,{source},New,,70,2025-03-04T10:00:00Z,rep1,2025-03-01T09:00:00Z,{modified}"
        )
    };
    let (web, event) = (
        lead("Web", "2025-03-04T10:00:00Z"),
        lead("Event", "2025-03-07T08:00:00Z"),
    );
    with(&project, "lead.csv", [&[&web], &[&event], &[&event]]);
    let told = "C-M1,M1,Source,Web,Event,2025-03-03T05:00:00Z";
    with(&project, "lead_change.csv", [&[], &[told], &[told]]);
    run(&project, FIRST);
    run(&project, SECOND);
    let of_member =
        "dimension = 'lead_source' and person_id like '%M1' and stage in ('known', 'mql')";
    assert_eq!(
        changes(&project, of_member),
        "2025-03-07 crm.lead:M1 mql changed 2025-03-04 2025-03-04 Web Event late"
    );
    assert_eq!(
        changes(&project, "dimension is null and person_id like '%M1'"),
        ""
    );
    assert_sums(&project);
    run(&project, THIRD);
    assert_sums(&project);
}

// An erasure leaves the erased person's deal, which is nobody's now and still counts on its day; the
// person's other entries go, of that cause. Nothing names the person, and what was told before differs
// by just that on every night after.
#[test]
fn what_an_erasure_left() {
    let project = fresh();
    let lead = "E1,Eve Orr,Orr,eve@orr.example,Orr,Web,New,,70,2025-03-03T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-04T10:00:00Z";
    let deal = "DE,E1,Orr: pilot,Offer,100.00,New,,2025-03-05T09:00:00Z,2025-03-05T09:00:00Z";
    with(&project, "lead.csv", [&[lead]; 3]);
    with(&project, "deal.csv", [&[deal]; 3]);
    run(&project, FIRST);
    run(&project, SECOND);
    project.ok(&["warehouse", "erase", "--email", "eve@orr.example"]);
    assert_eq!(
        changes(&project, "dimension is null and cause = 'erased'"),
        "2025-03-07 - known removed 2025-03-01 - - - erased
2025-03-07 - mql removed 2025-03-03 - - - erased
2025-03-07 - responded removed 2025-03-03 - - - erased
2025-03-07 - sal removed 2025-03-05 - - - erased"
    );
    let left = "select person_id, stage, direct from stage_entry where opportunity_id = 'DE'";
    let expected = json!([{"person_id": "opportunity:DE", "stage": "opportunity", "direct": true}]);
    assert_eq!(json!(project.sql(left)), expected);
    let named = project.sql(
        "select person_id from stage_entry_change where person_id like '%E1'
         union all select person_id from stage_entry where person_id like '%E1'",
    );
    assert_eq!(named, Vec::<Value>::new());
    assert_sums(&project);
    run(&project, THIRD);
    assert_sums(&project);
    let told = "select distinct difference, erased from restated where stage = 'mql' and period = 'month'
                and period_start = date '2025-03-01' and measure = 'volume_counted' and dimension is null
                and told_on <= date '2025-03-07'";
    let by_one = json!([{"difference": -1, "erased": -1}]);
    assert_eq!(json!(project.sql(told)), by_one);
}

// With `deleted: drop` a deletion takes entries out of days that were told, and the record's return
// brings them back: both as deleted, each with the figures that differ.
#[test]
fn dropped_and_back() {
    let project = fresh();
    let text = project.read("config/funnel.yaml");
    project.write("config/funnel.yaml", format!("{text}deleted: drop\n"));
    let lead = "G1,Gus Ivy,Ivy,gus@ivy.example,Ivy,Web,New,,70,2025-03-03T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-03T10:00:00Z";
    with(&project, "lead.csv", [&[lead], &[], &[lead]]);
    for day in [FIRST, SECOND, THIRD] {
        run(&project, day);
    }
    assert_eq!(
        changes(&project, "dimension is null and person_id like '%G1'"),
        "2025-03-07 crm.lead:G1 known removed 2025-03-01 - - - deleted
2025-03-07 crm.lead:G1 mql removed 2025-03-03 - - - deleted
2025-03-07 crm.lead:G1 responded removed 2025-03-03 - - - deleted
2025-03-08 crm.lead:G1 known added - 2025-03-01 - - deleted
2025-03-08 crm.lead:G1 mql added - 2025-03-03 - - deleted
2025-03-08 crm.lead:G1 responded added - 2025-03-03 - - deleted"
    );
    assert_sums(&project);
}
