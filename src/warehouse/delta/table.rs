//! What the commits did, table by table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock;
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{Commit, DataFile, FileKind, Work};
use crate::warehouse::schema::{Column, unified};

/// The commits that tables are told from.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    /// The version that the changes begin after; none where they begin with the first commit.
    pub(super) base: Option<&'a Version>,
    /// In order: the first commit, those whose rows the files hold, and all after the base.
    pub(super) commits: &'a [Commit],
}

/// A table whose files a folder holds, over the commits of a past.
pub(super) struct Table<'a> {
    pub(super) folder: &'a str,
    pub(super) name: &'a str,
    /// Each commit with the instant it stands for, in order; also those that leave the table alone.
    commits: Arc<Vec<Dated<'a>>>,
    /// What commits changed, by number; never empty. The base's says only how the table stood then.
    pub(super) changes: BTreeMap<u64, Change<'a>>,
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
    /// The table's files after it, in the order in which a version has them.
    pub(super) live: Vec<&'a DataFile>,
    /// The table's columns after it: those of its files; without a file those it had.
    pub(super) columns: Cow<'a, [Column]>,
}

/// Every derived and every append table that the past names, by folder.
pub(super) fn tables_of<'a>(past: Past<'a>) -> Vec<Table<'a>> {
    let dated = Arc::new(dated(past));
    let new = |file: &'a DataFile| Table {
        folder: folder_of(&file.path),
        name: &file.table,
        commits: Arc::clone(&dated),
        changes: BTreeMap::new(),
    };
    let mut tables = BTreeMap::new();
    if let Some(base) = past.base {
        let files = base.all_files().filter(|file| is_table(file));
        take(&mut tables, base.commit_no, (files, &[]), Work::Night, new);
    }
    let begin = past.base.map_or(0, |base| base.commit_no);
    for commit in past.commits.iter().filter(|it| it.commit_no > begin) {
        let added = commit.added.iter().filter(|file| is_table(file));
        let changed = (added, commit.removed.as_slice());
        take(&mut tables, commit.commit_no, changed, commit.work, new);
    }
    tables.into_values().collect()
}

/// Adds a commit's changes to the tables that it names.
fn take<'a>(
    tables: &mut BTreeMap<&'a str, Table<'a>>,
    commit_no: u64,
    (added, removed): (impl Iterator<Item = &'a DataFile>, &'a [String]),
    work: Work,
    new: impl Fn(&'a DataFile) -> Table<'a>,
) {
    let mut changes: BTreeMap<&str, Change<'_>> = BTreeMap::new();
    for file in added {
        let folder = folder_of(&file.path);
        changes.entry(folder).or_default().added.push(file);
        tables.entry(folder).or_insert_with(|| new(file));
    }
    for path in removed {
        let folder = folder_of(path);
        if tables.contains_key(folder) {
            changes.entry(folder).or_default().removed.push(path);
        }
    }
    for (folder, change) in changes {
        if let Some(table) = tables.get_mut(folder) {
            table.take(commit_no, change, work);
        }
    }
}

impl<'a> Table<'a> {
    /// The newest version: that of the newest commit, or of the one that let go the table's last file.
    pub(super) fn newest(&self) -> u64 {
        let last = self.changes.last_key_value();
        match last.filter(|(_, last)| last.live.is_empty()) {
            Some((number, _)) => *number,
            None => self.commits.last().map_or(0, |it| it.commit.commit_no),
        }
    }

    /// The first commit whose derived tables stay as files.
    pub(super) fn derived_since(&self) -> u64 {
        let newest = self.commits.last();
        newest.map_or(0, |dated| dated.commit.derived_since)
    }

    /// The commit that made the warehouse.
    pub(super) fn origin(&self) -> Option<&Dated<'a>> {
        self.commits.first()
    }

    /// The first commit that is known to name a file of it.
    pub(super) fn begins(&self) -> Option<u64> {
        self.changes.keys().next().copied()
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

    /// The last instant of a commit's day, in milliseconds since 1970 in UTC.
    pub(super) fn until(&self, commit_no: u64) -> i64 {
        let dated = self.dated(commit_no);
        dated.map_or(0, |dated| dated.until.as_millisecond())
    }

    /// As a version orders its files.
    fn take(&mut self, commit_no: u64, mut change: Change<'a>, work: Work) {
        let before = self.changes.last_key_value().map(|(_, before)| before);
        if let Some(before) = before {
            let removed: BTreeSet<&str> = change.removed.iter().copied().collect();
            let kept = before.live.iter().copied();
            change.live = kept.filter(|file| !removed.contains(&*file.path)).collect();
        }
        change.live.extend(&change.added);
        if work == Work::Erasure {
            change.live.sort_by_key(|file| file.commits[0]);
        }
        let columns = change.live.iter().map(|file| file.schema.as_slice());
        change.columns = columns.fold(Cow::default(), |before, now| together(&before, now));
        if change.live.is_empty()
            && let Some(before) = before
        {
            change.columns.clone_from(&before.columns);
        }
        self.changes.insert(commit_no, change);
    }
}

/// The columns of both. Those of a file are borrowed as long as they alone are the table's.
fn together<'a>(before: &Cow<'a, [Column]>, now: &'a [Column]) -> Cow<'a, [Column]> {
    if before.is_empty() || **before == *now {
        return Cow::Borrowed(now);
    }
    Cow::Owned(unified(before, now))
}

/// Whether a file is of a table that has a Delta log.
pub(super) fn is_table(file: &DataFile) -> bool {
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
fn dated(past: Past<'_>) -> Vec<Dated<'_>> {
    let mut dated: Vec<Dated<'_>> = Vec::new();
    for commit in past.commits {
        let mut before = dated.iter().rev();
        let night = before.find(|night| night.commit.as_of == commit.as_of);
        let night = night.map(|night| night.until);
        let base = past.base.filter(|_| commit.work != Work::Night);
        let known = || base.and_then(|base| base.until(commit.as_of));
        let until = until_of(commit).or(night).or_else(known);
        dated.push(Dated {
            commit,
            until: until.unwrap_or_else(|| clock::day_end(commit.as_of, &TimeZone::UTC)),
        });
    }
    dated
}
