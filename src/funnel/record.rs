//! The table `record_version`: every version of every record of a person, as the canonical queries give
//! it, with its place. For the audit of the same night; it is not published.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::FunnelError;
use super::history::History;
use super::identity::Persons;

/// What is added to the columns of the canonical table.
const PLACE: [&str; 4] = ["person_id", "record_no", "version_no", "valid_to"];

/// The versions of each record together, in order. Beside the canonical columns: `person_id`; `record_no`
/// (bigint, tells records apart, so that SQL need not compare their names); `version_no` (bigint, from 1);
/// `valid_to` (the next version's `valid_from`, null for the one that stands).
pub(super) fn versions(records: &History, persons: &Persons) -> Result<RecordBatch, FunnelError> {
    let spans = || records.spans.iter().enumerate();
    let each = || spans().flat_map(|(record, span)| (1..=span.len()).map(move |no| (record, no)));
    let number = |number: usize| i64::try_from(number).ok();
    let person =
        |(record, _): (usize, usize)| Some(persons.ids[persons.of_record[record]].as_str());
    let record_no = each().map(|(record, _)| number(record));
    let version_no = each().map(|(_, no)| number(no));
    let place: [ArrayRef; 4] = [
        Arc::new(each().map(person).collect::<StringArray>()),
        Arc::new(record_no.collect::<Int64Array>()),
        Arc::new(version_no.collect::<Int64Array>()),
        Arc::new(records.valid_to()),
    ];
    let schema = records.rows.schema();
    let told = schema.fields().iter().map(|field| field.name().as_str());
    let told = told.zip(records.rows.columns().iter().cloned());
    super::table(
        told.filter(|(name, _)| !PLACE.contains(name))
            .chain(PLACE.into_iter().zip(place)),
    )
}
