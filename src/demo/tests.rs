//! Tests of what is written: the exports' bytes, and that truth and exports tell the same story.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::shapes::Kind;
use super::*;

type Rows = Vec<BTreeMap<String, String>>;

fn plan(people: u32, days: u32, nights: u32) -> Plan {
    Plan {
        people,
        days,
        nights,
        ..Plan::default()
    }
}

fn written(plan: &Plan) -> (tempfile::TempDir, Told) {
    let folder = tempfile::tempdir().unwrap();
    let told = write(plan, folder.path()).unwrap();
    (folder, told)
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn csv(folder: &Path, night: Date, file: &str) -> Rows {
    let path = folder.join(format!("exports/salesforce/{night}/{file}"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn truth(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap()
}

// The same plan writes the same bytes; another seed writes others.
#[test]
fn the_same_plan_writes_the_same_bytes() {
    let plan = plan(200, 120, 3);
    let (one, _) = written(&plan);
    let (two, _) = written(&plan);
    let (one, two) = (files(one.path()), files(two.path()));
    assert!(one == two);
    assert_eq!(one.len(), 2 + 4 * 15);
    let (other, _) = written(&Plan { seed: 2, ..plan });
    assert!(one != files(other.path()));
}

// What befalls somebody does not depend on how many others there are.
#[test]
fn lives_do_not_depend_on_the_others() {
    let (few, _) = written(&plan(150, 200, 1));
    let (many, _) = written(&plan(400, 200, 1));
    let lines = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join("truth.csv")).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (few, many) = (lines(few.path()), lines(many.path()));
    let compared = few.len() * 4 / 5;
    assert!(compared > 200, "{compared}");
    assert_eq!(few[..compared], many[..compared]);
}

// The history, applied backwards from the last snapshot, meets every value and ends at new leads.
#[test]
fn history_leads_back_to_new_leads() {
    let (folder, told) = written(&plan(500, 200, 5));
    let mut history = BTreeMap::new();
    for night in &told.nights {
        for row in csv(folder.path(), *night, "LeadHistory.csv") {
            history.insert((row["CreatedDate"].clone(), row["Id"].clone()), row);
        }
    }
    let last = *told.nights.last().unwrap();
    let mut leads = BTreeMap::new();
    for lead in csv(folder.path(), last, "Lead.csv") {
        leads.insert(lead["Id"].clone(), lead);
    }
    assert!(history.len() > 500, "{}", history.len());
    for row in history.into_values().rev() {
        let Some(lead) = leads.get_mut(&row["LeadId"]) else {
            continue;
        };
        let cell = lead.get_mut(&row["Field"]).unwrap();
        assert_eq!(*cell, row["NewValue"], "{row:?}");
        cell.clone_from(&row["OldValue"]);
    }
    for lead in leads.values() {
        assert_eq!((&*lead["Status"], &*lead["IsConverted"]), ("Open", "false"));
        let blank = lead["MQL_Date__c"].clone() + &lead["ConvertedContactId"];
        assert_eq!(blank + &lead["Recycle_Reason__c"], "");
    }
}

// A night's snapshot of a lead is the lead as it was when the as-of date had ended.
#[test]
fn snapshots_are_the_state_by_then() {
    let plan = plan(400, 60, 4);
    let (folder, told) = written(&plan);
    let world = World {
        seed: plan.seed,
        calendar: Calendar::new(&plan).unwrap(),
        mailings: Vec::new(),
    };
    let mut leads = BTreeMap::new();
    let mut people = 0;
    for index in 0.. {
        let company = Company::new(plan.seed, index);
        if people + company.size > 400 {
            break;
        }
        let mut told = account::simulate(&world, &company, people, company.size);
        people += company.size;
        for person in &mut told.people {
            person.nurture(told.won_at);
            person.settle();
            for lead in person.leads.drain(..) {
                leads.insert(lead.id().to_owned(), lead);
            }
        }
    }
    let mut compared = 0;
    for (night, day) in told.nights.iter().zip(&world.calendar.nights) {
        for row in csv(folder.path(), *night, "Lead.csv") {
            let Some(lead) = leads.get(&row["Id"]) else {
                continue;
            };
            let state = lead.state(world.calendar.close(*day));
            for (name, value) in Kind::Lead.shape().columns.iter().zip(state) {
                let shown = row.get(*name);
                assert!(shown.is_none_or(|shown| *shown == value), "{name}: {row:?}");
            }
            compared += 1;
        }
    }
    assert!(compared > 500, "{compared}");
}

// At its default size the company has people in every stage and every kind of dirt.
#[test]
fn every_stage_and_every_dirt_occurs() {
    let (folder, told) = written(&Plan::default());
    let truth = truth(folder.path());
    for stage in truth["stages"].as_array().unwrap() {
        assert!(stage["entries"].as_u64().unwrap() > 100, "{stage}");
    }
    for step in truth["steps"].as_array().unwrap() {
        assert!(step["velocity"]["n"].as_u64().unwrap() > 50, "{step}");
    }
    let kinds: BTreeSet<&str> = truth["dirt"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = BTreeSet::from([
        "backdated close",
        "backward move",
        "blank lead source",
        "blank segment",
        "converted into an existing contact",
        "deleted person",
        "disqualified lead",
        "further opportunity",
        "late record",
        "late response",
        "merged lead",
        "new lead of an old contact",
        "opportunity without a person",
        "re-dated stamp",
        "recycled lead",
        "reinstated lead",
        "resubmitted next day",
        "shared mailbox",
        "skipped stage",
        "unmapped status",
    ]);
    assert_eq!(kinds, expected);
    let tasks = csv(folder.path(), told.nights[0], "Task.csv");
    assert!(
        tasks
            .iter()
            .any(|task| task["OwnerId"] == staff::automation())
    );
    faults_are_in_the_files(folder.path(), &told);
}

/// The faults that were told are in the files, and the last night is whole.
fn faults_are_in_the_files(folder: &Path, told: &Told) {
    let night = |what: &str| {
        let fault = told.faults.iter().find(|fault| fault.what.contains(what));
        fault.unwrap().night
    };
    let exports = folder.join("exports");
    let missing = night("never arrived");
    assert!(!exports.join(format!("marketo/{missing}")).exists());
    let after = missing.tomorrow().unwrap();
    let next = exports.join(format!("marketo/{after}/activity.ndjson"));
    let next = std::fs::read_to_string(next).unwrap();
    let noon = format!("\"activityDate\":\"{missing}T17");
    assert!(next.contains(&noon));
    let truncated = exports.join(format!(
        "salesforce/{}/Opportunity.csv",
        night("middle of a row")
    ));
    let truncated = std::fs::read(truncated).unwrap();
    assert_ne!(truncated.last(), Some(&b'\n'));
    let header = |night: Date| {
        let path = exports.join(format!("salesforce/{night}/Lead.csv"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let column = night("lacks");
    assert!(!header(column).contains("Lead_Score__c"));
    let appears = night("new column");
    assert_eq!(appears, told.nights[told.nights.len() - 5]);
    assert!(header(appears).contains("Product_Interest__c"));
    assert!(!header(appears.yesterday().unwrap()).contains("Product_Interest__c"));
    let last = header(*told.nights.last().unwrap());
    assert_eq!(last, Kind::Lead.shape().columns.join(","));
}

// History rows are exported for seven nights (those of a lead that came late, from its coming), and
// each is a change of a tracked column.
#[test]
fn history_is_exported_for_seven_nights() {
    let (folder, told) = written(&plan(500, 60, 9));
    let last = *told.nights.last().unwrap();
    let before = last - jiff::Span::new().days(7);
    let known: BTreeSet<String> = csv(folder.path(), before, "Lead.csv")
        .into_iter()
        .map(|lead| lead["Id"].clone())
        .collect();
    let close = Calendar::new(&plan(500, 60, 9))
        .unwrap()
        .close(calendar::to_day(before));
    let close = calendar::salesforce_instant(close);
    let rows = csv(folder.path(), last, "LeadHistory.csv");
    assert!(rows.len() > 30, "{}", rows.len());
    let (tracked, columns) = (Kind::Lead.shape().tracked, Kind::Lead.shape().columns);
    for row in rows {
        let recent = row["CreatedDate"] > close || !known.contains(&row["LeadId"]);
        assert!(recent, "{row:?}");
        let place = columns.iter().position(|name| *name == row["Field"]);
        assert!(tracked.contains(&place.unwrap()), "{row:?}");
        assert_ne!(row["OldValue"], row["NewValue"]);
    }
}

// A larger company takes longer and no more than that.
#[test]
fn twenty_thousand_people_are_no_trouble() {
    let (_folder, told) = written(&plan(20_000, 40, 1));
    assert_eq!(told.people, 20_000);
    assert!(told.companies > 5000);
}
