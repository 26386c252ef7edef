//! A person's versions: the versions of their records, merged.
//!
//! At each instant at which one of a person's records changes, every field takes the first value that
//! is not blank, in the order of the records: those deleted last, then by `rank` (canonical SQL states
//! it, smallest first), then the record created last. A person is deleted when every record is; those
//! merged into another do not count. What canonical SQL gives beyond the declared columns is merged
//! alike.

mod columns;
mod timeline;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array};
use arrow::datatypes::{Schema, SchemaRef};

use super::FunnelError;
use super::customer::Customers;
use super::history::{History, bigints, instants, truths};
use super::identity::Persons;
use timeline::Timeline;

/// All persons' versions, and where each value comes from.
#[derive(Debug)]
pub(super) struct Versions {
    /// Things are persons, in their order; `rows` is the table `person_version`.
    pub(super) history: History,
    timeline: Timeline,
    /// For each watched column, the row of the record that gives each version's value.
    winners: BTreeMap<String, Vec<Option<u32>>>,
    /// For each watched column and row of a record: whether the value is new in it.
    changed: BTreeMap<String, BooleanArray>,
}

/// What versions are merged from.
struct Merge<'a> {
    records: &'a History,
    persons: &'a Persons,
    customers: &'a Customers,
    rank: &'a Int64Array,
    deleted: &'a BooleanArray,
}

/// Merges the records' versions. `watched` are the columns whose changes `cause` will be asked for.
pub(super) fn merge(
    records: &History,
    persons: &Persons,
    customers: &Customers,
    watched: &BTreeSet<String>,
) -> Result<Versions, FunnelError> {
    let merge = Merge {
        records,
        persons,
        customers,
        rank: bigints(&records.rows, "rank"),
        deleted: truths(&records.rows, "deleted"),
    };
    let timeline = merge.timeline();
    let mut winners = BTreeMap::new();
    let rows = merge.rows(&timeline, watched, &mut winners)?;
    let changed = watched
        .iter()
        .filter_map(|name| Some((name, records.rows.column_by_name(name)?)))
        .map(|(name, column)| Ok((name.clone(), merge.changed(column)?)))
        .collect::<Result<_, FunnelError>>()?;
    Ok(Versions {
        history: History {
            rows,
            keys: persons.ids.clone(),
            spans: timeline.spans.clone(),
            from: timeline.at.clone(),
        },
        timeline,
        winners,
        changed,
    })
}

impl Versions {
    /// The row of the record whose own change makes the values of `columns` what they are in a
    /// version; none if only the order of the records changed, or nothing.
    pub(super) fn cause(
        &self,
        version: usize,
        columns: &[String],
        records: &History,
    ) -> Option<usize> {
        let at = self.timeline.at[version];
        let begins = |row: &usize| records.from[*row] == at;
        let in_force = || {
            self.timeline
                .in_force(version)
                .iter()
                .map(|row| *row as usize)
        };
        if columns.is_empty() {
            return in_force().find(begins);
        }
        let known_at = instants(&records.rows, "known_at");
        let own = |name: &String| {
            let new = |row: &usize| {
                begins(row)
                    && self
                        .changed
                        .get(name)
                        .is_none_or(|changed| changed.value(*row))
            };
            match self.winners.get(name).and_then(|winners| winners[version]) {
                Some(winner) => Some(winner as usize).filter(new),
                None => in_force().find(new),
            }
        };
        columns
            .iter()
            .filter_map(own)
            .max_by_key(|row| (known_at.value(*row), Reverse(*row)))
    }

    /// The row of the first record in force, whatever changed.
    pub(super) fn first_record(&self, version: usize) -> Option<usize> {
        self.timeline
            .in_force(version)
            .first()
            .map(|row| *row as usize)
    }
}

/// Of the columns of persons those that records have too: what a stamp may name.
pub(super) fn of_records(person: &Schema, records: &Schema) -> SchemaRef {
    let fields = person.fields().iter();
    let common = fields.filter(|field| records.index_of(field.name()).is_ok());
    Arc::new(Schema::new(common.cloned().collect::<Vec<_>>()))
}
