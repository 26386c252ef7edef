//! The actions of a Delta log, and one entry of it: a line of JSON an action. Nothing in them but what
//! the commit log holds.

use std::fmt::Write;
use std::ops::Bound::{Excluded, Included};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::table::{Change, Dated, Table};
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::schema::{Column, Kind};

/// Whose entries these are, as Delta's readers show it.
const WRITER: &str = "leadgauge";

/// The entry of a version: 0 makes the table, with its first columns; any other is the commit of
/// that number.
pub(super) fn bytes(table: &Table<'_>, version: u64) -> Bytes {
    let actions = if version == 0 {
        made(table)
    } else {
        committed(table, version)
    };
    let mut text = String::new();
    for action in actions {
        text.push_str(&action.to_string());
        text.push('\n');
    }
    text.into()
}

/// Whether an entry says that this program wrote it.
pub(super) fn is_ours(bytes: &Bytes) -> bool {
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let info: Option<Value> = serde_json::from_slice(first).ok();
    info.is_some_and(|info| info["commitInfo"]["engineInfo"] == WRITER)
}

/// What the entries up to a version come to: the table as it is then, and the files that were let go
/// since the first commit whose derived tables stayed as files then.
pub(super) fn folded(table: &Table<'_>, version: u64) -> Vec<Value> {
    let until = table.changes.range(..=version).next_back();
    let Some((_, change)) = until.or(table.changes.first_key_value()) else {
        return Vec::new();
    };
    let mut actions = vec![protocol(), meta_data(table, &change.columns)];
    let since = table.dated(version).map(|it| it.commit.derived_since);
    let let_go = (Excluded(since.unwrap_or(0).min(version)), Included(version));
    for (commit_no, change) in table.changes.range(let_go) {
        let at = table.until(*commit_no);
        actions.extend(change.removed.iter().map(|path| removed(path, at, false)));
    }
    if until.is_some() {
        let live = change.live.iter();
        actions.extend(live.map(|file| added(table, file, false)));
    }
    actions
}

fn made(table: &Table<'_>) -> Vec<Value> {
    let Some((first, columns)) = table.first() else {
        return Vec::new();
    };
    let info = info(first, "CREATE TABLE", &json!({}));
    vec![info, protocol(), meta_data(table, columns)]
}

fn committed(table: &Table<'_>, commit_no: u64) -> Vec<Value> {
    let Some(dated) = table.dated(commit_no) else {
        return Vec::new();
    };
    let Some(change) = table.changes.get(&commit_no) else {
        return vec![info(dated, "UNCHANGED", &json!({}))];
    };
    let mut actions = vec![info(dated, "WRITE", &json!({"mode": mode(change)}))];
    let before = table.changes.range(..commit_no).next_back();
    if before.is_some_and(|(_, before)| schema(&before.columns) != schema(&change.columns)) {
        actions.push(meta_data(table, &change.columns));
    }
    let at = table.until(commit_no);
    actions.extend(change.removed.iter().map(|path| removed(path, at, true)));
    actions.extend(change.added.iter().map(|file| added(table, file, true)));
    actions
}

/// Where an entry comes from. Spark shows `userMetadata` in a table's history.
fn info(dated: &Dated<'_>, operation: &str, parameters: &Value) -> Value {
    let commit = dated.commit;
    json!({"commitInfo": {
        "timestamp": dated.until.as_millisecond(),
        "operation": operation,
        "operationParameters": parameters,
        "engineInfo": WRITER,
        "userMetadata": format!("as_of {} run_id {}", commit.as_of, commit.run_id),
    }})
}

fn mode(change: &Change<'_>) -> &'static str {
    let replaces = |file: &&DataFile| file.kind == FileKind::Derived;
    if !change.removed.is_empty() || change.added.iter().any(replaces) {
        "Overwrite"
    } else {
        "Append"
    }
}

fn protocol() -> Value {
    json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
}

fn meta_data(table: &Table<'_>, columns: &[Column]) -> Value {
    let origin = table.origin().map(|origin| origin.commit);
    let run_id = origin.map(|commit| commit.run_id.to_string());
    json!({"metaData": {
        "id": id(table.name, &run_id.unwrap_or_default()),
        "name": table.name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema(columns),
        "partitionColumns": [],
        "configuration": {},
        "createdTime": table.until(origin.map_or(0, |commit| commit.commit_no)),
    }})
}

/// Its time is that of its newest rows.
fn added(table: &Table<'_>, file: &DataFile, changes: bool) -> Value {
    json!({"add": {
        "path": relative(&file.path),
        "partitionValues": {},
        "size": file.bytes,
        "modificationTime": table.until(file.commits[1]),
        "dataChange": changes,
        "stats": json!({"numRecords": file.rows}).to_string(),
    }})
}

fn removed(path: &str, at: i64, changes: bool) -> Value {
    json!({"remove": {
        "path": relative(path),
        "deletionTimestamp": at,
        "dataChange": changes,
    }})
}

/// Delta's form of the columns, itself JSON.
fn schema(columns: &[Column]) -> String {
    let field = |column: &Column| json!({"name": column.name, "type": kind(column.kind), "nullable": true, "metadata": {}});
    let fields: Vec<Value> = columns.iter().map(field).collect();
    json!({"type": "struct", "fields": fields}).to_string()
}

fn kind(kind: Kind) -> String {
    let name = match kind {
        Kind::Decimal(precision, scale) => return format!("decimal({precision},{scale})"),
        Kind::String => "string",
        Kind::Boolean => "boolean",
        Kind::Bigint => "long",
        Kind::Double => "double",
        Kind::Date => "date",
        Kind::Timestamp => "timestamp",
    };
    name.to_owned()
}

/// The path from the table's folder, percent-encoded.
fn relative(path: &str) -> String {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // A string takes everything.
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A UUID that follows from the table's name and the warehouse's first run; of version 8, which leaves
/// its bits to us.
fn id(table: &str, first_run: &str) -> String {
    let hash = Sha256::digest(format!("{table}\n{first_run}"));
    let mut hex = format!("{hash:x}");
    hex.truncate(32);
    hex.replace_range(12..13, "8");
    hex.replace_range(16..17, "8");
    for dash in [20, 16, 12, 8] {
        hex.insert(dash, '-');
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    // What is no letter, digit or `-._~` in a file's name is percent-encoded; its folder is left out.
    #[test]
    fn paths_are_encoded() {
        assert_eq!(
            relative("derived/metric/2026-11-05-1a-2.parquet"),
            "2026-11-05-1a-2.parquet"
        );
        assert_eq!(relative("tables/x/a b%é#1"), "a%20b%25%C3%A9%231");
    }

    // A table's id is a UUID that depends on its name and its first run alone.
    #[test]
    fn ids_follow_from_names() {
        let one = id("metric", "run-1");
        assert_eq!(one, "873194ba-5af4-86cb-8640-f0619aafaa33");
        assert_eq!(one, id("metric", "run-1"));
        assert_ne!(one, id("metric", "run-2"));
        assert_ne!(one, id("stage", "run-1"));
    }

    // Each type under Delta's name.
    #[test]
    fn types_have_delta_names() {
        let kinds = [
            (Kind::String, "string"),
            (Kind::Boolean, "boolean"),
            (Kind::Bigint, "long"),
            (Kind::Double, "double"),
            (Kind::Decimal(18, 4), "decimal(18,4)"),
            (Kind::Date, "date"),
            (Kind::Timestamp, "timestamp"),
        ];
        for (ours, theirs) in kinds {
            assert_eq!(kind(ours), theirs);
        }
    }
}
