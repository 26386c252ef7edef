//! Checkpoints of the Delta logs: they say what the entries up to them say, follow from the commit log
//! to the byte, and let go of what comes before them.

mod replay;

use std::collections::BTreeSet;

use proptest::prelude::*;

use self::replay::hold_true;
use super::delta::{logs, words};
use super::*;
use crate::config::Retention;
use crate::fs::faults::{Fault, Faulty, Operation, Plan};

/// How many derived nights stay as files here.
const DERIVED_DAYS: u32 = 5;

/// What one commit does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Night {
        /// Whether the derived table has its second column.
        wide: bool,
        appends: bool,
        /// Whether there is a derived table that not every night has.
        extra: bool,
    },
    Addition,
    Compact,
    Erasure,
}

fn step() -> impl Strategy<Value = Step> {
    let night = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.1));
    let night = night.prop_map(|(wide, appends, extra)| Step::Night {
        wide,
        appends,
        extra,
    });
    prop_oneof![
        12 => night,
        2 => Just(Step::Addition),
        1 => Just(Step::Compact),
        1 => Just(Step::Erasure),
    ]
}

/// The house after one more commit; none where there is nothing to do.
async fn take(house: &House, step: Step) {
    let newest = house.warehouse.latest().await.unwrap();
    match step {
        Step::Night {
            wide,
            appends,
            extra,
        } => night_with(house, wide, appends, extra).await,
        _ if newest.is_none() => night(house, false, true).await,
        Step::Addition => {
            let run_id = RunId::new(newest.unwrap().as_of);
            let begun = house.warehouse.begin_addition(&run_id, &house.zone).await;
            let mut draft = begun.unwrap();
            let (schema, batches) = words(&["a"]);
            draft.append("baseline", &schema, &batches).await.unwrap();
            commit(draft).await;
        }
        Step::Compact => {
            let texts = BTreeMap::new();
            house.warehouse.compact(texts, "hash").await.unwrap();
        }
        Step::Erasure => erasure(house, &newest.unwrap()).await,
    }
}

async fn night(house: &House, wide: bool, appends: bool) {
    night_with(house, wide, appends, false).await;
}

async fn night_with(house: &House, wide: bool, appends: bool, extra: bool) {
    let newest = house.warehouse.latest().await.unwrap();
    let day = newest.map_or(nov(1), |newest| newest.as_of.tomorrow().unwrap());
    let mut draft = house.begin(day).await;
    let rows = leads(day, &["a New 1 - -"]);
    draft.record(&rows, None).await.unwrap();
    let (schema, batches) = if wide {
        words(&["b"])
    } else {
        numbers(&[1, 2])
    };
    draft.replace("metric", &schema, &batches).await.unwrap();
    if extra {
        draft.replace("extra", &schema, &batches).await.unwrap();
    }
    if appends {
        let (schema, batches) = numbers(&[day.day().into()]);
        draft.append("job_run", &schema, &batches).await.unwrap();
    }
    draft.merge_due().await.unwrap();
    draft.retain(Retention {
        derived_days: DERIVED_DAYS,
        archive_days: None,
        quarantine_days: None,
    });
    commit(draft).await;
}

/// Writes every file anew; a derived table loses its last one.
async fn erasure(house: &House, newest: &Version) {
    let run_id = RunId::new(newest.as_of);
    let begun = house
        .warehouse
        .begin_on_newest(Work::Erasure, &run_id, &house.zone);
    let mut draft = begun.await.unwrap();
    for file in &newest.files {
        if file.kind == FileKind::Append {
            draft.rewrite(file, Ok).await.unwrap();
        }
    }
    let (schema, batches) = numbers(&[7]);
    draft.replace("metric", &schema, &batches).await.unwrap();
    draft.let_derived_go();
    commit(draft).await;
}

async fn nights(house: &House, count: usize) {
    for at in 0..count {
        night(house, at % 9 > 6, at % 2 == 0).await;
        house.warehouse.export_delta().await.unwrap();
    }
}

