//! Files of a draft's version written anew, for an erasure.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::Draft;
use super::tables::sha256;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::schema::aligned;
use crate::warehouse::upkeep::erase::{self, Matcher};
use crate::warehouse::upkeep::merging;

impl Draft {
    /// Puts a file with other rows in the place of one: in the same order, of the same commits.
    pub(in crate::warehouse) async fn rewrite(
        &mut self,
        file: &Arc<DataFile>,
        sift: impl Fn(RecordBatch) -> Result<RecordBatch, WarehouseError>,
    ) -> Result<(), WarehouseError> {
        let Some((stated, stored, order)) = merging::columns(std::slice::from_ref(file)) else {
            return Ok(());
        };
        let mut begun = self.begin((file.kind, &file.table, stated), &stored, order)?;
        let mut batches = Reading::open(&self.store, file).await?.stream(None, None)?;
        while let Some(batch) = batches.next().await? {
            let batch = aligned(&sift(batch)?, &stored).map_err(WarehouseError::of(&file.table))?;
            begun.writer.write(&batch).await?;
        }
        let path = begun.path.clone();
        self.end(begun, file.kind == FileKind::Append).await?;
        if let Some(new) = self.pending.added.last_mut().filter(|new| new.path == path) {
            new.commits = file.commits;
        }
        self.remove(&file.path).await;
        Ok(())
    }

    /// Puts other bytes in the place of a file that is no table's.
    pub(in crate::warehouse) async fn exchange(
        &mut self,
        file: &DataFile,
        kind: FileKind,
        path: &str,
        bytes: Bytes,
    ) -> Result<(), WarehouseError> {
        let entry = DataFile {
            path: path.to_owned(),
            kind,
            bytes: bytes.len() as u64,
            sha256: sha256(&bytes),
            ..file.clone()
        };
        self.create(entry, bytes).await?;
        self.remove(&file.path).await;
        Ok(())
    }

    /// Lets go every derived file that was there before.
    pub(in crate::warehouse) fn let_derived_go(&mut self) {
        let Some(base) = self.base.as_deref() else {
            return;
        };
        let derived = base.version.files_of(FileKind::Derived);
        let left = derived.filter(|file| !self.pending.removed.contains(&file.path));
        let left: Vec<String> = left.map(|file| file.path.clone()).collect();
        self.pending.removed.extend(left);
    }

    pub(in crate::warehouse) fn store(&self) -> &Store {
        &self.store
    }

    /// Everybody erased so far; none if nobody was.
    pub(super) async fn erased(&self) -> Result<Option<&Matcher>, WarehouseError> {
        let erased = self.erased.get_or_try_init(|| erase::matcher(&self.store));
        Ok(erased.await?.as_ref())
    }
}
