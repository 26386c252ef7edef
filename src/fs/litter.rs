//! What crashes leave on local disk: `name#digits`, staged files that never got their name.

use std::fs::{DirEntry, Metadata};
use std::io::{ErrorKind, Result};
use std::path::Path;

use jiff::Timestamp;

use super::Entry;

/// Whether listings hide a file of this name as one that was never finished.
pub(super) fn is_litter(path: &str) -> bool {
    let digits = path.rsplit_once('#').map_or("", |(_, digits)| digits);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// All of it below a folder, sorted; none if there is no such folder.
pub(super) fn below(folder: &Path) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<Entry>) -> Result<()> {
    let listing = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for file in listing {
        let file = file?;
        // Names that are no UTF-8 are none of ours.
        let Ok(name) = file.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        if file.file_type()?.is_dir() {
            walk(&file.path(), &format!("{path}/"), found)?;
        } else if is_litter(&name) {
            found.extend(entry(path, &file)?);
        }
    }
    Ok(())
}

/// None if it is gone by now.
fn entry(path: String, file: &DirEntry) -> Result<Option<Entry>> {
    let known: Metadata = match file.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    Ok(Some(Entry {
        path,
        bytes: known.len(),
        modified: Timestamp::try_from(known.modified()?).unwrap_or(Timestamp::MAX),
    }))
}

/// That it was gone already is no error.
pub(super) fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
