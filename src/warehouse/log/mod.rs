//! The commit log: `_log/<20 digits>.json`, one file a commit, numbered from 1 without a gap.
//!
//! An entry lists what one run adds and removes in all tables. Creating it is the one act by which
//! a run becomes visible, whole or not at all; it is never changed afterwards.

pub(in crate::warehouse) mod fold;
mod lease;
pub(in crate::warehouse) mod lock;
pub(in crate::warehouse) mod version;

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::RunId;
use crate::fs::{Store, StoreError};
use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::schema::Column;

const FOLDER: &str = "_log";
const FORMAT: u64 = 1;

/// One commit: what a run published.
#[expect(
    clippy::struct_field_names,
    reason = "`commit_no` is the word of the tables"
)]
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Commit {
    pub(in crate::warehouse) format: u64,
    pub(crate) commit_no: u64,
    pub(crate) run_id: RunId,
    pub(crate) work: Work,
    /// The day whose derived tables the commit holds: the newest that is published.
    pub(crate) as_of: Date,
    pub(crate) added: Vec<DataFile>,
    pub(crate) removed: Vec<String>,
    /// The first commit whose derived tables stay as files; those of earlier ones are derived again.
    pub(crate) derived_since: u64,
    /// The streams whose extracts the run recorded, by `<source>.<stream>`.
    pub(crate) streams: BTreeMap<String, StreamFact>,
    /// The configuration and the definitions in force, by file name.
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) definition_hash: String,
}

/// What a commit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// A night, published in its turn.
    Night,
    /// Extracts of an earlier day that joined the history after later days were published.
    Late,
    /// Rows added to a table for a day that is published.
    Addition,
    /// Persons taken out of everything that was ever published.
    Erasure,
    /// Files merged or put away; no answer changes.
    Upkeep,
}

/// A file that a commit added. Never changed.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct DataFile {
    /// The table; for `archive` and `outbox` empty.
    pub(crate) table: String,
    pub(crate) path: String,
    pub(crate) kind: FileKind,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// The first and the last commit whose rows it holds; merging keeps each row's.
    pub(crate) commits: [u64; 2],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) schema: Vec<Column>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileKind {
    /// A sorted run of a snapshot stream's versions.
    History,
    /// Rows of an event or field-history stream.
    Events,
    /// A table that each run replaces.
    Derived,
    /// Rows of a table to which runs only add.
    Append,
    /// What was sent.
    Archive,
    /// What is to be sent.
    Outbox,
    /// A refused file of a source as it came.
    Quarantine,
}

/// What a run recorded of one stream.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct StreamFact {
    pub(crate) form: StreamForm,
    /// The day that the extract stands for; in a late commit an earlier one than the commit's.
    pub(crate) as_of: Date,
    /// The last instant of the extract's day.
    pub(crate) until: Timestamp,
    /// The columns that the extract had.
    pub(crate) present: Vec<String>,
    /// Every raw column that the stream ever had, with the types its history is read in.
    pub(crate) columns: Vec<Column>,
    pub(crate) recorded: Recorded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StreamForm {
    /// Every record, each time.
    Snapshot,
    /// The records that changed, and those that were deleted.
    Changes,
    Events,
}

impl FileKind {
    /// Whether it is of a table to which runs only add.
    pub(in crate::warehouse) fn grows(self) -> bool {
        matches!(self, Self::History | Self::Events | Self::Append)
    }
}

impl StreamForm {
    /// Whether the stream's records have a history of versions.
    pub(crate) fn has_versions(self) -> bool {
        !matches!(self, Self::Events)
    }

    pub(in crate::warehouse) fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "a snapshot",
            Self::Changes => "changes",
            Self::Events => "events",
        }
    }
}

impl Commit {
    pub(in crate::warehouse) fn new(
        commit_no: u64,
        run_id: &RunId,
        work: Work,
        as_of: Date,
    ) -> Self {
        Self {
            format: FORMAT,
            commit_no,
            run_id: run_id.clone(),
            work,
            as_of,
            added: Vec::new(),
            removed: Vec::new(),
            derived_since: 0,
            streams: BTreeMap::new(),
            texts: BTreeMap::new(),
            definition_hash: String::new(),
        }
    }

