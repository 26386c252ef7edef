//! Tonight's snapshot against the last complete one: new, changed, vanished and returned records
//! become one sorted run of versions; unchanged ones cost a digest and nothing more.
//!
//! Rules that hold for every night:
//! * A key that comes twice: the row modified last stands, of equals the last in the file; the
//!   others are counted and named by a hash of their key.
//! * A column that the snapshot lacks keeps each record's last value: not seen is not null.
//! * A column that is new is null in all versions before.

pub(in crate::warehouse) mod changes;
mod digest;
pub(in crate::warehouse) mod events;
pub(in crate::warehouse) mod latest;
mod pool;
pub(in crate::warehouse) mod replay;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use sha2::{Digest, Sha256};

use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::DIGEST;
use crate::warehouse::history::changes::{Change, Changes};
use crate::warehouse::history::digest::digests;
use crate::warehouse::history::latest::{Known, Latest};
use crate::warehouse::history::pool::{Cell, Pool};
use crate::warehouse::history::replay::{Edit, RecordVersion, Replay, Shown, Via, Window};
use crate::warehouse::schema::{Column, Kind, schema_of};

/// How many hashes of duplicate keys are told.
const TOLD_DUPLICATES: usize = 20;

/// A snapshot's rows with all columns that the stream ever had.
pub(in crate::warehouse) struct Snapshot {
    pub(in crate::warehouse) table: String,
    pub(in crate::warehouse) batch: RecordBatch,
    /// By column of `batch`: whether the extract has it.
    pub(in crate::warehouse) present: Vec<bool>,
    pub(in crate::warehouse) ids: StringArray,
    pub(in crate::warehouse) created: Option<Vec<Option<i64>>>,
    pub(in crate::warehouse) modified: Option<Vec<Option<i64>>>,
}

/// The columns that history adds to a stream's own, as they are stored.
pub(in crate::warehouse) fn own_columns() -> Vec<Column> {
    let columns = [
        ("record_id", Kind::String),
        ("valid_from", Kind::Timestamp),
        ("seen_after", Kind::Timestamp),
        ("known_at", Kind::Timestamp),
        ("commit_no", Kind::Bigint),
        ("deleted", Kind::Boolean),
        ("via", Kind::String),
        ("censored", Kind::Boolean),
        ("imported", Kind::Boolean),
    ];
    columns.map(|(name, kind)| Column::new(name, kind)).to_vec()
}

/// A record that has something new tonight.
struct Task<'a> {
    record_id: &'a str,
    /// The record's row in the snapshot.
    row: Option<u32>,
    known: Option<&'a Known>,
    changes: &'a [Change],
}

/// The night's versions, sorted by record and `valid_from`.
pub(in crate::warehouse) fn compare(
    snapshot: &Snapshot,
    latest: &Latest,
    changes: &Changes,
    window: Window,
    commit_no: u64,
) -> Result<(RecordBatch, Recorded), WarehouseError> {
    let mut recorded = Recorded {
        rows: snapshot.batch.num_rows() as u64,
        unknown_fields: changes.unknown_fields,
        unreadable: changes.unreadable,
        ..Recorded::default()
    };
    let standing = snapshot.standing(&mut recorded);
    let tasks = tasks(snapshot, &standing, latest, changes, window);
    let night = Night::new(snapshot, latest, window, &tasks)?;
    let versions = night.versions(&tasks, &mut recorded);
    let failed = WarehouseError::of(&snapshot.table);
    let batch = night.batch(&versions, window, commit_no).map_err(failed)?;
    recorded.versions = versions.len() as u64;
    Ok((batch, recorded))
}

impl Snapshot {
    /// The row that stands for each key.
    fn standing(&self, recorded: &mut Recorded) -> HashMap<&str, u32> {
        let mut standing: HashMap<&str, u32> = HashMap::with_capacity(self.ids.len());
        let modified = |row: u32| self.modified.as_ref().and_then(|all| all[row as usize]);
        for (row, id) in (0..).zip(&self.ids) {
            let Some(id) = id else {
                recorded.keyless += 1;
                continue;
            };
            let Some(there) = standing.get_mut(id) else {
                standing.insert(id, row);
                continue;
            };
            recorded.duplicates += 1;
            if recorded.duplicate_keys.len() < TOLD_DUPLICATES {
                recorded.duplicate_keys.push(key_hash(id));
            }
            if modified(row) >= modified(*there) {
                *there = row;
            }
        }
        standing
    }

