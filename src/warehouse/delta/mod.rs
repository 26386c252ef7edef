//! Delta Lake logs of the derived and the append tables, by which other tools read them where they
//! lie: `<folder of the table>/_delta_log/<20 digits>.json`, reader 1, writer 2.
//!
//! They are an export of the commit log and say nothing that it does not: lost ones are written
//! again to the byte. In every table the Delta version is the commit's number, so that one number
//! means one night everywhere; a commit that leaves a table alone is an entry that changes nothing.
//! Only this program writes them.

mod check;
mod entry;
mod table;

use std::collections::BTreeSet;
use std::pin::pin;

use futures::stream::{self, Stream, StreamExt};

use super::error::WarehouseError;
use super::log::fold;
use super::{Commit, RunId, Warehouse};
use crate::fs::{Store, StoreError};
pub(super) use check::faults;
use table::{Table, next_of, tables_of};

const FOLDER: &str = "_delta_log";
/// Tables worked on at a time.
const AT_ONCE: usize = 8;

/// What was written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) tables: usize,
    /// The newest version.
    pub(crate) version: u64,
}

impl Warehouse {
    /// Writes what the Delta logs lack, up to the newest commit. A log that another program wrote to
    /// is left alone and told; the others are written.
    pub(crate) async fn export_delta(&self) -> Result<(), WarehouseError> {
        if self.export_newest().await? {
            return Ok(());
        }
        let commits = self.commits().await?;
        self.catch_up(&tables_of(&commits)).await
    }

    /// Writes the entries of the newest commit, where those of the one before it are there and no table
    /// is new or has other columns; else does nothing, and says so. So a night costs the same however
    /// long the commit log is.
    async fn export_newest(&self) -> Result<bool, WarehouseError> {
        let Some(newest) = self.newest().await? else {
            return Ok(true);
        };
        let number = newest.version.commit_no;
        let Some(before) = fold::at(&self.store, number - 1).await? else {
            return Ok(false);
        };
        let commit = self.commit(number).await?;
        let Some(tables) = next_of(&before.version, &newest.version, &commit) else {
            return Ok(false);
        };
        for table in &tables {
            let there = path(&format!("{}/{FOLDER}", table.folder), number - 1);
            let last = self.store.find(&there).await?;
            if !last.is_some_and(|last| entry::is_ours(&last)) {
                return Ok(false);
            }
        }
        let writes = tables.iter().map(|table| {
            let path = path(&format!("{}/{FOLDER}", table.folder), number);
            async move { create(&self.store, &path, entry::bytes(table, number)).await }
        });
        told(stream::iter(writes).buffered(AT_ONCE))
            .await
            .map(|()| true)
    }

    /// Deletes the Delta logs, with all that others put into them, and writes them anew.
    pub(crate) async fn rewrite_delta(&self) -> Result<Rewritten, WarehouseError> {
        let newest = self.latest().await?.ok_or(WarehouseError::Empty)?;
        // Read again: a run may have published before the lock was ours.
        let run_id = RunId::new(newest.as_of);
        let (commits, lock) = self.locked(&run_id, self.commits()).await?;
        let rewritten = self.write_anew(&commits).await;
        if let Some(lock) = lock {
            lock.release().await;
        }
        rewritten
    }

    async fn write_anew(&self, commits: &[Commit]) -> Result<Rewritten, WarehouseError> {
        for folder in ["derived", "tables"] {
            for file in self.store.list(folder).await? {
                if file.path.split('/').any(|part| part == FOLDER) {
                    self.store.delete(&file.path).await?;
                }
            }
        }
        let tables = tables_of(commits);
        self.catch_up(&tables).await?;
        Ok(Rewritten {
            tables: tables.len(),
            version: commits.last().map_or(0, |commit| commit.commit_no),
        })
    }

    /// Tables side by side: an entry costs waiting, not work.
    async fn catch_up(&self, tables: &[Table<'_>]) -> Result<(), WarehouseError> {
        let writes = tables.iter().map(|table| catch_up(&self.store, table));
        told(stream::iter(writes).buffered(AT_ONCE)).await
    }
}

/// Does all that is to be written; foreign entries are told together.
async fn told(
    writes: impl Stream<Item = Result<(), WarehouseError>>,
) -> Result<(), WarehouseError> {
    let mut writes = pin!(writes);
    let mut foreign = Vec::new();
    while let Some(written) = writes.next().await {
        match written {
            Err(WarehouseError::Foreign { paths }) => foreign.extend(paths),
            other => other?,
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    Err(WarehouseError::Foreign { paths: foreign })
}

/// Writes the entries that a table's log lacks, one after the other.
async fn catch_up(store: &Store, table: &Table<'_>) -> Result<(), WarehouseError> {
    let folder = format!("{}/{FOLDER}", table.folder);
    let listed = store.list(&folder).await?;
    let number = |path: &str| number(path.strip_prefix(&folder)?);
    let present: BTreeSet<u64> = listed
        .iter()
        .filter_map(|file| number(&file.path))
        .collect();
    // Nothing is written after an entry that is not ours, so that a foreign one stays the last and
    // reading the last is enough. One beyond our newest commit may be a run's that published since.
    if let Some(last) = present.range(..=table.newest()).next_back() {
        let path = path(&folder, *last);
        if store.get(&path).await? != entry::bytes(table, *last) {
            return Err(foreign(store, &path));
        }
    }
    for version in (0..=table.newest()).filter(|version| !present.contains(version)) {
        create(store, &path(&folder, version), entry::bytes(table, version)).await?;
    }
    Ok(())
}

/// Creates an entry. One that is there with the same bytes was written by another run of ours.
async fn create(store: &Store, path: &str, bytes: bytes::Bytes) -> Result<(), WarehouseError> {
    let Err(error) = store.create(path, bytes.clone()).await else {
        return Ok(());
    };
    match (&error, store.find(path).await) {
        (_, Ok(Some(there))) if there == bytes => Ok(()),
        (StoreError::AlreadyExists { .. }, Ok(Some(_))) => Err(foreign(store, path)),
        _ => Err(error.into()),
    }
}

fn foreign(store: &Store, path: &str) -> WarehouseError {
    WarehouseError::Foreign {
        paths: vec![store.shown(path)],
    }
}

fn path(folder: &str, version: u64) -> String {
    format!("{folder}/{version:020}.json")
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix('/')?.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}
