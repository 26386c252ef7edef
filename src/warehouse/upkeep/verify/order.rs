//! Which commits the files of a table hold: one file's after the other's.

use std::collections::BTreeMap;

use super::{Fault, PUT_BACK};
use crate::fs::Store;
use crate::warehouse::log::fold::Folded;
use crate::warehouse::log::{DataFile, FileKind};

/// What is wrong with the commits that the log states for the files of the newest version.
pub(super) fn of_files(store: &Store, newest: &Folded) -> Vec<Fault> {
    let last_commit = newest.version.commit_no;
    let mut last: BTreeMap<(FileKind, &str), &DataFile> = BTreeMap::new();
    let mut faults = Vec::new();
    let growing = newest.version.files.iter().filter(|file| file.kind.grows());
    for file in growing {
        let before = last.insert((file.kind, &file.table), file);
        let [first, end] = file.commits;
        let stated = if first > end || end > last_commit {
            format!("the newest commit is {last_commit}")
        } else if let Some(before) = before.filter(|before| before.commits[1] > first) {
            let path = store.shown(&before.path);
            format!("`{path}`, before it, holds {}", commits(before))
        } else {
            continue;
        };
        faults.push(Fault {
            file: store.shown(&file.path),
            found: format!("holds {}", commits(file)),
            stated,
            fix: PUT_BACK,
        });
    }
    faults
}

/// The commits that the log states for a file.
pub(super) fn commits(file: &DataFile) -> String {
    match file.commits {
        [first, last] if first == last => format!("commit {first}"),
        [first, last] => format!("commits {first} to {last}"),
    }
}
