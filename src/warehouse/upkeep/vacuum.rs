//! Files that nobody can ask for any more are deleted: those that merging and retention let go, what
//! Delta logs say of versions before them, and what crashes left.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::AT_ONCE;
use crate::clock::{self, RunId};
use crate::fs::{Entry, Store, StoreError};
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::fold::{self, Folded};
use crate::warehouse::log::{self, DataFile, FileKind};
use crate::warehouse::{Warehouse, delta};

/// How long what is let go stays: longer than the longest run, and than a reader holds a version.
pub(crate) const GRACE_DAYS: u32 = 2;

/// Where tables lie, each in a folder of its own.
const TABLES: [&str; 4] = ["history", "events", "derived", "tables"];
/// Where files lie as they are, by run.
const PLAIN: [&str; 3] = ["archive", "outbox", "quarantine"];
/// What is never deleted, but for litter in it.
const APART: [&str; 4] = ["_log", "ledger", "erased", "notices"];
const LOCKS: [&str; 2] = ["writer.lock", "writer.lease"];
/// The archive's index, made anew from each version.
const INDEX: &str = "archive/index.html";
const DELTA: &str = "_delta_log";

/// What a vacuum did, or would do.
#[derive(Debug, Default)]
pub(crate) struct Vacuumed {
    /// Files that went, or would go.
    pub(crate) gone: Vec<Entry>,
    /// Files that this program did not write. They stay.
    pub(crate) unknown: Vec<String>,
    /// Files that should have gone, and why they did not.
    pub(crate) stuck: Vec<StoreError>,
}

/// What a file is to a vacuum.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// It goes if no version names it.
    Data,
    /// It is no vacuum's business, but that of Delta logs, which tell what goes of them.
    Apart,
    No,
}

impl Warehouse {
    /// Deletes what no version names that was the newest, or stood as files, within the grace; a
    /// rehearsal only tells. Younger files stay too: a run in progress may be about to name them.
    pub(crate) async fn vacuum(
        &self,
        grace_days: u32,
        rehearsal: bool,
    ) -> Result<Vacuumed, WarehouseError> {
        let newest = self.latest().await?.ok_or(WarehouseError::Empty)?;
        let grace = SignedDuration::from_hours(24 * i64::from(grace_days));
        let since = clock::now().checked_sub(grace).unwrap_or(Timestamp::MIN);
        let mut done = Vacuumed::default();
        let old = old(&self.store, since, &mut done.unknown);
        if rehearsal {
            done.gone = old.await?;
            return Ok(done);
        }
        let (old, lock) = self.locked(&RunId::new(newest.as_of), old).await?;
        delete(&self.store, old, &mut done).await;
        if let Some(lock) = lock {
            lock.release().await;
        }
        Ok(done)
    }
}

impl Warehouse {
    /// Deletes at once all that the newest version does not name, whoever may still be reading it.
    pub(crate) async fn sweep(&self) -> Result<Vacuumed, WarehouseError> {
        let newest = self.latest().await?.ok_or(WarehouseError::Empty)?;
        let unnamed = self.unnamed();
        let (old, lock) = self.locked(&RunId::new(newest.as_of), unnamed).await?;
        let mut done = Vacuumed::default();
        delete(&self.store, old, &mut done).await;
        if let Some(lock) = lock {
            lock.release().await;
        }
        Ok(done)
    }

    /// Every file of a run that the newest version does not name, and what Delta logs say of such.
    async fn unnamed(&self) -> Result<Vec<Entry>, WarehouseError> {
        let mut old = listed(&self.store).await?;
        // Only a lock on this machine is sure to keep out a run that may be about to name what no
        // commit ever named.
        let ours = match self.store.folder() {
            Some(_) => None,
            None => Some(ever_named(&self.store).await?),
        };
        let newest = self.newest().await?.ok_or(WarehouseError::Empty)?;
        let files = newest.version.files.iter();
        let named: BTreeSet<&str> = files.map(|file| file.path.as_str()).collect();
        let spent = spent(&self.store, &old, newest.derived_since).await?;
        old.retain(|(known, file)| {
            let gone = ours.as_ref().is_none_or(|ours| ours.contains(&file.path));
            *known == Known::Data && gone && !named.contains(file.path.as_str())
        });
        let old = old.into_iter().map(|(_, file)| file);
        Ok(old.chain(spent).collect())
    }
}

