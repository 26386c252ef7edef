//! A person's versions: the versions of their records, merged.
//!
//! At each instant at which one of a person's records changes, every field takes the first value that
//! is not blank, in the order of the records: those deleted last, then by `rank` (canonical SQL states
//! it, smallest first), then the record created last. A person is deleted when every record is; those
//! merged into another do not count. What canonical SQL gives beyond the declared columns is merged
//! alike.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::take;
use arrow::datatypes::{DataType, Schema, SchemaRef};

use super::FunnelError;
use super::customer::Customers;
use super::history::{History, bigints, filled, holds, instants, text, truths};
use super::identity::Persons;

/// What belongs to a record, not to a person.
const OF_RECORD: [&str; 16] = [
    "source",
    "stream",
    "record_id",
    "converted_to",
    "linked_to",
    "merged_into",
    "rank",
    "valid_from",
    "seen_after",
    "known_at",
    "deleted",
    "via",
    "censored",
    "imported",
    "created_at",
    "is_customer",
];

/// The order of the first columns of `person_version`; all others follow.
const FIRST: [&str; 22] = [
    "person_id",
    "email",
    "name",
    "company",
    "country",
    "region",
    "segment",
    "industry",
    "employees",
    "title",
    "lead_source",
    "channel",
    "status",
    "lifecycle_stage",
    "lead_score",
    "owner_id",
    "is_customer",
    "created_at",
    "valid_from",
    "valid_to",
    "known_at",
    "deleted",
];

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

/// The instants at which persons change, and the records' rows in force from then on.
#[derive(Debug, Default)]
struct Timeline {
    at: Vec<i64>,
    spans: Vec<Range<usize>>,
    /// Where each instant's rows end in `rows`.
    ends: Vec<usize>,
    /// Rows of records, the winning ones first.
    rows: Vec<u32>,
}

impl Timeline {
    fn in_force(&self, version: usize) -> &[u32] {
        let start = version.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[version]]
    }

    fn push(&mut self, at: i64, rows: impl Iterator<Item = u32>) {
        self.at.push(at);
        self.rows.extend(rows);
        self.ends.push(self.rows.len());
    }
}

/// The order of the records of one person at one instant.
type Precedence = (bool, i64, Reverse<i64>, u32);

struct Merge<'a> {
    records: &'a History,
    persons: &'a Persons,
    customers: &'a Customers,
    rank: &'a arrow::array::Int64Array,
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

