//! What the commits did, table by table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock;
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{Commit, DataFile, FileKind};
use crate::warehouse::schema::{Column, unified};

/// A table whose files a folder holds, over all commits.
pub(super) struct Table<'a> {
    pub(super) folder: &'a str,
    pub(super) name: &'a str,
    /// Each commit with the instant it stands for, in order; also those that leave the table alone.
    pub(super) commits: Arc<Vec<Dated<'a>>>,
    /// What commits changed, by number; never empty.
    pub(super) changes: BTreeMap<u64, Change<'a>>,
    live: usize,
}

/// A commit and the last instant of its day.
pub(super) struct Dated<'a> {
    pub(super) commit: &'a Commit,
    pub(super) until: Timestamp,
}

/// What one commit changed in a table.
#[derive(Default)]
pub(super) struct Change<'a> {
    pub(super) added: Vec<&'a DataFile>,
    pub(super) removed: Vec<&'a str>,
    /// The table's columns after it.
    pub(super) columns: Cow<'a, [Column]>,
}

/// Every derived and every append table that any commit names, by folder.
pub(super) fn tables_of(commits: &[Commit]) -> Vec<Table<'_>> {
    let dated = Arc::new(dated(commits));
    let mut tables: BTreeMap<&str, Table<'_>> = BTreeMap::new();
    for commit in commits {
        let mut changes: BTreeMap<&str, Change<'_>> = BTreeMap::new();
        for file in commit.added.iter().filter(|file| is_table(file)) {
            let folder = folder_of(&file.path);
            changes.entry(folder).or_default().added.push(file);
            tables.entry(folder).or_insert_with(|| Table {
                folder,
                name: &file.table,
                commits: Arc::clone(&dated),
                changes: BTreeMap::new(),
                live: 0,
            });
        }
        for path in &commit.removed {
            let folder = folder_of(path);
            if tables.contains_key(folder) {
                changes.entry(folder).or_default().removed.push(path);
            }
        }
        for (folder, change) in changes {
            if let Some(table) = tables.get_mut(folder) {
                table.take(commit.commit_no, change);
            }
        }
    }
    tables.into_values().collect()
}

/// The tables as the newest commit leaves them; none where one is new or gets other columns, for then
/// its entry needs to know how it began.
pub(super) fn next_of<'a>(
    before: &'a Version,
    newest: &Version,
    commit: &'a Commit,
) -> Option<Vec<Table<'a>>> {
    let until = until_of(commit).or_else(|| newest.until(commit.as_of));
    let until = until.unwrap_or_else(|| clock::day_end(commit.as_of, &TimeZone::UTC));
    let dated = Arc::new(vec![Dated { commit, until }]);
    let mut tables: BTreeMap<&str, Table<'_>> = BTreeMap::new();
    for file in before.all_files().filter(|file| is_table(file)) {
        let folder = folder_of(&file.path);
        let table = tables.entry(folder).or_insert_with(|| Table {
            folder,
            name: &file.table,
            commits: Arc::clone(&dated),
            changes: BTreeMap::from([(before.commit_no, Change::default())]),
            live: 0,
        });
        table.live += 1;
        if let Some(change) = table.changes.get_mut(&before.commit_no) {
            change.columns = together(change.columns.clone(), &file.schema);
        }
    }
    let mut changes: BTreeMap<&str, Change<'_>> = BTreeMap::new();
    for file in commit.added.iter().filter(|file| is_table(file)) {
        changes
            .entry(folder_of(&file.path))
            .or_default()
            .added
            .push(file);
    }
    for path in &commit.removed {
        if tables.contains_key(folder_of(path)) {
            changes
                .entry(folder_of(path))
                .or_default()
                .removed
                .push(path);
        }
    }
    for (folder, change) in changes {
        let table = tables.get_mut(folder)?;
        table.take(commit.commit_no, change);
        let [old, new] = [before.commit_no, commit.commit_no].map(|at| &table.changes[&at].columns);
        if old != new {
            return None;
        }
    }
    Some(tables.into_values().collect())
}

impl<'a> Table<'a> {
    /// The newest commit's number.
    pub(super) fn newest(&self) -> u64 {
        self.commits
            .last()
            .map_or(0, |dated| dated.commit.commit_no)
    }

    /// The commit that made the table, and the columns it had then.
    pub(super) fn first(&self) -> Option<(&Dated<'a>, &[Column])> {
        let (number, change) = self.changes.first_key_value()?;
        Some((self.dated(*number)?, &change.columns))
    }

    pub(super) fn dated(&self, commit_no: u64) -> Option<&Dated<'a>> {
        let wanted = |dated: &Dated<'_>| dated.commit.commit_no.cmp(&commit_no);
        let at = self.commits.binary_search_by(wanted).ok()?;
        self.commits.get(at)
    }

    fn take(&mut self, commit_no: u64, mut change: Change<'a>) {
        self.live = (self.live + change.added.len()).saturating_sub(change.removed.len());
        let before = self.changes.last_key_value().map(|(_, last)| &last.columns);
        let kept = self.live > change.added.len() || change.added.is_empty();
        let start = before.filter(|_| kept).cloned();
        let added = change.added.iter().map(|file| file.schema.as_slice());
        change.columns = added.fold(start.unwrap_or_default(), together);
        self.changes.insert(commit_no, change);
    }
}

/// The columns of both. Those of a file are borrowed as long as they alone are the table's.
fn together<'a>(before: Cow<'a, [Column]>, now: &'a [Column]) -> Cow<'a, [Column]> {
    if before.is_empty() || *before == *now {
        return Cow::Borrowed(now);
    }
    Cow::Owned(unified(&before, now))
}

fn is_table(file: &DataFile) -> bool {
    matches!(file.kind, FileKind::Derived | FileKind::Append)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The end of a commit's day, by its extracts of that day.
fn until_of(commit: &Commit) -> Option<Timestamp> {
    let mut facts = commit.streams.values();
    facts
        .find(|fact| fact.as_of == commit.as_of)
        .map(|fact| fact.until)
}

/// A night's extracts say when its day ended in the company's zone, whatever the zone is now; upkeep
/// stands for the day of the night before it.
fn dated(commits: &[Commit]) -> Vec<Dated<'_>> {
    let mut dated: Vec<Dated<'_>> = Vec::new();
    for commit in commits {
        let told = until_of(commit);
        let night = dated
            .iter()
            .rev()
            .find(|night| night.commit.as_of == commit.as_of);
        let until = told.or(night.map(|night| night.until));
        dated.push(Dated {
            commit,
            until: until.unwrap_or_else(|| clock::day_end(commit.as_of, &TimeZone::UTC)),
        });
    }
    dated
}