    fn shown(&self, row: u32, cells: Vec<Cell>) -> Shown {
        let at = |all: &Option<Vec<Option<i64>>>| all.as_ref().and_then(|all| all[row as usize]);
        Shown {
            cells,
            created: at(&self.created),
            modified: at(&self.modified),
        }
    }
}

/// Twelve hex digits that tell keys apart in a report without showing them.
fn key_hash(id: &str) -> String {
    let mut hash = format!("{:x}", Sha256::digest(id.as_bytes()));
    hash.truncate(12);
    hash
}

/// Every record whose history grows tonight, or may, sorted.
fn tasks<'a>(
    snapshot: &'a Snapshot,
    standing: &HashMap<&'a str, u32>,
    latest: &'a Latest,
    changes: &'a Changes,
    window: Window,
) -> Vec<Task<'a>> {
    let digests = digests(&snapshot.batch);
    let task = |(id, row): (&&'a str, &u32)| {
        let known = latest.find(id);
        let after = known.map(|known| known.valid_from);
        let changes = changes.between(id, after, window.day_end);
        let same = known.is_some_and(|k| !k.deleted && k.digest == digests[*row as usize]);
        let task = Task {
            record_id: id,
            row: Some(*row),
            known,
            changes,
        };
        (!same || !changes.is_empty()).then_some(task)
    };
    let mut tasks: Vec<Task<'a>> = standing.iter().filter_map(task).collect();
    let gone = |known: &&'a Known| !known.deleted && !standing.contains_key(&*known.record_id);
    tasks.extend(latest.records.iter().filter(gone).map(|known| Task {
        record_id: &known.record_id,
        row: None,
        known: Some(known),
        changes: changes.between(&known.record_id, Some(known.valid_from), window.day_end),
    }));
    tasks.sort_unstable_by_key(|task| task.record_id);
    tasks
}

/// What the tasks' versions are made of.
struct Night<'a> {
    snapshot: &'a Snapshot,
    window: Window,
    pool: Pool,
    /// By task: the numbers of its rows in the pool.
    places: Vec<(Option<Cell>, Option<Cell>)>,
    /// By task: the changes whose texts could be read.
    edits: Vec<Vec<Edit>>,
    unreadable: u64,
}

/// A version and the record it belongs to.
struct Row<'a> {
    record_id: &'a str,
    version: RecordVersion,
}

impl<'a> Night<'a> {
    fn new(
        snapshot: &'a Snapshot,
        latest: &Latest,
        window: Window,
        tasks: &[Task<'_>],
    ) -> Result<Self, WarehouseError> {
        let failed = WarehouseError::of(&snapshot.table);
        let known: Vec<&Known> = tasks.iter().filter_map(|task| task.known).collect();
        let rows: Vec<u32> = tasks.iter().filter_map(|task| task.row).collect();
        let mut numbers = (0.., Cell::try_from(known.len()).unwrap_or(Cell::MAX)..);
        let place = |task: &Task<'_>| {
            let known = task.known.and_then(|_| numbers.0.next());
            (known, task.row.and_then(|_| numbers.1.next()))
        };
        let places = tasks.iter().map(place).collect();
        let known = latest.fetch(&known, &snapshot.batch.schema())?;
        let shown =
            take_record_batch(&snapshot.batch, &UInt32Array::from(rows)).map_err(&failed)?;
        let mut texts: Vec<Vec<Option<&str>>> = vec![Vec::new(); snapshot.batch.num_columns()];
        for change in tasks.iter().flat_map(|task| task.changes) {
            texts[change.column].extend([change.old.as_deref(), change.new.as_deref()]);
        }
        let pool = Pool::new(&known, &shown, &texts).map_err(&failed)?;
        let (edits, unreadable) = edits(&pool, tasks);
        Ok(Self {
            snapshot,
            window,
            pool,
            places,
            edits,
            unreadable,
        })
    }

