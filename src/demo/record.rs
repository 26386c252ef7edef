//! A record of a source as its vendor keeps it: what it held when created, and every change since.

use super::calendar::{At, Day, marketo_instant, salesforce_instant};
use super::shapes::{Format, Kind};

#[derive(Debug)]
pub(super) struct Record {
    pub(super) kind: Kind,
    /// The cells as created; empty is null.
    pub(super) cells: Vec<String>,
    pub(super) created: At,
    /// In order of time, once `settle` has been called.
    pub(super) changes: Vec<Change>,
    /// The first as-of date whose export shows the record, when that is later than its creation.
    pub(super) shown_from: Option<Day>,
    /// The first as-of date whose export no longer holds the record.
    pub(super) gone_from: Option<Day>,
    /// Sets the record's history rows apart from every other record's.
    pub(super) serial: i64,
}

#[derive(Debug)]
pub(super) struct Change {
    pub(super) at: At,
    pub(super) column: usize,
    pub(super) value: String,
    /// The user who made it.
    pub(super) by: String,
}

impl Record {
    pub(super) fn new(kind: Kind, serial: i64, created: At) -> Self {
        Self {
            kind,
            cells: vec![String::new(); kind.shape().columns.len()],
            created,
            changes: Vec::new(),
            shown_from: None,
            gone_from: None,
            serial,
        }
    }

    /// Gives a cell the value it has from the record's creation on.
    pub(super) fn with(mut self, column: impl Into<usize>, value: impl Into<String>) -> Self {
        self.cells[column.into()] = value.into();
        self
    }

    pub(super) fn set(
        &mut self,
        at: At,
        column: impl Into<usize>,
        value: impl Into<String>,
        by: &str,
    ) {
        self.changes.push(Change {
            at,
            column: column.into(),
            value: value.into(),
            by: by.to_owned(),
        });
    }

    pub(super) fn id(&self) -> &str {
        &self.cells[0]
    }

    /// Puts the changes in order of time and drops those that change nothing or never happened:
    /// those after `end`.
    pub(super) fn settle(&mut self, end: At) {
        self.changes.sort_by_key(|change| change.at);
        let mut state = self.cells.clone();
        self.changes.retain(|change| {
            let changed = change.at <= end && state[change.column] != change.value;
            if changed {
                state[change.column].clone_from(&change.value);
            }
            changed
        });
    }

    /// An instant as the record's vendor writes it.
    pub(super) fn instant(&self, at: At) -> String {
        match self.kind.shape().format {
            Format::Csv => salesforce_instant(at),
            Format::Ndjson => marketo_instant(at),
        }
    }

    /// The cells at an instant, with the columns that say when they last changed.
    #[cfg(test)]
    pub(super) fn state(&self, at: At) -> Vec<String> {
        let mut replay = Replay::of(self);
        replay.advance(at);
        replay.cells
    }
}

/// A record's cells moving forward in time.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    record: &'a Record,
    pub(super) cells: Vec<String>,
    next: usize,
}

impl<'a> Replay<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let mut replay = Self {
            record,
            cells: record.cells.clone(),
            next: 0,
        };
        replay.stamp(record.created);
        replay
    }

    /// Applies the changes up to an instant; says whether there were any.
    pub(super) fn advance(&mut self, to: At) -> bool {
        let from = self.next;
        while let Some(change) = self.record.changes.get(self.next)
            && change.at <= to
        {
            self.cells[change.column].clone_from(&change.value);
            self.next += 1;
        }
        if self.next > from {
            self.stamp(self.record.changes[self.next - 1].at);
        }
        self.next > from
    }

    fn stamp(&mut self, at: At) {
        for column in self.record.kind.shape().modified {
            self.cells[*column] = self.record.instant(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::shapes::Lead;

    // Changes come in order of time; one that changes nothing and one after the end are dropped.
    #[test]
    fn settling_keeps_what_happened() {
        let mut lead = Record::new(Kind::Lead, 1, 100).with(Lead::Status, "Open");
        lead.set(300, Lead::Status, "Recycled", "u");
        lead.set(200, Lead::Status, "Working", "u");
        lead.set(250, Lead::Status, "Working", "u");
        lead.set(900, Lead::Status, "Open", "u");
        lead.settle(800);
        let values: Vec<&str> = lead
            .changes
            .iter()
            .map(|change| change.value.as_str())
            .collect();
        assert_eq!(values, ["Working", "Recycled"]);
        assert_eq!(lead.state(250)[usize::from(Lead::Status)], "Working");
        assert_eq!(
            lead.state(250)[usize::from(Lead::SystemModstamp)],
            "1970-01-01T00:03:20.000+0000"
        );
    }
}
