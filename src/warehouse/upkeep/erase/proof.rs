//! The proof of an erasure: every file in the data folders is looked through, named by a version or
//! not, for what the hashes of the erased tell.

use std::collections::BTreeSet;
use std::error::Error;

use super::aside::{Cut, cut};
use super::matcher::Matcher;
use super::plan::sift_stored;
use super::{text, tombstone};
use crate::fs::{Entry, Store};
use crate::warehouse::Warehouse;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::upkeep::vacuum;

/// What was looked at, and what is left. No value stands in it.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Proof {
    pub(crate) erasures: usize,
    pub(crate) persons: usize,
    pub(crate) files: usize,
    pub(crate) left: Vec<Left>,
    /// Files that cannot be looked into, and why.
    pub(crate) unread: Vec<String>,
}

/// What is left of the erased in one file.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Left {
    pub(crate) file: String,
    /// Rows, or 1 where a file is one piece.
    pub(crate) rows: u64,
    pub(crate) cells: u64,
}

impl Warehouse {
    /// Looks through everything that is kept for what is left of the erased.
    pub(crate) async fn prove_erasure(&self) -> Result<Proof, WarehouseError> {
        let store = &self.store;
        let mut proof = Proof::default();
        for tombstone in tombstone::all(store).await? {
            if self.is_committed(&tombstone).await? {
                proof.erasures += 1;
                proof.persons += tombstone.persons;
            }
        }
        let Some(matcher) = self.erased_by_hash().await? else {
            return Ok(proof);
        };
        let newest = self.latest().await?;
        let (files, litter) = store.everything().await?;
        for file in litter {
            if vacuum::holds_data(&file.path) {
                let shown = store.shown(&file.path);
                proof.unread.push(format!("`{shown}` was never finished"));
            }
        }
        let paths: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
        for file in files
            .into_iter()
            .filter(|file| vacuum::holds_data(&file.path))
        {
            proof.files += 1;
            let page = text::page_of(&file.path);
            if is_paper(&file.path)
                && page.is_none_or(|page| !paths.contains(&page))
                && text::is_opaque(&store.get(&file.path).await?)
            {
                let shown = store.shown(&file.path);
                let why =
                    format!("`{shown}` holds a PDF, and the page that it was made from is gone");
                proof.unread.push(why);
            }
            let mut named = newest.iter().flat_map(|newest| &newest.files);
            let table = named.find(|named| named.path == file.path);
            let table = table.map_or("", |named| named.table.as_str());
            match look(store, &matcher, &file, table).await {
                Ok((0, 0)) => {}
                Ok((rows, cells)) => proof.left.push(Left {
                    file: store.shown(&file.path),
                    rows,
                    cells,
                }),
                Err(error) => {
                    let why = error.source().map(|why| format!(": {why}"));
                    proof
                        .unread
                        .push(format!("{error}{}", why.unwrap_or_default()));
                }
            }
        }
        Ok(proof)
    }
}

/// Whether a file is one of pages and mails.
fn is_paper(path: &str) -> bool {
    path.starts_with("archive/") || path.starts_with("outbox/")
}

/// How many rows, and cells of other rows, of a file name somebody erased.
async fn look(
    store: &Store,
    matcher: &Matcher,
    entry: &Entry,
    table: &str,
) -> Result<(u64, u64), WarehouseError> {
    let parts: Vec<&str> = entry.path.split('/').collect();
    let kind = match parts.first() {
        Some(&"history") => FileKind::History,
        Some(&"events") => FileKind::Events,
        Some(&"derived") => FileKind::Derived,
        Some(&"tables") => FileKind::Append,
        Some(&"quarantine") => {
            let source = parts.get(2).copied().unwrap_or_default();
            let source = if table.is_empty() { source } else { table };
            let bytes = store.get(&entry.path).await?;
            return Ok(match cut(matcher, source, &bytes) {
                Cut::Stays => (0, 0),
                Cut::Whole => (1, 0),
                Cut::Rows(_, rows) => (rows, 0),
            });
        }
        _ => {
            let bytes = store.get(&entry.path).await?;
            let names = text::names(matcher, &BTreeSet::new(), &entry.path, &bytes);
            return Ok((u64::from(names), 0));
        }
    };
    let inner = parts.get(1..parts.len() - 1).unwrap_or_default();
    let file = DataFile {
        table: inner.join("."),
        path: entry.path.clone(),
        kind,
        rows: 0,
        bytes: entry.bytes,
        sha256: String::new(),
        commits: [0, 0],
        schema: Vec::new(),
    };
    let mut batches = Reading::open(store, &file).await?.stream(None, None)?;
    let (mut rows, mut cells) = (0, 0);
    while let Some(batch) = batches.next().await? {
        if let Some(found) = sift_stored(matcher, &file, &batch)? {
            rows += found.went.rows;
            cells += found.went.cells;
        }
    }
    Ok((rows, cells))
}