/// Whether a file lies where runs put tables, pages, mails and refused files.
pub(super) fn holds_data(path: &str) -> bool {
    let folder = path.split('/').next().unwrap_or_default();
    let is_log = path.split('/').any(|part| part == DELTA);
    path.contains('/') && (TABLES.contains(&folder) || PLAIN.contains(&folder)) && !is_log
}

/// Every file there is, what listings hide among them, in the order of their paths.
async fn listed(store: &Store) -> Result<Vec<(Known, Entry)>, WarehouseError> {
    let (listed, litter) = store.everything().await?;
    let litter = litter.into_iter();
    let litter = litter.map(|file| (litter_is(&file.path), file));
    let listed = listed.into_iter().map(|file| (known(&file.path), file));
    let mut all: Vec<(Known, Entry)> = litter.chain(listed).collect();
    all.sort_by(|one, two| one.1.path.cmp(&two.1.path));
    Ok(all)
}

/// What of the Delta logs tells of no version that can be asked for.
async fn spent(
    store: &Store,
    listed: &[(Known, Entry)],
    derived_since: u64,
) -> Result<Vec<Entry>, StoreError> {
    let apart = listed.iter().filter(|(known, _)| *known == Known::Apart);
    delta::spent(store, apart.map(|(_, file)| file), derived_since).await
}

async fn ever_named(store: &Store) -> Result<BTreeSet<String>, WarehouseError> {
    let commits = log::all(store).await?.into_iter();
    let added = commits.flat_map(|commit| commit.added);
    Ok(added.map(|file| file.path).collect())
}

/// What goes: what was let go, or left by a crash, before an instant. What is unknown is told.
async fn old(
    store: &Store,
    since: Timestamp,
    unknown: &mut Vec<String>,
) -> Result<Vec<Entry>, WarehouseError> {
    // The listing first: what is committed meanwhile is among what the log names.
    let listed = listed(store).await?;
    let newest = log::newest_number(store).await?;
    let held = fold::at(store, log::newest_at(store, since).await?).await?;
    let derived_since = held.as_ref().map_or(0, |held| held.derived_since);
    let named = named(store, held.as_deref(), newest).await?;
    let mut old = spent(store, &listed, derived_since).await?;
    old.retain(|file| file.modified <= since);
    for (known, file) in listed {
        match known {
            _ if named.contains(&file.path) => {}
            Known::Data if file.modified <= since => old.push(file),
            Known::Data | Known::Apart => {}
            Known::No => unknown.push(store.shown(&file.path)),
        }
    }
    old.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(old)
}

async fn delete(store: &Store, files: Vec<Entry>, done: &mut Vacuumed) {
    let deleted = files.into_iter().map(|file| async {
        match store.delete(&file.path).await {
            Ok(()) => Ok(file),
            Err(error) => Err(error),
        }
    });
    let mut deleted = stream::iter(deleted).buffered(AT_ONCE);
    while let Some(deleted) = deleted.next().await {
        match deleted {
            Ok(file) => done.gone.push(file),
            Err(error) => done.stuck.push(error),
        }
    }
}

