//! All that lies on local disk, in one walk: the files that listings give, and what crashes leave,
//! `name#digits`, staged files that never got their name.

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

/// Every file below a folder, sorted; none if there is no such folder.
pub(super) fn below(folder: &Path) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(found)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<Entry>) -> Result<()> {
    let Some(listing) = unless_gone(std::fs::read_dir(folder))? else {
        return Ok(());
    };
    for file in listing {
        let file = file?;
        // Names that are no UTF-8 are none of ours.
        let Ok(name) = file.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        let Some(known) = unless_gone(known(&file))? else {
            continue;
        };
        if known.is_dir() {
            walk(&file.path(), &format!("{path}/"), found)?;
        } else {
            found.push(Entry {
                path,
                bytes: known.len(),
                modified: Timestamp::try_from(known.modified()?).unwrap_or(Timestamp::MAX),
            });
        }
    }
    Ok(())
}

/// What a link leads to is taken for what lies there, as listings do.
fn known(file: &DirEntry) -> Result<Metadata> {
    if file.file_type()?.is_symlink() {
        return std::fs::metadata(file.path());
    }
    file.metadata()
}

fn unless_gone<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// That it was gone already is no error.
pub(super) fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
