//! A table's rows file by file, as they are stored.

use std::future::ready;
use std::panic::resume_unwind;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef};
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream};

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{Batches, Reading};
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::aligned;

/// Row groups that are decoded before their turn.
const AHEAD: usize = 3;

/// What is read of each file.
#[derive(Debug, Clone)]
pub(super) struct AsStored {
    pub(super) store: Store,
    pub(super) table: String,
    /// Rows of later commits are left out.
    pub(super) commit_no: u64,
    /// The column that holds each row's commit.
    pub(super) commit: &'static str,
    pub(super) wanted: SchemaRef,
}

/// Every `of`th row group, from the one numbered `at` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) at: usize,
    pub(super) of: usize,
}

impl AsStored {
    pub(super) fn batches(
        self,
        files: Vec<Arc<DataFile>>,
        part: Part,
    ) -> BoxStream<'static, Result<RecordBatch, WarehouseError>> {
        let opening = self.clone();
        let open = move |file| opening.clone().groups(file);
        let groups = stream::iter(files)
            .then(open)
            .try_flatten()
            .enumerate()
            .filter(move |(number, group)| ready(group.is_err() || number % part.of == part.at))
            .map(|(_, group)| group);
        // A part of several has a core of its own, and lets a batch go before it decodes the next.
        if part.of > 1 {
            let rows = move |(file, reading, group): (Arc<DataFile>, Reading, usize)| {
                ready(self.rows(&file, reading, group))
            };
            return groups.and_then(rows).try_flatten().boxed();
        }
        let ahead = move |(file, reading, group)| {
            let decoded = tokio::spawn(self.clone().group(file, reading, group));
            let batches = decoded
                .map(|batches| batches.unwrap_or_else(|failed| resume_unwind(failed.into_panic())));
            ready(Ok(batches))
        };
        groups
            .and_then(ahead)
            .try_buffered(AHEAD)
            .map_ok(|batches| stream::iter(batches).map(Ok))
            .try_flatten()
            .boxed()
    }

    /// The row groups of a file.
    async fn groups(
        self,
        file: Arc<DataFile>,
    ) -> Result<
        impl Stream<Item = Result<(Arc<DataFile>, Reading, usize), WarehouseError>>,
        WarehouseError,
    > {
        let reading = Reading::open(&self.store, &file).await?;
        let reading = reading.with_views_of(&self.wanted)?;
        let groups = 0..reading.groups();
        Ok(stream::iter(groups).map(move |group| Ok((Arc::clone(&file), reading.clone(), group))))
    }

    async fn group(
        self,
        file: Arc<DataFile>,
        reading: Reading,
        group: usize,
    ) -> Result<Vec<RecordBatch>, WarehouseError> {
        self.rows(&file, reading, group)?.try_collect().await
    }

    /// The rows of a row group, batch by batch.
    fn rows(
        &self,
        file: &DataFile,
        reading: Reading,
        group: usize,
    ) -> Result<
        impl Stream<Item = Result<RecordBatch, WarehouseError>> + Send + use<>,
        WarehouseError,
    > {
        let fields = self.wanted.fields().iter();
        let mut names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
        let is_later = file.commits[1] > self.commit_no;
        if is_later {
            names.push(self.commit);
        }
        let batches = reading.group(group, &names)?;
        let next = |mut batches: Batches| async move {
            let batch = batches.next().await?;
            Ok(batch.map(|batch| (batch, batches)))
        };
        let this = self.clone();
        let known = move |batch: RecordBatch| {
            let known = if is_later {
                this.known(&batch)
            } else {
                Ok(batch)
            };
            let known = known.and_then(|known| aligned(&known, &this.wanted));
            ready(known.map_err(WarehouseError::of(&this.table)))
        };
        Ok(stream::try_unfold(batches, next).and_then(known))
    }

    /// Without the rows of later commits.
    fn known(&self, batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        let commits = batch[self.commit].as_primitive::<Int64Type>().values();
        let newest = self.commit_no.cast_signed();
        let known: Vec<bool> = commits.iter().map(|commit| *commit <= newest).collect();
        filter_record_batch(batch, &BooleanArray::from(known))
    }
}
