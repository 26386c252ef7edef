//! Where bytes live: a folder on local disk or a prefix in an object store, behind one type.
//!
//! A file is created whole or not at all and, but for two, never overwritten. On local disk its bytes and its
//! name are synced before `create` returns; `object_store` 0.13 does neither, so that path is ours.
//! In an object store a create whose answer was lost is read back, and a file is read whole or not.

#[cfg(test)]
pub(crate) mod faults;
mod litter;
mod local;
mod location;
mod plain;
#[cfg(test)]
mod tests;
mod upload;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

pub(crate) use location::Location;
pub(crate) use plain::{WholeFile, create, files_below, files_in, open, read_text, scratch, write};
pub(crate) use upload::Upload;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("`{path}` is not there")]
    NotFound { path: String },
    #[error("`{path}` is there already")]
    AlreadyExists { path: String },
    #[error("Cannot read or write `{path}`")]
    Io {
        path: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An open location. Paths given to it are relative, `/`-separated.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    location: Location,
    inner: Arc<dyn ObjectStore>,
    /// The folder, when the location is on local disk.
    folder: Option<PathBuf>,
}

/// A file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// When it was written, by the store's clock.
    pub(crate) modified: Timestamp,
}

impl Store {
    /// Opens a location without touching it: a local folder is made when the first file is.
    pub(crate) fn open(location: &Location) -> Result<Self, StoreError> {
        let failed = |source: object_store::Error| StoreError::Io {
            path: location.to_string(),
            source: source.into(),
        };
        let folder = location.as_folder();
        let inner: Arc<dyn ObjectStore> = if let Some(folder) = &folder {
            Arc::new(PrefixStore::new(
                object_store::local::LocalFileSystem::new(),
                Key::from_absolute_path(folder).map_err(|error| failed(error.into()))?,
            ))
        } else {
            let (store, prefix) =
                object_store::parse_url_opts(&location.0, cloud_variables()).map_err(failed)?;
            Arc::new(PrefixStore::new(store, prefix))
        };
        Ok(Self {
            location: location.clone(),
            inner,
            folder,
        })
    }