fn on(memory: &Arc<InMemory>, plan: Plan) -> (Faulty, House) {
    let faulty = Faulty::over(memory, plan);
    let house = House {
        warehouse: Warehouse::on(faulty.store()),
        zone: TimeZone::UTC,
    };
    (faulty, house)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    // Whatever nights, additions, merges and erasures there were, and however many of them one export
    // wrote, each checkpoint is its version; and the commit log gives every log again to the byte, from
    // the checkpoint on that is needed.
    #[test]
    fn checkpoints_are_their_versions(
        steps in proptest::collection::vec((step(), proptest::bool::weighted(0.9)), 34..80),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let house = House::new();
            for (step, exports) in steps {
                take(&house, step).await;
                if exports {
                    house.warehouse.export_delta().await.unwrap();
                }
            }
            house.warehouse.export_delta().await.unwrap();
            hold_true(&house).await;
            let verified = house.warehouse.verify().await.unwrap();
            assert!(verified.faults.is_empty(), "{:#?}", verified.faults);
            let mut before = logs(&house).await;
            let rewritten = house.warehouse.rewrite_delta().await.unwrap();
            let first = format!("{:020}", rewritten.first);
            let is_late = |name: &str| name.starts_with('0') && *name >= *first;
            let late = before.keys().filter_map(|path| path.rsplit_once('/'));
            let late = late.filter(|(_, name)| is_late(name));
            let late: BTreeSet<String> = late.map(|(log, _)| log.to_owned()).collect();
            before.retain(|path, _| {
                let (log, name) = path.rsplit_once('/').unwrap();
                is_late(name) || name.starts_with('_') && late.contains(log)
            });
            assert_eq!(logs(&house).await, before);
        });
    }
}

/// The numbers of the entries and of the checkpoints that are there of a table.
async fn there(house: &House, table: &str) -> (Vec<u64>, Vec<u64>) {
    let (mut entries, mut checkpoints) = (Vec::new(), Vec::new());
    for path in logs(house).await.into_keys() {
        let name = path.strip_prefix(&format!("{table}/_delta_log/"));
        if let Some(digits) = name.and_then(|name| name.strip_suffix(".checkpoint.parquet")) {
            checkpoints.push(digits.parse().unwrap());
        } else if let Some(digits) = name.and_then(|name| name.strip_suffix(".json")) {
            entries.push(digits.parse().unwrap());
        }
    }
    (entries, checkpoints)
}

// A table that an erasure left without a file, and that comes back with other columns the next night, says
// which.
#[tokio::test]
async fn columns_of_a_table_that_came_back() {
    let house = House::new();
    for (step, extra) in [(false, false), (true, true)] {
        night_with(&house, step, false, extra).await;
        house.warehouse.export_delta().await.unwrap();
    }
    while house
        .latest()
        .await
        .files_of(FileKind::Derived)
        .any(|file| file.table == "extra")
    {
        erasure(&house, &house.latest().await).await;
        house.warehouse.export_delta().await.unwrap();
    }
    night_with(&house, false, false, true).await;
    house.warehouse.export_delta().await.unwrap();
    let newest = house.latest().await.commit_no;
    let log = logs(&house).await;
    let path = format!("derived/extra/_delta_log/{newest:020}.json");
    let entry = String::from_utf8(log[&path].to_vec()).unwrap();
    assert!(
        entry.contains("metaData") && !entry.contains("word"),
        "{entry}"
    );
}

// A vacuum deletes what comes before the checkpoint that every derived night which stays as files
// comes after, as its rehearsal says, in every table; the log goes on, is sound, is written anew from
// that checkpoint on, and its length has a bound.
#[tokio::test]
async fn what_comes_before_goes() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::below(folder.path());
    nights(&house, 68).await;
    let young = house.warehouse.vacuum(2, false).await.unwrap();
    assert!(young.gone.is_empty());
    // Since the night of commit 63: the versions from checkpoint 32 on are needed.
    let rehearsed = house.warehouse.vacuum(0, true).await.unwrap();
    let done = house.warehouse.vacuum(0, false).await.unwrap();
    assert_eq!(done.gone, rehearsed.gone);
    for table in ["derived/metric", "tables/job_run"] {
        let left = there(&house, table).await;
        assert_eq!(left, ((32..=68).collect(), vec![32, 64]), "{table}");
    }
    night(&house, false, true).await;
    house.warehouse.export_delta().await.unwrap();
    let done = house.warehouse.vacuum(0, false).await.unwrap();
    let logs_gone = done
        .gone
        .iter()
        .filter(|file| file.path.contains("/_delta_log/"));
    assert_eq!(logs_gone.count(), 2 * 33);
    let whole = logs(&house).await;
    for table in ["derived/metric", "tables/job_run"] {
        assert_eq!(
            there(&house, table).await,
            ((64..=69).collect(), vec![64]),
            "{table}"
        );
    }
    let verified = house.warehouse.verify().await.unwrap();
    assert!(verified.faults.is_empty(), "{:#?}", verified.faults);
    let rewritten = house.warehouse.rewrite_delta().await.unwrap();
    assert_eq!(
        (rewritten.tables, rewritten.first, rewritten.version),
        (2, 64, 69)
    );
    assert_eq!(logs(&house).await, whole);
    // A lost entry comes back, and none of those that are gone.
    let gone = "derived/metric/_delta_log/00000000000000000069.json";
    house.warehouse.store().delete(gone).await.unwrap();
    night(&house, false, false).await;
    house.warehouse.export_delta().await.unwrap();
    assert_eq!(
        there(&house, "derived/metric").await,
        ((64..=70).collect(), vec![64])
    );
}

