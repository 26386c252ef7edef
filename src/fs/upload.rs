//! A file that is written bit by bit: on local disk staged beside its name, on an object store in
//! parts that become one object at the end.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::StoreError;
use super::local::Staged;

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
    Remote(Box<BufWriter>),
}

impl Upload {
    pub(super) fn local(shown: String, path: &Path) -> Result<Self, StoreError> {
        let staged = Staged::new(path).map_err(|error| failed(&shown, error))?;
        Ok(Self::to(shown, Target::Local(staged)))
    }

    pub(super) fn remote(shown: String, store: Arc<dyn ObjectStore>, key: Key) -> Self {
        let writer = BufWriter::new(store, key);
        Self::to(shown, Target::Remote(Box::new(writer)))
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
            Target::Remote(writer) => {
                let put = writer.put(bytes).await;
                put.map_err(|error| failed(&self.shown, error))
            }
        }
    }

    /// Gives the file its name; the answer is its length and its SHA-256 in hex.
    pub(crate) async fn finish(self) -> Result<(u64, String), StoreError> {
        let done = match self.target {
            Target::Local(staged) => staged.finish(),
            Target::Remote(mut writer) => writer.shutdown().await,
        };
        done.map_err(|error| failed(&self.shown, error))?;
        Ok((self.bytes, format!("{:x}", self.hash.finalize())))
    }
}

fn failed(shown: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Io {
        path: shown.to_owned(),
        source: source.into(),
    }
}
