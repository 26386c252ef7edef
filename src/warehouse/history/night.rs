//! The rows that a block of records becomes tonight.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::changes::Changes;
use super::compare::{Later, Nights, Task};
use super::digest::digests;
use super::fetch::Fetch;
use super::pool::{Cell, Pool};
use super::replay::{Edit, RecordVersion, Replay, Shown, Via, Window};
use super::snapshot::{Snapshot, Spot};
use super::{WITHDRAWN, instants, own_columns};
use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::StreamForm;
use crate::warehouse::schema::schema_of;

/// What the tasks' rows are made of.
pub(super) struct Night<'a> {
    snapshot: &'a Snapshot,
    nights: &'a Nights,
    /// The known rows, with history's own columns.
    known: RecordBatch,
    pool: Pool,
    /// The pool's creations and modifications, of rows whose own instants are wanted.
    created: Option<TimestampMicrosecondArray>,
    modified: Option<TimestampMicrosecondArray>,
    /// By task: where its rows are in the pool.
    places: Vec<Places>,
    /// By task: the changes whose texts could be read.
    edits: Vec<Vec<Edit>>,
    unreadable: u64,
}

/// A task's rows in the pool.
struct Places {
    known: Option<Cell>,
    shown: Option<Cell>,
    later: Vec<Cell>,
}

/// A record after some night.
#[derive(Clone)]
struct State {
    cells: Vec<Cell>,
    deleted: bool,
    /// When its last version begins.
    since: i64,
}

/// A version and the record it belongs to.
struct Row<'a> {
    record_id: &'a str,
    version: RecordVersion,
}

impl<'a> Night<'a> {
    pub(super) async fn new(
        snapshot: &'a Snapshot,
        changes: &Changes,
        nights: &'a Nights,
        tasks: &[Task],
        fetch: &mut Fetch<'_>,
    ) -> Result<Self, WarehouseError> {
        let failed = WarehouseError::of(&snapshot.table);
        let raw = snapshot.batches[0].schema();
        let own = schema_of(&own_columns());
        let wanted: Vec<(usize, u32)> = tasks
            .iter()
            .flat_map(|task| task.known.iter().chain(&task.later))
            .map(|old| old.place)
            .collect();
        let both = Schema::new([raw.fields().to_vec(), own.fields().to_vec()].concat());
        let known = fetch.rows(&wanted, &Arc::new(both)).await?;
        let spots: Vec<Spot> = tasks.iter().filter_map(|task| task.row).collect();
        let shown = snapshot.take(&spots).map_err(&failed)?;
        let end = nights
            .later
            .last()
            .map_or(nights.window, |later| later.window)
            .day_end;
        let told = tasks.iter().map(|task| {
            let after = task.known.map(|known| known.valid_from);
            changes.between(&task.record_id, after, end)
        });
        let told: Vec<_> = told.collect();
        let mut texts: Vec<Vec<Option<&str>>> = vec![Vec::new(); raw.fields().len()];
        for change in told.iter().copied().flatten() {
            texts[change.column].extend([change.old.as_deref(), change.new.as_deref()]);
        }
        let pool = Pool::new(&known, &shown, &texts).map_err(&failed)?;
        let (edits, unreadable) = edits(&pool, &told);
        let stamps = |column: Option<usize>| {
            crate::warehouse::raw::instants(pool.column(column?), &snapshot.zone)
        };
        Ok(Self {
            created: stamps(snapshot.created),
            modified: stamps(snapshot.modified),
            places: places(tasks, wanted.len()),
            snapshot,
            nights,
            known,
            pool,
            edits,
            unreadable,
        })
    }

