//! Files of like size are merged as nights go by, and nobody who asks notices.

use super::*;

/// What a version answers.
pub(super) async fn answers(house: &House, version: &Version) -> Vec<Vec<Value>> {
    let mut answers = Vec::new();
    for table in ["crm.lead", "crm.lead_history", "crm.task", "job_run"] {
        answers.push(house.rows(version, table).await);
    }
    answers
}

/// A night on which one lead is new, one has changed and one is gone, with one event.
pub(super) async fn night(house: &House, day: i8) {
    let rows: Vec<String> = (day.max(4) - 3..=day)
        .map(|id| format!("{id:02} {} 1 - -", if id == day { "New" } else { "Open" }))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let mut draft = house.begin(nov(day)).await;
    draft.record(&leads(nov(day), &rows), None).await.unwrap();
    let calls = calls(nov(day), &[&format!("c{day:02}")]);
    draft.record_events(&calls).await.unwrap();
    let (schema, batches) = numbers(&[day.into()]);
    draft.append("job_run", &schema, &batches).await.unwrap();
    commit(draft).await;
}

// Over many nights the files stay few; every night's version answers as it did when it was published.
#[tokio::test]
async fn files_stay_few() {
    let house = House::new();
    let mut then = Vec::new();
    for day in 1..=28 {
        night(&house, day).await;
        then.push(answers(&house, &house.latest().await).await);
    }
    let latest = house.latest().await;
    for kind in [FileKind::History, FileKind::Events, FileKind::Append] {
        let files = latest.files_of(kind).count();
        assert!(files <= 9, "{files} files of {kind:?} after 28 nights");
    }
    for (day, then) in (1..).zip(then) {
        let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
        assert_eq!(answers(&house, &version).await, then, "as of day {day}");
    }
}

// A warehouse that is opened anew reads the log from its last checkpoint on.
#[tokio::test]
async fn a_checkpoint_says_what_the_log_says() {
    let house = House::new();
    for day in 1..=30 {
        commit(house.begin(nov(day)).await).await;
        let run_id = RunId::new(nov(day));
        let addition = house.warehouse.begin_addition(&run_id, &house.zone).await;
        let mut addition = addition.unwrap();
        let (schema, batches) = numbers(&[day.into()]);
        addition
            .append("baseline", &schema, &batches)
            .await
            .unwrap();
        commit(addition).await;
    }
    let store = house.warehouse.store();
    let log = store.list("_log").await.unwrap();
    let checkpoints = log.iter().filter(|entry| entry.path.contains("checkpoint"));
    let paths: Vec<&str> = checkpoints.map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["_log/00000000000000000032.checkpoint.json"]);
    let anew = House {
        warehouse: Warehouse::on(store.clone()),
        zone: TimeZone::UTC,
    };
    for day in 1..=30 {
        let version = anew.warehouse.as_of(nov(day)).await.unwrap().unwrap();
        assert_eq!(version.commit_no, u64::try_from(day).unwrap() * 2);
        let rows = anew.rows(&version, "baseline").await;
        assert_eq!(rows.len(), usize::try_from(day).unwrap());
    }
}

// A checkpoint that could not be written is made up for by the one before it, or by the log alone.
#[tokio::test]
async fn a_lost_checkpoint_costs_nothing_but_reading() {
    let house = House::new();
    night(&house, 5).await;
    for number in 1..70 {
        let run_id = RunId::new(nov(5));
        let addition = house.warehouse.begin_addition(&run_id, &house.zone).await;
        let mut addition = addition.unwrap();
        let (schema, batches) = numbers(&[number]);
        let appended = addition.append("baseline", &schema, &batches).await;
        appended.unwrap();
        commit(addition).await;
    }
    let then = house.rows(&house.latest().await, "baseline").await;
    let store = house.warehouse.store();
    for lost in [64, 32] {
        let path = format!("_log/{lost:020}.checkpoint.json");
        store.delete(&path).await.unwrap();
        let anew = House {
            warehouse: Warehouse::on(store.clone()),
            zone: TimeZone::UTC,
        };
        let latest = anew.latest().await;
        assert_eq!(latest.commit_no, 70);
        assert_eq!(anew.rows(&latest, "baseline").await, then);
    }
}
