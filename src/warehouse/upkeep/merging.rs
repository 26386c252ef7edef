//! Files of one table merged into one, so that a scan reads few of them and a year of nights is cheap.
//!
//! Merging keeps every row and each row's commit, so that every version reads the merged file.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{self, Writer};
use crate::warehouse::history::merge::{Block, Keep, Merge, Runs};
use crate::warehouse::history::{self, events};
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::schema::{Column, aligned, unified, with_commit};

/// So many files of like size are merged into one.
const LIKE: usize = 4;

/// The files to merge tonight, of those of one table in the order of their commits: the newest ones,
/// back to the first of `LIKE` or more of like size. Empty where there is nothing to do.
///
/// Sizes are alike within a factor of `LIKE`, so each row is rewritten once for each power of it
/// that its table has grown by.
pub(in crate::warehouse) fn due(files: &[Arc<DataFile>]) -> &[Arc<DataFile>] {
    let highest = files.iter().map(|file| tier(file)).max().unwrap_or(0);
    let spans = (0..=highest).rev().map(|top| {
        let behind = files.iter().rposition(|file| tier(file) > top);
        &files[behind.map_or(0, |at| at + 1)..]
    });
    let full = |span: &&[Arc<DataFile>]| {
        let top = span.iter().map(|file| tier(file)).max();
        span.iter().filter(|file| Some(tier(file)) == top).count() >= LIKE
    };
    let mut spans = spans;
    spans.find(full).unwrap_or_default()
}

fn tier(file: &DataFile) -> u32 {
    file.rows.max(1).ilog(LIKE as u64)
}

/// The columns of a merged file: as the log states them, and as they are stored.
pub(in crate::warehouse) fn columns(
    files: &[Arc<DataFile>],
) -> Option<(Vec<Column>, SchemaRef, &'static [&'static str])> {
    let kind = files.first()?.kind;
    let columns = files.iter().map(|file| file.schema.clone());
    let columns = columns.reduce(|before, now| unified(&before, &now))?;
    Some(match kind {
        FileKind::History => {
            let (raw, stated) = own_last(columns, &history::own_columns());
            (stated, history::stored_schema(&raw), &history::ORDER)
        }
        FileKind::Events => {
            let (raw, stated) = own_last(columns, &events::own_columns());
            (stated, events::stored_schema(&raw), &events::ORDER)
        }
        _ => {
            let stored = with_commit(&columns);
            (columns, stored, &[])
        }
    })
}

/// The stream's own columns, and all with those of the warehouse behind them: columns that came later
/// stand behind both.
fn own_last(columns: Vec<Column>, own: &[Column]) -> (Vec<Column>, Vec<Column>) {
    let is_own = |column: &Column| own.iter().any(|own| own.name == column.name);
    let raw: Vec<Column> = columns
        .into_iter()
        .filter(|column| !is_own(column))
        .collect();
    let stated = [raw.as_slice(), own].concat();
    (raw, stated)
}

/// Writes the rows of all files, in their order.
pub(in crate::warehouse) async fn merge(
    store: &Store,
    files: &[Arc<DataFile>],
    stored: &SchemaRef,
    writer: &mut Writer,
) -> Result<(), WarehouseError> {
    let Some(first) = files.first() else {
        return Ok(());
    };
    if !matches!(first.kind, FileKind::History | FileKind::Events) {
        return append(store, files, stored, writer).await;
    }
    let runs = Runs {
        table: &first.table,
        files,
        schema: Arc::clone(stored),
        commit_no: u64::MAX >> 1,
        keep: Keep::All,
    };
    let mut merge = Merge::open(store, runs).await?;
    while let Some(block) = merge.next().await? {
        let batch = whole(&block, stored).map_err(WarehouseError::of(&first.table))?;
        writer.write(&batch).await?;
    }
    Ok(())
}

fn whole(block: &Block, stored: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = (0..stored.fields().len()).map(|index| block.column(index, &block.rows));
    RecordBatch::try_new(Arc::clone(stored), columns.collect::<Result<_, _>>()?)
}

/// One file's rows after the other's.
async fn append(
    store: &Store,
    files: &[Arc<DataFile>],
    stored: &SchemaRef,
    writer: &mut Writer,
) -> Result<(), WarehouseError> {
    for file in files {
        for batch in file::read(store, file, None).await? {
            let batch = aligned(&batch, stored).map_err(WarehouseError::of(&file.table))?;
            writer.write(&batch).await?;
        }
    }
    Ok(())
}
