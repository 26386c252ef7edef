//! A version of the warehouse: the commit log folded up to one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::RunId;
use crate::sources::Extract;
use crate::warehouse::log::{Commit, DataFile, FileKind, StreamFact, StreamForm, Work};
use crate::warehouse::schema::{Column, schema_of};

/// What one commit and all before it published; its files never change, so a reader that holds a
/// version is not disturbed by later runs.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) commit_no: u64,
    pub(crate) run_id: RunId,
    pub(crate) as_of: Date,
    /// Whether its derived tables are there as files; else they can be derived again.
    pub(crate) is_derived: bool,
    pub(in crate::warehouse) files: Vec<Arc<DataFile>>,
    pub(super) streams: BTreeMap<String, StreamState>,
}

/// What is known of a stream.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct StreamState {
    pub(crate) form: StreamForm,
    /// Every raw column it ever had, in the order in which they came.
    pub(crate) columns: Vec<Column>,
    /// No row of it replaces or withdraws another.
    #[serde(default)]
    pub(in crate::warehouse) every_row_stands: bool,
    /// Every extract that was recorded, by day; never empty.
    extracts: Vec<Recording>,
}

/// An extract of a stream that was recorded: a complete one.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Recording {
    pub(crate) as_of: Date,
    /// The last instant of that day.
    pub(crate) until: Timestamp,
    pub(crate) rows: u64,
    /// How many columns the stream had by then.
    width: usize,
    /// Those of them that this extract lacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lacked: Vec<String>,
}

impl Version {
    pub(in crate::warehouse) fn after(base: Option<Self>, commit: &Commit) -> Self {
        let (mut files, mut streams) = base.map_or_else(
            || (Vec::new(), BTreeMap::new()),
            |base| (base.files, base.streams),
        );
        if !commit.removed.is_empty() {
            let removed: BTreeSet<&str> = commit.removed.iter().map(String::as_str).collect();
            files.retain(|file| !removed.contains(file.path.as_str()));
        }
        files.extend(commit.added.iter().cloned().map(Arc::new));
        if commit.work == Work::Erasure {
            // What is written anew takes the place of what it was.
            files.sort_by_key(|file| file.commits[0]);
        }
        for (stream, fact) in &commit.streams {
            let before = streams.remove(stream);
            streams.insert(stream.clone(), StreamState::after(before, fact));
        }
        Self {
            commit_no: commit.commit_no,
            run_id: commit.run_id.clone(),
            as_of: commit.as_of,
            is_derived: true,
            files,
            streams,
        }
    }

    /// The same version with its history, and all to which runs only add, in the files of a later one:
    /// those hold the same rows and more, and each row's commit.
    /// Its derived tables are there as files only from the commit `derived_since` on.
    pub(in crate::warehouse) fn in_files_of(mut self, later: &Self, derived_since: u64) -> Self {
        self.is_derived = self.commit_no >= derived_since;
        let stays = |file: &Arc<DataFile>| self.is_derived && file.kind == FileKind::Derived;
        self.files.retain(stays);
        let grown = |file: &&Arc<DataFile>| {
            file.kind != FileKind::Derived && file.commits[0] <= self.commit_no
        };
        let grown: Vec<Arc<DataFile>> = later.files.iter().filter(grown).cloned().collect();
        self.files.extend(grown);
        self
    }

