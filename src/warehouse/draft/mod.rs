//! One run's work on the warehouse: files are written as they come, and nothing of them is visible
//! until the commit. A draft that is dropped leaves files that no version names.

mod record;
mod rewrite;
mod tables;
mod tidy;

pub(crate) use record::Recorded;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::OnceCell;

use crate::clock::RunId;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::fold::Folded;
use crate::warehouse::log::lock::Lock;
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{Commit, DataFile, FileKind, Work};
use crate::warehouse::upkeep::erase::Matcher;

#[derive(Debug)]
pub(crate) struct Draft {
    store: Store,
    zone: TimeZone,
    base: Option<Arc<Folded>>,
    /// The day that its extracts stand for.
    day: Date,
    pending: Commit,
    /// Tells the files of one run apart.
    serial: u32,
    /// Everybody erased so far, once it is asked.
    erased: OnceCell<Option<Matcher>>,
    /// Held until the draft is gone.
    lock: Option<Lock>,
}

/// What a draft is begun for.
pub(in crate::warehouse) struct Begin<'a> {
    pub(in crate::warehouse) run_id: &'a RunId,
    pub(in crate::warehouse) work: Work,
    /// The day that its extracts stand for.
    pub(in crate::warehouse) day: Date,
    /// The day whose derived tables it publishes.
    pub(in crate::warehouse) as_of: Date,
}

impl Draft {
    pub(in crate::warehouse) fn new(
        store: Store,
        zone: TimeZone,
        base: Option<Arc<Folded>>,
        begin: &Begin<'_>,
        lock: Option<Lock>,
    ) -> Self {
        let commit_no = base.as_ref().map_or(0, |base| base.version.commit_no) + 1;
        let mut pending = Commit::new(commit_no, begin.run_id, begin.work, begin.as_of);
        pending.derived_since = match begin.work {
            // Derived tables of older nights name who is erased.
            Work::Erasure => commit_no,
            _ => base.as_ref().map_or(0, |base| base.derived_since),
        };
        Self {
            store,
            zone,
            base,
            day: begin.day,
            pending,
            serial: 0,
            erased: OnceCell::new(),
            lock,
        }
    }

    /// The day whose derived tables it publishes.
    pub(crate) fn as_of(&self) -> Date {
        self.pending.as_of
    }

    pub(crate) fn run_id(&self) -> &RunId {
        &self.pending.run_id
    }

    pub(crate) fn commit_no(&self) -> u64 {
        self.pending.commit_no
    }

    /// Whether extracts of an earlier day join the history.
    pub(crate) fn is_late(&self) -> bool {
        self.pending.work == Work::Late
    }

    /// Whether it takes persons out.
    pub(crate) fn is_erasure(&self) -> bool {
        self.pending.work == Work::Erasure
    }

    /// What will be visible after the commit.
    pub(crate) fn version(&self) -> Version {
        let base = self.base.as_ref().map(|base| base.version.clone());
        Version::after(base, &self.pending)
    }

    /// Makes everything visible at once.
    pub(crate) async fn commit(
        mut self,
        texts: BTreeMap<String, String>,
        definition_hash: &str,
    ) -> Result<Commit, WarehouseError> {
        self.pending.texts = texts;
        definition_hash.clone_into(&mut self.pending.definition_hash);
        self.merge_due().await?;
        let published = self.pending.publish(&self.store).await;
        let folded = Folded::after(self.base.as_deref(), &self.pending);
        if published.is_ok() && folded.wants_checkpoint() {
            // It is published already, and a checkpoint that could not be written spares only reading.
            folded.write(&self.store).await.ok();
        }
        if let Some(lock) = self.lock.take() {
            lock.release().await;
        }
        published.map(|()| self.pending)
    }

    /// Ends the draft without a commit, and lets another run write.
    pub(crate) async fn abandon(self) {
        if let Some(lock) = self.lock {
            lock.release().await;
        }
    }

    fn files(&self, kind: FileKind, table: &str) -> Vec<Arc<DataFile>> {
        let base = self.base.as_ref();
        base.map_or_else(Vec::new, |base| base.version.files(kind, table))
    }
}
