//! Files on local disk that are no store's: what the user wrote, and what the user asked for.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::StoreError;

/// Writes a file that the user asked for at a path of their choosing, replacing one that is there.
/// Not synced: nothing of the warehouse's is written this way.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one that writes"
)]
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed(path))?;
    }
    std::fs::write(path, bytes).map_err(failed(path))
}

/// Creates a file at a path of the user's choosing for writing bit by bit, emptying one that is
/// there. Not synced: nothing of the warehouse's is written this way.
pub(crate) fn create(path: &Path) -> Result<File, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed(path))?;
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    options.open(path).map_err(failed(path))
}

/// A file that the user asked for, under another name beside its own until it is whole; gone if it
/// never is. Not synced: nothing of the warehouse's is written this way.
pub(crate) struct WholeFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl WholeFile {
    pub(crate) fn begin(path: &Path) -> Result<Self, StoreError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder).map_err(failed(path))?;
        let mut builder = tempfile::Builder::new();
        // Anybody may read it whom the user's own files let.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self {
            file: builder.tempfile_in(folder).map_err(failed(path))?,
            path: path.to_owned(),
        })
    }

    /// Gives the file its name, replacing one that is there.
    pub(crate) fn keep(self) -> Result<(), StoreError> {
        let kept = self.file.persist(&self.path);
        kept.map_err(|error| failed(&self.path)(error.error))?;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Opens a file that the user named for reading.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(unreadable(path))
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| match source.kind() {
        std::io::ErrorKind::NotFound => StoreError::NotFound {
            path: path.display().to_string(),
        },
        _ => failed(path)(source),
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::Io {
        path: path.display().to_string(),
        source: source.into(),
    }
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
    std::fs::read_to_string(path).map_err(unreadable(path))
}

/// The files in a folder on local disk and in the folders below it, sorted; none if there is no such
/// folder.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let (folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) =
        listing(folder)?.into_iter().partition(|path| path.is_dir());
    for folder in folders {
        files.extend(files_below(&folder)?);
    }
    files.sort();
    Ok(files)
}

/// The files directly in a folder on local disk, sorted; none if there is no such folder.
pub(crate) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut files = listing(folder)?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

/// What is directly in a folder; nothing if there is no such folder.
fn listing(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source: std::io::Error| StoreError::Io {
        path: folder.display().to_string(),
        source: source.into(),
    };
    let listing = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let path = |entry: std::io::Result<std::fs::DirEntry>| Ok(entry.map_err(failed)?.path());
    listing.map(path).collect()
}
