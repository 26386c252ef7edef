//! The last version of every record of a snapshot stream: what tonight's snapshot is compared with.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use bytes::Bytes;

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{self, DIGEST};
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::aligned;

/// A record's last version: where its row is, and enough to know whether it still holds.
#[derive(Debug)]
pub(in crate::warehouse) struct Known {
    pub(in crate::warehouse) record_id: Arc<str>,
    pub(in crate::warehouse) valid_from: i64,
    pub(in crate::warehouse) deleted: bool,
    pub(in crate::warehouse) digest: u128,
    commit_no: i64,
    file: usize,
    row: u32,
}

#[derive(Debug)]
pub(in crate::warehouse) struct Latest {
    table: String,
    files: Vec<(String, Bytes)>,
    pub(in crate::warehouse) records: Vec<Known>,
    index: HashMap<Arc<str>, usize>,
}

impl Latest {
    /// Reads the keys and digests of a stream's history files.
    pub(in crate::warehouse) async fn load(
        store: &Store,
        table: &str,
        files: &[Arc<DataFile>],
    ) -> Result<Self, WarehouseError> {
        let mut latest = Self {
            table: table.to_owned(),
            files: Vec::new(),
            records: Vec::new(),
            index: HashMap::new(),
        };
        for file in files {
            let bytes = file::load(store, file).await?;
            latest.add(store.shown(&file.path), bytes)?;
        }
        Ok(latest)
    }

    pub(in crate::warehouse) fn find(&self, record_id: &str) -> Option<&Known> {
        self.index.get(record_id).map(|index| &self.records[*index])
    }

    fn add(&mut self, path: String, bytes: Bytes) -> Result<(), WarehouseError> {
        let columns = ["record_id", "valid_from", "commit_no", "deleted", DIGEST];
        let batches = decode(&path, &bytes, Some(&columns), None)?;
        let file = self.files.len();
        let mut row = 0;
        for batch in &batches {
            let [ids, from, commits, deleted, digests] = columns.map(|name| &batch[name]);
            let (ids, deleted) = (ids.as_string::<i32>(), deleted.as_boolean());
            let from = from.as_primitive::<TimestampMicrosecondType>();
            let commits = commits.as_primitive::<Int64Type>();
            let digests = digests.as_fixed_size_binary();
            for at in 0..batch.num_rows() {
                let digest = digests.value(at).first_chunk().copied().unwrap_or_default();
                self.see(Known {
                    record_id: ids.value(at).into(),
                    valid_from: from.value(at),
                    deleted: deleted.value(at),
                    digest: u128::from_be_bytes(digest),
                    commit_no: commits.value(at),
                    file,
                    row,
                });
                row += 1;
            }
        }
        self.files.push((path, bytes));
        Ok(())
    }

    fn see(&mut self, row: Known) {
        if let Some(index) = self.index.get(&row.record_id) {
            let known = &mut self.records[*index];
            if (row.valid_from, row.commit_no) >= (known.valid_from, known.commit_no) {
                *known = row;
            }
        } else {
            self.index.insert(row.record_id.clone(), self.records.len());
            self.records.push(row);
        }
    }

    /// The rows of the given records, in their order, with the columns of `target`.
    pub(in crate::warehouse) fn fetch(
        &self,
        wanted: &[&Known],
        target: &SchemaRef,
    ) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::of(&self.table);
        let mut by_place: Vec<usize> = (0..wanted.len()).collect();
        by_place.sort_by_key(|index| (wanted[*index].file, wanted[*index].row));
        let mut read = Vec::new();
        for indexes in by_place.chunk_by(|one, two| wanted[*one].file == wanted[*two].file) {
            let (path, bytes) = &self.files[wanted[indexes[0]].file];
            let rows: Vec<u32> = indexes.iter().map(|index| wanted[*index].row).collect();
            for batch in decode(path, bytes, None, Some(&rows))? {
                read.push(aligned(&batch, target).map_err(&failed)?);
            }
        }
        let read = concat_batches(target, &read).map_err(&failed)?;
        let mut places = vec![0; wanted.len()];
        for (place, index) in by_place.into_iter().enumerate() {
            places[index] = u32::try_from(place).unwrap_or(u32::MAX);
        }
        take_record_batch(&read, &UInt32Array::from(places)).map_err(&failed)
    }
}

fn decode(
    path: &str,
    bytes: &Bytes,
    columns: Option<&[&str]>,
    rows: Option<&[u32]>,
) -> Result<Vec<RecordBatch>, WarehouseError> {
    file::decode(bytes, columns, rows).map_err(|source| WarehouseError::Damaged {
        path: path.to_owned(),
        source,
    })
}
