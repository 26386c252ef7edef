//! Single rows of runs, by run and place.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;

use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::DataFile;
use crate::warehouse::schema::aligned;

/// The runs of a stream; each is opened when a row of it is first wanted.
pub(super) struct Fetch<'a> {
    pub(super) store: &'a Store,
    pub(super) table: &'a str,
    pub(super) files: &'a [Arc<DataFile>],
    open: HashMap<usize, Reading>,
}

impl<'a> Fetch<'a> {
    pub(super) fn new(store: &'a Store, table: &'a str, files: &'a [Arc<DataFile>]) -> Self {
        Self {
            store,
            table,
            files,
            open: HashMap::new(),
        }
    }

    /// The rows at these places, in their order, with the columns of `target`.
    pub(super) async fn rows(
        &mut self,
        wanted: &[(usize, u32)],
        target: &SchemaRef,
    ) -> Result<RecordBatch, WarehouseError> {
        let failed = WarehouseError::of(self.table);
        let names: Vec<&str> = target
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let mut by_place: Vec<usize> = (0..wanted.len()).collect();
        by_place.sort_by_key(|index| wanted[*index]);
        let mut read = Vec::new();
        for indexes in by_place.chunk_by(|one, two| wanted[*one].0 == wanted[*two].0) {
            let rows: Vec<u32> = indexes.iter().map(|index| wanted[*index].1).collect();
            let run = self.run(wanted[indexes[0]].0).await?;
            for batch in run.stream(Some(&names), Some(&rows))?.all().await? {
                read.push(aligned(&batch, target).map_err(&failed)?);
            }
        }
        let read = concat_batches(target, &read).map_err(&failed)?;
        let mut places = vec![0; wanted.len()];
        for (place, index) in by_place.into_iter().enumerate() {
            places[index] = u32::try_from(place).unwrap_or(u32::MAX);
        }
        take_record_batch(&read, &UInt32Array::from(places)).map_err(failed)
    }

    async fn run(&mut self, run: usize) -> Result<Reading, WarehouseError> {
        if let Some(open) = self.open.get(&run) {
            return Ok(open.clone());
        }
        let reading = Reading::open(self.store, &self.files[run]).await?;
        self.open.insert(run, reading.clone());
        Ok(reading)
    }
}