    fn versions<'t>(&self, tasks: &[Task<'t>], recorded: &mut Recorded) -> Vec<Row<'t>> {
        recorded.unreadable += self.unreadable;
        let mut rows = Vec::new();
        for (index, task) in tasks.iter().enumerate() {
            let replay = Replay::new(&self.pool, self.window, &self.edits[index]);
            let (versions, disagreements) = self.replay(replay, index, task).end();
            recorded.disagreements += disagreements;
            if !versions.is_empty() {
                *match (task.known, task.row) {
                    (None, _) => &mut recorded.new,
                    (_, None) => &mut recorded.vanished,
                    (Some(known), _) if known.deleted => &mut recorded.returned,
                    _ => &mut recorded.changed,
                } += 1;
            }
            rows.extend(versions.into_iter().map(|version| Row {
                record_id: task.record_id,
                version,
            }));
        }
        rows
    }

    fn replay<'p>(&self, replay: Replay<'p>, index: usize, task: &Task<'_>) -> Replay<'p> {
        let width = self.pool.width();
        let (known, shown) = self.places[index];
        let last = known.map(|cell| vec![cell; width]);
        let (Some(cell), Some(row)) = (shown, task.row) else {
            return replay.vanish(last.unwrap_or_default());
        };
        let cell_of = |column: usize| match known {
            Some(known) if !self.snapshot.present[column] => known,
            _ => cell,
        };
        let shown = self.snapshot.shown(row, (0..width).map(cell_of).collect());
        match last {
            None => replay.appear(&shown),
            Some(last) => {
                let returned = task.known.is_some_and(|known| known.deleted);
                replay.go_on(last, &shown, returned)
            }
        }
    }

    /// The versions as a history file holds them.
    fn batch(
        &self,
        rows: &[Row<'_>],
        window: Window,
        commit_no: u64,
    ) -> Result<RecordBatch, ArrowError> {
        let cells = |column: usize| rows.iter().map(|row| row.version.cells[column]).collect();
        let columns = (0..self.pool.width()).map(|column| self.pool.gather(column, cells(column)));
        let columns: Result<Vec<ArrayRef>, ArrowError> = columns.collect();
        let raw = RecordBatch::try_new(self.snapshot.batch.schema(), columns?)?;
        let digests = digests(&raw).into_iter().map(u128::to_be_bytes);
        let digests = FixedSizeBinaryArray::try_from_sparse_iter_with_size(digests.map(Some), 16)?;
        let mut columns = raw.columns().to_vec();
        columns.extend(own(rows, window, commit_no));
        columns.push(Arc::new(digests));
        RecordBatch::try_new(stored_schema(&raw.schema()), columns)
    }
}

/// The changes of each task whose texts could be read, and how many could not.
fn edits(pool: &Pool, tasks: &[Task<'_>]) -> (Vec<Vec<Edit>>, u64) {
    let mut next = vec![0; pool.width()];
    let mut unreadable = 0;
    let mut edits = Vec::with_capacity(tasks.len());
    for task in tasks {
        let mut of_task = Vec::with_capacity(task.changes.len());
        for change in task.changes {
            let at = next[change.column];
            next[change.column] += 2;
            let text = |index| pool.text(change.column, index);
            match (text(at), text(at + 1)) {
                (Some(old), Some(new)) => of_task.push(Edit {
                    at: change.at,
                    column: change.column,
                    old,
                    new,
                }),
                _ => unreadable += 1,
            }
        }
        edits.push(of_task);
    }
    (edits, unreadable)
}

fn own(rows: &[Row<'_>], window: Window, commit_no: u64) -> Vec<ArrayRef> {
    let count = rows.len();
    let versions = || rows.iter().map(|row| &row.version);
    let from = versions().map(|version| version.valid_from).collect();
    let via = versions().map(|version| match version.via {
        Via::Snapshot => "snapshot",
        Via::History => "history",
    });
    let deleted: Vec<bool> = versions().map(|version| version.deleted).collect();
    let censored: Vec<bool> = versions().map(|version| version.censored).collect();
    let first = window.seen_after.is_none();
    vec![
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.record_id),
        )),
        instants(from),
        Arc::new(
            TimestampMicrosecondArray::from(vec![window.seen_after; count]).with_timezone("UTC"),
        ),
        instants(vec![window.day_end; count]),
        Arc::new(Int64Array::from(vec![commit_no.cast_signed(); count])),
        Arc::new(BooleanArray::from(deleted)),
        Arc::new(StringArray::from_iter_values(via)),
        Arc::new(BooleanArray::from(censored)),
        Arc::new(BooleanArray::from(vec![first; count])),
    ]
}

pub(in crate::warehouse) fn instants(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

fn stored_schema(raw: &Schema) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = raw.fields().iter().cloned().collect();
    fields.extend(schema_of(&own_columns()).fields().iter().cloned());
    fields.push(Arc::new(Field::new(
        DIGEST,
        DataType::FixedSizeBinary(16),
        true,
    )));
    Arc::new(Schema::new(fields))
}
