//! The columns of a person's versions: those taken from records, and those worked out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::take;
use arrow::datatypes::DataType;

use super::Merge;
use super::timeline::Timeline;
use crate::funnel::FunnelError;
use crate::funnel::history::{filled, holds, instants, text, truths};

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

impl Merge<'_> {
    pub(super) fn rows(
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
        crate::funnel::table(ordered.filter_map(|name| Some((name, columns.get(name).cloned()?))))
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
    pub(super) fn changed(&self, column: &ArrayRef) -> Result<BooleanArray, FunnelError> {
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