    /// A store over any object store, to fail on purpose.
    #[cfg(test)]
    pub(crate) fn over(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            location: Location(url::Url::parse("s3://test").unwrap()),
            inner,
            folder: None,
        }
    }

    /// The folder on local disk, if the store is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The whole content of a file.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, StoreError> {
        let result = self.inner.get(&self.key(path)?).await;
        let got = result.map_err(|error| self.error(path, error))?;
        let size = got.range.end - got.range.start;
        let bytes = got.bytes().await;
        let bytes = bytes.map_err(|error| self.error(path, error))?;
        if bytes.len() as u64 == size {
            return Ok(bytes);
        }
        let why = format!("only {} of {size} bytes came", bytes.len());
        Err(self.io(path, why))
    }

    /// The content of a file, or none if there is no such file.
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        match self.get(path).await {
            Err(StoreError::NotFound { .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// The bytes of a file; none if there is no such file.
    pub(crate) async fn size(&self, path: &str) -> Result<Option<u64>, StoreError> {
        match self.inner.head(&self.key(path)?).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(path, error)),
        }
    }

    /// Parts of a file, in the order of the ranges, which ascend. Neighbours come in one request; a
    /// part that comes short is an error.
    pub(crate) async fn ranges(
        &self,
        path: &str,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, StoreError> {
        let key = self.key(path)?;
        let mut parts = Vec::with_capacity(ranges.len());
        for near in ranges.chunk_by(is_near) {
            let (Some(first), Some(last)) = (near.first(), near.last()) else {
                continue;
            };
            let whole = first.start..last.end;
            let got = self.inner.get_range(&key, whole.clone()).await;
            let got = got.map_err(|error| self.error(path, error))?;
            if got.len() as u64 != whole.end - whole.start {
                return Err(self.io(path, "it was not read to its end"));
            }
            let at = |place: u64| usize::try_from(place - whole.start).unwrap_or(usize::MAX);
            parts.extend(
                near.iter()
                    .map(|part| got.slice(at(part.start)..at(part.end))),
            );
        }
        Ok(parts)
    }

    /// Begins a file that is written bit by bit and is not there until it is finished. Its name is new:
    /// on an object store nothing guards against another writer of the same name.
    pub(crate) fn upload(&self, path: &str) -> Result<Upload, StoreError> {
        self.key(path)?;
        let shown = self.shown(path);
        match &self.folder {
            Some(folder) => Upload::local(shown, &folder.join(path)),
            None => Ok(Upload::remote(shown, self, path)),
        }
    }

    /// Every file below a folder (`""` for all), sorted by path. No such folder is an empty listing.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        let prefix = if folder.is_empty() {
            None
        } else {
            Some(self.key(folder)?)
        };
        let listing = self
            .inner
            .list(prefix.as_ref())
            .try_collect::<Vec<_>>()
            .await;
        let mut entries: Vec<Entry> = listing
            .map_err(|error| self.error(folder, error))?
            .into_iter()
            .map(|meta| Entry {
                path: meta.location.to_string(),
                bytes: meta.size,
                // What cannot be told counts as new.
                modified: Timestamp::from_microsecond(meta.last_modified.timestamp_micros())
                    .unwrap_or(Timestamp::MAX),
            })
            .collect();
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }

    /// Every file there is, and apart from them what crashes left on local disk: files that were never
    /// finished, which listings hide. Sorted by path.
    pub(crate) async fn everything(&self) -> Result<(Vec<Entry>, Vec<Entry>), StoreError> {
        let Some(folder) = self.folder.clone() else {
            return Ok((self.list("").await?, Vec::new()));
        };
        let walk = tokio::task::spawn_blocking(move || litter::below(&folder));
        let all = walk.await.map_err(|error| self.io("", error))?;
        let all = all.map_err(|error| self.io("", error))?.into_iter();
        Ok(all.partition(|file| !litter::is_litter(&file.path)))
    }

    /// Creates a file whole. Fails with `AlreadyExists` rather than replace one.
    pub(crate) async fn create(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let key = self.key(path)?;
        if let Some(folder) = &self.folder {
            let target = folder.join(path);
            let written = tokio::task::spawn_blocking(move || local::create(&target, &bytes)).await;
            return match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    Err(StoreError::AlreadyExists {
                        path: self.shown(path),
                    })
                }
                Ok(Err(error)) => Err(self.io(path, error)),
                Err(error) => Err(self.io(path, error)),
            };
        }
        let payload = PutPayload::from_bytes(bytes.clone());
        let put = self.inner.put_opts(&key, payload, PutMode::Create.into());
        let Err(error) = put.await else {
            return Ok(());
        };
        // When the answer is lost, or the client has tried again by itself, the first put may be done.
        match self.find(path).await {
            Ok(Some(there)) if there == bytes => Ok(()),
            _ => Err(self.error(path, error)),
        }
    }

    /// Writes a file over the one that is there. For the lease, for what names the newest checkpoint of a
    /// Delta log and for the archive's index alone: every other file is created once and stays as it is.
    pub(crate) async fn replace(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let key = self.key(path)?;
        if let Some(folder) = &self.folder {
            let target = folder.join(path);
            let write = tokio::task::spawn_blocking(move || local::replace(&target, &bytes));
            let written = write.await.map_err(|error| self.io(path, error))?;
            return written.map_err(|error| self.io(path, error));
        }
        let put = self.inner.put(&key, bytes.into()).await;
        put.map(|_| ()).map_err(|error| self.error(path, error))
    }

    /// Deletes a file, also one that listings hide; that it was gone already is no error.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let key = self.key(path)?;
        if let Some(folder) = self.folder.as_ref().filter(|_| litter::is_litter(path)) {
            return litter::remove(&folder.join(path)).map_err(|error| self.io(path, error));
        }
        match self.inner.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(path, error)),
        }
    }

    fn key(&self, path: &str) -> Result<Key, StoreError> {
        let key = Key::parse(path).map_err(|error| self.io(path, error))?;
        if key.as_ref() == path && !key.is_root() {
            return Ok(key);
        }
        Err(self.io(path, "a path is relative and ends in a name"))
    }

    /// A path as the user would look for it.
    pub(crate) fn shown(&self, path: &str) -> String {
        match &self.folder {
            Some(folder) => folder.join(path).display().to_string(),
            None => format!("{}/{path}", self.location.to_string().trim_end_matches('/')),
        }
    }

    fn error(&self, path: &str, error: object_store::Error) -> StoreError {
        match error {
            object_store::Error::NotFound { .. } => StoreError::NotFound {
                path: self.shown(path),
            },
            object_store::Error::AlreadyExists { .. } => StoreError::AlreadyExists {
                path: self.shown(path),
            },
            other => self.io(path, other),
        }
    }

    fn io(
        &self,
        path: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Io {
            path: self.shown(path),
            source: source.into(),
        }
    }
}

/// The variables of the environment that are the clouds' own. A store would take `TOKEN` or `TIMEOUT`
/// for its settings as well, whoever they are meant for.
fn cloud_variables() -> impl Iterator<Item = (String, String)> {
    let is_clouds = |name: &str| {
        let prefixes = ["AWS_", "GOOGLE_", "AZURE_"];
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(move |(name, _)| is_clouds(name))
}

/// Whether it is cheaper to read what lies between two parts than to ask twice.
fn is_near(one: &Range<u64>, two: &Range<u64>) -> bool {
    const GAP: u64 = 64 << 10;
    one.end <= two.start && two.start - one.end < GAP
}
