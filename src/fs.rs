//! Where bytes live: a folder on local disk or a prefix in an object store, behind one type.
//!
//! A file is created whole or not at all and never overwritten. On local disk its bytes and its
//! name are synced before `create` returns; `object_store` 0.13 does neither, so that path is ours.
//! In an object store a create whose answer was lost is read back, and a file is read whole or not.

#[cfg(test)]
pub(crate) mod faults;
mod litter;
mod local;
#[cfg(test)]
mod tests;
mod upload;

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use url::Url;

pub(crate) use upload::Upload;

/// A folder on local disk, or a prefix in S3, Google Cloud Storage or Azure Blob Storage.
/// Holds no credentials: those come from the cloud's own environment variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location(Url);

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

impl Location {
    /// Reads a URL, or a path relative to `base`.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self, String> {
        if let Ok(url) = Url::parse(text)
            && text.contains("://")
        {
            return Self::url(text, url);
        }
        Self::folder(&base.join(text))
    }

    fn url(text: &str, url: Url) -> Result<Self, String> {
        let scheme = url.scheme();
        // `abfss://container@account` holds the container where others hold a user name.
        let container = scheme.starts_with("abfs");
        if url.password().is_some()
            || (!url.username().is_empty() && !container)
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(format!(
                "A `{scheme}://` location holds the place only; keys and passwords come from the environment"
            ));
        }
        match scheme {
            "file" if url.to_file_path().is_err() => {
                Err(format!("`{text}` names no folder on this machine"))
            }
            "file" => Ok(Self(url)),
            "s3" | "gs" | "az" | "abfs" | "abfss" if url.host_str().is_some() => Ok(Self(url)),
            "s3" | "gs" | "az" | "abfs" | "abfss" => Err(format!("`{text}` names no bucket")),
            other => Err(format!("`{other}://` is no store that this program knows")),
        }
    }

    /// A folder on local disk, made absolute; it need not exist yet.
    pub(crate) fn folder(path: &Path) -> Result<Self, String> {
        let absolute = normal(&std::path::absolute(path).map_err(|error| error.to_string())?);
        Url::from_directory_path(&absolute)
            .map(Self)
            .map_err(|()| format!("`{}` is no usable path", absolute.display()))
    }

    /// A folder below this one.
    pub(crate) fn below(&self, folder: &str) -> Result<Self, String> {
        let mut url = self.0.clone();
        let mut parts = url
            .path_segments_mut()
            .map_err(|()| format!("`{self}` has no folders"))?;
        parts.pop_if_empty().extend(folder.split('/'));
        drop(parts);
        Ok(Self(url))
    }

    /// The folder on local disk that this names, if it names one.
    pub(crate) fn as_folder(&self) -> Option<PathBuf> {
        if self.0.scheme() != "file" {
            return None;
        }
        // Without the slash at the end that a folder's URL has.
        let path = self.0.to_file_path().ok()?;
        Some(path.components().collect())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_folder() {
            Some(folder) => write!(f, "{}", folder.display()),
            None => write!(f, "{}", self.0),
        }
    }
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
            location: Location(Url::parse("s3://test").unwrap()),
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
        for near in ranges.chunk_by(|one, two| is_near(one, two)) {
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

    /// What crashes left on local disk: files that were never finished, which listings hide.
    pub(crate) async fn litter(&self) -> Result<Vec<Entry>, StoreError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(Vec::new());
        };
        match tokio::task::spawn_blocking(move || litter::below(&folder)).await {
            Ok(found) => found.map_err(|error| self.io("", error)),
            Err(error) => Err(self.io("", error)),
        }
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

    /// Writes a file over the one that is there, in an object store. For the lease alone: every other
    /// file is created once and stays as it is.
    pub(crate) async fn replace(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let put = self.inner.put(&self.key(path)?, bytes.into()).await;
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

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Writes a file that the user asked for at a path of their choosing, replacing one that is there.
/// Not synced: nothing of the warehouse's is written this way.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one that writes"
)]
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let failed = |source: std::io::Error| StoreError::Io {
        path: path.display().to_string(),
        source: source.into(),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}

/// Creates a file at a path of the user's choosing for writing bit by bit, emptying one that is
/// there. Not synced: nothing of the warehouse's is written this way.
pub(crate) fn create(path: &Path) -> Result<File, StoreError> {
    let failed = |source: std::io::Error| StoreError::Io {
        path: path.display().to_string(),
        source: source.into(),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    options.open(path).map_err(failed)
}

/// A folder of no consequence, gone when it is dropped.
pub(crate) fn scratch() -> Result<tempfile::TempDir, StoreError> {
    tempfile::tempdir().map_err(|source| StoreError::Io {
        path: std::env::temp_dir().display().to_string(),
        source: source.into(),
    })
}

/// The text of a file that the user wrote.
pub(crate) fn read_text(path: &Path) -> Result<String, StoreError> {
    std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => StoreError::NotFound {
            path: path.display().to_string(),
        },
        _ => StoreError::Io {
            path: path.display().to_string(),
            source: source.into(),
        },
    })
}

/// The files in a folder on local disk and in the folders below it, sorted; none if there is no such
/// folder.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source: std::io::Error| StoreError::Io {
        path: folder.display().to_string(),
        source: source.into(),
    };
    let listing = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut files = files_in(folder)?;
    for entry in listing {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        }
    }
    files.sort();
    Ok(files)
}

/// The files directly in a folder on local disk, sorted; none if there is no such folder.
pub(crate) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source: std::io::Error| StoreError::Io {
        path: folder.display().to_string(),
        source: source.into(),
    };
    let listing = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in listing {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
