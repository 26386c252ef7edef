//! Rows that never change: events and field history. A key is recorded once, with its first row.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::instants;
use crate::fs::Store;
use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{Reading, Writer};
use crate::warehouse::log::DataFile;
use crate::warehouse::raw::Raw;
use crate::warehouse::schema::{Column, Kind, schema_of};

/// Rows that are written at a time.
const BLOCK: usize = 65_536;

/// The order of the rows in a run.
pub(in crate::warehouse) const ORDER: [&str; 2] = ["record_id", "commit_no"];

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

/// The columns of a run.
pub(in crate::warehouse) fn stored_schema(raw: &[Column]) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = schema_of(raw).fields().iter().cloned().collect();
    fields.extend(schema_of(&own_columns()).fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

/// What sets one night's events apart.
#[derive(Debug, Clone, Copy)]
pub(in crate::warehouse) struct Stamp {
    pub(in crate::warehouse) known_at: i64,
    pub(in crate::warehouse) commit_no: u64,
    pub(in crate::warehouse) imported: bool,
}

/// Writes the rows whose keys are new, sorted by key.
pub(in crate::warehouse) async fn record(
    store: &Store,
    files: &[Arc<DataFile>],
    (raw, key): (&Raw, &str),
    stamp: Stamp,
    writer: &mut Writer,
) -> Result<Recorded, WarehouseError> {
    let ids = raw.texts(key)?;
    let mut recorded = Recorded {
        replacing: Some(0),
        ..Recorded::default()
    };
    let mut firsts: Vec<(&str, (usize, usize))> = Vec::new();
    for (batch, ids) in ids.iter().enumerate() {
        recorded.rows += ids.len() as u64;
        recorded.keyless += ids.null_count() as u64;
        let keyed = ids.iter().enumerate();
        firsts.extend(keyed.filter_map(|(row, id)| Some((id?, (batch, row)))));
    }
    firsts.sort_unstable();
    let keyed = firsts.len();
    firsts.dedup_by_key(|(id, _)| *id);
    recorded.duplicates = (keyed - firsts.len()) as u64;
    let known = known(store, files, &firsts).await?;
    firsts.retain(|(id, _)| !known.contains(*id));
    recorded.new = firsts.len() as u64;
    recorded.versions = recorded.new;
    for rows in firsts.chunks(BLOCK) {
        let batch = block(raw, rows, stamp).map_err(WarehouseError::of(&raw.table))?;
        writer.write(&batch).await?;
    }
    Ok(recorded)
}

/// Those of the keys that earlier extracts brought.
async fn known(
    store: &Store,
    files: &[Arc<DataFile>],
    keys: &[(&str, (usize, usize))],
) -> Result<HashSet<String>, WarehouseError> {
    let mut known = HashSet::new();
    for file in files {
        let reading = Reading::open(store, file).await?;
        let mut batches = reading.stream(Some(&["record_id"]), None)?;
        // Both are in order, so that one walk over the keys finds what a file has of them.
        let mut rest = keys;
        while let Some(batch) = batches.next().await? {
            for id in batch.column(0).as_string::<i32>().iter().flatten() {
                while rest.first().is_some_and(|(key, _)| *key < id) {
                    rest = &rest[1..];
                }
                if rest.first().is_some_and(|(key, _)| *key == id) {
                    known.insert(id.to_owned());
                }
            }
        }
    }
    Ok(known)
}

fn block(
    raw: &Raw,
    rows: &[(&str, (usize, usize))],
    stamp: Stamp,
) -> Result<RecordBatch, ArrowError> {
    let batches: Vec<&RecordBatch> = raw.batches.iter().collect();
    let places: Vec<(usize, usize)> = rows.iter().map(|(_, place)| *place).collect();
    let taken = interleave_record_batch(&batches, &places)?;
    let count = rows.len();
    let mut columns = taken.columns().to_vec();
    let ids = rows.iter().map(|(id, _)| *id);
    columns.push(Arc::new(StringArray::from_iter_values(ids)));
    columns.push(instants(vec![Some(stamp.known_at); count]));
    let commits = vec![stamp.commit_no.cast_signed(); count];
    columns.push(Arc::new(Int64Array::from(commits)));
    columns.push(Arc::new(BooleanArray::from(vec![stamp.imported; count])));
    RecordBatch::try_new(stored_schema(&raw.columns), columns)
}