    /// Makes the commit visible. An error means that it is not, except that a store which neither
    /// answers the write nor the question after it leaves the matter open until the next read.
    pub(in crate::warehouse) async fn publish(&self, store: &Store) -> Result<(), WarehouseError> {
        let path = path(self.commit_no);
        let json = serde_json::to_vec(self).map_err(|error| WarehouseError::Garbled {
            path: store.shown(&path),
            why: error.to_string(),
        })?;
        let Err(error) = store.create(&path, json.into()).await else {
            return Ok(());
        };
        // A create that was retried, or whose answer was lost, may have been ours.
        let found = match &error {
            StoreError::AlreadyExists { .. } | StoreError::Io { .. } => store.find(&path).await,
            StoreError::NotFound { .. } => Ok(None),
        };
        let Ok(Some(bytes)) = found else {
            return Err(error.into());
        };
        let there: Self = parse(&store.shown(&path), &bytes)?;
        if there.run_id == self.run_id {
            return Ok(());
        }
        Err(WarehouseError::LostRace {
            commit_no: self.commit_no,
            run_id: self.run_id.clone(),
            by: there.run_id,
        })
    }
}

/// Where a commit stands.
pub(in crate::warehouse) fn path(commit_no: u64) -> String {
    format!("{FOLDER}/{commit_no:020}.json")
}

/// Reads one commit.
pub(in crate::warehouse) async fn read(
    store: &Store,
    commit_no: u64,
) -> Result<Commit, WarehouseError> {
    let path = path(commit_no);
    told(store.shown(&path), &store.get(&path).await?, commit_no)
}

/// Reads one commit if it is there.
async fn find(store: &Store, commit_no: u64) -> Result<Option<Commit>, WarehouseError> {
    let path = path(commit_no);
    let bytes = store.find(&path).await?;
    let told = |bytes| told(store.shown(&path), &bytes, commit_no);
    bytes.map(told).transpose()
}

/// The commit that an entry holds.
fn told(shown: String, bytes: &Bytes, commit_no: u64) -> Result<Commit, WarehouseError> {
    let commit: Commit = parse(&shown, bytes)?;
    if commit.commit_no != commit_no {
        return Err(WarehouseError::Garbled {
            path: shown,
            why: format!("it calls itself commit {}", commit.commit_no),
        });
    }
    Ok(commit)
}

/// Every commit, in order.
pub(in crate::warehouse) async fn all(store: &Store) -> Result<Vec<Commit>, WarehouseError> {
    let newest = newest_number(store).await?;
    let mut commits = Vec::new();
    for commit_no in 1..=newest {
        commits.push(read(store, commit_no).await?);
    }
    Ok(commits)
}

/// The number of the newest commit, 0 if there is none.
pub(in crate::warehouse) async fn newest_number(store: &Store) -> Result<u64, WarehouseError> {
    let (entries, _) = listed(store).await?;
    for (commit_no, entry) in (1..).zip(&entries) {
        if *entry != commit_no {
            return Err(WarehouseError::Gap {
                path: store.shown(&path(commit_no)),
            });
        }
    }
    Ok(entries.last().copied().unwrap_or(0))
}

/// The numbers of the entries that are there, and of the checkpoints, in order.
pub(in crate::warehouse) async fn listed(
    store: &Store,
) -> Result<(Vec<u64>, Vec<u64>), WarehouseError> {
    let listing = store.list(FOLDER).await?;
    let ending = |ending| {
        let numbers = listing.iter().map(move |entry| number(&entry.path, ending));
        numbers.flatten().collect()
    };
    Ok((ending(".json"), ending(fold::CHECKPOINT)))
}

/// The commit that was the newest at an instant of the store's clock; 0 if there was none.
pub(in crate::warehouse) async fn newest_at(
    store: &Store,
    at: Timestamp,
) -> Result<u64, WarehouseError> {
    let listing = store.list(FOLDER).await?;
    let then = listing.iter().filter(|entry| entry.modified <= at);
    let numbers = then.filter_map(|entry| number(&entry.path, ".json"));
    Ok(numbers.max().unwrap_or(0))
}

fn number(path: &str, ending: &str) -> Option<u64> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let digits = name.strip_suffix(ending).filter(|name| name.len() == 20)?;
    digits.parse().ok()
}

/// An entry of the log, which says first of which format it is.
fn parse<T: serde::de::DeserializeOwned>(shown: &str, bytes: &Bytes) -> Result<T, WarehouseError> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u64,
    }
    let garbled = |error: serde_json::Error| WarehouseError::Garbled {
        path: shown.to_owned(),
        why: error.to_string(),
    };
    // Before the rest, which another format may spell otherwise.
    let Head { format } = serde_json::from_slice(bytes).map_err(garbled)?;
    if format != FORMAT {
        return Err(WarehouseError::UnknownFormat {
            path: shown.to_owned(),
            format,
        });
    }
    serde_json::from_slice(bytes).map_err(garbled)
}
