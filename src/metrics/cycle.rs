//! A number for each cycle: what belongs to one cycle is found by one whole number, not by a person's
//! id and a cycle's number.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

/// The numbers given so far, from 0.
#[derive(Default)]
pub(super) struct Cycles {
    given: HashMap<(String, i64), i64>,
    /// Neighbours mostly are of one cycle.
    last: Option<(String, i64, i64)>,
}

impl Cycles {
    /// `cycle_no` of each row of stage entries.
    pub(super) fn of(&mut self, batch: &RecordBatch) -> Result<ArrayRef, ArrowError> {
        let schema = batch.schema();
        let persons = batch.column(schema.index_of("person_id")?);
        let persons = cast(persons, &DataType::Utf8)?;
        let cycles = batch.column(schema.index_of("cycle")?);
        let cycles = cycles.as_primitive::<Int64Type>();
        let rows = persons.as_string::<i32>().iter().zip(cycles);
        let numbers = rows.map(|(person, cycle)| {
            self.number(person.unwrap_or_default(), cycle.unwrap_or_default())
        });
        Ok(Arc::new(numbers.collect::<Int64Array>()))
    }

    fn number(&mut self, person: &str, cycle: i64) -> i64 {
        if let Some((last_person, last_cycle, number)) = &self.last
            && (*last_cycle, last_person.as_str()) == (cycle, person)
        {
            return *number;
        }
        let next = i64::try_from(self.given.len()).unwrap_or(i64::MAX);
        let key = (person.to_owned(), cycle);
        let number = *self.given.entry(key).or_insert(next);
        self.last = Some((person.to_owned(), cycle, number));
        number
    }
}
