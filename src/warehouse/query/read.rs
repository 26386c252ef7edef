//! Tables as queries see them: the sorted runs of a history merged into one, each version with its
//! end; a stream as it stands now; derived tables as they were published.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::history::events;
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{DataFile, FileKind, StreamForm};
use crate::warehouse::schema::{Column, aligned, schema_of};
use crate::warehouse::{file, history};

/// Rows of one batch handed to a query.
const BATCH: usize = 8192;

pub(in crate::warehouse) async fn read(
    store: &Store,
    version: &Version,
    table: &str,
) -> Result<(SchemaRef, Vec<RecordBatch>), WarehouseError> {
    let reader = Reader {
        store,
        version,
        table,
    };
    let batch = reader.batch().await?;
    let starts = (0..batch.num_rows()).step_by(BATCH);
    let slice = |start: usize| batch.slice(start, BATCH.min(batch.num_rows() - start));
    Ok((batch.schema(), starts.map(slice).collect()))
}

struct Reader<'a> {
    store: &'a Store,
    version: &'a Version,
    table: &'a str,
}

impl Reader<'_> {
    async fn batch(&self) -> Result<RecordBatch, WarehouseError> {
        if let Some(state) = self.version.stream(self.table) {
            return match state.form {
                StreamForm::Snapshot => self.now(self.table, &state.columns).await,
                StreamForm::Events => {
                    let columns = [state.columns.clone(), events::own_columns()].concat();
                    let files = self.version.files(FileKind::Events, self.table);
                    self.rows(&files, &schema_of(&columns)).await
                }
            };
        }
        let stream = self.table.strip_suffix("_history");
        if let Some((stream, state)) = stream.and_then(|s| Some((s, self.version.stream(s)?)))
            && state.form == StreamForm::Snapshot
        {
            return self.history(stream, &state.columns).await;
        }
        self.table().await
    }

    async fn table(&self) -> Result<RecordBatch, WarehouseError> {
        let mut files = self.version.files(FileKind::Derived, self.table);
        files.extend(self.version.files(FileKind::Append, self.table));
        let columns = files.iter().map(|file| file.schema.clone());
        let columns =
            columns.reduce(|before, now| crate::warehouse::schema::unified(&before, &now));
        let columns = columns.ok_or_else(|| WarehouseError::NoTable {
            table: self.table.to_owned(),
        })?;
        self.rows(&files, &schema_of(&columns)).await
    }

    /// The rows of files, one file after the other.
    async fn rows(
        &self,
        files: &[Arc<DataFile>],
        schema: &SchemaRef,
    ) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::of(self.table);
        let mut batches = Vec::new();
        for data in files {
            let bytes = file::load(self.store, data).await?;
            let read = file::decode(&bytes, None, None);
            let read = read.map_err(|source| WarehouseError::Damaged {
                path: self.store.shown(&data.path),
                source,
            })?;
            for batch in &read {
                batches.push(aligned(batch, schema).map_err(&failed)?);
            }
        }
        concat_batches(schema, &batches).map_err(failed)
    }

    /// The rows of all runs, and the order of those that stand: by record, then `valid_from`.
    async fn standing(
        &self,
        stream: &str,
        raw: &[Column],
    ) -> Result<(RecordBatch, Vec<u32>), WarehouseError> {
        let schema = schema_of(&[raw, &history::own_columns()].concat());
        let files = self.version.files(FileKind::History, stream);
        let all = self.rows(&files, &schema).await?;
        let order = Keys::of(&all).standing();
        Ok((all, order))
    }

    async fn history(&self, stream: &str, raw: &[Column]) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::of(self.table);
        let (all, order) = self.standing(stream, raw).await?;
        let rows = take_record_batch(&all, &UInt32Array::from(order)).map_err(&failed)?;
        with_valid_to(&rows).map_err(failed)
    }

    /// The latest version of every record that is not deleted.
    async fn now(&self, stream: &str, raw: &[Column]) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::of(self.table);
        let (all, order) = self.standing(stream, raw).await?;
        let keys = Keys::of(&all);
        let deleted = all["deleted"].as_boolean();
        let last = |pair: &[u32]| {
            pair.get(1)
                .is_none_or(|next| !keys.same_record(pair[0], *next))
        };
        let rows = (0..order.len()).filter_map(|at| {
            let end = order.len().min(at + 2);
            let row = order[at];
            (last(&order[at..end]) && !deleted.value(row as usize)).then_some(row)
        });
        let rows: Vec<u32> = rows.collect();
        let mut columns: Vec<usize> = (0..raw.len()).collect();
        for name in ["record_id", "known_at"] {
            columns.push(all.schema().index_of(name).map_err(&failed)?);
        }
        let wanted = all.project(&columns).map_err(&failed)?;
        take_record_batch(&wanted, &UInt32Array::from(rows)).map_err(failed)
    }
}

