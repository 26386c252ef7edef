//! What a vacuum deletes, and what it leaves.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::merging::answers;
use super::*;
use crate::config::Retention;
use crate::fs::faults::{Fault, Faulty, Operation, Plan};

const DAYS: i8 = 12;

fn retention() -> Retention {
    Retention {
        derived_days: 3,
        archive_days: Some(4),
        quarantine_days: Some(5),
    }
}

/// A night with every kind of file, which lets go what is old.
async fn night(house: &House, day: i8) {
    let mut draft = house.begin(nov(day)).await;
    let rows = leads(nov(day), &[&format!("{day:02} New 1 - -")]);
    draft.record(&rows, None).await.unwrap();
    let calls = calls(nov(day), &[&format!("c{day:02}")]);
    draft.record_events(&calls).await.unwrap();
    let (schema, batches) = numbers(&[day.into()]);
    draft.append("job_run", &schema, &batches).await.unwrap();
    draft.replace("metric", &schema, &batches).await.unwrap();
    for kind in [FileKind::Archive, FileKind::Outbox] {
        draft.put(kind, "daily/1", "mail".into()).await.unwrap();
    }
    let aside = draft.put_aside("crm.lead", "Lead.csv", "x".into()).await;
    aside.unwrap();
    draft.retain(retention());
    commit(draft).await;
}

/// What a version answers, its derived table among it where that stands as a file.
pub(super) async fn all_answers(house: &House, day: i8) -> (Vec<Vec<Value>>, Option<Vec<Value>>) {
    let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
    let derived = if version.is_derived {
        Some(house.rows(&version, "metric").await)
    } else {
        None
    };
    (answers(house, &version).await, derived)
}

/// The files of tables, mails and refused files that are there.
pub(super) async fn data(house: &House) -> BTreeSet<String> {
    let listed = house.warehouse.store().list("").await.unwrap();
    let paths = listed.into_iter().map(|file| file.path);
    let data = |path: &String| {
        let apart = path.starts_with("_log/") || path.contains("/_delta_log/");
        !apart && !path.starts_with("ledger/") && !path.starts_with("writer.")
    };
    paths.filter(data).collect()
}

/// What the versions of these days name, as a reader would find it.
pub(super) async fn named(house: &House, days: impl IntoIterator<Item = i8>) -> BTreeSet<String> {
    let mut versions = vec![house.latest().await];
    for day in days {
        versions.extend(house.warehouse.as_of(nov(day)).await.unwrap());
    }
    let files = versions.iter().flat_map(|version| &version.files);
    files.map(|file| file.path.clone()).collect()
}

/// Makes every file of the warehouse ten days older.
fn age(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        } else {
            let file = File::options().write(true).open(&path).unwrap();
            let written = file.metadata().unwrap().modified().unwrap();
            file.set_modified(written - Duration::from_hours(240))
                .unwrap();
        }
    }
}

fn paths(done: &Vacuumed) -> BTreeSet<String> {
    done.gone.iter().map(|file| file.path.clone()).collect()
}

// After twelve nights with merging and retention exactly what no version names goes, after a
// rehearsal that says the same and deletes nothing; litter goes with it, and what is unknown stays
// and is told. Every answer is what it was.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "plays the crash")]
async fn what_no_version_names_goes() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::below(folder.path());
    for day in 1..=DAYS {
        night(&house, day).await;
    }
    let mut dropped = house.begin(nov(DAYS + 1)).await;
    let rows = leads(nov(DAYS + 1), &["z New 1 - -"]);
    dropped.record(&rows, None).await.unwrap();
    drop(dropped);
    house.warehouse.export_delta().await.unwrap();
    let ledger = house
        .warehouse
        .store()
        .create("ledger/m/1-sent.json", "{}".into());
    ledger.await.unwrap();
    let litter = [
        "_log/00000000000000000013.json#4",
        "derived/metric/x.parquet#12",
        "ledger/m/2-sent.json#3",
    ];
    for path in litter.iter().chain(&["history/notes.txt", "copy#1"]) {
        std::fs::write(folder.path().join(path), "half").unwrap();
    }
    let mut before = Vec::new();
    for day in 1..=DAYS {
        before.push(all_answers(&house, day).await);
    }
    assert!(before[7].1.is_none() && before[8].1.is_some());
    let there = data(&house).await;
    let named = named(&house, 1..=DAYS).await;
    let mut expected: BTreeSet<String> = there.difference(&named).cloned().collect();
    expected.remove("history/notes.txt");
    assert!(expected.len() > 40, "{}", expected.len());
    expected.extend(litter.map(str::to_owned));

    let young = house.warehouse.vacuum(GRACE_DAYS, false).await.unwrap();
    assert!(young.gone.is_empty() && young.stuck.is_empty());
    let rehearsed = house.warehouse.vacuum(0, true).await.unwrap();
    assert_eq!(paths(&rehearsed), expected);
    assert_eq!(data(&house).await, there);
    let done = house.warehouse.vacuum(0, false).await.unwrap();
    assert_eq!(done.gone, rehearsed.gone);
    assert!(done.stuck.is_empty());
    let unknown = ["copy#1", "history/notes.txt"];
    let shown = |path: &str| folder.path().join(path).display().to_string();
    assert_eq!(done.unknown, unknown.map(shown));
    let mut left = named;
    left.insert("history/notes.txt".to_owned());
    assert_eq!(data(&house).await, left);
    assert!(litter.iter().all(|path| !folder.path().join(path).exists()));
    for (day, before) in (1..).zip(before) {
        assert_eq!(all_answers(&house, day).await, before, "as of day {day}");
    }
    let verified = house.warehouse.verify().await.unwrap();
    assert!(verified.faults.is_empty(), "{:#?}", verified.faults);
}

