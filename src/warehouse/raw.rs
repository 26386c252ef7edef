//! An extract's rows under the warehouse's column names.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use jiff::tz::TimeZone;

use super::error::WarehouseError;
use super::log::version::stream_name;
use super::query::functions::date_of;
use super::schema::{Column, aligned, columns_of, schema_of};
use crate::clock::day_start;
use crate::sources::Extract;

/// The names that stored streams use for columns of the warehouse's own. A source's column of such
/// a name is stored as `<name>_raw`.
const OWN: [&str; 12] = [
    "record_id",
    "valid_from",
    "valid_to",
    "seen_after",
    "known_at",
    "commit_no",
    "deleted",
    "via",
    "censored",
    "imported",
    "apart_reason",
    super::file::DIGEST,
];

#[derive(Debug)]
pub(super) struct Raw {
    /// `<source>.<stream>`.
    pub(super) table: String,
    pub(super) columns: Vec<Column>,
    /// At least one, which may have no rows.
    pub(super) batches: Vec<RecordBatch>,
}

/// The columns of an extract, by the names under which they are stored.
pub(super) fn names(extract: &Extract) -> Vec<String> {
    let fields = extract.schema.fields().iter();
    fields.map(|field| stored_name(field, extract)).collect()
}

fn stored_name(field: &Field, extract: &Extract) -> String {
    let mut name = field.name().clone();
    if OWN.contains(&name.as_str()) {
        while name == *field.name() || extract.schema.index_of(&name).is_ok() {
            name.push_str("_raw");
        }
    }
    name
}

impl Raw {
    pub(super) fn of(extract: &Extract) -> Result<Self, WarehouseError> {
        let table = stream_name(extract);
        let failed = WarehouseError::of(&table);
        let mut columns = columns_of(&table, &extract.schema)?;
        let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
        for (index, (column, name)) in columns.iter_mut().zip(names(extract)).enumerate() {
            if column.name != name {
                column.original.get_or_insert(column.name.clone());
            }
            column.name = name;
            let blank = |batch: &RecordBatch| batch.column(index).null_count() == batch.num_rows();
            column.blank = extract.batches.iter().all(blank);
            fields.push(extract.schema.field(index).clone().with_name(&column.name));
        }
        let renamed = Arc::new(Schema::new(fields));
        let stored = schema_of(&columns);
        let empty = RecordBatch::new_empty(extract.schema.clone());
        let given = if extract.batches.is_empty() {
            std::slice::from_ref(&empty)
        } else {
            &extract.batches
        };
        let batch = |batch: &RecordBatch| {
            let batch = RecordBatch::try_new(Arc::clone(&renamed), batch.columns().to_vec())?;
            aligned(&batch, &stored)
        };
        let batches: Result<Vec<RecordBatch>, ArrowError> = given.iter().map(batch).collect();
        Ok(Self {
            batches: batches.map_err(&failed)?,
            table,
            columns,
        })
    }

    /// The column that a source or a user means by `name`.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let exactly = self.columns.iter().position(|column| column.name == name);
        exactly.or_else(|| {
            self.columns
                .iter()
                .position(|column| column.is_called(name))
        })
    }

    /// The values of a column as text, by batch.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<StringArray>, WarehouseError> {
        let index = self.require(name)?;
        let text = |batch: &RecordBatch| {
            let text = cast(batch.column(index), &DataType::Utf8)?;
            Ok(text.as_string::<i32>().clone())
        };
        let texts: Result<_, ArrowError> = self.batches.iter().map(text).collect();
        texts.map_err(WarehouseError::of(&self.table))
    }

    pub(super) fn require(&self, name: &str) -> Result<usize, WarehouseError> {
        self.find(name).ok_or_else(|| WarehouseError::NoColumn {
            table: self.table.clone(),
            column: name.to_owned(),
        })
    }

    /// The instants of a column, by batch, a date being its first one; none if the column is not
    /// there or holds neither.
    pub(super) fn instants(
        &self,
        name: &str,
        zone: &TimeZone,
    ) -> Option<Vec<TimestampMicrosecondArray>> {
        let index = self.find(name)?;
        let batches = self.batches.iter();
        batches
            .map(|batch| instants(batch.column(index), zone))
            .collect()
    }
}

/// A column's instants; none if it holds neither instants nor dates.
pub(super) fn instants(column: &ArrayRef, zone: &TimeZone) -> Option<TimestampMicrosecondArray> {
    match column.data_type() {
        DataType::Timestamp(_, _) => {
            Some(column.as_primitive::<TimestampMicrosecondType>().clone())
        }
        DataType::Date32 => {
            let start = |days| Some(day_start(date_of(days)?, zone).as_microsecond());
            let days = column.as_primitive::<Date32Type>();
            Some(days.iter().map(|day| day.and_then(start)).collect())
        }
        _ => None,
    }
}
