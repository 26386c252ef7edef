//! One run's work on the warehouse: files are written as they come, and nothing of them is visible
//! until the commit. A draft that is dropped leaves files that no version names.

mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::error::WarehouseError;
use super::file::{COMMIT_NO, Writer};
use super::history::changes::Changes;
use super::history::compare::{History, Later, Nights, compare};
use super::history::events::Stamp;
use super::history::replay::Window;
use super::history::snapshot::Snapshot;
use super::history::{self, events};
use super::log::fold::Folded;
use super::log::lock::Lock;
use super::log::version::{self, Recording, StreamState, Version};
use super::log::{Commit, DataFile, FileKind, StreamFact, StreamForm, Work};
use super::query::read;
use super::raw::{self, Raw};
use super::schema::{Column, aligned, columns_of, schema_of, unified, with_commit};
use super::upkeep::erase::{self, Matcher};
use super::upkeep::merging;
use crate::clock::{self, RunId};
use crate::config::{Retention, StreamKind};
use crate::fs::Store;
use crate::sources::Extract;

/// What was recorded of one extract.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Recorded {
    /// Rows of the extract.
    pub(crate) rows: u64,
    /// Records, or events, not known before.
    pub(crate) new: u64,
    pub(crate) changed: u64,
    pub(crate) vanished: u64,
    pub(crate) returned: u64,
    /// Rows written.
    pub(crate) versions: u64,
    /// Bytes written.
    pub(crate) bytes: u64,
    /// Rows left out because another row of the extract has the same key.
    pub(crate) duplicates: u64,
    /// Hashes of the first such keys of a snapshot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) duplicate_keys: Vec<String>,
    /// Rows left out because they have no key.
    pub(crate) keyless: u64,
    /// Fields about which field history and snapshot disagree.
    pub(crate) disagreements: u64,
    /// Field-history rows whose field is no column of the snapshot.
    pub(crate) unknown_fields: u64,
    /// Field-history rows left out because a value is not of its column's type, or record, field or
    /// instant is missing.
    pub(crate) unreadable: u64,
    /// Rows left out, and cells left blank, because they name somebody who was erased.
    #[serde(skip_serializing_if = "is_nothing")]
    pub(crate) erased: u64,
}

impl Recorded {
    /// Rows and cells of the extract that named somebody erased. The rows came all the same.
    fn leave_out(&mut self, rows: u64, cells: u64) {
        self.rows += rows;
        self.erased = rows + cells;
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_nothing(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug)]
pub(crate) struct Draft {
    store: Store,
    zone: TimeZone,
    base: Option<Arc<Folded>>,
    /// The day that its extracts stand for.
    day: Date,
    pending: Commit,
    /// Tells the files of one run apart.
    serial: u32,
    /// Everybody erased so far, once it is asked.
    erased: OnceCell<Option<Matcher>>,
    /// Held until the draft is gone.
    lock: Option<Lock>,
}

/// What a draft is begun for.
pub(super) struct Begin<'a> {
    pub(super) run_id: &'a RunId,
    pub(super) work: Work,
    /// The day that its extracts stand for.
    pub(super) day: Date,
    /// The day whose derived tables it publishes.
    pub(super) as_of: Date,
}

/// A data file that is begun.
struct Begun {
    kind: FileKind,
    table: String,
    path: String,
    /// What the log states; an internal column is not among them.
    columns: Vec<Column>,
    writer: Writer,
}

impl Draft {
    pub(super) fn new(
        store: Store,
        zone: TimeZone,
        base: Option<Arc<Folded>>,
        begin: &Begin<'_>,
        lock: Option<Lock>,
    ) -> Self {
        let commit_no = base.as_ref().map_or(0, |base| base.version.commit_no) + 1;
        let mut pending = Commit::new(commit_no, begin.run_id, begin.work, begin.as_of);
        pending.derived_since = match begin.work {
            // Derived tables of older nights name who is erased.
            Work::Erasure => commit_no,
            _ => base.as_ref().map_or(0, |base| base.derived_since),
        };
        Self {
            store,
            zone,
            base,
            day: begin.day,
            pending,
            serial: 0,
            erased: OnceCell::new(),
            lock,
        }
    }

    /// The day whose derived tables it publishes.
    pub(crate) fn as_of(&self) -> Date {
        self.pending.as_of
    }

    pub(crate) fn run_id(&self) -> &RunId {
        &self.pending.run_id
    }

