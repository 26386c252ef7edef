//! Delta Lake logs of the derived and the append tables, by which other tools read them where they
//! lie: `<folder of the table>/_delta_log/<20 digits>.json`, reader 1, writer 2. Every 32nd version has
//! a checkpoint too, so that the versions before the last one that is needed can go.
//!
//! They are an export of the commit log and say nothing that it does not: lost ones are written
//! again to the byte. In every table the Delta version is the commit's number, so that one number
//! means one night everywhere; a commit that leaves a table alone is an entry that changes nothing.
//! The log of a table without a file ends until it has one. Only this program writes them.

mod check;
mod checkpoint;
mod entry;
mod name;
mod spent;
mod table;
mod write;

use std::collections::BTreeSet;
use std::pin::pin;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use super::error::WarehouseError;
use super::log::fold::{self, Folded};
use super::{Commit, RunId, Version, Warehouse};
pub(super) use check::faults;
pub(super) use spent::spent;
use table::{Past, Table, is_table, tables_of};

const FOLDER: &str = "_delta_log";
/// Tables worked on at a time.
const AT_ONCE: usize = 8;

/// What was written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) tables: usize,
    /// The oldest version: that of a checkpoint, where older ones cannot be asked for any more.
    pub(crate) first: u64,
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
        self.catch_up(&all_of(&commits)).await
    }

    /// Writes the version of the newest commit, where those of the one before it are there and no table
    /// is new; else does nothing, and says so. So a night costs the same however long the commit log is.
    async fn export_newest(&self) -> Result<bool, WarehouseError> {
        let Some(newest) = self.newest().await? else {
            return Ok(true);
        };
        let number = newest.version.commit_no;
        let (base, commits) = self.recent(&newest).await?;
        let mut tables = tables_of(Past {
            base: base.as_ref(),
            commits: &commits,
        });
        tables.retain(|table| table.newest() == number);
        // One that had no file then may have had other columns before.
        let begin = base.as_ref().map(|base| base.commit_no);
        if tables.iter().any(|table| table.begins() != begin) {
            return Ok(false);
        }
        let looks = tables.iter();
        let looks = looks.map(|table| write::is_there(&self.store, table, number - 1));
        let mut looks = pin!(stream::iter(looks).buffered(AT_ONCE));
        while let Some(is_there) = looks.next().await {
            if !is_there? {
                return Ok(false);
            }
        }
        let writes = tables.iter();
        let writes = writes.map(|table| write::version(&self.store, table, number));
        let written = told(stream::iter(writes).buffered(AT_ONCE)).await;
        written.map(|()| true)
    }

    /// What the version of the newest commit is told from: where it has a checkpoint, what was let go
    /// since the first commit whose derived tables stay as files.
    async fn recent(
        &self,
        newest: &Folded,
    ) -> Result<(Option<Version>, Vec<Commit>), WarehouseError> {
        let number = newest.version.commit_no;
        let whole = checkpoint::is_due(number);
        let since = if whole { newest.derived_since } else { number };
        let since = since.min(number - 1);
        let base = fold::at(&self.store, since).await?;
        let base = base.map(|base| base.version.clone());
        let old = base.iter().flat_map(Version::all_files);
        let old: BTreeSet<&str> = old.map(|file| file.path.as_str()).collect();
        let files = newest.version.all_files().filter(|file| is_table(file));
        let files = files.filter(|file| whole || !old.contains(file.path.as_str()));
        let mut wanted: BTreeSet<u64> = (since + 1..=number).chain([1]).collect();
        wanted.extend(files.map(|file| file.commits[1]));
        let commits = stream::iter(wanted).map(|commit_no| self.commit(commit_no));
        let commits = commits.buffered(AT_ONCE).try_collect().await?;
        Ok((base, commits))
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
        let tables = all_of(commits);
        self.catch_up(&tables).await?;
        let derived_since = commits.last().map_or(0, |commit| commit.derived_since);
        Ok(Rewritten {
            tables: tables.len(),
            first: checkpoint::last(derived_since),
            version: commits.last().map_or(0, |commit| commit.commit_no),
        })
    }

    /// Tables side by side: an entry costs waiting, not work.
    async fn catch_up(&self, tables: &[Table<'_>]) -> Result<(), WarehouseError> {
        let writes = tables.iter();
        let writes = writes.map(|table| write::catch_up(&self.store, table));
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

/// The tables over all commits.
fn all_of(commits: &[Commit]) -> Vec<Table<'_>> {
    tables_of(Past {
        base: None,
        commits,
    })
}

/// The Delta log of a table in a folder.
fn folder(table: &str) -> String {
    format!("{table}/{FOLDER}")
}
