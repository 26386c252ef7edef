//! The versions that one night adds to one record.
//!
//! Where sources disagree, field history wins over the snapshot for the time it speaks of, and the
//! snapshot has the last word: what still differs becomes one more version. Both are counted.

use crate::warehouse::history::pool::{Cell, Pool};

/// What lies between the stream's last complete snapshot and tonight's, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::warehouse) struct Window {
    /// The end of the day of the last complete snapshot; none at the stream's first.
    pub(in crate::warehouse) seen_after: Option<i64>,
    pub(in crate::warehouse) day_start: i64,
    pub(in crate::warehouse) day_end: i64,
    /// Whether field history came with the snapshot.
    pub(in crate::warehouse) told: bool,
}

impl Window {
    /// Whether an instant lies between the two snapshots.
    fn holds(&self, at: i64) -> bool {
        at <= self.day_end && self.seen_after.is_none_or(|after| at > after)
    }
}

/// A change of field history whose texts could be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edit {
    pub(super) at: i64,
    pub(super) column: usize,
    pub(super) old: Cell,
    pub(super) new: Cell,
}

/// One record as tonight's snapshot shows it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) cells: Vec<Cell>,
    pub(super) created: Option<i64>,
    pub(super) modified: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    Snapshot,
    History,
    /// The row takes back an earlier one for the same record and `valid_from`.
    Withdrawn,
}

#[derive(Debug)]
pub(super) struct RecordVersion {
    pub(super) valid_from: i64,
    pub(super) cells: Vec<Cell>,
    pub(super) deleted: bool,
    pub(super) via: Via,
    pub(super) censored: bool,
    /// The end of the day of the last complete snapshot before the one that shows it.
    pub(super) seen_after: Option<i64>,
    /// When it was known, if that was before tonight.
    pub(super) known_at: Option<i64>,
}

/// The versions of one record in the making, and what the sources disagreed about.
pub(super) struct Replay<'a> {
    pool: &'a Pool,
    window: Window,
    edits: &'a [Edit],
    state: Vec<Cell>,
    versions: Vec<RecordVersion>,
    disagreements: u64,
}

impl<'a> Replay<'a> {
    /// `edits` in order, none later than the day's end; for a known record none before its last
    /// version.
    pub(super) fn new(pool: &'a Pool, window: Window, edits: &'a [Edit]) -> Self {
        Self {
            pool,
            window,
            edits,
            state: Vec::new(),
            versions: Vec::new(),
            disagreements: 0,
        }
    }

    pub(super) fn end(self) -> (Vec<RecordVersion>, u64) {
        (self.versions, self.disagreements)
    }

    /// A record never seen before: its first state is the snapshot's with every change undone.
    pub(super) fn appear(mut self, shown: &Shown) -> Self {
        self.state.clone_from(&shown.cells);
        for edit in self.edits.iter().rev() {
            self.state[edit.column] = edit.old;
        }
        let (start, censored) = self.start(shown);
        let first = self.window.seen_after.is_none();
        let told = first && self.window.told && !censored;
        let via = if told || !self.edits.is_empty() {
            Via::History
        } else {
            Via::Snapshot
        };
        self.push(start, via);
        self.versions[0].censored = censored;
        self.play();
        self.settle(shown, false);
        self
    }

    /// A record with a last version: changed, or back after it had vanished.
    pub(super) fn go_on(mut self, last: Vec<Cell>, shown: &Shown, returned: bool) -> Self {
        self.state = last;
        self.play();
        self.settle(shown, returned);
        self
    }

    /// A record that is gone since `at`, as a change says of it, or that the snapshot lacks.
    pub(super) fn vanish(mut self, last: Vec<Cell>, at: Option<i64>) -> Self {
        self.state = last;
        self.play();
        let last = self.versions.last().map(|version| version.valid_from);
        let at = at.filter(|at| self.window.holds(*at) && last.is_none_or(|last| *at >= last));
        self.push(at.unwrap_or(self.window.day_end), Via::Snapshot);
        if let Some(version) = self.versions.last_mut() {
            version.deleted = true;
        }
        self
    }

    /// Since when the first state holds, and whether nothing tells.
    fn start(&self, shown: &Shown) -> (i64, bool) {
        let Window {
            seen_after,
            day_start,
            day_end,
            told,
        } = self.window;
        let first = seen_after.is_none();
        let earliest = self.edits.first().map(|edit| edit.at);
        match (shown.created.filter(|at| *at <= day_end), earliest) {
            (Some(created), _) => {
                let fresh = created >= day_start || shown.modified == Some(created);
                let start = earliest.map_or(created, |at| at.min(created));
                (start, first && !told && !fresh)
            }
            // It held before its first change; one cannot say for how long.
            (None, Some(earliest)) => (earliest - 1, first),
            (None, None) if first => (day_end, true),
            (None, None) => (self.modified_or_day_end(shown), false),
        }
    }

    /// One version for each instant at which a change changes something.
    fn play(&mut self) {
        for edits in self.edits.chunk_by(|one, two| one.at == two.at) {
            let mut changed = false;
            for edit in edits {
                let now = self.state[edit.column];
                if self.pool.same(edit.column, now, edit.new) {
                    continue;
                }
                if !self.pool.same(edit.column, now, edit.old) {
                    self.disagreements += 1;
                }
                self.state[edit.column] = edit.new;
                changed = true;
            }
            if changed {
                self.push(edits[0].at, Via::History);
            }
        }
    }

    /// What still differs from the snapshot becomes one version.
    fn settle(&mut self, shown: &Shown, returned: bool) {
        let differs = |column: &usize| {
            let (now, then) = (self.state[*column], shown.cells[*column]);
            !self.pool.same(*column, now, then)
        };
        let differing: Vec<usize> = (0..self.pool.width()).filter(differs).collect();
        let told = |column: &&usize| self.edits.iter().any(|edit| edit.column == **column);
        self.disagreements += differing.iter().filter(told).count() as u64;
        let unsaid = returned && self.versions.is_empty();
        if differing.is_empty() && !unsaid {
            return;
        }
        let last = self.versions.last().map(|version| version.valid_from);
        let at = self.modified_or_day_end(shown);
        self.state.clone_from(&shown.cells);
        self.push(last.map_or(at, |last| at.max(last)), Via::Snapshot);
    }

    fn modified_or_day_end(&self, shown: &Shown) -> i64 {
        let modified = shown.modified.filter(|at| self.window.holds(*at));
        modified.unwrap_or(self.window.day_end)
    }

    /// Adds the state as a version; of two at one instant the later one stands.
    fn push(&mut self, valid_from: i64, via: Via) {
        if let Some(last) = self.versions.last_mut()
            && last.valid_from == valid_from
        {
            last.cells.clone_from(&self.state);
            return;
        }
        self.versions.push(RecordVersion {
            valid_from,
            cells: self.state.clone(),
            deleted: false,
            via,
            censored: false,
            seen_after: self.window.seen_after,
            known_at: None,
        });
    }
}