    pub(crate) fn commit_no(&self) -> u64 {
        self.pending.commit_no
    }

    /// What will be visible after the commit.
    pub(crate) fn version(&self) -> Version {
        let base = self.base.as_ref().map(|base| base.version.clone());
        Version::after(base, &self.pending)
    }

    /// Records a snapshot or changes, with the field history of its stream if that came too.
    pub(crate) async fn record(
        &mut self,
        extract: &Extract,
        field_history: Option<&Extract>,
    ) -> Result<Recorded, WarehouseError> {
        let erased = self.erased().await?;
        let (extract, rows, cells) = erase::sifted(erased, extract)?;
        let told = field_history.map(|told| erase::sifted(erased, told));
        let told = told.transpose()?.map(|(told, ..)| told);
        let (extract, field_history) = (extract.as_ref(), told.as_deref());
        let raw = Raw::of(extract)?;
        let (columns, state) = self.admit(extract, &raw, form_of(&extract.kind))?;
        let snapshot = Snapshot::of(&raw, &extract.kind, &columns, &self.zone)?;
        let changes = match field_history {
            Some(told) => self.changes(told, &columns).await?,
            None => Changes::default(),
        };
        let nights = self.nights(state.as_ref(), columns.len(), field_history.is_some());
        let stated = [columns.clone(), history::own_columns()].concat();
        let files = self.files(FileKind::History, &raw.table);
        let mut begun = self.begin(
            (FileKind::History, &raw.table, stated),
            &snapshot.stored,
            &history::ORDER,
        )?;
        let past = History {
            store: &self.store,
            files: &files,
        };
        let compared = compare(&past, &snapshot, &changes, &nights, &mut begun.writer);
        let mut recorded = Box::pin(compared).await?;
        recorded.leave_out(rows, cells);
        recorded.bytes = self.end(begun, false).await?;
        self.keep_apart(&raw, &snapshot).await?;
        self.note(extract, columns, &recorded);
        Ok(recorded)
    }

    /// Records the events, or the field-history rows, whose keys are new.
    pub(crate) async fn record_events(
        &mut self,
        extract: &Extract,
    ) -> Result<Recorded, WarehouseError> {
        let (extract, rows, cells) = erase::sifted(self.erased().await?, extract)?;
        let extract = extract.as_ref();
        let raw = Raw::of(extract)?;
        let (columns, state) = self.admit(extract, &raw, StreamForm::Events)?;
        let stated = [raw.columns.clone(), events::own_columns()].concat();
        let files = self.files(FileKind::Events, &raw.table);
        let mut begun = self.begin(
            (FileKind::Events, &raw.table, stated),
            &events::stored_schema(&raw.columns),
            &events::ORDER,
        )?;
        let stamp = Stamp {
            known_at: self.known_at(),
            commit_no: self.commit_no(),
            imported: state.is_none_or(|state| state.before(self.day).is_none()),
        };
        let keyed = (&raw, key_of(extract));
        let mut recorded =
            events::record(&self.store, &files, keyed, stamp, &mut begun.writer).await?;
        recorded.leave_out(rows, cells);
        recorded.bytes = self.end(begun, false).await?;
        self.note(extract, columns, &recorded);
        Ok(recorded)
    }

    /// Puts rows in place of all that a derived table held.
    pub(crate) async fn replace(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let mut added = self.pending.added.iter();
        if added.any(|file| file.kind == FileKind::Derived && file.table == table) {
            return Err(WarehouseError::Twice {
                table: table.to_owned(),
            });
        }
        let old = self.files(FileKind::Derived, table);
        self.store_table(FileKind::Derived, table, schema, batches)
            .await?;
        let old = old.iter().map(|file| file.path.clone());
        self.pending.removed.extend(old);
        Ok(())
    }

    /// Adds rows to a table that only grows.
    pub(crate) async fn append(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        // An empty file tells that the table is there; a second one tells nothing.
        if rows == 0 && !self.files(FileKind::Append, table).is_empty() {
            return Ok(());
        }
        self.store_table(FileKind::Append, table, schema, batches)
            .await
    }

