//! A stream as a table: its runs merged while they are read, only the columns that a query wants.

use std::future::ready;
use std::panic::resume_unwind;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::physical_expr::expressions::Column as Place;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use futures::{FutureExt, Stream, TryStreamExt, stream};

use super::unsorted::AsStored;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::history::merge::{Block, Keep, Merge, Row, Runs};
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::{Column, schema_of};

/// The column that no run holds: the next version's `valid_from`.
pub(super) const VALID_TO: &str = "valid_to";

/// Blocks that are put together before their turn.
const AHEAD: usize = 4;

/// Which of a stream's rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Every version that stands.
    Versions,
    /// The last version of each record that is not deleted.
    Now,
    Events,
}

/// A stream of one version of the warehouse.
#[derive(Debug, Clone)]
pub(super) struct StreamTable {
    pub(super) store: Store,
    pub(super) table: String,
    pub(super) files: Vec<Arc<DataFile>>,
    /// Rows of later commits are not seen.
    pub(super) commit_no: u64,
    pub(super) view: View,
    /// No row replaces or withdraws another.
    pub(super) every_row_stands: bool,
    /// All columns that the runs hold for it.
    pub(super) stored: Vec<Column>,
    /// Those that it shows, in order.
    pub(super) schema: SchemaRef,
}

impl StreamTable {
    /// The merge's columns for what a query wants: those that order and tell the rows come first.
    fn read_schema(&self, wanted: &Schema) -> SchemaRef {
        let keys: &[&str] = match self.view {
            View::Versions => &["record_id", "valid_from", "commit_no", "via"],
            View::Now => &["record_id", "valid_from", "commit_no", "via", "deleted"],
            View::Events => &["record_id", "commit_no"],
        };
        let stored = schema_of(&self.stored);
        let needed = |field: &Arc<Field>| {
            let name = field.name().as_str();
            let asked = wanted.field_with_name(name).ok();
            let asked = asked.map(|field| Arc::new(field.clone()));
            asked.or_else(|| keys.contains(&name).then(|| Arc::clone(field)))
        };
        let fields: Vec<Arc<Field>> = stored.fields().iter().filter_map(needed).collect();
        Arc::new(Schema::new(fields))
    }

    pub(super) async fn open(&self, wanted: SchemaRef) -> Result<Scan, WarehouseError> {
        let read = self.read_schema(&wanted);
        let runs = Runs {
            table: &self.table,
            files: &self.files,
            schema: Arc::clone(&read),
            commit_no: self.commit_no,
            keep: Keep::Standing,
        };
        Ok(Scan {
            merge: Merge::open(&self.store, runs).await?,
            shape: Arc::new(Shape {
                table: self.table.clone(),
                view: self.view,
                read,
                wanted,
            }),
        })
    }

    /// The rows file by file, as they are stored. There are no others where every row stands and no
    /// column says until when.
    pub(super) fn as_stored(&self, wanted: &SchemaRef) -> AsStored {
        AsStored {
            store: self.store.clone(),
            table: self.table.clone(),
            commit_no: self.commit_no,
            commit: "commit_no",
            wanted: Arc::clone(wanted),
        }
    }

    /// Whether `as_stored` gives the rows that are wanted.
    pub(super) fn may_be_stored(&self, wanted: &Schema) -> bool {
        self.every_row_stands && self.view != View::Now && wanted.index_of(VALID_TO).is_err()
    }

    /// The order in which rows come out, as far as its columns are wanted.
    pub(super) fn order(&self, wanted: &Schema) -> Option<LexOrdering> {
        let names: &[&str] = match self.view {
            View::Versions => &["record_id", "valid_from"],
            View::Now | View::Events => &["record_id"],
        };
        let places = names.iter().map_while(|name| {
            let place = Place::new(name, wanted.index_of(name).ok()?);
            let options = SortOptions::default();
            Some(PhysicalSortExpr::new(Arc::new(place), options))
        });
        LexOrdering::new(places)
    }
}

/// The texts of a stream as views, which are decoded and gathered without copying them.
pub(super) fn with_views(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    };
    let fields: Vec<Arc<Field>> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new(fields))
}

/// A stream's rows on their way out.
pub(super) struct Scan {
    merge: Merge,
    shape: Arc<Shape>,
}

/// What comes out of a merge's blocks.
struct Shape {
    table: String,
    view: View,
    read: SchemaRef,
    wanted: SchemaRef,
}

impl Scan {
    /// The rows in their order. Blocks are put together by tasks of their own, some at a time.
    pub(super) fn batches(self) -> impl Stream<Item = Result<RecordBatch, WarehouseError>> {
        let Self { merge, shape } = self;
        let next = |mut merge: Merge| async move {
            let block = merge.next().await?;
            Ok::<_, WarehouseError>(block.map(|block| (block, merge)))
        };
        let batch =
            move |block: Block| {
                let shape = Arc::clone(&shape);
                let batch = tokio::spawn(async move { shape.batch(&block) });
                Ok(batch
                    .map(|batch| batch.unwrap_or_else(|failed| resume_unwind(failed.into_panic()))))
            };
        stream::try_unfold(merge, next)
            .and_then(move |block| ready(batch(block)))
            .try_buffered(AHEAD)
    }
}

impl Shape {
    fn batch(&self, block: &Block) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::of(&self.table);
        let chosen = self.chosen(block).map_err(&failed)?;
        let rows = chosen.as_ref().unwrap_or(&block.rows);
        self.columns(block, rows).map_err(failed)
    }

    /// The rows of a block that the view has, where it has not all.
    fn chosen(&self, block: &Block) -> Result<Option<Vec<Row>>, ArrowError> {
        if self.view != View::Now {
            return Ok(None);
        }
        let deleted = block.column(self.read.index_of("deleted")?, &block.rows)?;
        let deleted = deleted.as_boolean();
        let rows = block.rows.iter().enumerate();
        let now = rows.filter(|(at, row)| row.until.is_none() && !deleted.value(*at));
        Ok(Some(now.map(|(_, row)| *row).collect()))
    }

    fn columns(&self, block: &Block, rows: &[Row]) -> Result<RecordBatch, ArrowError> {
        let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
            if field.name() == VALID_TO {
                let ends: TimestampMicrosecondArray = rows.iter().map(|row| row.until).collect();
                return Ok(Arc::new(ends.with_timezone("UTC")));
            }
            block.column(self.read.index_of(field.name())?, rows)
        };
        let columns: Result<Vec<ArrayRef>, _> = self.wanted.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.wanted), columns?, &options)
    }
}
