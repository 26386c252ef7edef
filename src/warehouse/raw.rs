//! An extract's rows under the warehouse's column names.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, TimestampMicrosecondType};
use jiff::tz::TimeZone;

use super::error::WarehouseError;
use super::log::version::stream_name;
use super::query::functions::date_of;
use super::schema::{Column, aligned, columns_of, schema_of};
use crate::clock::day_start;
use crate::sources::Extract;

/// The names that stored streams use for columns of the warehouse's own. A source's column of such
/// a name is stored as `<name>_raw`.
const OWN: [&str; 11] = [
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
    super::file::DIGEST,
];

#[derive(Debug)]
pub(super) struct Raw {
    /// `<source>.<stream>`.
    pub(super) table: String,
    pub(super) columns: Vec<Column>,
    pub(super) batch: RecordBatch,
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
        let all = concat_batches(&extract.schema, &extract.batches).map_err(&failed)?;
        let mut columns = columns_of(&table, &extract.schema)?;
        let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
        for (index, (column, name)) in columns.iter_mut().zip(names(extract)).enumerate() {
            if column.name != name {
                column.original.get_or_insert(column.name.clone());
            }
            column.name = name;
            column.blank = all.column(index).null_count() == all.num_rows();
            fields.push(extract.schema.field(index).clone().with_name(&column.name));
        }
        let renamed = Schema::new(fields);
        let batch = RecordBatch::try_new(renamed.into(), all.columns().to_vec())
            .and_then(|batch| aligned(&batch, &schema_of(&columns)))
            .map_err(&failed)?;
        Ok(Self {
            table,
            columns,
            batch,
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

    /// The values of a column as text.
    pub(super) fn texts(&self, name: &str) -> Result<StringArray, WarehouseError> {
        let index = self.require(name)?;
        let text = cast(self.batch.column(index), &DataType::Utf8)
            .map_err(WarehouseError::of(&self.table))?;
        Ok(text.as_string::<i32>().clone())
    }

    pub(super) fn require(&self, name: &str) -> Result<usize, WarehouseError> {
        self.find(name).ok_or_else(|| WarehouseError::NoColumn {
            table: self.table.clone(),
            column: name.to_owned(),
        })
    }

    /// The instants of a column in microseconds, a date being its first one; none if the column is
    /// not there or holds neither.
    pub(super) fn instants(&self, name: &str, zone: &TimeZone) -> Option<Vec<Option<i64>>> {
        instants(self.batch.column(self.find(name)?), zone)
    }
}

/// The instants of an array in microseconds, a date being its first one; none if it holds neither.
pub(super) fn instants(array: &ArrayRef, zone: &TimeZone) -> Option<Vec<Option<i64>>> {
    match array.data_type() {
        DataType::Timestamp(_, _) => {
            let instants = array.as_primitive::<TimestampMicrosecondType>();
            Some(instants.iter().collect())
        }
        DataType::Date32 => {
            let start = |days| Some(day_start(date_of(days)?, zone).as_microsecond());
            let days = array.as_primitive::<Date32Type>();
            Some(days.iter().map(|day| day.and_then(start)).collect())
        }
        _ => None,
    }
}