    /// Adds a file to the archive or the outbox; the answer is the path at which it is stored.
    pub(crate) async fn put(
        &mut self,
        kind: FileKind,
        path: &str,
        bytes: Bytes,
    ) -> Result<String, WarehouseError> {
        let folder = if kind == FileKind::Outbox {
            "outbox"
        } else {
            "archive"
        };
        let path = format!("{folder}/{}/{path}", self.run_id());
        self.create(
            DataFile {
                table: String::new(),
                path: path.clone(),
                kind,
                rows: 0,
                bytes: bytes.len() as u64,
                sha256: sha256(&bytes),
                commits: [self.pending.commit_no; 2],
                schema: Vec::new(),
            },
            bytes,
        )
        .await?;
        Ok(path)
    }

    /// Lets go what is older than it is to stay: derived tables of nights, which can be had again; pages,
    /// mails and refused files. The files themselves go with the next vacuum.
    pub(crate) fn retain(&mut self, retention: Retention) {
        let Some(base) = self.base.clone() else {
            return;
        };
        let as_of = self.pending.as_of;
        let since = |days: u32| {
            let day = as_of.saturating_sub(jiff::Span::new().days(days));
            base.since(day).unwrap_or(self.pending.commit_no)
        };
        let derived_since = since(retention.derived_days);
        let kinds = [
            (FileKind::Archive, retention.archive_days.map(since)),
            (FileKind::Outbox, retention.archive_days.map(since)),
            (FileKind::Quarantine, retention.quarantine_days.map(since)),
        ];
        for (kind, since) in kinds {
            let old = |file: &&DataFile| since.is_some_and(|since| file.commits[1] < since);
            let old = base.version.files_of(kind).filter(old);
            let old: Vec<String> = old.map(|file| file.path.clone()).collect();
            self.pending.removed.extend(old);
        }
        self.pending.derived_since = derived_since.max(self.pending.derived_since);
    }

    /// Keeps a refused file of the stream `<source>.<stream>` as it came, in a folder of its source
    /// below which its path is that in the source; the answer is the path at which it is stored. Rows
    /// that name somebody erased are cut out of it; where they cannot be, it is not kept.
    pub(crate) async fn put_aside(
        &mut self,
        stream: &str,
        path: &str,
        bytes: Bytes,
    ) -> Result<Option<String>, WarehouseError> {
        let Some(bytes) = erase::kept(self.erased().await?, stream, bytes) else {
            return Ok(None);
        };
        let source = stream.split('.').next().unwrap_or_default();
        let path = format!("quarantine/{}/{source}/{path}", self.run_id());
        // Two streams may be read from one file.
        if self.pending.added.iter().all(|file| file.path != path) {
            let entry = DataFile {
                table: stream.to_owned(),
                path: path.clone(),
                kind: FileKind::Quarantine,
                rows: 0,
                bytes: bytes.len() as u64,
                sha256: sha256(&bytes),
                commits: [self.pending.commit_no; 2],
                schema: Vec::new(),
            };
            self.create(entry, bytes).await?;
        }
        Ok(Some(path))
    }

    /// Makes everything visible at once.
    pub(crate) async fn commit(
        mut self,
        texts: BTreeMap<String, String>,
        definition_hash: &str,
    ) -> Result<Commit, WarehouseError> {
        self.pending.texts = texts;
        definition_hash.clone_into(&mut self.pending.definition_hash);
        self.merge_due().await?;
        let published = self.pending.publish(&self.store).await;
        let folded = Folded::after(self.base.as_deref(), &self.pending);
        if published.is_ok() && folded.wants_checkpoint() {
            // It is published already; the next commit writes the checkpoint if this one could not.
            folded.write(&self.store).await.ok();
        }
        if let Some(lock) = self.lock.take() {
            lock.release().await;
        }
        published.map(|()| self.pending)
    }

    /// Ends the draft without a commit, and lets another run write.
    pub(crate) async fn abandon(self) {
        if let Some(lock) = self.lock {
            lock.release().await;
        }
    }

    /// Merges the files of like size of the tables to which this run adds.
    pub(crate) async fn merge_due(&mut self) -> Result<(), WarehouseError> {
        let added = self.pending.added.iter();
        let added = added.filter(|file| file.kind.grows());
        let tables: BTreeSet<(FileKind, String)> =
            added.map(|file| (file.kind, file.table.clone())).collect();
        for (kind, table) in tables {
            let files = self.version().files(kind, &table);
            Box::pin(self.merge(merging::due(&files))).await?;
        }
        Ok(())
    }

