//! What of the Delta logs nobody needs any more.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::name::Name;
use super::{AT_ONCE, checkpoint, entry};
use crate::fs::{Entry, Store, StoreError};
use crate::warehouse::file::is_ours;

/// Of the files of a store the entries and checkpoints of Delta logs that come before a checkpoint from
/// which all versions can be told whose derived tables stay as files. What another program wrote stays,
/// and so does all that would be needed if such a one were not there.
pub(in crate::warehouse) async fn spent(
    store: &Store,
    listed: impl Iterator<Item = &Entry>,
    derived_since: u64,
) -> Result<Vec<Entry>, StoreError> {
    let mut logs: BTreeMap<&str, Vec<(Name, &Entry)>> = BTreeMap::new();
    for file in listed {
        if let Some((table, Some(name))) = Name::split(&file.path) {
            logs.entry(table).or_default().push((name, file));
        }
    }
    let mut spent = Vec::new();
    for (table, files) in logs {
        let checkpoints = files.iter().filter_map(|(name, _)| match name {
            Name::Checkpoint(version) if *version <= derived_since => Some(*version),
            _ => None,
        });
        let Some(base) = checkpoints.filter(|it| checkpoint::is_due(*it)).max() else {
            continue;
        };
        let old = files.into_iter().filter(|(name, _)| is_before(*name, base));
        let old: Vec<(Name, &Entry)> = old.collect();
        if !old.is_empty() && can_begin(store, table, base).await? {
            let ours = old.into_iter().map(|(name, file)| ours(store, name, file));
            let ours = stream::iter(ours).buffered(AT_ONCE);
            let ours: Vec<Option<Entry>> = ours.try_collect().await?;
            spent.extend(ours.into_iter().flatten());
        }
    }
    Ok(spent)
}

fn is_before(name: Name, base: u64) -> bool {
    match name {
        Name::Entry(version) | Name::Checkpoint(version) => version < base,
        Name::Hint => false,
    }
}

/// Whether readers find their way with nothing before a checkpoint: it is ours, and
/// `_last_checkpoint` names none before it.
async fn can_begin(store: &Store, table: &str, base: u64) -> Result<bool, StoreError> {
    let begins = store.find(&Name::Checkpoint(base).path(table)).await?;
    let hint = store.find(&Name::Hint.path(table)).await?;
    let hinted = hint.and_then(|hint| checkpoint::hinted(&hint));
    Ok(begins.is_some_and(|begins| is_ours(&begins)) && hinted >= Some(base))
}

/// The file, if this program wrote it.
async fn ours(store: &Store, name: Name, file: &Entry) -> Result<Option<Entry>, StoreError> {
    let there = store.find(&file.path).await?;
    let is_ours = there.is_some_and(|bytes| match name {
        Name::Entry(_) => entry::is_ours(&bytes),
        Name::Checkpoint(_) => is_ours(&bytes),
        Name::Hint => false,
    });
    Ok(is_ours.then(|| file.clone()))
}
