//! Sorted runs merged into one order, a block of rows at a time: by record, then `valid_from`, then
//! commit. Each run is decoded once, by a task of its own that stays a little ahead.

use std::cmp::Ordering;
use std::panic::resume_unwind;
use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{concat, interleave};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use futures::StreamExt;
use futures::stream;
use tokio::sync::mpsc::{Receiver, channel};

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::aligned;

/// Rows of one block, about.
const BLOCK: usize = 8192;
/// Row groups that are decoded before their turn, and batches that wait.
const AHEAD: usize = 2;
/// From so many rows a stretch on, copying stretches beats copying rows.
const STRETCH: usize = 8;

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
    /// The last row that was met: whether it stands, the next one tells.
    pending: Option<Waiting>,
    /// The last row that stands: until when, the next that stands tells.
    standing: Option<Waiting>,
    block: Block,
}

/// Rows in their order, and the batches in which they lie.
#[derive(Default)]
pub(in crate::warehouse) struct Block {
    parts: Vec<Part>,
    pub(in crate::warehouse) rows: Vec<Row>,
}

/// A decoded batch of a run.
#[derive(Clone)]
struct Part {
    batch: RecordBatch,
    /// The run, and the row of it at which the batch begins.
    run: usize,
    first: u32,
}

/// A row that comes out.
#[derive(Debug, Clone, Copy)]
pub(in crate::warehouse) struct Row {
    part: u32,
    row: u32,
    /// The next version's `valid_from`; none for a record's last version.
    pub(in crate::warehouse) until: Option<i64>,
}

/// A row that waits for the next.
struct Waiting {
    row: Row,
    ids: Arc<StringArray>,
    at: usize,
    from: i64,
    withdrawn: bool,
}

/// One run, as far as it is read.
struct Cursor {
    run: usize,
    batches: Receiver<Result<RecordBatch, WarehouseError>>,
    /// The row of the run at which the next batch begins.
    next_row: u32,
    /// How many rows there are.
    rows: usize,
    path: String,
    keys: Option<Keys>,
}

/// The columns that order the rows of one batch, and the next row of it.
struct Keys {
    batch: RecordBatch,
    /// Where the batch is among the block's.
    part: u32,
    first: u32,
    ids: Arc<StringArray>,
    from: Option<TimestampMicrosecondArray>,
    commits: Int64Array,
    via: Option<StringArray>,
    at: usize,
}

impl Merge {
    pub(in crate::warehouse) async fn open(
        store: &Store,
        runs: Runs<'_>,
    ) -> Result<Self, WarehouseError> {
        let mut cursors = Vec::with_capacity(runs.files.len());
        for (run, file) in runs.files.iter().enumerate() {
            let reading = Reading::open(store, file).await?;
            let reading = reading.with_views_of(&runs.schema)?;
            cursors.push(Cursor {
                run,
                rows: reading.rows(),
                path: store.shown(&file.path),
                batches: read_ahead(reading, &runs),
                next_row: 0,
                keys: None,
            });
        }
        let mut merge = Self {
            table: runs.table.to_owned(),
            schema: runs.schema,
            keep: runs.keep,
            commit_no: runs.commit_no.cast_signed(),
            cursors,
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
        let limit = limit.map(|other| (Arc::clone(&other.ids), other.at, other.key(other.at).1));
        let end = (keys.at + BLOCK).min(keys.ids.len());
        while keys.at < end {
            if let Some((ids, at, rest)) = &limit
                && keys.key(keys.at) > (ids.value(*at), *rest)
            {
                break;
            }
            if keys.commits.value(keys.at) <= self.commit_no {
                self.meet(&keys);
            }
            keys.at += 1;
        }
        self.cursors[first].keys = Some(keys);
    }

    /// The row at which `keys` stands comes next.
    fn meet(&mut self, keys: &Keys) {
        let row = Row {
            part: keys.part,
            row: index(keys.at),
            until: None,
        };
        if self.keep == Keep::All {
            self.block.rows.push(row);
            return;
        }
        if let Some(before) = self.pending.take()
            && !(before.from == keys.valid_from(keys.at) && before.is_of(keys))
        {
            self.stand(before);
        }
        self.pending = Some(Waiting {
            row,
            ids: Arc::clone(&keys.ids),
            at: keys.at,
            from: keys.valid_from(keys.at),
            withdrawn: keys.is_withdrawn(keys.at),
        });
    }

    /// No newer row replaces this one: it stands unless it withdraws.
    fn stand(&mut self, row: Waiting) {
        if row.withdrawn {
            return;
        }
        if let Some(mut before) = self.standing.take() {
            before.row.until = (before.id() == row.id()).then_some(row.from);
            self.block.rows.push(before.row);
        }
        self.standing = Some(row);
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
            let Some(batch) = cursor.batches.recv().await else {
                cursor.check()?;
                break;
            };
            let batch = aligned(&batch?, &self.schema).map_err(WarehouseError::of(&self.table))?;
            let first = cursor.next_row;
            cursor.next_row += self::index(batch.num_rows());
            if batch.num_rows() == 0 {
                continue;
            }
            let part = self.block.add(&batch, cursor.run, first);
            cursor.keys = Some(Keys::of(batch, part, first));
            break;
        }
        Ok(())
    }