    /// Puts one file in place of several of one table.
    pub(super) async fn merge(&mut self, files: &[Arc<DataFile>]) -> Result<(), WarehouseError> {
        let (Some(first), Some(last)) = (files.first(), files.last()) else {
            return Ok(());
        };
        let Some((stated, stored, order)) = merging::columns(files) else {
            return Ok(());
        };
        let mut begun = self.begin((first.kind, &first.table, stated), &stored, order)?;
        merging::merge(&self.store, files, &stored, &mut begun.writer).await?;
        self.end(begun, true).await?;
        if let Some(merged) = self.pending.added.last_mut() {
            merged.commits = [first.commits[0], last.commits[1]];
        }
        for file in files {
            self.remove(&file.path).await;
        }
        Ok(())
    }

    /// Takes a file out of the version that this run makes.
    async fn remove(&mut self, path: &str) {
        let own = self.pending.added.iter().position(|file| file.path == path);
        match own {
            // Nobody has seen it; if it stays it is litter.
            Some(at) => {
                self.pending.added.remove(at);
                self.store.delete(path).await.ok();
            }
            None => self.pending.removed.push(path.to_owned()),
        }
    }

    fn day_end(&self) -> Timestamp {
        clock::day_end(self.day, &self.zone)
    }

    /// When what it records was known: at the end of the newest published day.
    fn known_at(&self) -> i64 {
        let newest = self.day.max(self.pending.as_of);
        clock::day_end(newest, &self.zone).as_microsecond()
    }

    /// Refuses an extract that has no place in this run; else the stream's columns with this
    /// extract's, and what is known of the stream.
    fn admit(
        &self,
        extract: &Extract,
        raw: &Raw,
        form: StreamForm,
    ) -> Result<(Vec<Column>, Option<StreamState>), WarehouseError> {
        let table = raw.table.clone();
        if extract.as_of != self.day {
            return Err(WarehouseError::OtherDay {
                table,
                found: extract.as_of,
                as_of: self.day,
            });
        }
        let version = self.version();
        let Some(state) = version.stream(&table) else {
            return Ok((raw.columns.clone(), None));
        };
        if state.form != form {
            return Err(WarehouseError::OtherForm {
                table,
                was: state.form.name(),
                now: form.name(),
            });
        }
        if state.has(self.day) {
            return Err(WarehouseError::Twice { table });
        }
        Ok((unified(&state.columns, &raw.columns), Some(state.clone())))
    }

    /// Where tonight's extract stands among those of the stream that were recorded.
    fn nights(&self, state: Option<&StreamState>, columns: usize, told: bool) -> Nights {
        let micros = |extract: &Recording| extract.until.as_microsecond();
        let day_end = self.day_end().as_microsecond();
        let before = state.and_then(|state| state.before(self.day)).map(micros);
        let (mut last, mut last_without) = (day_end, before);
        let later = state.into_iter().flat_map(|state| {
            let after = state.after_day(self.day);
            after.map(move |extract| (extract, state.present(extract)))
        });
        let later = later.map(|(extract, mut present)| {
            present.resize(columns, false);
            let until = micros(extract);
            Later {
                window: Window {
                    seen_after: Some(std::mem::replace(&mut last, until)),
                    day_start: clock::day_start(extract.as_of, &self.zone).as_microsecond(),
                    day_end: until,
                    told: false,
                },
                seen_after: last_without.replace(until),
                present,
            }
        });
        Nights {
            later: later.collect(),
            window: Window {
                seen_after: before,
                day_start: clock::day_start(self.day, &self.zone).as_microsecond(),
                day_end,
                told,
            },
            known_at: self.known_at(),
            commit_no: self.commit_no(),
        }
    }

    /// What field history tells: tonight's rows or, in a late run, all that were ever told.
    async fn changes(&self, told: &Extract, columns: &[Column]) -> Result<Changes, WarehouseError> {
        if self.pending.work != Work::Late {
            return Changes::read(told, columns, &self.zone);
        }
        let stream = version::stream_name(told);
        let version = self.version();
        match version.stream(&stream) {
            Some(known) => {
                let whole = Extract {
                    source: told.source.clone(),
                    stream: told.stream.clone(),
                    kind: told.kind.clone(),
                    as_of: told.as_of,
                    schema: schema_of(&known.columns),
                    batches: read::rows(&self.store, &version, &stream, &known.columns).await?,
                    file: told.file.clone(),
                };
                Changes::read(&whole, columns, &self.zone)
            }
            None => Ok(Changes::default()),
        }
    }

