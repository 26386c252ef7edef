//! An extract against what history holds: which records have something new, and the rows they become,
//! a block of records at a time, sorted by record and `valid_from`.

use std::iter::Peekable;
use std::slice::Iter;
use std::sync::Arc;

use super::changes::{Change, Changes};
use super::fetch::Fetch;
use super::life::{Life, Lives, Old};
use super::night::Night;
use super::replay::{RecordVersion, Via, Window};
use super::snapshot::{Snapshot, Spot};
use crate::fs::Store;
use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Writer;
use crate::warehouse::log::{DataFile, StreamForm};

/// Records that are worked out together.
const BLOCK: usize = 32_768;

/// The extract's place among those that were recorded.
pub(in crate::warehouse) struct Nights {
    /// From the last complete extract before it to its own day's end.
    pub(in crate::warehouse) window: Window,
    /// Those that were recorded for later days, in order; none for a night in its turn.
    pub(in crate::warehouse) later: Vec<Later>,
    /// When tonight's rows were known.
    pub(in crate::warehouse) known_at: i64,
    pub(in crate::warehouse) commit_no: u64,
}

/// An extract that was recorded for a later day.
pub(in crate::warehouse) struct Later {
    /// From the extract before it, tonight's among them, to its own day's end.
    pub(in crate::warehouse) window: Window,
    /// The end of the day of the extract before it, as if tonight's were not there.
    pub(in crate::warehouse) seen_after: Option<i64>,
    /// By column: whether it had it.
    pub(in crate::warehouse) present: Vec<bool>,
}

/// A record that has something new tonight, or may.
pub(super) struct Task {
    pub(super) record_id: String,
    pub(super) row: Option<Spot>,
    /// The last version from before tonight.
    pub(super) known: Option<Old>,
    /// The versions that came with later extracts.
    pub(super) later: Vec<Old>,
}

impl Task {
    /// Whether a version takes the place of one that is there, or takes it back. In doubt it does.
    pub(super) fn replaces(&self, version: &RecordVersion) -> bool {
        let at = version.valid_from;
        version.via == Via::Withdrawn
            || self.known.is_some_and(|known| at <= known.valid_from)
            || self.later.iter().any(|later| at == later.valid_from)
    }
}

/// What an extract is compared with.
pub(in crate::warehouse) struct History<'a> {
    pub(in crate::warehouse) store: &'a Store,
    pub(in crate::warehouse) files: &'a [Arc<DataFile>],
}

/// Writes the night's rows; counts what they are.
pub(in crate::warehouse) async fn compare(
    history: &History<'_>,
    snapshot: &Snapshot,
    changes: &Changes,
    nights: &Nights,
    writer: &mut Writer,
) -> Result<Recorded, WarehouseError> {
    let mut recorded = Recorded {
        unknown_fields: changes.unknown_fields,
        unreadable: changes.unreadable,
        replacing: Some(0),
        ..Recorded::default()
    };
    snapshot.count(&mut recorded);
    let mut join = Join {
        snapshot,
        changes,
        nights,
        shown: snapshot.standing.iter().peekable(),
    };
    let History { store, files } = history;
    let mut fetch = Fetch::new(store, &snapshot.table, files);
    let mut lives = Lives::open(store, &snapshot.table, files, nights.commit_no).await?;
    let mut life = Life::default();
    let mut tasks = Vec::new();
    loop {
        let more = lives.next(&mut life).await?;
        join.meet(more.then_some(&life), &mut tasks);
        while tasks.len() >= BLOCK || (!more && !tasks.is_empty()) {
            let rest = tasks.split_off(tasks.len().min(BLOCK));
            let night = Night::new(snapshot, changes, nights, &tasks, &mut fetch).await?;
            writer.write(&night.rows(&tasks, &mut recorded)?).await?;
            tasks = rest;
        }
        if !more {
            return Ok(recorded);
        }
    }
}

/// The extract beside the history, both in the order of their records.
struct Join<'a> {
    snapshot: &'a Snapshot,
    changes: &'a Changes,
    nights: &'a Nights,
    shown: Peekable<Iter<'a, Spot>>,
}

impl Join<'_> {
    /// Adds the tasks up to a record of the history, or all that are left.
    fn meet(&mut self, life: Option<&Life>, tasks: &mut Vec<Task>) {
        let snapshot = self.snapshot;
        let before =
            |spot: &&Spot| life.is_none_or(|life| snapshot.id(**spot) < life.record_id.as_str());
        while let Some(spot) = self.shown.next_if(before) {
            tasks.push(Task {
                record_id: snapshot.id(*spot).to_owned(),
                row: Some(*spot),
                known: None,
                later: Vec::new(),
            });
        }
        if let Some(life) = life {
            let row = self
                .shown
                .next_if(|spot| snapshot.id(**spot) == life.record_id);
            tasks.extend(self.task(life, row.copied()));
        }
    }

    /// What there is to do for a record that history knows.
    fn task(&self, life: &Life, row: Option<Spot>) -> Option<Task> {
        let before = self.nights.later.first().map(|later| later.seen_after);
        let is_later = |old: &&Old| before.is_some_and(|before| old.seen_after >= before);
        let known = life.versions.iter().rfind(|old| !is_later(old)).copied();
        let later: Vec<Old> = life.versions.iter().filter(is_later).copied().collect();
        let gone = match row {
            Some(row) => self.snapshot.is_gone(row),
            None => self.snapshot.form == StreamForm::Snapshot,
        };
        let news = match (known, row) {
            (Some(known), _) if gone => !known.deleted,
            (Some(known), Some(row)) => known.deleted || known.digest != self.snapshot.digest(row),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let news = news || !later.is_empty() || !self.told(&life.record_id, known).is_empty();
        news.then(|| Task {
            record_id: life.record_id.clone(),
            row,
            known,
            later,
        })
    }

    /// What field history says of a record since its last version.
    fn told(&self, record_id: &str, known: Option<Old>) -> &[Change] {
        let after = known.map(|known| known.valid_from);
        self.changes
            .between(record_id, after, self.nights.window.day_end)
    }
}
