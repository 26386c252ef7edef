//! Every kind of damage, with the words that are found for it.

use bytes::Bytes;

use super::merging::night;
use super::*;
use crate::warehouse::file::{self, Writer};
use crate::warehouse::history;
use crate::warehouse::log::DataFile;

const FIX: &str = "\n  fix: put it back from a copy of the warehouse";

/// Three nights, each of which left a file in every table; a derived table, an outbox and Delta logs.
async fn house() -> House {
    let house = House::new();
    fill(&house).await;
    house
}

async fn fill(house: &House) {
    for day in 1..=3 {
        night(house, day).await;
    }
    let mut draft = house.begin(nov(4)).await;
    let (schema, batches) = numbers(&[1, 2]);
    draft.replace("metric", &schema, &batches).await.unwrap();
    let put = draft.put(FileKind::Outbox, "m.json", "mail".into()).await;
    put.unwrap();
    commit(draft).await;
    house.warehouse.export_delta().await.unwrap();
}

async fn faults(house: &House) -> Vec<String> {
    let verified = house.warehouse.verify().await.unwrap();
    verified.faults.iter().map(ToString::to_string).collect()
}

/// The only fault that is told.
async fn fault(house: &House) -> String {
    let faults = faults(house).await;
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults[0].clone()
}

async fn overwrite(house: &House, path: &str, bytes: impl Into<Bytes>) {
    let store = house.warehouse.store();
    store.delete(path).await.unwrap();
    store.create(path, bytes.into()).await.unwrap();
}

fn entry(commit_no: u64) -> String {
    format!("_log/{commit_no:020}.json")
}

/// Changes what an entry of the log says of the file of a kind that it added.
async fn restate(house: &House, commit_no: u64, kind: &str, change: impl Fn(&mut Value)) {
    let bytes = house.warehouse.store().get(&entry(commit_no)).await;
    let mut json: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
    let added = json["added"].as_array_mut().unwrap();
    let file = added.iter_mut().find(|file| file["kind"] == kind);
    change(file.unwrap());
    overwrite(house, &entry(commit_no), json.to_string()).await;
}

async fn live(house: &House, kind: FileKind, at: usize) -> DataFile {
    let latest = house.latest().await;
    latest.files_of(kind).nth(at).unwrap().clone()
}

fn shown(house: &House, file: &DataFile) -> String {
    house.warehouse.store().shown(&file.path)
}

// A sound warehouse, in memory or on disk, has no fault, and everything is read.
#[tokio::test]
async fn what_is_sound_has_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    for house in [House::new(), House::below(folder.path())] {
        fill(&house).await;
        let verified = house.warehouse.verify().await.unwrap();
        assert!(verified.faults.is_empty(), "{:#?}", verified.faults);
        let latest = house.latest().await;
        let bytes: u64 = latest.files.iter().map(|file| file.bytes).sum();
        let read = (verified.commits, verified.files, verified.bytes);
        assert_eq!(read, (4, latest.files.len(), bytes));
    }
}

// A file that is not there, is cut short, or has a flipped byte, of whatever kind, is named with what
// was stated.
#[tokio::test]
async fn wrong_bytes_are_told() {
    let kinds = [
        (FileKind::History, 1, 2),
        (FileKind::Events, 0, 1),
        (FileKind::Append, 2, 3),
        (FileKind::Derived, 0, 4),
        (FileKind::Outbox, 0, 4),
    ];
    for (kind, at, by) in kinds {
        let house = house().await;
        let file = live(&house, kind, at).await;
        let (shown, bytes) = (shown(&house, &file), file.bytes);
        let whole = house.warehouse.store().get(&file.path).await.unwrap();
        let half = whole.slice(..whole.len() / 2);
        overwrite(&house, &file.path, half.clone()).await;
        let found = half.len();
        assert_eq!(
            fault(&house).await,
            format!("`{shown}` has {found} bytes; commit {by} states {bytes}{FIX}")
        );
        let mut flipped = whole.to_vec();
        flipped[found] ^= 1;
        overwrite(&house, &file.path, flipped.clone()).await;
        let found = format!("{:x}", <sha2::Sha256 as sha2::Digest>::digest(&flipped));
        assert_eq!(
            fault(&house).await,
            format!(
                "`{shown}` has the SHA-256 {found}; commit {by} states {}{FIX}",
                file.sha256
            )
        );
        house.warehouse.store().delete(&file.path).await.unwrap();
        assert_eq!(
            fault(&house).await,
            format!("`{shown}` is not there; commit {by} states its {bytes} bytes{FIX}")
        );
    }
}

// Two files that changed places are both told.
#[tokio::test]
async fn swapped_files_are_told() {
    let house = house().await;
    let store = house.warehouse.store();
    let (one, two) = (
        live(&house, FileKind::Append, 0).await,
        live(&house, FileKind::Append, 1).await,
    );
    let (first, second) = (
        store.get(&one.path).await.unwrap(),
        store.get(&two.path).await.unwrap(),
    );
    overwrite(&house, &one.path, second).await;
    overwrite(&house, &two.path, first).await;
    let faults = faults(&house).await;
    assert_eq!(faults.len(), 2, "{faults:#?}");
    for file in [one, two] {
        let shown = shown(&house, &file);
        assert!(
            faults.iter().any(|fault| fault.contains(&shown)),
            "{faults:#?}"
        );
    }
}

