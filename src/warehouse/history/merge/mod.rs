//! Sorted runs merged into one order, a block of rows at a time: by record, then `valid_from`, then
//! commit. Each run is decoded once, by a task of its own that stays a little ahead.

mod block;
mod cursor;

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::aligned;

pub(in crate::warehouse) use block::{Block, Row};
use cursor::{Cursor, Keys};

/// Rows of one block, about.
const BLOCK: usize = 8192;

/// Which rows of the runs come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::warehouse) enum Keep {
    /// Every row that was ever written.
    All,
    /// Of the rows for one record and `valid_from` that of the newest commit, and none if that
    /// withdraws it.
    Standing,
}

/// What a merge reads.
pub(in crate::warehouse) struct Runs<'a> {
    pub(in crate::warehouse) table: &'a str,
    pub(in crate::warehouse) files: &'a [Arc<DataFile>],
    /// The columns that come out. Those that order the rows are among them: `record_id`, `commit_no`
    /// and, where records have versions, `valid_from` and `via`.
    pub(in crate::warehouse) schema: SchemaRef,
    /// Rows of later commits are left out.
    pub(in crate::warehouse) commit_no: u64,
    pub(in crate::warehouse) keep: Keep,
}

pub(in crate::warehouse) struct Merge {
    table: String,
    schema: SchemaRef,
    keep: Keep,
    commit_no: i64,
    cursors: Vec<Cursor>,
    /// The record of the last row that was met, and how many were met before it.
    record: String,
    records: u64,
    /// The last row that was met: whether it stands, the next one tells.
    pending: Option<Waiting>,
    /// The last row that stands: until when, the next that stands tells.
    standing: Option<Waiting>,
    block: Block,
}

/// A row that waits for the next.
#[derive(Clone, Copy)]
struct Waiting {
    row: Row,
    /// The number of its record.
    record: u64,
    from: i64,
    withdrawn: bool,
}

impl Merge {
    pub(in crate::warehouse) async fn open(
        store: &Store,
        runs: Runs<'_>,
    ) -> Result<Self, WarehouseError> {
        let mut cursors = Vec::with_capacity(runs.files.len());
        for (run, file) in runs.files.iter().enumerate() {
            cursors.push(Cursor::open(store, &runs, run, file).await?);
        }
        let mut merge = Self {
            table: runs.table.to_owned(),
            schema: runs.schema,
            keep: runs.keep,
            commit_no: runs.commit_no.cast_signed(),
            cursors,
            record: String::new(),
            records: 0,
            pending: None,
            standing: None,
            block: Block::default(),
        };
        for index in 0..merge.cursors.len() {
            merge.advance(index).await?;
        }
        merge.cursors.retain(|cursor| cursor.keys.is_some());
        Ok(merge)
    }

    /// The next rows; none at the end.
    pub(in crate::warehouse) async fn next(&mut self) -> Result<Option<Block>, WarehouseError> {
        while self.block.rows.len() < BLOCK {
            let Some((first, limit)) = self.smallest() else {
                self.settle_last();
                break;
            };
            self.take(first, limit);
            if self.cursors[first].is_through() {
                self.advance(first).await?;
                if self.cursors[first].keys.is_none() {
                    self.cursors.remove(first);
                }
            }
        }
        let block = std::mem::take(&mut self.block);
        self.carry(&block);
        Ok((!block.rows.is_empty()).then_some(block))
    }

    /// The cursor whose row comes first, and the one that comes first of the others.
    fn smallest(&self) -> Option<(usize, Option<usize>)> {
        let mut first = 0;
        let mut limit: Option<usize> = None;
        self.cursors.first()?;
        for index in 1..self.cursors.len() {
            if self.compare(index, first).is_lt() {
                limit = Some(first);
                first = index;
            } else if limit.is_none_or(|limit| self.compare(index, limit).is_lt()) {
                limit = Some(index);
            }
        }
        Some((first, limit))
    }

    fn compare(&self, one: usize, two: usize) -> Ordering {
        match (&self.cursors[one].keys, &self.cursors[two].keys) {
            (Some(one), Some(two)) => one.key(one.at).cmp(&two.key(two.at)),
            (one, two) => one.is_none().cmp(&two.is_none()),
        }
    }

    /// Takes rows of one cursor until another one's turn has come, or its batch is through.
    fn take(&mut self, first: usize, limit: Option<usize>) {
        let Some(mut keys) = self.cursors[first].keys.take() else {
            return;
        };
        let limit = limit.and_then(|limit| self.cursors[limit].keys.as_ref());
        let limit = limit.map(|other| (other.ids.clone(), other.at, other.key(other.at).1));
        let limit = limit
            .as_ref()
            .map(|(ids, at, rest)| (ids.value(*at), *rest));
        let end = (keys.at + BLOCK).min(keys.batch.num_rows());
        while keys.at < end {
            let key = keys.key(keys.at);
            if limit.is_some_and(|limit| key > limit) {
                break;
            }
            let (id, (from, commit_no)) = key;
            if commit_no <= self.commit_no {
                self.meet(&keys, id, from);
            }
            keys.at += 1;
        }
        self.cursors[first].keys = Some(keys);
    }

    /// The row at which `keys` stands comes next.
    fn meet(&mut self, keys: &Keys, id: &str, from: i64) {
        let row = Row {
            part: keys.part,
            row: block::index(keys.at),
            until: None,
        };
        if self.keep == Keep::All {
            self.block.rows.push(row);
            return;
        }
        if self.record != id {
            self.record.clear();
            self.record.push_str(id);
            self.records += 1;
        }
        let next = Waiting {
            row,
            record: self.records,
            from,
            withdrawn: keys.is_withdrawn(keys.at),
        };
        if let Some(before) = self.pending.replace(next)
            && (before.from, before.record) != (next.from, next.record)
        {
            self.stand(before);
        }
    }

    /// No newer row replaces this one: it stands unless it withdraws.
    fn stand(&mut self, row: Waiting) {
        if row.withdrawn {
            return;
        }
        if let Some(mut before) = self.standing.replace(row) {
            before.row.until = (before.record == row.record).then_some(row.from);
            self.block.rows.push(before.row);
        }
    }

    fn settle_last(&mut self) {
        if let Some(last) = self.pending.take() {
            self.stand(last);
        }
        let last = self.standing.take();
        self.block.rows.extend(last.map(|last| last.row));
    }

    /// Gives a cursor its next batch, or none at its end.
    async fn advance(&mut self, index: usize) -> Result<(), WarehouseError> {
        let cursor = &mut self.cursors[index];
        cursor.keys = None;
        loop {
            let Some((batch, first)) = cursor.next().await? else {
                return Ok(());
            };
            let batch = aligned(&batch, &self.schema).map_err(WarehouseError::of(&self.table))?;
            if batch.num_rows() > 0 {
                let part = self.block.add(&batch, cursor.run, first);
                cursor.keys = Some(Keys::of(batch, part, first));
                return Ok(());
            }
        }
    }

    /// Carries into the next block the batches that are not through.
    fn carry(&mut self, block: &Block) {
        for waiting in [&mut self.pending, &mut self.standing]
            .into_iter()
            .flatten()
        {
            waiting.row.part = self.block.add_of(block, waiting.row);
        }
        for cursor in &mut self.cursors {
            if let Some(keys) = &mut cursor.keys {
                keys.part = self.block.add(&keys.batch, cursor.run, keys.first);
            }
        }
    }
}
