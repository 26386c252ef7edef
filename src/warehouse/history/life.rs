//! What history holds of each record, a record at a time, in their order.

use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{Array, AsArray, BooleanArray, FixedSizeBinaryArray, StringArray};
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};

use super::merge::{Block, Keep, Merge, Runs};
use super::stored_schema;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::DIGEST;
use crate::warehouse::log::DataFile;

const COLUMNS: [&str; 7] = [
    "record_id",
    "valid_from",
    "seen_after",
    "commit_no",
    "deleted",
    "via",
    DIGEST,
];

/// A version that stands: where its row is, and enough to know whether it still holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Old {
    pub(super) valid_from: i64,
    /// The end of the day of the snapshot before the one that showed it.
    pub(super) seen_after: Option<i64>,
    pub(super) deleted: bool,
    pub(super) digest: u128,
    /// The run, and the row of it.
    pub(super) place: (usize, u32),
}

/// A record's versions that stand, oldest first.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) record_id: String,
    pub(super) versions: Vec<Old>,
}

/// The records of a stream's history.
pub(super) struct Lives {
    table: String,
    merge: Merge,
    block: Option<Decoded>,
}

/// A block of the merge, its columns at hand.
struct Decoded {
    block: Block,
    ids: StringArray,
    from: TimestampMicrosecondArray,
    seen_after: TimestampMicrosecondArray,
    deleted: BooleanArray,
    digests: FixedSizeBinaryArray,
    at: usize,
}

impl Lives {
    pub(super) async fn open(
        store: &Store,
        table: &str,
        files: &[Arc<DataFile>],
        commit_no: u64,
    ) -> Result<Self, WarehouseError> {
        let stored = stored_schema(&[]);
        let field = |name: &&str| stored.field_with_name(name).ok().cloned();
        let fields: Vec<Field> = COLUMNS.iter().filter_map(field).collect();
        let runs = Runs {
            table,
            files,
            schema: Arc::new(Schema::new(fields)),
            commit_no,
            keep: Keep::Standing,
        };
        Ok(Self {
            table: table.to_owned(),
            merge: Merge::open(store, runs).await?,
            block: None,
        })
    }

    /// Puts the next record into `life`; false at the end.
    pub(super) async fn next(&mut self, life: &mut Life) -> Result<bool, WarehouseError> {
        life.versions.clear();
        loop {
            if self.block.as_ref().is_none_or(Decoded::is_through) {
                self.block = self.decode().await?;
            }
            let Some(block) = &mut self.block else {
                return Ok(false);
            };
            if block.read(life) {
                return Ok(true);
            }
        }
    }

    async fn decode(&mut self) -> Result<Option<Decoded>, WarehouseError> {
        let Some(block) = self.merge.next().await? else {
            return Ok(None);
        };
        let column = |index| {
            let column = block.column(index, &block.rows);
            column.map_err(WarehouseError::of(&self.table))
        };
        Ok(Some(Decoded {
            ids: column(0)?.as_string().clone(),
            from: column(1)?
                .as_primitive::<TimestampMicrosecondType>()
                .clone(),
            seen_after: column(2)?
                .as_primitive::<TimestampMicrosecondType>()
                .clone(),
            deleted: column(4)?.as_boolean().clone(),
            digests: column(6)?.as_fixed_size_binary().clone(),
            at: 0,
            block,
        }))
    }
}

impl Decoded {
    fn is_through(&self) -> bool {
        self.at == self.block.rows.len()
    }

    /// Reads on; true once the record is whole.
    fn read(&mut self, life: &mut Life) -> bool {
        while let Some(row) = self.block.rows.get(self.at) {
            let at = self.at;
            let seen_after = self
                .seen_after
                .is_valid(at)
                .then(|| self.seen_after.value(at));
            let digest = self.digests.value(at).first_chunk().copied();
            life.versions.push(Old {
                valid_from: self.from.value(at),
                seen_after,
                deleted: self.deleted.value(at),
                digest: u128::from_be_bytes(digest.unwrap_or_default()),
                place: self.block.place(*row),
            });
            self.at += 1;
            if row.until.is_none() {
                self.ids.value(at).clone_into(&mut life.record_id);
                return true;
            }
        }
        false
    }
}