    /// Every table that can be read, `table` or `<source>.<stream>`.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let is_table =
            |file: &&Arc<DataFile>| matches!(file.kind, FileKind::Derived | FileKind::Append);
        let stored = self.files.iter().filter(is_table);
        let mut tables: BTreeSet<String> = stored.map(|file| file.table.clone()).collect();
        for (name, stream) in &self.streams {
            tables.insert(name.clone());
            if stream.form.has_versions() {
                tables.insert(format!("{name}_history"));
            }
        }
        tables
    }

    /// What is known of the stream `<source>.<stream>`.
    pub(crate) fn stream(&self, name: &str) -> Option<&StreamState> {
        self.streams.get(name)
    }

    /// The types in which a stream's columns are read, so that its next extract is read alike. A
    /// column without a value so far is left out: its first value tells its type.
    pub(crate) fn pinned(&self, stream: &str) -> Option<SchemaRef> {
        let columns = self.streams.get(stream)?.columns.iter();
        let known: Vec<Column> = columns.filter(|column| !column.blank).cloned().collect();
        Some(schema_of(&known))
    }

    /// The live files of a kind and a table, in the order of their commits.
    pub(in crate::warehouse) fn files(&self, kind: FileKind, table: &str) -> Vec<Arc<DataFile>> {
        let wanted = |file: &&Arc<DataFile>| file.kind == kind && file.table == table;
        self.files.iter().filter(wanted).cloned().collect()
    }

    /// The commit that wrote a derived table.
    pub(crate) fn written_by(&self, table: &str) -> Option<u64> {
        let files = self.files(FileKind::Derived, table);
        files.last().map(|file| file.commits[0])
    }

    /// Every live file, in the order of their commits.
    pub(in crate::warehouse) fn all_files(&self) -> impl Iterator<Item = &DataFile> {
        self.files.iter().map(AsRef::as_ref)
    }

    /// When a day ended, as an extract of it says.
    pub(in crate::warehouse) fn until(&self, day: Date) -> Option<Timestamp> {
        let mut extracts = self.streams.values().flat_map(|state| &state.extracts);
        extracts
            .find(|extract| extract.as_of == day)
            .map(|extract| extract.until)
    }

    /// The live files of a kind, for the archive and the outbox.
    pub(crate) fn files_of(&self, kind: FileKind) -> impl Iterator<Item = &DataFile> {
        let files = self.files.iter().map(AsRef::as_ref);
        files.filter(move |file| file.kind == kind)
    }
}

impl StreamState {
    fn after(before: Option<Self>, fact: &StreamFact) -> Self {
        let lacked = fact.columns.iter().map(|column| column.name.clone());
        let recording = Recording {
            as_of: fact.as_of,
            until: fact.until,
            rows: fact.recorded.rows,
            width: fact.columns.len(),
            lacked: lacked.filter(|name| !fact.present.contains(name)).collect(),
        };
        let stood = before.as_ref().is_none_or(|state| state.every_row_stands);
        let mut extracts = before.map_or_else(Vec::new, |state| state.extracts);
        let at = extracts.partition_point(|other| other.as_of < recording.as_of);
        extracts.insert(at, recording);
        Self {
            form: fact.form,
            columns: fact.columns.clone(),
            every_row_stands: stood && fact.recorded.replacing == Some(0),
            extracts,
        }
    }

    /// The last complete extract of a day before this one.
    pub(crate) fn before(&self, day: Date) -> Option<&Recording> {
        self.extracts.iter().rfind(|extract| extract.as_of < day)
    }

    /// The complete extracts of days after this one, in order.
    pub(crate) fn after_day(&self, day: Date) -> impl Iterator<Item = &Recording> {
        self.extracts
            .iter()
            .filter(move |extract| extract.as_of > day)
    }

    /// Whether an extract of this day was recorded.
    pub(crate) fn has(&self, day: Date) -> bool {
        self.extracts.iter().any(|extract| extract.as_of == day)
    }

    /// By column: whether an extract had it.
    pub(in crate::warehouse) fn present(&self, extract: &Recording) -> Vec<bool> {
        let columns = self.columns.iter().enumerate();
        let had = |(index, column): (usize, &Column)| {
            index < extract.width && !extract.lacked.contains(&column.name)
        };
        columns.map(had).collect()
    }
}

/// `<source>.<stream>`.
pub(in crate::warehouse) fn stream_name(extract: &Extract) -> String {
    format!("{}.{}", extract.source, extract.stream)
}