    /// The rows of all tasks, as a run holds them.
    pub(super) fn rows(
        &self,
        tasks: &[Task],
        recorded: &mut Recorded,
    ) -> Result<RecordBatch, WarehouseError> {
        recorded.unreadable += self.unreadable;
        let mut rows = Vec::new();
        for (index, task) in tasks.iter().enumerate() {
            let (mut versions, state) = self.tonight(index, task, recorded);
            if !self.nights.later.is_empty() {
                versions = self.onward(index, task, versions, state);
            }
            recorded.versions += versions.len() as u64;
            let replacing = versions.iter().filter(|version| task.replaces(version));
            recorded.replacing = recorded.replacing.map(|n| n + replacing.count() as u64);
            rows.extend(versions.into_iter().map(|version| Row {
                record_id: &task.record_id,
                version,
            }));
        }
        self.batch(&rows)
            .map_err(WarehouseError::of(&self.snapshot.table))
    }

    /// The versions between the last complete extract and this one, and how they leave the record.
    fn tonight(
        &self,
        index: usize,
        task: &Task,
        recorded: &mut Recorded,
    ) -> (Vec<RecordVersion>, Option<State>) {
        let places = &self.places[index];
        let known = places.known.map(|cell| self.state(cell));
        let silent = task.row.is_none() && self.snapshot.form == StreamForm::Changes;
        let gone = task.row.filter(|row| self.snapshot.is_gone(*row));
        let row = task.row.filter(|_| gone.is_none());
        let shown = places.shown.zip(row);
        let shown = shown.map(|(cell, row)| Shown {
            cells: carried(&self.snapshot.present, cell, known.as_ref()),
            created: self.snapshot.created_at(row),
            modified: self.snapshot.modified_at(row),
        });
        if silent && shown.is_none() {
            return (Vec::new(), known);
        }
        let gone_at = gone.and_then(|row| self.snapshot.modified_at(row));
        // A record of which nothing is known but that it is gone: that it was, a late extract may say.
        let unseen = places.shown.filter(|_| gone.is_some() && known.is_none());
        let unseen = unseen.map(|cell| State {
            cells: vec![cell; self.pool.width()],
            deleted: false,
            since: i64::MIN,
        });
        let before = unseen.as_ref().or(known.as_ref());
        let window = self.nights.window;
        let (versions, disagreements) = self.replay(index, window, before, shown.as_ref(), gone_at);
        recorded.disagreements += disagreements;
        if !versions.is_empty() {
            *match (&known, &shown) {
                (_, None) => &mut recorded.vanished,
                (None, _) => &mut recorded.new,
                (Some(known), _) if known.deleted => &mut recorded.returned,
                _ => &mut recorded.changed,
            } += 1;
        }
        let state = left(&versions).or(known);
        (versions, state)
    }

    /// The versions of one window: from a known state to what the extract shows.
    fn replay(
        &self,
        index: usize,
        window: Window,
        known: Option<&State>,
        shown: Option<&Shown>,
        gone_at: Option<i64>,
    ) -> (Vec<RecordVersion>, u64) {
        let edits = &self.edits[index];
        let end = edits.partition_point(|edit| edit.at <= window.day_end);
        let after = known.map_or(i64::MIN, |known| known.since);
        let start = edits[..end].partition_point(|edit| edit.at <= after);
        let replay = Replay::new(&self.pool, window, &edits[start..end]);
        match (known, shown) {
            (None, Some(shown)) => replay.appear(shown),
            (Some(known), Some(shown)) => replay.go_on(known.cells.clone(), shown, known.deleted),
            (Some(known), None) if !known.deleted => replay.vanish(known.cells.clone(), gone_at),
            (_, None) => replay,
        }
        .end()
    }

