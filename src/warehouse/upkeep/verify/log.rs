//! The commit log: no gap, every entry whole, every checkpoint what the entries before it say.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Fault, PUT_BACK, derived};
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::fold::{self, Folded};
use crate::warehouse::log::{self, Commit, DataFile};

/// What the log comes to.
pub(super) struct Walked {
    pub(super) newest: Folded,
    /// The files that can still be asked for, by path.
    pub(super) live: BTreeMap<String, Arc<DataFile>>,
    pub(super) faults: Vec<Fault>,
}

/// Every commit, and what is wrong with the entries.
pub(super) async fn read(store: &Store) -> Result<(Vec<Commit>, Vec<Fault>), WarehouseError> {
    let (entries, _) = log::listed(store).await?;
    let newest = entries.last().copied().unwrap_or(0);
    let (mut commits, mut faults) = (Vec::new(), Vec::new());
    for commit_no in 1..=newest {
        if entries.binary_search(&commit_no).is_err() {
            faults.push(Fault {
                file: store.shown(&log::path(commit_no)),
                found: "is not there".to_owned(),
                stated: format!("the log goes to commit {newest}"),
                fix: PUT_BACK,
            });
            continue;
        }
        match log::read(store, commit_no).await {
            Ok(commit) => commits.push(commit),
            Err(error) => faults.push(entry(store, commit_no, error)?),
        }
    }
    Ok((commits, faults))
}

fn entry(store: &Store, commit_no: u64, error: WarehouseError) -> Result<Fault, WarehouseError> {
    let (found, fix) = words("entry of a commit log", error)?;
    Ok(Fault {
        file: store.shown(&log::path(commit_no)),
        found,
        stated: format!("commit {commit_no} is to be read from it"),
        fix,
    })
}

/// What is wrong with a file of the log; that the store cannot be read is no fault of the file.
fn words(what: &str, error: WarehouseError) -> Result<(String, &'static str), WarehouseError> {
    match error {
        WarehouseError::Garbled { why, .. } => Ok((format!("is no {what}: {why}"), PUT_BACK)),
        WarehouseError::UnknownFormat { format, .. } => Ok((
            format!("is of format {format}, which this program does not read"),
            "use the version of this program that wrote it",
        )),
        other => Err(other),
    }
}

/// The log folded from its first entry on, beside its checkpoints; none without a commit.
pub(super) async fn fold(
    store: &Store,
    commits: &[Commit],
) -> Result<Option<Walked>, WarehouseError> {
    let (_, checkpoints) = log::listed(store).await?;
    let derived_since = commits.last().map_or(0, |commit| commit.derived_since);
    let mut folded: Option<Folded> = None;
    let (mut live, mut faults) = (BTreeMap::new(), Vec::new());
    let mut keep = |file: &Arc<DataFile>| {
        live.insert(file.path.clone(), Arc::clone(file));
    };
    for commit in commits {
        let next = Folded::after(folded.as_ref(), commit);
        if checkpoints.contains(&commit.commit_no) {
            faults.extend(checkpoint(store, &next).await?);
        }
        if commit.commit_no >= derived_since {
            derived(&next).for_each(&mut keep);
        }
        folded = Some(next);
    }
    let newest = folded.as_ref().map(|newest| newest.version.commit_no);
    let beyond = checkpoints.iter().filter(|number| Some(**number) > newest);
    faults.extend(beyond.map(|number| lies(store, *number, "stands for no commit".to_owned())));
    if let Some(newest) = &folded {
        newest.version.files.iter().for_each(&mut keep);
    }
    Ok(folded.map(|newest| Walked {
        newest,
        live,
        faults,
    }))
}

async fn checkpoint(store: &Store, folded: &Folded) -> Result<Option<Fault>, WarehouseError> {
    let found = match fold::agrees(store, folded).await {
        Ok(true) => return Ok(None),
        Ok(false) => "says something else than the entries up to it".to_owned(),
        Err(error) => words("checkpoint", error)?.0,
    };
    Ok(Some(lies(store, folded.version.commit_no, found)))
}

fn lies(store: &Store, commit_no: u64, found: String) -> Fault {
    Fault {
        file: store.shown(&fold::path(commit_no)),
        found,
        stated: "a checkpoint follows from the log".to_owned(),
        fix: "delete it: it only spares the reading of the entries before it",
    }
}
