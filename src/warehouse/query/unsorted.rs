//! A stream's rows file by file, as they are stored.

use std::future::ready;
use std::panic::resume_unwind;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream};

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::aligned;

/// Row groups that are decoded before their turn, over all parts.
const AHEAD: usize = 3;
const COMMIT_NO: &str = "commit_no";

/// What is read of each file.
#[derive(Clone)]
pub(super) struct AsStored {
    pub(super) store: Store,
    pub(super) table: String,
    /// Rows of later commits are left out.
    pub(super) commit_no: u64,
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
    ) -> impl Stream<Item = Result<RecordBatch, WarehouseError>> {
        let opening = self.clone();
        let open = move |file| opening.clone().groups(file);
        let group = move |(file, reading, group)| {
            let decoded = tokio::spawn(self.clone().group(file, reading, group));
            let batches = decoded
                .map(|batches| batches.unwrap_or_else(|failed| resume_unwind(failed.into_panic())));
            ready(Ok(batches))
        };
        stream::iter(files)
            .then(open)
            .try_flatten()
            .enumerate()
            .filter(move |(number, group)| ready(group.is_err() || number % part.of == part.at))
            .map(|(_, group)| group)
            .and_then(group)
            .try_buffered(AHEAD.div_ceil(part.of))
            .map_ok(|batches| stream::iter(batches).map(Ok))
            .try_flatten()
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
        let fields = self.wanted.fields().iter();
        let mut names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
        let is_later = file.commits[1] > self.commit_no;
        if is_later {
            names.push(COMMIT_NO);
        }
        let mut batches = reading.group(group, &names)?.all().await?;
        for batch in &mut batches {
            let known = if is_later {
                self.known(batch)
            } else {
                Ok(batch.clone())
            };
            let known = known.and_then(|known| aligned(&known, &self.wanted));
            *batch = known.map_err(WarehouseError::of(&self.table))?;
        }
        Ok(batches)
    }

    /// Without the rows of later commits.
    fn known(&self, batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        let commits = batch[COMMIT_NO].as_primitive::<Int64Type>().values();
        let newest = self.commit_no.cast_signed();
        let known: Vec<bool> = commits.iter().map(|commit| *commit <= newest).collect();
        filter_record_batch(batch, &BooleanArray::from(known))
    }
}