    /// Compares the extracts of later days again, until nothing differs from what was; the rows that
    /// are new, and those that take back what no longer holds.
    fn onward(
        &self,
        index: usize,
        task: &Task,
        tonight: Vec<RecordVersion>,
        state: Option<State>,
    ) -> Vec<RecordVersion> {
        let places = &self.places[index];
        let (mut now, mut versions) = (state, tonight);
        let mut before = places.known.map(|cell| self.state(cell));
        let mut replaced = Vec::new();
        for later in &self.nights.later {
            let olds: Vec<Cell> = task
                .later
                .iter()
                .zip(&places.later)
                .filter(|(old, _)| old.seen_after == later.seen_after)
                .map(|(_, cell)| *cell)
                .collect();
            let silent = olds.is_empty() && self.snapshot.form == StreamForm::Changes;
            if let Some(last) = olds.last() {
                before = Some(self.state(*last));
            }
            if !silent {
                let again = self.again(index, later, before.as_ref(), now.as_ref());
                now = left(&again).or(now);
                versions.extend(again);
            }
            replaced.extend(olds);
            if self.alike(now.as_ref(), before.as_ref()) {
                break;
            }
        }
        self.differences(versions, &replaced)
    }

    /// A later extract showed `shown`: the versions it brings after `known`.
    fn again(
        &self,
        index: usize,
        later: &Later,
        shown: Option<&State>,
        known: Option<&State>,
    ) -> Vec<RecordVersion> {
        let stamp =
            |stamps: &Option<TimestampMicrosecondArray>, column: Option<usize>, cells: &[Cell]| {
                let (stamps, row) = (stamps.as_ref()?, cells[column?] as usize);
                stamps.is_valid(row).then(|| stamps.value(row))
            };
        let gone_at = shown.filter(|shown| shown.deleted).map(|gone| gone.since);
        let shown = shown.filter(|shown| !shown.deleted).map(|shown| {
            let cells = (0..shown.cells.len()).map(|column| match known {
                Some(known) if !later.present[column] => known.cells[column],
                _ => shown.cells[column],
            });
            Shown {
                cells: cells.collect(),
                created: stamp(&self.created, self.snapshot.created, &shown.cells),
                modified: stamp(&self.modified, self.snapshot.modified, &shown.cells),
            }
        });
        self.replay(index, later.window, known, shown.as_ref(), gone_at)
            .0
    }

    /// Of versions that replace old ones, those that are not there yet, and what takes back the old
    /// ones that are no more.
    fn differences(&self, versions: Vec<RecordVersion>, olds: &[Cell]) -> Vec<RecordVersion> {
        let mut rows = Vec::new();
        let mut left: Vec<Cell> = olds.to_vec();
        for mut version in versions {
            let at = left
                .iter()
                .position(|old| self.old(*old).valid_from == version.valid_from);
            if let Some(at) = at {
                let old = self.old(left.remove(at));
                let same = old.deleted == version.deleted
                    && (0..self.pool.width())
                        .all(|c| self.pool.same(c, old.cells[c], version.cells[c]));
                if same && (old.seen_after, old.censored) == (version.seen_after, version.censored)
                {
                    continue;
                }
                version.known_at = old.known_at.filter(|_| same);
            }
            rows.push(version);
        }
        rows.extend(left.into_iter().map(|old| RecordVersion {
            via: Via::Withdrawn,
            known_at: None,
            ..self.old(old)
        }));
        rows.sort_by_key(|version| version.valid_from);
        rows
    }

    /// A known row as a version.
    fn old(&self, cell: Cell) -> RecordVersion {
        let row = cell as usize;
        let instant = |name: &str| {
            let column = self.known[name].as_primitive::<TimestampMicrosecondType>();
            column.is_valid(row).then(|| column.value(row))
        };
        let flag = |name: &str| self.known[name].as_boolean().value(row);
        RecordVersion {
            valid_from: instant("valid_from").unwrap_or_default(),
            cells: vec![cell; self.pool.width()],
            deleted: flag("deleted"),
            via: Via::Snapshot,
            censored: flag("censored"),
            seen_after: instant("seen_after"),
            known_at: instant("known_at"),
        }
    }

    fn state(&self, cell: Cell) -> State {
        let old = self.old(cell);
        State {
            cells: old.cells,
            deleted: old.deleted,
            since: old.valid_from,
        }
    }