/// Every file that a version names which a reader may hold: `held`, the newest one when the grace
/// began, and all after it, with the derived tables that stood as files then.
async fn named(
    store: &Store,
    held: Option<&Folded>,
    newest: u64,
) -> Result<BTreeSet<String>, WarehouseError> {
    let held_no = held.map_or(0, |held| held.version.commit_no);
    let since = held.map_or(0, |held| held.derived_since);
    let first = fold::at(store, since).await?;
    let is_derived = |file: &&DataFile| file.kind == FileKind::Derived;
    let mut named = BTreeSet::new();
    let files = held.iter().flat_map(|held| &held.version.files);
    named.extend(files.map(|file| file.path.clone()));
    let files = first.iter().flat_map(|first| &first.version.files);
    let files = files.map(AsRef::as_ref).filter(is_derived);
    named.extend(files.map(|file| file.path.clone()));
    for commit_no in since + 1..=newest {
        let commit = log::read(store, commit_no).await?;
        let added = commit.added.into_iter();
        let added = added.filter(|file| commit_no > held_no || is_derived(&file));
        named.extend(added.map(|file| file.path));
    }
    Ok(named)
}

/// By its place and its name, whether a run wrote a file.
fn known(path: &str) -> Known {
    let mut parts = path.split('/');
    let folder = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let (first, last) = (rest.first(), rest.last());
    let is_runs = |name: Option<&&str>| name.is_some_and(|name| RunId::begins(name));
    if LOCKS.contains(&path) || path == INDEX || APART.contains(&folder) || rest.contains(&DELTA) {
        Known::Apart
    } else if TABLES.contains(&folder) && is_runs(last) && path.ends_with(".parquet")
        || PLAIN.contains(&folder) && rest.len() > 1 && is_runs(first)
    {
        Known::Data
    } else {
        Known::No
    }
}

/// The same of a file that listings hide: all that a run may have been writing when it was killed.
fn litter_is(path: &str) -> Known {
    let folder = path.split('/').next().unwrap_or_default();
    let ours = [&TABLES[..], &PLAIN, &APART].concat();
    if path.contains('/') && ours.contains(&folder) {
        Known::Data
    } else {
        Known::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What a run names itself is known; all else below the warehouse is not, and stays.
    #[test]
    fn files_are_known_by_place_and_name() {
        for path in [
            "history/crm/lead/2026-11-05-0a1b2c3d-1.parquet",
            "derived/metric/2026-11-05-0a1b2c3d-12.parquet",
            "outbox/2026-11-05-0a1b2c3d/daily/1.json",
            "quarantine/2026-11-05-0a1b2c3d/crm/2026/Lead.csv",
        ] {
            assert_eq!(known(path), Known::Data, "{path}");
        }
        for path in [
            "writer.lock",
            "writer.lease",
            "_log/anything",
            "ledger/m/1-sent.json",
            "notices/notice-000001.json",
            "archive/index.html",
            "derived/metric/_delta_log/_last_checkpoint",
        ] {
            assert_eq!(known(path), Known::Apart, "{path}");
        }
        for path in [
            "notes.txt",
            "2026-11-05-0a1b2c3d-1.parquet",
            "history/crm/lead/part-1.parquet",
            "history/crm/lead/2026-11-05-0a1b2c3d-1.csv",
            "history/crm/lead/2026-11-05-0a1b2c3-1.parquet",
            "history/crm/lead/2026-13-05-0a1b2c3d-1.parquet",
            "archive/2026-11-05-0a1b2c3d",
            "archive/old/daily.html",
            "copy/history/2026-11-05-0a1b2c3d-1.parquet",
        ] {
            assert_eq!(known(path), Known::No, "{path}");
        }
    }

    // Litter goes from the folders that runs write to, the log's and the ledger's among them.
    #[test]
    fn litter_is_known_by_place() {
        for path in ["_log/1.json#12", "ledger/m/1-sent.json#1", "tables/x/y#3"] {
            assert_eq!(litter_is(path), Known::Data, "{path}");
        }
        for path in ["notes#1", "other/x#1"] {
            assert_eq!(litter_is(path), Known::No, "{path}");
        }
    }
}
