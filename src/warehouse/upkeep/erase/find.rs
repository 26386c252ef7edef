//! Who has an address, in the records as they came.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::DataType;

use super::matcher::{holds_address, plain_address};
use crate::warehouse::Warehouse;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{DataFile, FileKind};

/// Where addresses were seen.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Those that stand in any history at all.
    pub(crate) addresses: BTreeSet<String>,
    /// The records whose own address one of them is: `<source>.<stream>` and id.
    pub(crate) records: BTreeSet<(String, String)>,
}

impl Warehouse {
    /// Looks through every history for addresses, in all versions; `streams` are those whose records
    /// are people.
    pub(crate) async fn find(
        &self,
        version: &Version,
        streams: &BTreeSet<String>,
        addresses: &BTreeSet<String>,
    ) -> Result<Found, WarehouseError> {
        let mut found = Found::default();
        let is_history =
            |file: &DataFile| matches!(file.kind, FileKind::History | FileKind::Events);
        for file in version.files.iter().filter(|file| is_history(file)) {
            let theirs = file.kind == FileKind::History && streams.contains(&file.table);
            let mut batches = Reading::open(&self.store, file).await?.stream(None, None)?;
            while let Some(batch) = batches.next().await? {
                found.look(&batch, theirs.then_some(&file.table), addresses);
            }
        }
        Ok(found)
    }
}

impl Found {
    fn look(&mut self, batch: &RecordBatch, of: Option<&String>, addresses: &BTreeSet<String>) {
        let ids = batch["record_id"].as_string::<i32>();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if *field.data_type() != DataType::Utf8 {
                continue;
            }
            let cells = column.as_string::<i32>().iter().enumerate();
            for (row, cell) in cells {
                let Some(cell) = cell.filter(|cell| cell.contains('@')) else {
                    continue;
                };
                let Some(address) = addresses.get(&plain_address(cell)) else {
                    continue;
                };
                self.addresses.insert(address.clone());
                if let Some(table) = of.filter(|_| holds_address(field.name())) {
                    let record = (table.clone(), ids.value(row).to_owned());
                    self.records.insert(record);
                }
            }
        }
    }
}
