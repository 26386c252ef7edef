//! What Delta's protocol makes of a log, as a proof of what the checkpoints say.

use std::collections::BTreeSet;

use arrow::json::LineDelimitedWriter;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

/// The actions of a checkpoint, in their order, as the entries write them.
fn actions(checkpoint: &Bytes) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(checkpoint.clone()).unwrap();
    let mut lines = LineDelimitedWriter::new(Vec::new());
    for batch in reader.build().unwrap() {
        lines.write(&batch.unwrap()).unwrap();
    }
    lines.finish().unwrap();
    lines_of(&lines.into_inner())
}

fn lines_of(bytes: &[u8]) -> Vec<Value> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// A table as Delta's protocol has it at a version.
#[derive(Default)]
struct Replayed {
    protocol: Value,
    meta_data: Value,
    live: BTreeMap<String, Value>,
    /// The paths of files that were let go after a version.
    let_go: BTreeSet<String>,
}

impl Replayed {
    fn take(&mut self, actions: Vec<Value>, is_recent: bool) {
        for action in actions {
            for (kind, mut body) in action.as_object().unwrap().clone() {
                let path = word(&body["path"]);
                match kind.as_str() {
                    "protocol" => self.protocol = body,
                    "metaData" => self.meta_data = body,
                    "add" => {
                        body["dataChange"] = false.into();
                        self.live.insert(path, body);
                    }
                    "remove" => {
                        self.live.remove(&path);
                        if is_recent {
                            self.let_go.insert(path);
                        }
                    }
                    _ => assert_eq!(kind, "commitInfo"),
                }
            }
        }
    }
}

fn entry(table: &str, version: u64) -> String {
    format!("{table}/_delta_log/{version:020}.json")
}

fn checkpoint(table: &str, version: u64) -> String {
    format!("{table}/_delta_log/{version:020}.checkpoint.parquet")
}

/// What the entries up to a version say, from the first of them that has no gap behind it: the table's
/// first or that of a checkpoint. Let go counts from after `since` on.
fn replayed(
    logs: &BTreeMap<String, Bytes>,
    table: &str,
    version: u64,
    since: u64,
) -> (u64, Replayed) {
    let back = (0..=version).rev();
    let first = back.take_while(|number| logs.contains_key(&entry(table, *number)));
    let first = first.last().unwrap();
    let mut replayed = Replayed::default();
    let begin = if first == 0 {
        0
    } else {
        replayed.take(actions(&logs[&checkpoint(table, first)]), false);
        first + 1
    };
    for number in begin..=version {
        replayed.take(lines_of(&logs[&entry(table, number)]), number > since);
    }
    (first, replayed)
}

fn newest(logs: &BTreeMap<String, Bytes>, table: &str) -> u64 {
    let names = logs.keys().filter_map(|path| path.strip_prefix(table));
    let digits = names.filter_map(|name| name.strip_prefix("/_delta_log/")?.strip_suffix(".json"));
    digits.map(|digits| digits.parse().unwrap()).max().unwrap()
}

/// Of a checkpoint's actions those of a kind.
fn of_kind(found: &[Value], kind: &str) -> Vec<Value> {
    let of = found.iter().filter_map(|action| action.get(kind));
    of.cloned().collect()
}

/// Every checkpoint says what its entries say and names the files of its version, and the newest one is
/// the one named. Only versions that no derived night needs may be without, and those of a table that
/// has no file any more.
pub(super) async fn hold_true(house: &House) {
    let logs = logs(house).await;
    let commits = house.warehouse.commits().await.unwrap();
    let latest = house.latest().await;
    let needed = commits.last().unwrap().derived_since / 32 * 32;
    let tables = logs
        .keys()
        .map(|path| path.split("/_delta").next().unwrap());
    for table in tables.collect::<BTreeSet<&str>>() {
        let newest = newest(&logs, table);
        let mut files = latest.files.iter();
        if files.any(|file| file.path.starts_with(&format!("{table}/"))) {
            assert_eq!(newest, latest.commit_no, "{table}");
        }
        let commits = (1..=newest).zip(&commits);
        for (version, commit) in commits.filter(|(version, _)| version % 32 == 0) {
            if version >= needed || logs.contains_key(&entry(table, version)) {
                let derived_since = commit.derived_since;
                holds_true(house, &logs, (table, version), derived_since).await;
            }
        }
        let hint = logs.get(&format!("{table}/_delta_log/_last_checkpoint"));
        let hint: Option<Value> = hint.map(|hint| serde_json::from_slice(hint).unwrap());
        let hinted = hint.map_or(0, |hint| hint["version"].as_u64().unwrap());
        assert_eq!(hinted, newest / 32 * 32, "{table}");
    }
}

async fn holds_true(
    house: &House,
    logs: &BTreeMap<String, Bytes>,
    (table, version): (&str, u64),
    derived_since: u64,
) {
    let path = checkpoint(table, version);
    let (first, told) = replayed(logs, table, version, derived_since);
    let found = actions(&logs[&path]);
    assert_eq!(of_kind(&found, "protocol"), [told.protocol], "{path}");
    assert_eq!(of_kind(&found, "metaData"), [told.meta_data], "{path}");
    let adds = of_kind(&found, "add").into_iter();
    let adds: BTreeMap<String, Value> = adds.map(|add| (word(&add["path"]), add)).collect();
    assert_eq!(adds, told.live, "{path}");
    let removes = of_kind(&found, "remove").into_iter();
    let removes: BTreeSet<String> = removes.map(|gone| word(&gone["path"])).collect();
    assert!(removes.is_superset(&told.let_go), "{path}");
    if first == 0 {
        assert_eq!(removes, told.let_go, "{path}");
    }
    assert_eq!(found.len(), 2 + adds.len() + removes.len(), "{path}");
    let then = log::fold::at(house.warehouse.store(), version).await;
    let then = then.unwrap().unwrap();
    let files = then.version.files.iter();
    let files = files.filter_map(|file| file.path.strip_prefix(&format!("{table}/")));
    let files: BTreeSet<String> = files.map(str::to_owned).collect();
    assert_eq!(files, adds.into_keys().collect(), "{path}");
}
