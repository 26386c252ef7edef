//! One run's work on the warehouse: files are written as they come, and nothing of them is visible
//! until the commit. A draft that is dropped leaves files that no version names.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::error::WarehouseError;
use super::file;
use super::history::changes::Changes;
use super::history::events;
use super::history::latest::Latest;
use super::history::replay::Window;
use super::history::{self, Snapshot};
use super::log::lock::Lock;
use super::log::version::Version;
use super::log::{Commit, DataFile, FileKind, StreamFact, StreamForm};
use super::raw::{self, Raw};
use super::schema::{Column, aligned, columns_of, schema_of, unified};
use crate::clock::{self, RunId};
use crate::config::StreamKind;
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
}

#[derive(Debug)]
pub(crate) struct Draft {
    store: Store,
    zone: TimeZone,
    base: Option<Version>,
    pending: Commit,
    /// Tells the files of one run apart.
    serial: u32,
    /// Held until the draft is gone.
    lock: Option<Lock>,
}

/// The rows of one table on their way into a file.
struct Rows<'a> {
    kind: FileKind,
    table: &'a str,
    schema: &'a SchemaRef,
    /// What the log states; an internal column is not among them.
    columns: Vec<Column>,
    batches: &'a [RecordBatch],
    sorted_by: &'a [&'a str],
}

