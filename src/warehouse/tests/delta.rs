//! The Delta logs: what stands in them, and that they come back whatever befalls them.

use bytes::Bytes;

use super::*;
use crate::fs::faults::{Fault, Faulty, Operation, Plan};

/// A night of a run with a fixed name: the table `metric` is replaced, `job_run` grows on the first.
async fn night(house: &House, day: i8, metric: (SchemaRef, Vec<RecordBatch>)) {
    let run_id: RunId = serde_json::from_value(format!("run-{day}").into()).unwrap();
    let begun = house.warehouse.begin(nov(day), &run_id, &house.zone).await;
    let mut draft = begun.unwrap();
    let rows = leads(nov(day), &["a New 1 - -"]);
    draft.record(&rows, None).await.unwrap();
    let (schema, batches) = metric;
    draft.replace("metric", &schema, &batches).await.unwrap();
    if day == 5 {
        let (schema, batches) = numbers(&[1]);
        draft.append("job_run", &schema, &batches).await.unwrap();
    }
    commit(draft).await;
}

pub(super) fn words(values: &[&str]) -> (SchemaRef, Vec<RecordBatch>) {
    let schema = schema_of(&[("n", Bigint), ("word", Text)]);
    let row = |word: &&str| serde_json::json!({"n": 1, "word": word});
    let rows: Vec<Value> = values.iter().map(row).collect();
    let batch = batch_of(&schema, &rows).unwrap();
    (schema, vec![batch])
}

/// Every file of the Delta logs.
pub(super) async fn logs(house: &House) -> BTreeMap<String, Bytes> {
    let store = house.warehouse.store();
    let mut logs = BTreeMap::new();
    for file in store.list("").await.unwrap() {
        if file.path.contains("/_delta_log/") {
            let bytes = store.get(&file.path).await.unwrap();
            logs.insert(file.path, bytes);
        }
    }
    logs
}

fn text(logs: &BTreeMap<String, Bytes>, table: &str, version: u64) -> String {
    let path = format!("{table}/_delta_log/{version:020}.json");
    String::from_utf8(logs[&path].to_vec()).unwrap()
}

fn metric_bytes(commits: &[Commit], at: usize) -> u64 {
    let mut added = commits[at].added.iter();
    added.find(|file| file.table == "metric").unwrap().bytes
}

