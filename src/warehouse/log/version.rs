//! A version of the warehouse: the commit log folded up to one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::RunId;
use crate::sources::Extract;
use crate::warehouse::log::{Commit, DataFile, FileKind, StreamFact, StreamForm};
use crate::warehouse::schema::{Column, schema_of};

/// What one commit and all before it published; its files never change, so a reader that holds a
/// version is not disturbed by later runs.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) commit_no: u64,
    pub(crate) run_id: RunId,
    pub(crate) as_of: Date,
    /// The configuration and the definitions of the commit, by file name.
    files: Vec<Arc<DataFile>>,
    streams: BTreeMap<String, StreamState>,
}

/// What is known of a stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamState {
    pub(crate) form: StreamForm,
    /// Every raw column it ever had.
    pub(crate) columns: Vec<Column>,
    pub(crate) last: LastExtract,
}

/// The last complete extract of a stream: the last one that was recorded.
#[derive(Debug, Clone)]
pub(crate) struct LastExtract {
    pub(crate) as_of: Date,
    /// The last instant of that day.
    pub(crate) until: Timestamp,
    pub(crate) rows: u64,
    pub(crate) present: Vec<String>,
}

impl Version {
    /// The fold of commits, in order; none without a commit.
    pub(in crate::warehouse) fn of(commits: &[Arc<Commit>]) -> Option<Self> {
        let (first, rest) = commits.split_first()?;
        let start = Self::after(None, first);
        let fold = |version, commit: &Arc<Commit>| Self::after(Some(version), commit);
        Some(rest.iter().fold(start, fold))
    }

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
        for (stream, fact) in &commit.streams {
            streams.insert(stream.clone(), StreamState::of(commit.as_of, fact));
        }
        Self {
            commit_no: commit.commit_no,
            run_id: commit.run_id.clone(),
            as_of: commit.as_of,
            files,
            streams,
        }
    }

    /// Every table that can be read, `table` or `<source>.<stream>`.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let is_table =
            |file: &&Arc<DataFile>| matches!(file.kind, FileKind::Derived | FileKind::Append);
        let stored = self.files.iter().filter(is_table);
        let mut tables: BTreeSet<String> = stored.map(|file| file.table.clone()).collect();
        for (name, stream) in &self.streams {
            tables.insert(name.clone());
            if stream.form == StreamForm::Snapshot {
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

    /// The live files of a kind, for the archive and the outbox.
    pub(crate) fn files_of(&self, kind: FileKind) -> impl Iterator<Item = &DataFile> {
        let files = self.files.iter().map(AsRef::as_ref);
        files.filter(move |file| file.kind == kind)
    }
}

impl StreamState {
    fn of(as_of: Date, fact: &StreamFact) -> Self {
        Self {
            form: fact.form,
            columns: fact.columns.clone(),
            last: LastExtract {
                as_of,
                until: fact.until,
                rows: fact.recorded.rows,
                present: fact.present.clone(),
            },
        }
    }
}

/// `<source>.<stream>`.
pub(in crate::warehouse) fn stream_name(extract: &Extract) -> String {
    format!("{}.{}", extract.source, extract.stream)
}
