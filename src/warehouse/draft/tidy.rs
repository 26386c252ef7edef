//! What a run merges and lets go, so that the warehouse stays small over the years.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Draft;
use crate::config::Retention;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::upkeep::merging;

impl Draft {
    /// Lets go what is older than it is to stay: derived tables of nights, which can be had again; pages,
    /// mails and refused files. The files themselves go with the next vacuum.
    pub(crate) fn retain(&mut self, retention: Retention) {
        let Some(base) = self.base.clone() else {
            return;
        };
        let as_of = self.pending.as_of;
        let since = |days: u32| {
            let day = as_of.saturating_sub(jiff::Span::new().days(days));
            base.since(day).unwrap_or(self.pending.commit_no)
        };
        let derived_since = since(retention.derived_days);
        let kinds = [
            (FileKind::Archive, retention.archive_days.map(since)),
            (FileKind::Outbox, retention.archive_days.map(since)),
            (FileKind::Quarantine, retention.quarantine_days.map(since)),
        ];
        for (kind, since) in kinds {
            let old = |file: &&DataFile| since.is_some_and(|since| file.commits[1] < since);
            let old = base.version.files_of(kind).filter(old);
            let old: Vec<String> = old.map(|file| file.path.clone()).collect();
            self.pending.removed.extend(old);
        }
        self.pending.derived_since = derived_since.max(self.pending.derived_since);
    }

    /// Merges the files of like size of the tables to which this run adds.
    pub(crate) async fn merge_due(&mut self) -> Result<(), WarehouseError> {
        let added = self.pending.added.iter();
        let added = added.filter(|file| file.kind.grows());
        let tables: BTreeSet<(FileKind, String)> =
            added.map(|file| (file.kind, file.table.clone())).collect();
        for (kind, table) in tables {
            let files = self.version().files(kind, &table);
            Box::pin(self.merge(merging::due(&files))).await?;
        }
        Ok(())
    }

    /// Puts one file in place of several of one table.
    pub(in crate::warehouse) async fn merge(
        &mut self,
        files: &[Arc<DataFile>],
    ) -> Result<(), WarehouseError> {
        let (Some(first), Some(last)) = (files.first(), files.last()) else {
            return Ok(());
        };
        let Some((stated, stored, order)) = merging::columns(files) else {
            return Ok(());
        };
        let mut begun = self.begin((first.kind, &first.table, stated), &stored, order)?;
        merging::merge(&self.store, files, &stored, &mut begun.writer).await?;
        self.end(begun, true).await?;
        if let Some(merged) = self.pending.added.last_mut() {
            merged.commits = [first.commits[0], last.commits[1]];
        }
        for file in files {
            self.remove(&file.path).await;
        }
        Ok(())
    }

    /// Takes a file out of the version that this run makes.
    pub(super) async fn remove(&mut self, path: &str) {
        let own = self.pending.added.iter().position(|file| file.path == path);
        match own {
            // Nobody has seen it; if it stays it is litter.
            Some(at) => {
                self.pending.added.remove(at);
                self.store.delete(path).await.ok();
            }
            None => self.pending.removed.push(path.to_owned()),
        }
    }
}