// The whole log of a table that two nights replace, the second with a new column; and of one that
// the second night leaves alone.
#[tokio::test]
async fn a_log_of_two_nights() {
    let house = House::new();
    night(&house, 5, numbers(&[1, 2])).await;
    night(&house, 6, words(&[])).await;
    house.warehouse.export_delta().await.unwrap();
    let logs = logs(&house).await;
    assert_eq!(logs.len(), 6);
    let commits = house.warehouse.commits().await.unwrap();
    let (first, second) = (metric_bytes(&commits, 0), metric_bytes(&commits, 1));
    assert_eq!(
        text(&logs, "derived/metric", 0),
        r#"{"commitInfo":{"timestamp":1793923199999,"operation":"CREATE TABLE","operationParameters":{},"engineInfo":"leadgauge","userMetadata":"as_of 2026-11-05 run_id run-5"}}
{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"539a47ee-f64e-8d1d-8b2b-4cc8b96bf5c7","name":"metric","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"n\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":1793923199999}}
"#
    );
    assert_eq!(
        text(&logs, "derived/metric", 1),
        format!(
            r#"{{"commitInfo":{{"timestamp":1793923199999,"operation":"WRITE","operationParameters":{{"mode":"Overwrite"}},"engineInfo":"leadgauge","userMetadata":"as_of 2026-11-05 run_id run-5"}}}}
{{"add":{{"path":"run-5-2.parquet","partitionValues":{{}},"size":{first},"modificationTime":1793923199999,"dataChange":true,"stats":"{{\"numRecords\":2}}"}}}}
"#
        )
    );
    assert_eq!(
        text(&logs, "derived/metric", 2),
        format!(
            r#"{{"commitInfo":{{"timestamp":1794009599999,"operation":"WRITE","operationParameters":{{"mode":"Overwrite"}},"engineInfo":"leadgauge","userMetadata":"as_of 2026-11-06 run_id run-6"}}}}
{{"metaData":{{"id":"539a47ee-f64e-8d1d-8b2b-4cc8b96bf5c7","name":"metric","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{{\"type\":\"struct\",\"fields\":[{{\"name\":\"n\",\"type\":\"long\",\"nullable\":true,\"metadata\":{{}}}},{{\"name\":\"word\",\"type\":\"string\",\"nullable\":true,\"metadata\":{{}}}}]}}","partitionColumns":[],"configuration":{{}},"createdTime":1793923199999}}}}
{{"remove":{{"path":"run-5-2.parquet","deletionTimestamp":1794009599999,"dataChange":true}}}}
{{"add":{{"path":"run-6-2.parquet","partitionValues":{{}},"size":{second},"modificationTime":1794009599999,"dataChange":true,"stats":"{{\"numRecords\":0}}"}}}}
"#
        )
    );
    assert!(text(&logs, "tables/job_run", 1).contains(r#"{"mode":"Append"}"#));
    assert_eq!(
        text(&logs, "tables/job_run", 2),
        r#"{"commitInfo":{"timestamp":1794009599999,"operation":"UNCHANGED","operationParameters":{},"engineInfo":"leadgauge","userMetadata":"as_of 2026-11-06 run_id run-6"}}
"#
    );
}

// A table that appears late begins at version 0 all the same; upkeep stands for its night's day, and
// a table that grows keeps the columns of both.
#[tokio::test]
async fn a_late_table_has_every_version() {
    let house = House::new();
    night(&house, 5, numbers(&[1])).await;
    for (name, (schema, batches)) in [("one", numbers(&[1])), ("two", words(&["a"]))] {
        let run_id: RunId = serde_json::from_value(name.into()).unwrap();
        let begun = house.warehouse.begin_addition(&run_id, &house.zone).await;
        let mut draft = begun.unwrap();
        draft.append("baseline", &schema, &batches).await.unwrap();
        commit(draft).await;
    }
    house.warehouse.export_delta().await.unwrap();
    let logs = logs(&house).await;
    let lines = |version| text(&logs, "tables/baseline", version).lines().count();
    assert_eq!([0, 1, 2, 3].map(lines), [3, 1, 2, 3]);
    let last = text(&logs, "tables/baseline", 3);
    assert!(
        last.contains(r#"\"name\":\"word\""#) && last.contains(r#""mode":"Append""#),
        "{last}"
    );
    assert!(last.contains(r#""timestamp":1793923199999"#), "{last}");
}

// An export that fails leaves the night published; the next one writes what is missing, as if
// nothing had failed. An answer that is lost is no failure.
#[tokio::test]
async fn an_export_catches_up() {
    let sound = House::new();
    let memory = Arc::new(InMemory::new());
    let on = |memory: &Arc<InMemory>, plan| {
        let faulty = Faulty::over(memory, plan);
        let house = House {
            warehouse: Warehouse::on(faulty.store()),
            zone: TimeZone::UTC,
        };
        (faulty, house)
    };
    let (_, house) = on(&memory, Plan::Never);
    for day in [5, 6] {
        night(&sound, day, numbers(&[1])).await;
        night(&house, day, numbers(&[1])).await;
        sound.warehouse.export_delta().await.unwrap();
        let (rehearsal, fork) = on(&Arc::new(memory.fork()), Plan::Never);
        fork.warehouse.export_delta().await.unwrap();
        let seen = rehearsal.seen();
        let first = seen
            .iter()
            .position(|(operation, _)| *operation == Operation::Put);
        let (_, failing) = on(&memory, Plan::At(first.unwrap() + 1, Fault::Crash));
        let error = failing.warehouse.export_delta().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Cannot read or write `s3://test/derived/metric/_delta_log/00000000000000000000.json`"
        );
    }
    assert!(logs(&house).await.is_empty());
    let (_, unanswered) = on(&memory, Plan::NoAnswers);
    unanswered.warehouse.export_delta().await.unwrap();
    let whole = logs(&sound).await;
    assert_eq!(logs(&house).await, whole);
    // An entry in the middle that is gone comes back too.
    let gone = "derived/metric/_delta_log/00000000000000000001.json";
    house.warehouse.store().delete(gone).await.unwrap();
    house.warehouse.export_delta().await.unwrap();
    assert_eq!(logs(&house).await, whole);
}

// An entry of another program's is told at every export, and nothing is written after it; the other
// tables go on. Writing anew clears it away and gives the bytes that were there before.
#[tokio::test]
async fn foreign_entries_are_told() {
    let sound = House::new();
    let house = House::new();
    for day in [5, 6, 7] {
        night(&sound, day, numbers(&[1])).await;
        night(&house, day, numbers(&[1])).await;
        if day == 5 {
            house.warehouse.export_delta().await.unwrap();
            for name in ["00000000000000000002.json", "_last_checkpoint"] {
                let path = format!("derived/metric/_delta_log/{name}");
                let store = house.warehouse.store();
                store.create(&path, "{}".into()).await.unwrap();
            }
        } else {
            let error = house.warehouse.export_delta().await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "Another program wrote to the Delta log: \
                 `s3://test/derived/metric/_delta_log/00000000000000000002.json`"
            );
        }
    }
    let stopped = logs(&house).await;
    assert!(!stopped.contains_key("derived/metric/_delta_log/00000000000000000003.json"));
    assert!(stopped.contains_key("tables/job_run/_delta_log/00000000000000000003.json"));
    sound.warehouse.export_delta().await.unwrap();
    let rewritten = house.warehouse.rewrite_delta().await.unwrap();
    assert_eq!((rewritten.tables, rewritten.version), (2, 3));
    assert_eq!(logs(&house).await, logs(&sound).await);
}