    /// Puts the rows that stand for no record into `<source>.<stream>_apart`.
    async fn keep_apart(&mut self, raw: &Raw, snapshot: &Snapshot) -> Result<(), WarehouseError> {
        if snapshot.apart.is_empty() {
            return Ok(());
        }
        let table = format!("{}_apart", raw.table);
        let batch = snapshot
            .apart_rows(self.known_at())
            .map_err(WarehouseError::of(&table))?;
        self.append(&table, &batch.schema(), &[batch]).await
    }

    fn note(&mut self, extract: &Extract, columns: Vec<Column>, recorded: &Recorded) {
        let fact = StreamFact {
            form: form_of(&extract.kind),
            as_of: self.day,
            until: self.day_end(),
            present: raw::names(extract),
            columns,
            recorded: recorded.clone(),
        };
        let name = version::stream_name(extract);
        self.pending.streams.insert(name, fact);
    }

    fn files(&self, kind: FileKind, table: &str) -> Vec<Arc<DataFile>> {
        let base = self.base.as_ref();
        base.map_or_else(Vec::new, |base| base.version.files(kind, table))
    }

    async fn store_table(
        &mut self,
        kind: FileKind,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let columns = columns_of(table, schema)?;
        let stored = if kind == FileKind::Append {
            with_commit(&columns)
        } else {
            schema_of(&columns)
        };
        let mut begun = self.begin((kind, table, columns), &stored, &[])?;
        let commit_no = self.commit_no();
        for batch in batches {
            let batch = stamped(batch, &stored, commit_no).map_err(WarehouseError::of(table))?;
            begun.writer.write(&batch).await?;
        }
        self.end(begun, true).await.map(|_| ())
    }

    fn begin(
        &mut self,
        (kind, table, columns): (FileKind, &str, Vec<Column>),
        stored: &SchemaRef,
        sorted_by: &[&str],
    ) -> Result<Begun, WarehouseError> {
        let folder = match kind {
            FileKind::History => "history",
            FileKind::Events => "events",
            FileKind::Derived => "derived",
            _ => "tables",
        };
        self.serial += 1;
        let name = table.replace('.', "/");
        let path = format!("{folder}/{name}/{}-{}.parquet", self.run_id(), self.serial);
        Ok(Begun {
            writer: Writer::begin(&self.store, &path, stored, sorted_by)?,
            kind,
            table: table.to_owned(),
            path,
            columns,
        })
    }

    /// Finishes a file and adds it; its bytes. Without rows it is dropped, unless an empty one tells
    /// that the table is there.
    async fn end(&mut self, begun: Begun, even_empty: bool) -> Result<u64, WarehouseError> {
        if begun.writer.rows() == 0 && !even_empty {
            return Ok(0);
        }
        let written = begun.writer.finish().await?;
        self.pending.added.push(DataFile {
            table: begun.table,
            path: begun.path,
            kind: begun.kind,
            rows: written.rows,
            bytes: written.bytes,
            sha256: written.sha256,
            commits: [self.pending.commit_no; 2],
            schema: begun.columns,
        });
        Ok(written.bytes)
    }

    async fn create(&mut self, entry: DataFile, bytes: Bytes) -> Result<(), WarehouseError> {
        self.store.create(&entry.path, bytes).await?;
        self.pending.added.push(entry);
        Ok(())
    }
}

fn key_of(extract: &Extract) -> &str {
    match &extract.kind {
        StreamKind::Snapshot { key, .. }
        | StreamKind::Changes { key, .. }
        | StreamKind::Events { key, .. }
        | StreamKind::FieldHistory { key, .. } => key,
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn form_of(kind: &StreamKind) -> StreamForm {
    match kind {
        StreamKind::Snapshot { .. } => StreamForm::Snapshot,
        StreamKind::Changes { .. } => StreamForm::Changes,
        StreamKind::Events { .. } | StreamKind::FieldHistory { .. } => StreamForm::Events,
    }
}

fn stamped(
    batch: &RecordBatch,
    stored: &SchemaRef,
    commit_no: u64,
) -> Result<RecordBatch, ArrowError> {
    let aligned = aligned(batch, stored)?;
    let Ok(index) = stored.index_of(COMMIT_NO) else {
        return Ok(aligned);
    };
    let mut columns = aligned.columns().to_vec();
    columns[index] = Arc::new(Int64Array::from(vec![
        commit_no.cast_signed();
        batch.num_rows()
    ]));
    RecordBatch::try_new(Arc::clone(stored), columns)
}
