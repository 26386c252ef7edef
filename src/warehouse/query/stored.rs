//! A derived table as it was written, a batch at a time: for what goes through a table once and must
//! not hold it.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{Batches, Reading};
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{DataFile, FileKind};

/// The rows of one derived table of a version, in the order in which they were written.
pub(crate) struct Stored {
    store: Store,
    columns: Vec<String>,
    /// Those not begun, the next one last.
    files: Vec<Arc<DataFile>>,
    open: Option<Batches>,
}

impl Stored {
    pub(in crate::warehouse) fn open(
        store: &Store,
        version: &Version,
        table: &str,
        columns: &[&str],
    ) -> Self {
        let mut files = version.files(FileKind::Derived, table);
        files.reverse();
        Self {
            store: store.clone(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            files,
            open: None,
        }
    }

    /// Whether the table has a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        let mut files = self.files.iter();
        files.any(|file| file.schema.iter().any(|known| known.name == column))
    }

    /// The next rows, with those of the wanted columns that the table had.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, WarehouseError> {
        loop {
            if let Some(batches) = &mut self.open {
                if let Some(batch) = batches.next().await? {
                    return Ok(Some(batch));
                }
                self.open = None;
            }
            let Some(file) = self.files.pop() else {
                return Ok(None);
            };
            let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
            let reading = Reading::open(&self.store, &file).await?;
            self.open = Some(reading.stream(Some(&columns), None)?);
        }
    }
}