// A log that lies about rows or commits is told by what the file holds.
#[tokio::test]
async fn a_lying_log_is_told() {
    let told = house().await;
    let file = shown(&told, &live(&told, FileKind::History, 0).await);
    restate(&told, 1, "history", |file| file["rows"] = 7.into()).await;
    assert_eq!(
        fault(&told).await,
        format!("`{file}` holds 1 rows; commit 1 states 7{FIX}")
    );
    let stray = house().await;
    let file = shown(&stray, &live(&stray, FileKind::Events, 1).await);
    let two = serde_json::json!([1, 1]);
    restate(&stray, 2, "events", |file| file["commits"] = two.clone()).await;
    assert_eq!(
        fault(&stray).await,
        format!("`{file}` holds a row of commit 2, row 1; commit 2 states commit 1{FIX}")
    );
}

// Files of one table that claim commits out of order, or commits to come, are told.
#[tokio::test]
async fn commits_out_of_order_are_told() {
    let house = house().await;
    let (first, second) = (
        shown(&house, &live(&house, FileKind::Events, 0).await),
        shown(&house, &live(&house, FileKind::Events, 1).await),
    );
    let to = |last: u64| serde_json::json!([1, last]);
    restate(&house, 1, "events", |file| file["commits"] = to(3)).await;
    assert_eq!(
        faults(&house).await,
        [format!(
            "`{second}` holds commit 2; `{first}`, before it, holds commits 1 to 3{FIX}"
        ),]
    );
    restate(&house, 1, "events", |file| file["commits"] = to(9)).await;
    assert_eq!(
        faults(&house).await[0],
        format!("`{first}` holds commits 1 to 9; the newest commit is 4{FIX}")
    );
}

