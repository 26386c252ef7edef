//! Files on local disk that are no store's: what the user wrote, and what the user asked for.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::StoreError;

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
