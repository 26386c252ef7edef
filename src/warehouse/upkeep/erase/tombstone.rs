//! What stays of who was erased: `erased/<run_id>.json`, keyed hashes and counts, no plain value. The
//! key, `erased/key`, is made once and never leaves the warehouse.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::clock::RunId;
use crate::fs::{Store, StoreError};
use crate::warehouse::error::WarehouseError;

const FOLDER: &str = "erased";
const KEY: &str = "erased/key";
const FORMAT: u64 = 1;

/// Who was erased by one run, in hashes, and what went.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tombstone {
    format: u64,
    pub(crate) run_id: RunId,
    pub(crate) commit_no: u64,
    pub(crate) as_of: Date,
    pub(crate) persons: usize,
    /// The streams whose records are people: a record there with an erased address is one.
    pub(super) streams: BTreeSet<String>,
    /// The sources whose ids are hashed, and the lengths of those ids.
    pub(super) sources: BTreeSet<String>,
    pub(super) lengths: BTreeSet<usize>,
    pub(super) addresses: BTreeSet<String>,
    /// Of source, stream and record.
    pub(super) records: BTreeSet<String>,
    /// Of source and record, as other rows name it.
    pub(super) ids: BTreeSet<String>,
    /// By table, or kind of file.
    pub(crate) went: BTreeMap<String, Went>,
    pub(super) stubs: Vec<Stub>,
}

/// What went of one table, or of one kind of file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Went {
    /// Rows that went whole.
    pub(crate) rows: u64,
    /// Cells that are null now, in rows that stay.
    pub(crate) cells: u64,
    /// Files replaced, or stood in for by a stub.
    pub(crate) files: u64,
}

/// What stands for a file that was taken out.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Stub {
    pub(super) was: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

impl Went {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.cells += other.cells;
        self.files += other.files;
    }
}

impl Tombstone {
    pub(super) fn new(run_id: &RunId, commit_no: u64, as_of: Date) -> Self {
        Self {
            format: FORMAT,
            run_id: run_id.clone(),
            commit_no,
            as_of,
            persons: 0,
            streams: BTreeSet::new(),
            sources: BTreeSet::new(),
            lengths: BTreeSet::new(),
            addresses: BTreeSet::new(),
            records: BTreeSet::new(),
            ids: BTreeSet::new(),
            went: BTreeMap::new(),
            stubs: Vec::new(),
        }
    }

    pub(super) async fn write(&self, store: &Store) -> Result<(), WarehouseError> {
        let path = format!("{FOLDER}/{}.json", self.run_id);
        let json = serde_json::to_vec_pretty(self).map_err(garbled(store, &path))?;
        Ok(store.create(&path, json.into()).await?)
    }
}

/// Every tombstone, in the order of their runs.
pub(in crate::warehouse) async fn all(store: &Store) -> Result<Vec<Tombstone>, WarehouseError> {
    let mut tombstones = Vec::new();
    for entry in store.list(FOLDER).await? {
        if entry.path.strip_suffix(".json").is_none() {
            continue;
        }
        let bytes = store.get(&entry.path).await?;
        let read: Tombstone =
            serde_json::from_slice(&bytes).map_err(garbled(store, &entry.path))?;
        if read.format != FORMAT {
            return Err(WarehouseError::UnknownFormat {
                path: store.shown(&entry.path),
                format: read.format,
            });
        }
        tombstones.push(read);
    }
    Ok(tombstones)
}

/// The key by which everything is hashed; none before the first erasure.
pub(super) async fn key(store: &Store) -> Result<Option<hmac::Key>, WarehouseError> {
    let Some(text) = store.find(KEY).await? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&text);
    let bytes = unhex(text.trim()).ok_or_else(|| WarehouseError::Garbled {
        path: store.shown(KEY),
        why: "it is not 64 hex digits".to_owned(),
    })?;
    Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

/// The key, made now if there is none yet.
pub(super) async fn make_key(store: &Store) -> Result<hmac::Key, WarehouseError> {
    if key(store).await?.is_none() {
        let text = format!("{}\n", hex(&random(store)?));
        match store.create(KEY, text.into()).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match key(store).await? {
        Some(key) => Ok(key),
        None => Err(StoreError::NotFound {
            path: store.shown(KEY),
        }
        .into()),
    }
}

/// A key of the moment, for who only looks.
pub(super) fn passing_key(store: &Store) -> Result<hmac::Key, WarehouseError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &random(store)?))
}

fn random(store: &Store) -> Result<[u8; 32], WarehouseError> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| StoreError::Io {
        path: store.shown(KEY),
        source: "the system gives no random bytes".into(),
    })?;
    Ok(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok().filter(|_| rest.is_empty())
}

fn garbled(store: &Store, path: &str) -> impl Fn(serde_json::Error) -> WarehouseError + use<> {
    let path = store.shown(path);
    move |error| WarehouseError::Garbled {
        path: path.clone(),
        why: error.to_string(),
    }
}
