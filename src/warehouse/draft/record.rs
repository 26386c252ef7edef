//! What a run records: extracts become rows of their stream's history.

use jiff::Timestamp;

use super::Draft;
use crate::clock;
use crate::config::StreamKind;
use crate::sources::Extract;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::history::changes::Changes;
use crate::warehouse::history::compare::{History, Later, Nights, compare};
use crate::warehouse::history::events::Stamp;
use crate::warehouse::history::replay::Window;
use crate::warehouse::history::snapshot::Snapshot;
use crate::warehouse::history::{self, events};
use crate::warehouse::log::version::{self, Recording, StreamState};
use crate::warehouse::log::{FileKind, StreamFact, StreamForm, Work};
use crate::warehouse::query::read;
use crate::warehouse::raw::{self, Raw};
use crate::warehouse::schema::{Column, schema_of, unified};
use crate::warehouse::upkeep::erase;

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
    /// Of those, the rows that replace or withdraw older ones; it is not known of what was recorded before
    /// they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replacing: Option<u64>,
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

impl Draft {
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

    pub(super) fn day_end(&self) -> Timestamp {
        clock::day_end(self.day, &self.zone)
    }

    /// When what it records was known: at the end of the newest published day.
    pub(super) fn known_at(&self) -> i64 {
        let newest = self.day.max(self.pending.as_of);
        clock::day_end(newest, &self.zone).as_microsecond()
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

fn form_of(kind: &StreamKind) -> StreamForm {
    match kind {
        StreamKind::Snapshot { .. } => StreamForm::Snapshot,
        StreamKind::Changes { .. } => StreamForm::Changes,
        StreamKind::Events { .. } | StreamKind::FieldHistory { .. } => StreamForm::Events,
    }
}
