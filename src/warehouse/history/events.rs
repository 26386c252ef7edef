//! Rows that never change: events and field history. A key is recorded once, with its first row.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Field, Schema};

use crate::fs::Store;
use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file;
use crate::warehouse::history::instants;
use crate::warehouse::log::DataFile;
use crate::warehouse::raw::Raw;
use crate::warehouse::schema::{Column, Kind, schema_of};

/// The columns that are added to a stream's own.
pub(in crate::warehouse) fn own_columns() -> Vec<Column> {
    let columns = [
        ("record_id", Kind::String),
        ("known_at", Kind::Timestamp),
        ("commit_no", Kind::Bigint),
        ("imported", Kind::Boolean),
    ];
    columns.map(|(name, kind)| Column::new(name, kind)).to_vec()
}

/// The keys that earlier extracts brought.
pub(in crate::warehouse) async fn known_keys(
    store: &Store,
    files: &[Arc<DataFile>],
) -> Result<HashSet<String>, WarehouseError> {
    let mut keys = HashSet::new();
    for data in files {
        let bytes = file::load(store, data).await?;
        let batches = file::decode(&bytes, Some(&["record_id"]), None);
        let batches = batches.map_err(|source| WarehouseError::Damaged {
            path: store.shown(&data.path),
            source,
        })?;
        for batch in &batches {
            let ids = batch.column(0).as_string::<i32>();
            keys.extend(ids.iter().flatten().map(str::to_owned));
        }
    }
    Ok(keys)
}

/// The rows whose keys are new, sorted by key.
pub(in crate::warehouse) fn new_rows(
    raw: &Raw,
    key: &str,
    known: &HashSet<String>,
    (known_at, commit_no, imported): (i64, u64, bool),
) -> Result<(RecordBatch, Recorded), WarehouseError> {
    let ids = raw.texts(key)?;
    let mut recorded = Recorded {
        rows: ids.len() as u64,
        ..Recorded::default()
    };
    let mut seen = HashSet::new();
    let mut rows: Vec<u32> = Vec::new();
    for (row, id) in (0..).zip(&ids) {
        match id {
            None => recorded.keyless += 1,
            Some(id) if known.contains(id) => {}
            Some(id) if !seen.insert(id) => recorded.duplicates += 1,
            Some(_) => rows.push(row),
        }
    }
    rows.sort_unstable_by_key(|row| ids.value(*row as usize));
    recorded.new = rows.len() as u64;
    recorded.versions = recorded.new;
    let count = rows.len();
    let texts = rows.iter().map(|row| ids.value(*row as usize));
    let texts = arrow::array::StringArray::from_iter_values(texts);
    let failed = WarehouseError::of(&raw.table);
    let taken = take_record_batch(&raw.batch, &UInt32Array::from(rows)).map_err(&failed)?;
    let mut columns = taken.columns().to_vec();
    columns.push(Arc::new(texts));
    columns.push(instants(vec![known_at; count]));
    columns.push(Arc::new(Int64Array::from(vec![
        commit_no.cast_signed();
        count
    ])));
    columns.push(Arc::new(BooleanArray::from(vec![imported; count])));
    let mut fields: Vec<Arc<Field>> = taken.schema().fields().iter().cloned().collect();
    fields.extend(schema_of(&own_columns()).fields().iter().cloned());
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    Ok((batch.map_err(failed)?, recorded))
}
