//! A file that is written bit by bit: on local disk staged beside its name, on an object store in
//! parts that become one object at the end.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::buffered::BufWriter;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::local::Staged;
use super::{Store, StoreError};

/// A file on its way; dropped before it is finished, it never was.
#[derive(Debug)]
pub(crate) struct Upload {
    shown: String,
    target: Target,
    bytes: u64,
    hash: Sha256,
}

#[derive(Debug)]
enum Target {
    Local(Staged),
    Remote(Box<Remote>),
}

/// What is small is created as one object, with all that `Store::create` does against a lost answer;
/// what grows beyond it goes in parts.
#[derive(Debug)]
struct Remote {
    store: Store,
    path: String,
    small: Vec<u8>,
    parts: Option<BufWriter>,
}

/// From so many bytes on a file goes in parts.
const LARGE: usize = 8 << 20;

impl Upload {
    pub(super) fn local(shown: String, path: &Path) -> Result<Self, StoreError> {
        let staged = Staged::new(path).map_err(|error| failed(&shown, error))?;
        Ok(Self::to(shown, Target::Local(staged)))
    }

    pub(super) fn remote(shown: String, store: &Store, path: &str) -> Self {
        let remote = Remote {
            store: store.clone(),
            path: path.to_owned(),
            small: Vec::new(),
            parts: None,
        };
        Self::to(shown, Target::Remote(Box::new(remote)))
    }

    fn to(shown: String, target: Target) -> Self {
        Self {
            shown,
            target,
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.bytes += bytes.len() as u64;
        self.hash.update(&bytes);
        match &mut self.target {
            Target::Local(staged) => staged.write(&bytes).map_err(|e| failed(&self.shown, e)),
            Target::Remote(remote) => remote.write(&bytes, &self.shown).await,
        }
    }

    /// Gives the file its name; the answer is its length and its SHA-256 in hex.
    pub(crate) async fn finish(self) -> Result<(u64, String), StoreError> {
        match self.target {
            Target::Local(staged) => {
                let done = staged.finish();
                done.map_err(|error| failed(&self.shown, error))?;
            }
            Target::Remote(remote) => remote.finish(&self.shown).await?,
        }
        Ok((self.bytes, format!("{:x}", self.hash.finalize())))
    }
}

impl Remote {
    async fn write(&mut self, bytes: &[u8], shown: &str) -> Result<(), StoreError> {
        self.small.extend_from_slice(bytes);
        if self.small.len() < LARGE {
            return Ok(());
        }
        let parts = match self.parts.take() {
            Some(parts) => parts,
            None => BufWriter::new(Arc::clone(&self.store.inner), self.store.key(&self.path)?),
        };
        let parts = self.parts.insert(parts);
        let large = std::mem::take(&mut self.small);
        let put = parts.put(large.into()).await;
        put.map_err(|error| failed(shown, error))
    }

    async fn finish(self, shown: &str) -> Result<(), StoreError> {
        let Some(mut parts) = self.parts else {
            return self.store.create(&self.path, self.small.into()).await;
        };
        let put = parts.put(self.small.into()).await;
        put.map_err(|error| failed(shown, error))?;
        let done = parts.shutdown().await;
        done.map_err(|error| failed(shown, error))
    }
}

fn failed(shown: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Io {
        path: shown.to_owned(),
        source: source.into(),
    }
}