    fn alike(&self, one: Option<&State>, two: Option<&State>) -> bool {
        match (one, two) {
            (Some(one), Some(two)) => {
                one.deleted == two.deleted
                    && (0..self.pool.width()).all(|c| self.pool.same(c, one.cells[c], two.cells[c]))
            }
            (one, two) => one.is_none() == two.is_none(),
        }
    }

    /// The versions as a run holds them.
    fn batch(&self, rows: &[Row<'_>]) -> Result<RecordBatch, ArrowError> {
        let cells = |column: usize| rows.iter().map(|row| row.version.cells[column]).collect();
        let columns = (0..self.pool.width()).map(|column| self.pool.gather(column, cells(column)));
        let columns: Result<Vec<ArrayRef>, ArrowError> = columns.collect();
        let raw = RecordBatch::try_new(self.snapshot.batches[0].schema(), columns?)?;
        let digests = digests(&raw).into_iter().map(u128::to_be_bytes);
        let digests = FixedSizeBinaryArray::try_from_sparse_iter_with_size(digests.map(Some), 16)?;
        let mut columns = raw.columns().to_vec();
        columns.extend(own(rows, self.nights));
        columns.push(Arc::new(digests));
        RecordBatch::try_new(Arc::clone(&self.snapshot.stored), columns)
    }
}

/// A row's cells, with the known ones in the columns that its extract lacks.
fn carried(present: &[bool], cell: Cell, known: Option<&State>) -> Vec<Cell> {
    let cell_of = |(column, present): (usize, &bool)| match known {
        Some(known) if !present => known.cells[column],
        _ => cell,
    };
    present.iter().enumerate().map(cell_of).collect()
}

/// How versions leave their record.
fn left(versions: &[RecordVersion]) -> Option<State> {
    versions.last().map(|last| State {
        cells: last.cells.clone(),
        deleted: last.deleted,
        since: last.valid_from,
    })
}

/// Where the tasks' rows are in the pool: the known ones first, in the order of the tasks.
fn places(tasks: &[Task], known: usize) -> Vec<Places> {
    let number = |number: usize| Cell::try_from(number).unwrap_or(Cell::MAX);
    let (mut next_known, mut next_shown) = (0.., number(known)..);
    let places = |task: &Task| Places {
        known: task.known.and_then(|_| next_known.next()),
        later: task
            .later
            .iter()
            .filter_map(|_| next_known.next())
            .collect(),
        shown: task.row.and_then(|_| next_shown.next()),
    };
    tasks.iter().map(places).collect()
}

/// The changes of each task whose texts could be read, and how many could not.
fn edits(pool: &Pool, told: &[&[super::changes::Change]]) -> (Vec<Vec<Edit>>, u64) {
    let mut next = vec![0; pool.width()];
    let mut unreadable = 0;
    let mut edits = Vec::with_capacity(told.len());
    for changes in told {
        let mut of_task = Vec::with_capacity(changes.len());
        for change in *changes {
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

/// History's own columns.
fn own(rows: &[Row<'_>], nights: &Nights) -> Vec<ArrayRef> {
    let versions = || rows.iter().map(|row| &row.version);
    let ids = rows.iter().map(|row| row.record_id);
    let via = versions().map(|version| match version.via {
        Via::Snapshot => "snapshot",
        Via::History => "history",
        Via::Withdrawn => WITHDRAWN,
    });
    let flags = |flag: fn(&RecordVersion) -> bool| {
        let flags: Vec<bool> = versions().map(flag).collect();
        Arc::new(BooleanArray::from(flags))
    };
    vec![
        Arc::new(StringArray::from_iter_values(ids)),
        instants(versions().map(|version| Some(version.valid_from))),
        instants(versions().map(|version| version.seen_after)),
        instants(versions().map(|version| version.known_at.or(Some(nights.known_at)))),
        Arc::new(Int64Array::from(vec![
            nights.commit_no.cast_signed();
            rows.len()
        ])),
        flags(|version| version.deleted),
        Arc::new(StringArray::from_iter_values(via)),
        flags(|version| version.censored),
        flags(|version| version.seen_after.is_none()),
    ]
}