// A file that was let go a moment ago stays through the grace however old it is, for a reader may
// hold the version that names it.
#[tokio::test]
async fn readers_are_left_in_peace() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::below(folder.path());
    for day in 1..=3 {
        night(&house, day).await;
    }
    let held = house.latest().await;
    let before = answers(&house, &held).await;
    age(folder.path());
    night(&house, 4).await;
    let texts = BTreeMap::new();
    house.warehouse.compact(texts, "hash").await.unwrap();
    let at_once = house.warehouse.vacuum(GRACE_DAYS, false).await.unwrap();
    assert!(at_once.gone.is_empty(), "{:?}", at_once.gone);
    assert_eq!(answers(&house, &held).await, before);
    age(folder.path());
    let later = house.warehouse.vacuum(GRACE_DAYS, false).await.unwrap();
    assert!(!later.gone.is_empty());
    assert_eq!(data(&house).await, named(&house, 1..=4).await);
}

/// A night, and two that crashed, in memory.
async fn with_crashes(memory: &Arc<InMemory>) {
    let house = over(&Faulty::over(memory, Plan::Never));
    night(&house, 1).await;
    for day in [2, 2] {
        let mut dropped = house.begin(nov(day)).await;
        let calls = calls(nov(day), &["x"]);
        dropped.record_events(&calls).await.unwrap();
        let (schema, batches) = numbers(&[1]);
        dropped.replace("metric", &schema, &batches).await.unwrap();
        dropped.abandon().await;
    }
}

fn over(store: &Faulty) -> House {
    House {
        warehouse: Warehouse::on(store.store()),
        zone: TimeZone::UTC,
    }
}

// What cannot be deleted is told, and the rest goes; the next vacuum makes up for it.
#[tokio::test]
async fn what_cannot_go_is_told() {
    let [rehearsed, memory] = [Arc::default(), Arc::default()];
    with_crashes(&rehearsed).await;
    with_crashes(&memory).await;
    let rehearsal = Faulty::over(&rehearsed, Plan::Never);
    over(&rehearsal).warehouse.vacuum(0, false).await.unwrap();
    let seen = rehearsal.seen();
    let first = seen.iter().position(|(operation, path)| {
        *operation == Operation::Delete && path.starts_with("events/")
    });
    let plan = Plan::At(first.unwrap() + 1, Fault::Refused);
    let house = over(&Faulty::over(&memory, plan));
    let done = house.warehouse.vacuum(0, false).await.unwrap();
    assert_eq!((done.gone.len(), done.stuck.len()), (3, 1));
    let told = done.stuck[0].to_string();
    let words = "Cannot read or write `s3://test/events/crm/task/2026-11-02-";
    assert!(told.starts_with(words), "{told}");
    let done = house.warehouse.vacuum(0, false).await.unwrap();
    assert_eq!((done.gone.len(), done.stuck.len()), (1, 0));
}

// Another run's lock is respected; a rehearsal needs none.
#[tokio::test]
async fn a_vacuum_takes_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::below(folder.path());
    night(&house, 1).await;
    let draft = house.begin(nov(2)).await;
    let refused = house.warehouse.vacuum(0, false).await;
    assert!(matches!(refused, Err(WarehouseError::Locked { .. })));
    house.warehouse.vacuum(0, true).await.unwrap();
    drop(draft);
    house.warehouse.vacuum(0, false).await.unwrap();
}