impl Draft {
    pub(super) fn new(
        store: Store,
        zone: TimeZone,
        base: Option<Version>,
        (as_of, run_id): (Date, &RunId),
        lock: Option<Lock>,
    ) -> Self {
        let commit_no = base.as_ref().map_or(0, |base| base.commit_no) + 1;
        Self {
            store,
            zone,
            base,
            pending: Commit::new(commit_no, run_id, as_of),
            serial: 0,
            lock,
        }
    }

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
        Version::after(self.base.clone(), &self.pending)
    }

    /// Records a snapshot, with the field history of its stream if that came too.
    pub(crate) async fn record(
        &mut self,
        extract: &Extract,
        field_history: Option<&Extract>,
    ) -> Result<Recorded, WarehouseError> {
        let raw = Raw::of(extract)?;
        let table = raw.table.clone();
        let (columns, seen_after) = self.admit(extract, &raw, StreamForm::Snapshot)?;
        let snapshot = self.snapshot(extract, &raw, &columns)?;
        let changes = field_history
            .map(|history| Changes::read(history, &columns, &self.zone))
            .transpose()?;
        let window = Window {
            seen_after: seen_after.map(Timestamp::as_microsecond),
            day_start: clock::day_start(self.as_of(), &self.zone).as_microsecond(),
            day_end: self.day_end().as_microsecond(),
            told: changes.is_some(),
        };
        let files = self.files(FileKind::History, &table);
        let latest = Latest::load(&self.store, &table, &files).await?;
        let changes = changes.unwrap_or_default();
        let (batch, mut recorded) =
            history::compare(&snapshot, &latest, &changes, window, self.commit_no())?;
        if batch.num_rows() > 0 {
            let stated = [columns.clone(), history::own_columns()].concat();
            let rows = Rows {
                kind: FileKind::History,
                table: &table,
                schema: &batch.schema(),
                columns: stated,
                batches: std::slice::from_ref(&batch),
                sorted_by: &["record_id", "valid_from"],
            };
            recorded.bytes = self.write(rows).await?;
        }
        self.note(extract, StreamForm::Snapshot, columns, &recorded);
        Ok(recorded)
    }

    /// Records the events, or the field-history rows, whose keys are new.
    pub(crate) async fn record_events(
        &mut self,
        extract: &Extract,
    ) -> Result<Recorded, WarehouseError> {
        let raw = Raw::of(extract)?;
        let table = raw.table.clone();
        let (columns, seen_after) = self.admit(extract, &raw, StreamForm::Events)?;
        let files = self.files(FileKind::Events, &table);
        let known = events::known_keys(&self.store, &files).await?;
        let stamp = (
            self.day_end().as_microsecond(),
            self.commit_no(),
            seen_after.is_none(),
        );
        let (batch, mut recorded) = events::new_rows(&raw, key_of(extract), &known, stamp)?;
        if batch.num_rows() > 0 {
            let stated = [raw.columns.clone(), events::own_columns()].concat();
            let rows = Rows {
                kind: FileKind::Events,
                table: &table,
                schema: &batch.schema(),
                columns: stated,
                batches: std::slice::from_ref(&batch),
                sorted_by: &["record_id"],
            };
            recorded.bytes = self.write(rows).await?;
        }
        self.note(extract, StreamForm::Events, columns, &recorded);
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
                schema: Vec::new(),
            },
            bytes,
        )
        .await?;
        Ok(path)
    }

    /// Makes everything visible at once.
    pub(crate) async fn commit(
        mut self,
        texts: BTreeMap<String, String>,
        definition_hash: &str,
    ) -> Result<Commit, WarehouseError> {
        self.pending.texts = texts;
        definition_hash.clone_into(&mut self.pending.definition_hash);
        let published = self.pending.publish(&self.store).await;
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

    fn day_end(&self) -> Timestamp {
        clock::day_end(self.as_of(), &self.zone)
    }

    /// Refuses an extract that has no place in this run; else the stream's columns with this
    /// extract's, and the end of the day of its last complete extract.
    fn admit(
        &self,
        extract: &Extract,
        raw: &Raw,
        form: StreamForm,
    ) -> Result<(Vec<Column>, Option<Timestamp>), WarehouseError> {
        let table = raw.table.clone();
        if extract.as_of != self.as_of() {
            return Err(WarehouseError::OtherDay {
                table,
                found: extract.as_of,
                as_of: self.as_of(),
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
        if state.last.as_of >= extract.as_of {
            return Err(WarehouseError::Twice { table });
        }
        let columns = unified(&state.columns, &raw.columns);
        Ok((columns, Some(state.last.until)))
    }

    fn snapshot(
        &self,
        extract: &Extract,
        raw: &Raw,
        columns: &[Column],
    ) -> Result<Snapshot, WarehouseError> {
        let StreamKind::Snapshot {
            key,
            created,
            modified,
        } = &extract.kind
        else {
            return Err(WarehouseError::OtherForm {
                table: raw.table.clone(),
                was: StreamForm::Events.name(),
                now: StreamForm::Snapshot.name(),
            });
        };
        let present = raw::names(extract);
        let instants = |name: &Option<String>| raw.instants(name.as_deref()?, &self.zone);
        Ok(Snapshot {
            ids: raw.texts(key)?,
            created: instants(created),
            modified: instants(modified),
            present: columns.iter().map(|c| present.contains(&c.name)).collect(),
            batch: aligned(&raw.batch, &schema_of(columns))
                .map_err(WarehouseError::of(&raw.table))?,
            table: raw.table.clone(),
        })
    }

    fn note(
        &mut self,
        extract: &Extract,
        form: StreamForm,
        columns: Vec<Column>,
        recorded: &Recorded,
    ) {
        let fact = StreamFact {
            form,
            until: self.day_end(),
            present: raw::names(extract),
            columns,
            recorded: recorded.clone(),
        };
        let name = super::log::version::stream_name(extract);
        self.pending.streams.insert(name, fact);
    }

    fn files(&self, kind: FileKind, table: &str) -> Vec<std::sync::Arc<DataFile>> {
        let base = self.base.as_ref();
        base.map_or_else(Vec::new, |base| base.files(kind, table))
    }

    async fn store_table(
        &mut self,
        kind: FileKind,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let columns = columns_of(table, schema)?;
        let schema = schema_of(&columns);
        let batches: Result<Vec<RecordBatch>, _> = batches
            .iter()
            .map(|batch| aligned(batch, &schema))
            .collect();
        let rows = Rows {
            kind,
            table,
            schema: &schema,
            columns,
            batches: &batches.map_err(WarehouseError::of(table))?,
            sorted_by: &[],
        };
        self.write(rows).await.map(|_| ())
    }

    async fn write(&mut self, rows: Rows<'_>) -> Result<u64, WarehouseError> {
        let folder = match rows.kind {
            FileKind::History => "history",
            FileKind::Events => "events",
            FileKind::Derived => "derived",
            _ => "tables",
        };
        self.serial += 1;
        let name = rows.table.replace('.', "/");
        let path = format!("{folder}/{name}/{}-{}.parquet", self.run_id(), self.serial);
        let bytes = file::encode(rows.schema, rows.batches, rows.sorted_by).map_err(|source| {
            WarehouseError::Damaged {
                path: self.store.shown(&path),
                source,
            }
        })?;
        let count: usize = rows.batches.iter().map(RecordBatch::num_rows).sum();
        let written = bytes.len() as u64;
        let entry = DataFile {
            table: rows.table.to_owned(),
            path,
            kind: rows.kind,
            rows: count as u64,
            bytes: written,
            sha256: sha256(&bytes),
            schema: rows.columns,
        };
        self.create(entry, bytes).await?;
        Ok(written)
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
        | StreamKind::Events { key }
        | StreamKind::FieldHistory { key, .. } => key,
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