impl Merge<'_> {
    fn timeline(&self) -> Timeline {
        let mut timeline = Timeline::default();
        for (person, members) in self.persons.records.iter().enumerate() {
            let start = timeline.at.len();
            let turns = self.customers.turns(person);
            match members.as_slice() {
                [record] if turns.is_empty() => {
                    for row in self.records.spans[*record].clone() {
                        timeline.push(self.records.from[row], std::iter::once(number(row)));
                    }
                }
                _ => self.merge_person(members, &turns, &mut timeline),
            }
            timeline.spans.push(start..timeline.at.len());
        }
        timeline
    }

    fn merge_person(&self, members: &[usize], turns: &[i64], timeline: &mut Timeline) {
        let mut changes: Vec<(i64, usize, Option<usize>)> = members
            .iter()
            .enumerate()
            .flat_map(|(place, record)| {
                let span = self.records.spans[*record].clone();
                span.map(move |row| (self.records.from[row], place, Some(row)))
            })
            .collect();
        let born = changes.iter().map(|(at, _, _)| *at).min();
        let later = turns
            .iter()
            .filter(|turn| born.is_some_and(|born| **turn > born));
        changes.extend(later.map(|turn| (*turn, usize::MAX, None)));
        changes.sort_unstable();
        let mut in_force: Vec<Option<usize>> = vec![None; members.len()];
        for same in changes.chunk_by(|one, next| one.0 == next.0) {
            for (_, place, row) in same {
                if row.is_some() {
                    in_force[*place] = *row;
                }
            }
            let mut ordered: Vec<(Precedence, u32)> = in_force
                .iter()
                .enumerate()
                .filter_map(|(place, row)| {
                    Some((self.precedence((*row)?, members[place]), number((*row)?)))
                })
                .collect();
            ordered.sort_unstable();
            timeline.push(same[0].0, ordered.into_iter().map(|(_, row)| row));
        }
    }

    fn precedence(&self, row: usize, record: usize) -> Precedence {
        let rank = if self.rank.is_valid(row) {
            self.rank.value(row)
        } else {
            i64::MAX
        };
        let newest = Reverse(self.persons.created[record]);
        (holds(self.deleted, row), rank, newest, number(record))
    }

    fn rows(
        &self,
        timeline: &Timeline,
        watched: &BTreeSet<String>,
        winners: &mut BTreeMap<String, Vec<Option<u32>>>,
    ) -> Result<RecordBatch, FunnelError> {
        let mut columns: BTreeMap<&str, ArrayRef> = self.own_columns(timeline);
        let given = &self.records.rows;
        for (field, column) in given.schema_ref().fields().iter().zip(given.columns()) {
            if OF_RECORD.contains(&field.name().as_str()) {
                continue;
            }
            let winning = winning(timeline, column);
            let indices = UInt32Array::from(winning);
            let values = take(column, &indices, None)
                .map_err(FunnelError::arrow("merging the records of a person"))?;
            columns.insert(field.name(), values);
            if watched.contains(field.name()) {
                winners.insert(field.name().clone(), indices.iter().collect());
            }
        }
        let rest: Vec<&str> = columns
            .keys()
            .copied()
            .filter(|name| !FIRST.contains(name))
            .collect();
        let ordered = FIRST.into_iter().chain(rest);
        super::table(ordered.filter_map(|name| Some((name, columns.get(name).cloned()?))))
    }

    /// The columns that are worked out rather than taken from one record.
    fn own_columns(&self, timeline: &Timeline) -> BTreeMap<&'static str, ArrayRef> {
        let versions = timeline.at.len();
        let mut ids = Vec::with_capacity(versions);
        let (mut created, mut ends) = (Vec::with_capacity(versions), Vec::with_capacity(versions));
        let mut customer = Vec::with_capacity(versions);
        let told = truths(&self.records.rows, "is_customer");
        for (person, span) in timeline.spans.iter().enumerate() {
            let members = self.persons.records[person].iter();
            let earliest = members.map(|record| self.persons.created[*record]).min();
            for version in span.clone() {
                ids.push(Some(self.persons.ids[person].as_str()));
                created.push(earliest);
                ends.push((version + 1 < span.end).then(|| timeline.at[version + 1]));
                let records = timeline.in_force(version);
                // What was won at this instant makes a customer from it on.
                customer.push(Some(
                    records.iter().any(|row| holds(told, *row as usize))
                        || self.customers.is(person, timeline.at[version] + 1, None),
                ));
            }
        }
        let instants = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let from = timeline.at.iter().copied().map(Some).collect();
        BTreeMap::from([
            ("person_id", Arc::new(StringArray::from(ids)) as ArrayRef),
            ("is_customer", Arc::new(BooleanArray::from(customer))),
            ("created_at", instants(created)),
            ("valid_from", instants(from)),
            ("valid_to", instants(ends)),
            ("known_at", instants(self.known(timeline))),
            ("deleted", Arc::new(self.gone(timeline))),
        ])
    }

    /// When each version was known: when the last of the changes that begin it was.
    fn known(&self, timeline: &Timeline) -> Vec<Option<i64>> {
        let known_at = instants(&self.records.rows, "known_at");
        let mut known: Vec<Option<i64>> = Vec::with_capacity(timeline.at.len());
        for (version, at) in timeline.at.iter().enumerate() {
            let in_force = timeline.in_force(version).iter().map(|row| *row as usize);
            let beginning = in_force.filter(|row| self.records.from[*row] == *at);
            let last = beginning.map(|row| known_at.value(row)).max();
            known.push(last.or_else(|| known.last().copied().flatten()));
        }
        known
    }

    fn gone(&self, timeline: &Timeline) -> BooleanArray {
        let merged_into = text(&self.records.rows, "merged_into");
        let index = self.records.index();
        let merged =
            |row: usize| filled(merged_into, row).is_some_and(|winner| index.contains_key(winner));
        let gone = |version: usize| {
            let rows = timeline.in_force(version).iter().map(|row| *row as usize);
            let mut counting = rows
                .filter(|row| !(holds(self.deleted, *row) && merged(*row)))
                .peekable();
            counting.peek().is_some() && counting.all(|row| holds(self.deleted, row))
        };
        (0..timeline.at.len())
            .map(|version| Some(gone(version)))
            .collect()
    }

    /// Whether each row's value differs from that of the record's row before; it does in the first,
    /// and in one that returns from deletion.
    fn changed(&self, column: &ArrayRef) -> Result<BooleanArray, FunnelError> {
        let rows = column.len();
        if rows == 0 {
            return Ok(BooleanArray::from(Vec::<bool>::new()));
        }
        let differs = distinct(&column.slice(1, rows - 1), &column.slice(0, rows - 1))
            .map_err(FunnelError::arrow("comparing versions"))?;
        let mut changed = vec![true];
        changed.extend((1..rows).map(|row| differs.value(row - 1) || holds(self.deleted, row - 1)));
        for span in &self.records.spans {
            changed[span.start] = true;
        }
        Ok(BooleanArray::from(changed))
    }
}

fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// For each version the first row, in the order of the records, whose cell is not blank.
fn winning(timeline: &Timeline, column: &ArrayRef) -> Vec<Option<u32>> {
    if column.null_count() == column.len() {
        return vec![None; timeline.at.len()];
    }
    let words = (*column.data_type() == DataType::Utf8).then(|| column.as_string::<i32>());
    let full: Vec<bool> = (0..column.len())
        .map(|row| match words {
            Some(words) => filled(words, row).is_some(),
            None => column.is_valid(row),
        })
        .collect();
    // A plain loop: this runs for every column, version and record.
    let mut winning = Vec::with_capacity(timeline.at.len());
    let mut start = 0;
    for end in &timeline.ends {
        let mut winner = None;
        for row in &timeline.rows[start..*end] {
            if full[*row as usize] {
                winner = Some(*row);
                break;
            }
        }
        winning.push(winner);
        start = *end;
    }
    winning
}

/// Of the columns of persons those that records have too: what a stamp may name.
pub(super) fn of_records(person: &Schema, records: &Schema) -> SchemaRef {
    let fields = person.fields().iter();
    let common = fields.filter(|field| records.index_of(field.name()).is_ok());
    Arc::new(Schema::new(common.cloned().collect::<Vec<_>>()))
}