/// The columns that order a history.
struct Keys<'a> {
    ids: &'a arrow::array::StringArray,
    from: &'a TimestampMicrosecondArray,
    commits: &'a arrow::array::Int64Array,
}

impl<'a> Keys<'a> {
    fn of(batch: &'a RecordBatch) -> Self {
        Self {
            ids: batch["record_id"].as_string(),
            from: batch["valid_from"].as_primitive::<TimestampMicrosecondType>(),
            commits: batch["commit_no"].as_primitive::<Int64Type>(),
        }
    }

    /// The rows in order; of those for one record and instant the newest commit's alone. The rows
    /// come as sorted runs, which the sort merges.
    fn standing(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.ids.len()).collect();
        order.sort_by(|one, two| self.key(*one).cmp(&self.key(*two)));
        let last = |at: usize| {
            let next = order.get(at + 1);
            next.is_none_or(|next| {
                !self.same_record(order[at], *next) || self.from(order[at]) != self.from(*next)
            })
        };
        let standing = (0..order.len()).filter(|at| last(*at));
        standing.map(|at| order[at]).collect()
    }

    fn key(&self, row: u32) -> (&str, i64, i64) {
        let commit = self.commits.value(row as usize);
        (self.ids.value(row as usize), self.from(row), commit)
    }

    fn from(&self, row: u32) -> i64 {
        self.from.value(row as usize)
    }

    fn same_record(&self, one: u32, two: u32) -> bool {
        self.ids.value(one as usize) == self.ids.value(two as usize)
    }
}

/// Adds `valid_to` after `valid_from`: the next version's start, null for the last one.
fn with_valid_to(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let keys = Keys::of(rows);
    let count = u32::try_from(rows.num_rows()).unwrap_or(u32::MAX);
    let end = |row: u32| {
        let next = row + 1;
        (next < count && keys.same_record(row, next)).then(|| keys.from(next))
    };
    let ends: TimestampMicrosecondArray = (0..count).map(end).collect();
    let ends: ArrayRef = Arc::new(ends.with_timezone("UTC"));
    let schema = rows.schema();
    let at = schema.index_of("valid_from")? + 1;
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    fields.insert(
        at,
        Arc::new(Field::new("valid_to", ends.data_type().clone(), true)),
    );
    let mut columns = rows.columns().to_vec();
    columns.insert(at, ends);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    // Of two rows for one record and instant the newer commit's stands, wherever its file stands.
    #[test]
    fn the_newest_commit_stands() {
        let columns: [(&str, ArrayRef); 3] = [
            (
                "record_id",
                Arc::new(StringArray::from(vec!["b", "a", "a", "a"])),
            ),
            ("valid_from", history::instants(vec![5, 7, 5, 5])),
            ("commit_no", Arc::new(Int64Array::from(vec![1, 1, 3, 2]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        assert_eq!(Keys::of(&batch).standing(), [2, 1, 0]);
    }
}
