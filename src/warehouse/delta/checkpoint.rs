//! Checkpoints of a Delta log: what its entries up to a version come to, as one Parquet file of one
//! action a row, so that readers need none of the entries before it, and `_last_checkpoint`, which
//! names the newest.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use bytes::Bytes;
use serde_json::{Value, json};

use super::entry;
use super::table::Table;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file;
use crate::warehouse::rows::batch_of;

/// Every version whose number it divides has a checkpoint, but the one that makes the table.
const EVERY: u64 = 32;

/// A checkpoint as it is stored, and how many actions stand in it.
pub(super) struct Checkpoint {
    pub(super) bytes: Bytes,
    pub(super) actions: usize,
}

/// Whether a version has a checkpoint.
pub(super) fn is_due(version: u64) -> bool {
    version > 0 && version.is_multiple_of(EVERY)
}

/// The newest version with a checkpoint, of those up to this one; 0 where none has.
pub(super) fn last(version: u64) -> u64 {
    version / EVERY * EVERY
}

/// The checkpoint of a version.
pub(super) fn of(table: &Table<'_>, version: u64) -> Result<Checkpoint, WarehouseError> {
    let actions = entry::folded(table, version);
    let batch = batch_of(&schema(), &actions).map_err(WarehouseError::of(table.name))?;
    Ok(Checkpoint {
        bytes: file::encoded(table.name, &batch)?,
        actions: actions.len(),
    })
}

/// What `_last_checkpoint` says of a checkpoint.
pub(super) fn hint(version: u64, checkpoint: &Checkpoint) -> Bytes {
    let actions = checkpoint.actions;
    Bytes::from(json!({"version": version, "size": actions}).to_string())
}

/// The version that `_last_checkpoint` names, if it names one.
pub(super) fn hinted(bytes: &Bytes) -> Option<u64> {
    let hint: Value = serde_json::from_slice(bytes).ok()?;
    hint["version"].as_u64()
}

/// The columns as Delta's protocol names them, of the actions that entries of ours hold.
fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let long = |name| Field::new(name, DataType::Int64, true);
    let int = |name| Field::new(name, DataType::Int32, true);
    let flag = |name| Field::new(name, DataType::Boolean, true);
    let group = |name, fields: Vec<Field>| {
        let fields = DataType::Struct(Fields::from(fields));
        Field::new(name, fields, true)
    };
    let add = vec![
        text("path"),
        texts_by_text("partitionValues"),
        long("size"),
        long("modificationTime"),
        flag("dataChange"),
        text("stats"),
    ];
    let remove = vec![text("path"), long("deletionTimestamp"), flag("dataChange")];
    let format = vec![text("provider"), texts_by_text("options")];
    let element = Arc::new(text("element"));
    let meta_data = vec![
        text("id"),
        text("name"),
        group("format", format),
        text("schemaString"),
        Field::new("partitionColumns", DataType::List(element), true),
        texts_by_text("configuration"),
        long("createdTime"),
    ];
    let protocol = vec![int("minReaderVersion"), int("minWriterVersion")];
    Arc::new(Schema::new(vec![
        group("protocol", protocol),
        group("metaData", meta_data),
        group("add", add),
        group("remove", remove),
    ]))
}

fn texts_by_text(name: &str) -> Field {
    let key = Field::new("key", DataType::Utf8, false);
    let value = Field::new("value", DataType::Utf8, true);
    let pair = DataType::Struct(Fields::from(vec![key, value]));
    let pairs = Arc::new(Field::new("key_value", pair, false));
    Field::new(name, DataType::Map(pairs, false), true)
}