/// Seventy nights with their logs, in memory.
async fn long() -> Arc<InMemory> {
    let memory = Arc::new(InMemory::new());
    let (_, house) = on(&memory, Plan::Never);
    nights(&house, 70).await;
    memory
}

// What another program wrote stays; before a checkpoint that is not ours, or where `_last_checkpoint`
// names an older one or nothing, nothing goes; without one all is kept from the checkpoint before on.
#[tokio::test]
async fn what_is_needed_or_foreign_stays() {
    let memory = long().await;
    let metric = |name: &str| format!("derived/metric/_delta_log/{name}");
    let entry = metric("00000000000000000007.json");
    let checkpoint = metric("00000000000000000064.checkpoint.parquet");
    let hint = metric("_last_checkpoint");
    let stale = r#"{"version":32,"size":9}"#;
    for (path, bytes, first) in [
        (&entry, "{}", 64),
        (&checkpoint, "PAR1", 0),
        (&hint, stale, 0),
        (&hint, "", 0),
    ] {
        let (_, house) = on(&Arc::new(memory.fork()), Plan::Never);
        house
            .warehouse
            .store()
            .replace(path, bytes.into())
            .await
            .unwrap();
        house.warehouse.vacuum(0, false).await.unwrap();
        let left = there(&house, "derived/metric").await.0;
        let mut expected: Vec<u64> = (first..=70).collect();
        if *path == entry {
            expected.insert(0, 7);
        }
        assert_eq!(left, expected, "{path} {bytes}");
        assert_eq!(there(&house, "tables/job_run").await.0[0], 64);
    }
    let (_, house) = on(&Arc::new(memory.fork()), Plan::Never);
    house.warehouse.store().delete(&checkpoint).await.unwrap();
    house.warehouse.vacuum(0, false).await.unwrap();
    assert_eq!(
        there(&house, "derived/metric").await,
        ((32..=70).collect(), vec![32])
    );
}

// Another program's checkpoint is told at every export, and nothing is written after it; the other
// tables go on, and writing anew clears it away.
#[tokio::test]
async fn a_foreign_checkpoint_is_told() {
    let house = House::new();
    nights(&house, 31).await;
    let path = "derived/metric/_delta_log/00000000000000000032.checkpoint.parquet";
    house
        .warehouse
        .store()
        .create(path, "PAR1".into())
        .await
        .unwrap();
    for last in [32, 33] {
        night(&house, false, true).await;
        let error = house.warehouse.export_delta().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Another program wrote to the Delta log: `s3://test/{path}`")
        );
        assert_eq!(there(&house, "derived/metric").await.0.last(), Some(&32));
        assert_eq!(there(&house, "tables/job_run").await.0.last(), Some(&last));
    }
    let verified = house.warehouse.verify().await.unwrap();
    assert!(verified.faults[0].to_string().contains(path));
    house.warehouse.rewrite_delta().await.unwrap();
    hold_true(&house).await;
}