// Rows that are not sorted are told, though the bytes are what the log states.
#[tokio::test]
async fn a_run_out_of_order_is_told() {
    let house = house().await;
    let store = house.warehouse.store();
    let latest = house.latest().await;
    let files = latest.files(FileKind::History, "crm.lead");
    let mut batches = Vec::new();
    for index in [2, 1] {
        batches.extend(file::read(store, &files[index], None).await.unwrap());
    }
    let path = "history/crm/lead/unsorted.parquet";
    let mut writer = Writer::begin(store, path, &batches[0].schema(), &history::ORDER).unwrap();
    for batch in &batches {
        writer.write(batch).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    restate(&house, 3, "history", |file| {
        file["path"] = path.into();
        file["bytes"] = written.bytes.into();
        file["sha256"] = written.sha256.clone().into();
        file["rows"] = written.rows.into();
        file["commits"] = serde_json::json!([2, 3]);
    })
    .await;
    let row = files[2].rows + 1;
    assert_eq!(
        fault(&house).await,
        format!(
            "`{}` is out of order at row {row}; commit 3 states rows in the order of record_id, \
             valid_from, commit_no{FIX}",
            store.shown(path)
        )
    );
}

// A file with the stated bytes that is no table's is told, not read.
#[tokio::test]
async fn what_is_no_table_is_told() {
    let house = house().await;
    let (schema, batches) = numbers(&[1]);
    let path = "tables/job_run/other.parquet";
    let store = house.warehouse.store();
    let mut writer = Writer::begin(store, path, &schema, &[]).unwrap();
    writer.write(&batches[0]).await.unwrap();
    let written = writer.finish().await.unwrap();
    let change = |file: &mut Value| {
        file["path"] = path.into();
        file["bytes"] = written.bytes.into();
        file["sha256"] = written.sha256.clone().into();
    };
    restate(&house, 3, "append", change).await;
    let words = format!(
        "`{}` lacks one of the columns _commit_no; commit 3 states rows that have them{FIX}",
        store.shown(path)
    );
    assert_eq!(faults(&house).await[0], words);
    let mail = "derived/metric/mail.parquet";
    store.create(mail, "mail".into()).await.unwrap();
    let hash = format!("{:x}", <sha2::Sha256 as sha2::Digest>::digest("mail"));
    restate(&house, 4, "derived", |file| {
        file["path"] = mail.into();
        file["bytes"] = 4.into();
        file["sha256"] = hash.clone().into();
    })
    .await;
    let words = format!("`{}` cannot be read: ", store.shown(mail));
    let faults = faults(&house).await;
    assert!(faults[0].starts_with(&words), "{faults:#?}");
    assert!(faults[0].contains("; commit 4 names it\n"), "{faults:#?}");
}

// Gaps and entries that cannot be read are all told; what lies behind is not guessed at.
#[tokio::test]
async fn a_damaged_log_is_told() {
    let house = house().await;
    let store = house.warehouse.store();
    store.delete(&entry(2)).await.unwrap();
    overwrite(&house, &entry(3), r#"{"format": 1, "comm"#).await;
    let (two, three) = (store.shown(&entry(2)), store.shown(&entry(3)));
    assert_eq!(
        faults(&house).await,
        [
            format!("`{two}` is not there; the log goes to commit 4{FIX}"),
            format!(
                "`{three}` is no entry of a commit log: EOF while parsing a string at line 1 \
                 column 19; commit 3 is to be read from it{FIX}"
            ),
        ]
    );
    overwrite(&house, &entry(3), r#"{"format": 2}"#).await;
    assert_eq!(
        faults(&house).await[1],
        format!(
            "`{three}` is of format 2, which this program does not read; commit 3 is to be read \
             from it\n  fix: use the version of this program that wrote it"
        )
    );
}

// A file of a kind that this program does not know makes its entry unreadable, and is told.
#[tokio::test]
async fn an_unknown_kind_is_told() {
    let house = house().await;
    restate(&house, 2, "events", |file| file["kind"] = "sketch".into()).await;
    let fault = fault(&house).await;
    assert!(fault.contains("unknown variant `sketch`"), "{fault}");
}

// A checkpoint that says something else than the log, is garbled, or stands for no commit, is told.
#[tokio::test]
async fn a_lying_checkpoint_is_told() {
    let house = House::new();
    for _ in 0..16 {
        let day = house.warehouse.latest().await.unwrap();
        let day = day.map_or(nov(1), |last| last.as_of.tomorrow().unwrap());
        commit(house.begin(day).await).await;
        let run_id = RunId::new(day);
        let addition = house.warehouse.begin_addition(&run_id, &house.zone).await;
        commit(addition.unwrap()).await;
    }
    assert!(faults(&house).await.is_empty());
    let path = "_log/00000000000000000032.checkpoint.json";
    let shown = house.warehouse.store().shown(path);
    let bytes = house.warehouse.store().get(path).await.unwrap();
    let mut json: Value = serde_json::from_slice(&bytes).unwrap();
    json["days"]["2026-11-03"] = 5.into();
    let fix = "a checkpoint follows from the log\n  \
               fix: delete it: it only spares the reading of the entries before it";
    overwrite(&house, path, json.to_string()).await;
    assert_eq!(
        fault(&house).await,
        format!("`{shown}` says something else than the entries up to it; {fix}")
    );
    overwrite(&house, path, r#"{"format": 1}"#).await;
    assert_eq!(
        fault(&house).await,
        format!("`{shown}` is no checkpoint: missing field `commit_no` at line 1 column 13; {fix}")
    );
    overwrite(&house, path, bytes.clone()).await;
    let beyond = "_log/00000000000000000064.checkpoint.json";
    house.warehouse.store().create(beyond, bytes).await.unwrap();
    let shown = house.warehouse.store().shown(beyond);
    assert_eq!(
        fault(&house).await,
        format!("`{shown}` stands for no commit; {fix}")
    );
}

// A Delta log that says something else than the commit log, lacks an entry, or holds another
// program's file, is told.
#[tokio::test]
async fn a_wrong_delta_log_is_told() {
    let house = house().await;
    let store = house.warehouse.store();
    let path = |version: u64| format!("derived/metric/_delta_log/{version:020}.json");
    overwrite(&house, &path(2), "{}").await;
    store.delete(&path(3)).await.unwrap();
    let foreign = "derived/metric/_delta_log/_last_checkpoint";
    store.create(foreign, "{}".into()).await.unwrap();
    let fix = "\n  fix: write the Delta logs anew with `leadgauge warehouse delta`, and let others only read";
    let [foreign, two, three] = [foreign, &path(2), &path(3)].map(|path| store.shown(path));
    assert_eq!(
        faults(&house).await,
        [
            format!("`{foreign}` is none of its entries; only this program writes there{fix}"),
            format!("`{two}` says something else; it follows from the commit log{fix}"),
            format!("`{three}` is not there; the commit log goes to commit 4{fix}"),
        ]
    );
    house.warehouse.rewrite_delta().await.unwrap();
    assert!(faults(&house).await.is_empty());
}

// Derived tables of older nights that still stand as files are read; those let go are not missed.
#[tokio::test]
async fn standing_tables_of_old_nights_are_read() {
    let house = House::new();
    let mut paths = Vec::new();
    for day in 1..=4 {
        let mut draft = house.begin(nov(day)).await;
        let (schema, batches) = numbers(&[day.into()]);
        draft.replace("metric", &schema, &batches).await.unwrap();
        draft.retain(crate::config::Retention {
            derived_days: 2,
            archive_days: None,
            quarantine_days: None,
        });
        commit(draft).await;
        paths.push(live(&house, FileKind::Derived, 0).await.path);
    }
    let store = house.warehouse.store();
    store.delete(&paths[0]).await.unwrap();
    assert!(faults(&house).await.is_empty());
    store.delete(&paths[1]).await.unwrap();
    let fault = fault(&house).await;
    assert!(fault.contains(&paths[1]) && fault.contains("is not there; commit 2 "));
}

// A warehouse without a commit is nothing to verify.
#[tokio::test]
async fn nothing_is_not_verified() {
    let empty = House::new().warehouse.verify().await;
    assert!(matches!(empty, Err(WarehouseError::Empty)));
}
