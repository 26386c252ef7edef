//! Things that happened, with the person they happened to: the tables `activity` and `response`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};

use super::FunnelError;
use super::history::{History, filled, instant, instants, text};

#[derive(Debug)]
pub(super) struct Events {
    pub(super) table: RecordBatch,
    /// The number of each row's person, where there is one.
    pub(super) persons: Vec<Option<usize>>,
    /// The column that holds the event's id.
    pub(super) id: &'static str,
    /// Rows that name a record which is not there.
    pub(super) unknown: u64,
}

impl Events {
    /// `rows` is a united canonical table; its `record_key` becomes `person_id`.
    pub(super) fn new(
        rows: &RecordBatch,
        id: &'static str,
        person_of: &HashMap<&str, usize>,
        ids: &[String],
    ) -> Result<Self, FunnelError> {
        let key = text(rows, "record_key");
        let mut unknown = 0;
        let mut persons = Vec::with_capacity(rows.num_rows());
        for row in 0..rows.num_rows() {
            let named = filled(key, row);
            let person = named.and_then(|key| person_of.get(key).copied());
            unknown += u64::from(named.is_some() && person.is_none());
            persons.push(person);
        }
        let person_id: StringArray = persons
            .iter()
            .map(|person| person.map(|person| ids[person].as_str()))
            .collect();
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        let schema = rows.schema();
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            match field.name().as_str() {
                "source" => {}
                "record_key" => columns.push(("person_id", Arc::new(person_id.clone()))),
                name => columns.push((name, Arc::clone(column))),
            }
        }
        let source = rows.column_by_name("source").cloned();
        columns.extend(source.map(|column| ("source", column)));
        Ok(Self {
            table: super::table(columns)?,
            persons,
            id,
            unknown,
        })
    }

    /// For each event the row of its person's version then; none before the first.
    pub(super) fn versions(&self, versions: &History) -> UInt32Array {
        let at = instants(&self.table, "occurred_at");
        let of = |(row, person): (usize, &Option<usize>)| {
            let version = versions.as_of((*person)?, instant(at, row)?)?;
            u32::try_from(version).ok()
        };
        self.persons.iter().enumerate().map(of).collect()
    }

    /// When each event happened.
    pub(super) fn at(&self, row: usize) -> Option<i64> {
        instant(instants(&self.table, "occurred_at"), row)
    }
}

/// The responses that have a campaign, by person and time.
pub(super) struct Touches(Vec<(usize, i64, u32)>);

impl Touches {
    pub(super) fn of(responses: &Events) -> Self {
        let campaign = text(&responses.table, "campaign_id");
        let at = instants(&responses.table, "occurred_at");
        let mut touches = Vec::new();
        for (row, person) in responses.persons.iter().enumerate() {
            if let (Some(person), Some(at), Ok(number)) =
                (*person, instant(at, row), u32::try_from(row))
                && campaign.is_valid(row)
            {
                touches.push((person, at, number));
            }
        }
        touches.sort_unstable();
        Self(touches)
    }

    /// The row of the person's latest response by an instant.
    pub(super) fn latest(&self, person: usize, instant: i64) -> Option<u32> {
        let last = (person, instant, u32::MAX);
        let passed = self.0.partition_point(|touch| *touch <= last);
        let (of, _, row) = self.0[passed.checked_sub(1)?];
        (of == person).then_some(row)
    }
}
