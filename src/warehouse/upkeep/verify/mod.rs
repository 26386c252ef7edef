//! Whether a warehouse is what its log says: every entry, every checkpoint, every file that can still
//! be asked for, to the byte. Nothing is mended.

mod file;
mod log;
mod order;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use futures::stream::{self, StreamExt};

use super::AT_ONCE;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::fold::Folded;
use crate::warehouse::log::{Commit, DataFile, FileKind};
use crate::warehouse::{Warehouse, delta};

const PUT_BACK: &str = "put it back from a copy of the warehouse";

/// What is wrong with one file. No cell's value stands in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Fault {
    pub(crate) file: String,
    pub(crate) found: String,
    /// What was to be found, and who says so.
    pub(crate) stated: String,
    pub(crate) fix: &'static str,
}

/// What was looked at, and all that is wrong with it.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Verified {
    pub(crate) commits: usize,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    pub(crate) faults: Vec<Fault>,
}

/// A file that can still be asked for, and the commit that added it.
struct Named {
    file: Arc<DataFile>,
    by: u64,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            file,
            found,
            stated,
            fix,
        } = self;
        write!(f, "`{file}` {found}; {stated}\n  fix: {fix}")
    }
}

impl Fault {
    /// A file that cannot be read at all.
    fn unreadable(store: &Store, path: &str, by: u64, error: &WarehouseError) -> Self {
        let mut why = error.to_string();
        let mut below = error.source();
        while let Some(cause) = below {
            why = cause.to_string();
            below = cause.source();
        }
        Self {
            file: store.shown(path),
            found: format!("cannot be read: {why}"),
            stated: format!("commit {by} names it"),
            fix: "see that this program may read it; else put it back from a copy of the warehouse",
        }
    }
}

impl Warehouse {
    /// Reads everything that the newest version names, and every older one whose derived tables stand
    /// as files. Where the log itself is damaged, nothing says what else there should be.
    pub(crate) async fn verify(&self) -> Result<Verified, WarehouseError> {
        let store = &self.store;
        let (commits, faults) = log::read(store).await?;
        let mut verified = Verified {
            commits: commits.len(),
            faults,
            ..Verified::default()
        };
        if !verified.faults.is_empty() {
            return Ok(verified);
        }
        let Some(walked) = log::fold(store, &commits).await? else {
            return Err(WarehouseError::Empty);
        };
        verified.faults.extend(walked.faults);
        verified
            .faults
            .extend(order::of_files(store, &walked.newest));
        let live = live(&commits, walked.live);
        verified.files = live.len();
        verified.bytes = live.iter().map(|named| named.file.bytes).sum();
        let checks = live.iter().map(|named| file::check(store, named));
        let mut checks = stream::iter(checks).buffered(AT_ONCE);
        while let Some(faults) = checks.next().await {
            verified.faults.extend(faults);
        }
        drop(checks);
        verified
            .faults
            .extend(delta::faults(store, &commits).await?);
        Ok(verified)
    }
}

/// The files by path, each with the commit that added it.
fn live(commits: &[Commit], files: BTreeMap<String, Arc<DataFile>>) -> Vec<Named> {
    let added = commits.iter().flat_map(|commit| {
        let paths = commit.added.iter().map(|file| file.path.as_str());
        paths.map(|path| (path, commit.commit_no))
    });
    let added: BTreeMap<&str, u64> = added.collect();
    let named = files.into_values().map(|file| Named {
        by: added.get(file.path.as_str()).copied().unwrap_or(0),
        file,
    });
    named.collect()
}

/// The files of a version that stay as long as its derived tables stand as files.
fn derived(folded: &Folded) -> impl Iterator<Item = &Arc<DataFile>> {
    let files = folded.version.files.iter();
    files.filter(|file| file.kind == FileKind::Derived)
}
