//! The commit log folded up to one commit, and checkpoints of it: `_log/<20 digits>.checkpoint.json`.
//!
//! A checkpoint only spares the reading of the entries before it; what it says follows from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::version::{StreamState, Version};
use super::{Commit, DataFile, FOLDER, FORMAT, Work, find, newest_number, parse, read};
use crate::clock::RunId;
use crate::fs::{Store, StoreError};
use crate::warehouse::error::WarehouseError;

/// How the names of checkpoints end.
pub(super) const CHECKPOINT: &str = ".checkpoint.json";
/// Every commit of such a number has a checkpoint, unless it could not be written.
const EVERY: u64 = 32;

/// What the log says up to one commit.
#[derive(Debug, Clone)]
pub(in crate::warehouse) struct Folded {
    pub(in crate::warehouse) version: Version,
    /// The commit that stands for each published day.
    pub(in crate::warehouse) days: BTreeMap<Date, u64>,
    /// The first commit whose derived tables stay as files.
    pub(in crate::warehouse) derived_since: u64,
    /// Whether an addition still belongs to what was published for the day: not after late extracts
    /// or an erasure.
    open: bool,
}

impl Folded {
    pub(in crate::warehouse) fn after(base: Option<&Self>, commit: &Commit) -> Self {
        let version = Version::after(base.map(|base| base.version.clone()), commit);
        let (mut days, mut open) = base.map_or_else(
            || (BTreeMap::new(), true),
            |base| (base.days.clone(), base.open),
        );
        match commit.work {
            Work::Night => open = true,
            Work::Late | Work::Erasure => open = false,
            Work::Addition | Work::Upkeep => {}
        }
        if open && commit.work != Work::Upkeep {
            days.insert(commit.as_of, commit.commit_no);
        }
        Self {
            version,
            days,
            derived_since: commit.derived_since,
            open,
        }
    }

    /// The first commit of a day not before this one; none if there is none.
    pub(in crate::warehouse) fn since(&self, day: Date) -> Option<u64> {
        self.days
            .range(day..)
            .map(|(_, commit_no)| *commit_no)
            .min()
    }

    /// Whether a checkpoint of this commit is due.
    pub(in crate::warehouse) fn wants_checkpoint(&self) -> bool {
        self.version.commit_no.is_multiple_of(EVERY)
    }

    /// Writes the checkpoint of this commit; one that is there says the same.
    pub(in crate::warehouse) async fn write(&self, store: &Store) -> Result<(), WarehouseError> {
        let path = path(self.version.commit_no);
        let json =
            serde_json::to_vec(&Checkpoint::of(self)).map_err(|error| WarehouseError::Garbled {
                path: store.shown(&path),
                why: error.to_string(),
            })?;
        match store.create(&path, json.into()).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the checkpoint of a commit says what the log says up to it.
pub(in crate::warehouse) async fn agrees(
    store: &Store,
    folded: &Folded,
) -> Result<bool, WarehouseError> {
    let path = path(folded.version.commit_no);
    let shown = store.shown(&path);
    let found: Checkpoint = parse(&shown, &store.get(&path).await?)?;
    let [found, told] = [found, Checkpoint::of(folded)].map(serde_json::to_value);
    let garbled = |error: serde_json::Error| WarehouseError::Garbled {
        path: shown.clone(),
        why: error.to_string(),
    };
    Ok(found.map_err(garbled)? == told.map_err(garbled)?)
}

/// The log up to its end; none without a commit. `known` is what was read before: only what follows it
/// is looked for then, since a listing takes the longer the older the warehouse is.
pub(in crate::warehouse) async fn newest(
    store: &Store,
    known: Option<Arc<Folded>>,
) -> Result<Option<Arc<Folded>>, WarehouseError> {
    let Some(mut known) = known else {
        return at(store, newest_number(store).await?).await;
    };
    while let Some(commit) = find(store, known.version.commit_no + 1).await? {
        known = Arc::new(Folded::after(Some(&known), &commit));
    }
    Ok(Some(known))
}

/// The log up to one commit, from the last checkpoint on that is there.
pub(in crate::warehouse) async fn at(
    store: &Store,
    commit_no: u64,
) -> Result<Option<Arc<Folded>>, WarehouseError> {
    let mut last = commit_no - commit_no % EVERY;
    let mut folded = None;
    while last > 0 {
        folded = load(store, last).await?.map(Arc::new);
        if folded.is_some() {
            break;
        }
        last -= EVERY;
    }
    for number in last + 1..=commit_no {
        let commit = read(store, number).await?;
        folded = Some(Arc::new(Folded::after(folded.as_deref(), &commit)));
    }
    Ok(folded)
}

async fn load(store: &Store, commit_no: u64) -> Result<Option<Folded>, WarehouseError> {
    let path = path(commit_no);
    let Some(bytes) = store.find(&path).await? else {
        return Ok(None);
    };
    let checkpoint: Checkpoint = parse(&store.shown(&path), &bytes)?;
    Ok(Some(checkpoint.folded()))
}

/// Where the checkpoint of a commit stands.
pub(in crate::warehouse) fn path(commit_no: u64) -> String {
    format!("{FOLDER}/{commit_no:020}{CHECKPOINT}")
}

/// The form on disk.
#[derive(serde::Serialize, serde::Deserialize)]
struct Checkpoint {
    format: u64,
    commit_no: u64,
    run_id: RunId,
    as_of: Date,
    open: bool,
    derived_since: u64,
    days: BTreeMap<Date, u64>,
    streams: BTreeMap<String, StreamState>,
    files: Vec<DataFile>,
}

impl Checkpoint {
    fn of(folded: &Folded) -> Self {
        let version = &folded.version;
        Self {
            format: FORMAT,
            commit_no: version.commit_no,
            run_id: version.run_id.clone(),
            as_of: version.as_of,
            open: folded.open,
            derived_since: folded.derived_since,
            days: folded.days.clone(),
            streams: version.streams.clone(),
            files: version.files.iter().map(|file| (**file).clone()).collect(),
        }
    }

    fn folded(self) -> Folded {
        Folded {
            version: Version {
                commit_no: self.commit_no,
                run_id: self.run_id,
                as_of: self.as_of,
                is_derived: true,
                files: self.files.into_iter().map(Arc::new).collect(),
                streams: self.streams,
            },
            days: self.days,
            derived_since: self.derived_since,
            open: self.open,
        }
    }
}