// Wherever the export of a checkpoint's night breaks off, the next night's makes up for it: the logs are
// those of a warehouse where nothing ever failed. An answer that is lost is no failure.
#[tokio::test]
async fn an_export_that_breaks_off_is_made_up_for() {
    let memory = Arc::new(InMemory::new());
    let (_, house) = on(&memory, Plan::Never);
    nights(&house, 31).await;
    night(&house, false, true).await;
    let (rehearsal, fork) = on(&Arc::new(memory.fork()), Plan::Never);
    fork.warehouse.export_delta().await.unwrap();
    let seen = rehearsal.seen();
    let puts = seen
        .iter()
        .filter(|(operation, _)| *operation == Operation::Put);
    assert_eq!(puts.count(), 2 * 3);
    for (at, (operation, path)) in (1..).zip(&seen) {
        for fault in operation.faults() {
            let memory = Arc::new(memory.fork());
            let (faulty, failing) = on(&memory, Plan::At(at, *fault));
            failing.warehouse.export_delta().await.ok();
            faulty.settle().await;
            let (_, sound) = on(&memory, Plan::Never);
            night(&sound, true, true).await;
            sound.warehouse.export_delta().await.unwrap();
            hold_true(&sound).await;
            let verified = sound.warehouse.verify().await.unwrap();
            let told = format!(
                "{fault:?} at {operation:?} of {path}: {:?}",
                verified.faults
            );
            assert!(verified.faults.is_empty(), "{told}");
        }
    }
}

// Wherever a vacuum breaks off, what is left is sound, and the next one ends it.
#[tokio::test]
async fn a_vacuum_that_breaks_off_is_ended() {
    let memory = long().await;
    let (rehearsal, fork) = on(&Arc::new(memory.fork()), Plan::Never);
    fork.warehouse.vacuum(0, false).await.unwrap();
    let whole = logs(&fork).await;
    let seen = rehearsal.seen();
    let is_log = |(operation, path): &(Operation, String)| {
        *operation == Operation::Delete && path.contains("/_delta_log/")
    };
    let deletes = (1..).zip(&seen).filter(|(_, seen)| is_log(seen));
    let deletes: Vec<usize> = deletes.map(|(at, _)| at).collect();
    assert_eq!(deletes.len(), 2 * (64 + 1));
    for at in deletes.into_iter().step_by(13) {
        let memory = Arc::new(memory.fork());
        let (_, failing) = on(&memory, Plan::At(at, Fault::Crash));
        failing.warehouse.vacuum(0, false).await.ok();
        let (_, sound) = on(&memory, Plan::Never);
        let verified = sound.warehouse.verify().await.unwrap();
        assert!(verified.faults.is_empty(), "{:?}", verified.faults);
        sound
            .warehouse
            .store()
            .delete("writer.lease")
            .await
            .unwrap();
        sound.warehouse.vacuum(0, false).await.unwrap();
        assert_eq!(logs(&sound).await, whole);
    }
}

// Two exports at once write the same files, and neither fails.
#[tokio::test]
async fn two_exports_at_once_agree() {
    let memory = Arc::new(InMemory::new());
    let (_, one) = on(&memory, Plan::Never);
    nights(&one, 31).await;
    night(&one, false, true).await;
    let (_, other) = on(&memory, Plan::Never);
    let (here, there) = tokio::join!(one.warehouse.export_delta(), other.warehouse.export_delta());
    here.and(there).unwrap();
    hold_true(&one).await;
}

// What `_last_checkpoint` should say is told where it says something else, and written again by the next
// night; so is a checkpoint that was lost.
#[tokio::test]
async fn a_lost_hint_comes_back() {
    let memory = Arc::new(InMemory::new());
    let (_, house) = on(&memory, Plan::Never);
    nights(&house, 32).await;
    let hint = "derived/metric/_delta_log/_last_checkpoint";
    let checkpoint = "derived/metric/_delta_log/00000000000000000032.checkpoint.parquet";
    for lost in [hint, checkpoint] {
        let (_, house) = on(&Arc::new(memory.fork()), Plan::Never);
        let store = house.warehouse.store();
        store.delete(lost).await.unwrap();
        let verified = house.warehouse.verify().await.unwrap();
        let told: Vec<String> = verified.faults.iter().map(ToString::to_string).collect();
        let fix = "\n  fix: write the Delta logs anew with `leadgauge warehouse delta`, and let others only read";
        let file = store.shown(lost);
        assert_eq!(
            told,
            [format!(
                "`{file}` is not there; the commit log goes to commit 32{fix}"
            )]
        );
        night(&house, false, true).await;
        house.warehouse.export_delta().await.unwrap();
        hold_true(&house).await;
    }
}