    /// Carries into the next block the batches that are not through.
    fn carry(&mut self, block: &Block) {
        for waiting in [&mut self.pending, &mut self.standing]
            .into_iter()
            .flatten()
        {
            let part = &block.parts[waiting.row.part as usize];
            waiting.row.part = self.block.add(&part.batch, part.run, part.first);
        }
        for cursor in &mut self.cursors {
            if let Some(keys) = &mut cursor.keys {
                keys.part = self.block.add(&keys.batch, cursor.run, keys.first);
            }
        }
    }
}

impl Waiting {
    fn id(&self) -> &str {
        self.ids.value(self.at)
    }

    fn is_of(&self, keys: &Keys) -> bool {
        self.id() == keys.ids.value(keys.at)
    }
}

impl Cursor {
    /// A task that broke off must not pass for the end of its run.
    fn check(&self) -> Result<(), WarehouseError> {
        if self.next_row as usize == self.rows {
            return Ok(());
        }
        Err(WarehouseError::BrokenOff {
            path: self.path.clone(),
        })
    }

    fn is_through(&self) -> bool {
        self.keys
            .as_ref()
            .is_none_or(|keys| keys.at == keys.ids.len())
    }
}

impl Keys {
    fn of(batch: RecordBatch, part: u32, first: u32) -> Self {
        let from = batch.column_by_name("valid_from");
        let from = from.map(|from| from.as_primitive::<TimestampMicrosecondType>().clone());
        let via = from.as_ref().map(|_| batch["via"].as_string().clone());
        Self {
            part,
            first,
            ids: Arc::new(batch["record_id"].as_string().clone()),
            from,
            commits: batch["commit_no"].as_primitive::<Int64Type>().clone(),
            via,
            at: 0,
            batch,
        }
    }

    fn key(&self, at: usize) -> (&str, (i64, i64)) {
        (
            self.ids.value(at),
            (self.valid_from(at), self.commits.value(at)),
        )
    }

    /// Rows that are no versions have no `valid_from`: one stands for each record.
    fn valid_from(&self, at: usize) -> i64 {
        self.from.as_ref().map_or(0, |from| from.value(at))
    }

    fn is_withdrawn(&self, at: usize) -> bool {
        self.via
            .as_ref()
            .is_some_and(|via| via.value(at) == super::WITHDRAWN)
    }
}

impl Block {
    fn add(&mut self, batch: &RecordBatch, run: usize, first: u32) -> u32 {
        self.parts.push(Part {
            batch: batch.clone(),
            run,
            first,
        });
        index(self.parts.len() - 1)
    }

    /// The run of a row, and which of its rows it is.
    pub(in crate::warehouse) fn place(&self, row: Row) -> (usize, u32) {
        let part = &self.parts[row.part as usize];
        (part.run, part.first + row.row)
    }

    /// A column of the rows, by its place in the merge's schema.
    pub(in crate::warehouse) fn column(
        &self,
        column: usize,
        rows: &[Row],
    ) -> Result<ArrayRef, arrow::error::ArrowError> {
        let arrays: Vec<&dyn Array> = self
            .parts
            .iter()
            .map(|part| part.batch.column(column).as_ref())
            .collect();
        let stretches = rows.chunk_by(|one, two| one.part == two.part && one.row + 1 == two.row);
        if stretches.clone().count() * STRETCH > rows.len() {
            let places: Vec<(usize, usize)> = rows
                .iter()
                .map(|row| (row.part as usize, row.row as usize))
                .collect();
            return interleave(&arrays, &places);
        }
        let slice =
            |rows: &[Row]| arrays[rows[0].part as usize].slice(rows[0].row as usize, rows.len());
        let slices: Vec<ArrayRef> = stretches.map(slice).collect();
        match slices.as_slice() {
            [] => return Ok(arrays[0].slice(0, 0)),
            [whole] => return Ok(Arc::clone(whole)),
            _ => {}
        }
        let slices: Vec<&dyn Array> = slices.iter().map(AsRef::as_ref).collect();
        concat(&slices)
    }
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Decodes a run in tasks of its own, which end when nobody listens any more: a row group each, a few at
/// a time, and in their order.
fn read_ahead(reading: Reading, runs: &Runs<'_>) -> Receiver<Result<RecordBatch, WarehouseError>> {
    let (sender, receiver) = channel(AHEAD);
    let fields = runs.schema.fields().iter();
    let names: Arc<Vec<String>> = Arc::new(fields.map(|field| field.name().clone()).collect());
    tokio::spawn(async move {
        let group = |group: usize| {
            let (reading, names) = (reading.clone(), Arc::clone(&names));
            tokio::spawn(async move {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                reading.group(group, &names)?.all().await
            })
        };
        let mut groups = stream::iter(0..reading.groups()).map(group).buffered(AHEAD);
        while let Some(decoded) = groups.next().await {
            let decoded = decoded.unwrap_or_else(|failed| resume_unwind(failed.into_panic()));
            let batches = match decoded {
                Ok(batches) => batches.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            for batch in batches {
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        }
    });
    receiver
}
