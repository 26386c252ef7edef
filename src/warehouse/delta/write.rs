//! Writing what a table's Delta log lacks. Files are created and never written over, but for
//! `_last_checkpoint`, which moves on.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::name::Name;
use super::table::Table;
use super::{checkpoint, entry};
use crate::fs::{Store, StoreError};
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file;

/// Writes the entry of a version, and its checkpoint where it has one.
pub(super) async fn version(
    store: &Store,
    table: &Table<'_>,
    version: u64,
) -> Result<(), WarehouseError> {
    let path = Name::Entry(version).path(table.folder);
    create(store, &path, entry::bytes(table, version)).await?;
    if !checkpoint::is_due(version) {
        return Ok(());
    }
    let checkpoint = checkpoint::of(table, version)?;
    let path = Name::Checkpoint(version).path(table.folder);
    create(store, &path, checkpoint.bytes.clone()).await?;
    // An older one that comes to be written late is not the newest.
    if version == checkpoint::last(table.newest()) {
        let hint = checkpoint::hint(version, &checkpoint);
        store.replace(&Name::Hint.path(table.folder), hint).await?;
    }
    Ok(())
}

/// Whether a version is there, whole and of ours, so that the next one may follow.
pub(super) async fn is_there(
    store: &Store,
    table: &Table<'_>,
    version: u64,
) -> Result<bool, WarehouseError> {
    let find = async |name: Name| store.find(&name.path(table.folder)).await;
    let last = find(Name::Entry(version)).await?;
    if !last.is_some_and(|last| entry::is_ours(&last)) {
        return Ok(false);
    }
    if !checkpoint::is_due(version) {
        return Ok(true);
    }
    let last = find(Name::Checkpoint(version)).await?;
    let hint = find(Name::Hint).await?;
    let hinted = hint.and_then(|hint| checkpoint::hinted(&hint));
    Ok(last.is_some_and(|last| file::is_ours(&last)) && hinted == Some(version))
}

/// Writes the versions that a table's log lacks, one after the other, from that of the last checkpoint
/// that all derived tables which stay as files come after: those before it nobody needs.
pub(super) async fn catch_up(store: &Store, table: &Table<'_>) -> Result<(), WarehouseError> {
    let listed = store.list(&super::folder(table.folder)).await?;
    let names = listed.iter().filter_map(|file| Name::split(&file.path)?.1);
    let present: BTreeSet<Name> = names.collect();
    refuse_foreign(store, table, &present).await?;
    let newest = table.newest();
    let last = checkpoint::last(newest);
    let hint = store.find(&Name::Hint.path(table.folder)).await?;
    let hinted = hint.and_then(|hint| checkpoint::hinted(&hint));
    for number in checkpoint::last(table.derived_since())..=newest {
        let lacks_checkpoint = checkpoint::is_due(number)
            && !present.contains(&Name::Checkpoint(number))
            || number == last && last > 0 && hinted != Some(last);
        if !present.contains(&Name::Entry(number)) || lacks_checkpoint {
            version(store, table, number).await?;
        }
    }
    Ok(())
}

/// Nothing is written after what is not ours, so that a foreign entry stays the last and reading the
/// last is enough. One beyond our newest commit may be a run's that published since.
async fn refuse_foreign(
    store: &Store,
    table: &Table<'_>,
    present: &BTreeSet<Name>,
) -> Result<(), WarehouseError> {
    let newest = table.newest();
    let last = present.range(..=Name::Entry(newest)).next_back();
    if let Some(Name::Entry(last)) = last {
        let bytes = entry::bytes(table, *last);
        refuse_other(store, &Name::Entry(*last).path(table.folder), &bytes).await?;
    }
    let last = checkpoint::last(newest);
    if present.contains(&Name::Checkpoint(last)) {
        let bytes = checkpoint::of(table, last)?.bytes;
        refuse_other(store, &Name::Checkpoint(last).path(table.folder), &bytes).await?;
    }
    Ok(())
}

async fn refuse_other(store: &Store, path: &str, bytes: &Bytes) -> Result<(), WarehouseError> {
    if store.get(path).await? == *bytes {
        return Ok(());
    }
    Err(foreign(store, path))
}

/// Creates a file. One that is there with the same bytes was written by another run of ours.
async fn create(store: &Store, path: &str, bytes: Bytes) -> Result<(), WarehouseError> {
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
