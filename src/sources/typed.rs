//! A column's cells as text turned into a typed array; what does not fit is counted and placed.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanBuilder, PrimitiveArray, PrimitiveBuilder,
    StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use jiff::tz::TimeZone;

use super::value;
use crate::config::{Column, ColumnType};

/// What a column's text is turned into, and how it is written.
pub(super) struct Target<'a> {
    pub(super) kind: ColumnType,
    /// strptime form of a date or timestamp; ISO 8601 if none.
    pub(super) format: Option<&'a str>,
    pub(super) zone: TimeZone,
}

impl<'a> Target<'a> {
    /// A type, with the form and the zone that were declared.
    pub(super) fn of(declared: Option<&'a Column>, kind: ColumnType) -> Self {
        let zone = declared.and_then(|declared| declared.zone.clone());
        Self {
            kind,
            format: declared.and_then(|declared| declared.format.as_deref()),
            zone: zone.unwrap_or(TimeZone::UTC),
        }
    }
}

/// The values of a column that do not fit its type.
#[derive(Default)]
pub(super) struct Misfits {
    pub(super) count: usize,
    /// The first three rows.
    pub(super) rows: Vec<usize>,
    /// The shape of the first value.
    pub(super) shape: String,
}

impl Misfits {
    fn add(&mut self, row: usize, text: &str) {
        if self.count == 0 {
            self.shape = shape(text);
        }
        if self.rows.len() < 3 {
            self.rows.push(row);
        }
        self.count += 1;
    }
}

/// A text with every digit as 9 and every letter as a or A, so that it tells the form and not the value.
pub(super) fn shape(text: &str) -> String {
    const SHOWN: usize = 32;
    let mut shape: String = text
        .chars()
        .take(SHOWN)
        .map(|c| match c {
            c if c.is_numeric() => '9',
            c if c.is_uppercase() => 'A',
            c if c.is_alphabetic() => 'a',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shape.push('…');
    }
    shape
}

pub(super) fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::String => DataType::Utf8,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Bigint => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal => DataType::Decimal128(value::PRECISION, value::SCALE),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// The type whose values an extract holds as `data_type`.
pub(super) fn column_type(data_type: &DataType) -> Option<ColumnType> {
    match data_type {
        DataType::Utf8 => Some(ColumnType::String),
        DataType::Boolean => Some(ColumnType::Boolean),
        DataType::Int64 => Some(ColumnType::Bigint),
        DataType::Float64 => Some(ColumnType::Double),
        DataType::Decimal128(value::PRECISION, value::SCALE) => Some(ColumnType::Decimal),
        DataType::Date32 => Some(ColumnType::Date),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
            Some(ColumnType::Timestamp)
        }
        _ => None,
    }
}

/// Types a chunk of a column; `first_row` is the row of its first cell.
pub(super) fn parse(
    chunk: &StringArray,
    target: &Target<'_>,
    first_row: usize,
    misfits: &mut Misfits,
) -> ArrayRef {
    let zone = &target.zone;
    match (target.kind, target.format) {
        (ColumnType::String, _) => Arc::new(chunk.clone()),
        (ColumnType::Boolean, _) => booleans(chunk, first_row, misfits),
        (ColumnType::Bigint, _) => Arc::new(primitives::<Int64Type>(
            chunk,
            first_row,
            misfits,
            value::bigint,
        )),
        (ColumnType::Double, _) => Arc::new(primitives::<Float64Type>(
            chunk,
            first_row,
            misfits,
            value::double,
        )),
        (ColumnType::Decimal, _) => Arc::new(
            primitives::<Decimal128Type>(chunk, first_row, misfits, value::decimal)
                .with_precision_and_scale(value::PRECISION, value::SCALE)
                .expect("value::decimal keeps within the precision"),
        ),
        (ColumnType::Date, None) => Arc::new(primitives::<Date32Type>(
            chunk,
            first_row,
            misfits,
            value::date,
        )),
        (ColumnType::Date, Some(format)) => {
            let parse = |text: &str| value::formatted_date(text, format);
            Arc::new(primitives::<Date32Type>(chunk, first_row, misfits, parse))
        }
        (ColumnType::Timestamp, None) => timestamps(chunk, first_row, misfits, |text| {
            value::timestamp(text, zone).or_else(|| value::midnight(text, zone))
        }),
        (ColumnType::Timestamp, Some(format)) => timestamps(chunk, first_row, misfits, |text| {
            value::formatted_timestamp(text, format, zone)
        }),
    }
}

fn timestamps(
    chunk: &StringArray,
    first_row: usize,
    misfits: &mut Misfits,
    parse: impl Fn(&str) -> Option<i64>,
) -> ArrayRef {
    let array = primitives::<TimestampMicrosecondType>(chunk, first_row, misfits, parse);
    Arc::new(array.with_timezone("UTC"))
}

/// Cells without the white space around them; one of white space alone is null.
fn cells(chunk: &StringArray) -> impl Iterator<Item = (usize, Option<&str>)> {
    let cells = chunk.iter().enumerate();
    cells.map(|(row, cell)| (row, cell.map(str::trim).filter(|cell| !cell.is_empty())))
}

fn primitives<T: ArrowPrimitiveType>(
    chunk: &StringArray,
    first_row: usize,
    misfits: &mut Misfits,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> PrimitiveArray<T> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(chunk.len());
    for (row, cell) in cells(chunk) {
        let value = cell.and_then(&parse);
        if let (Some(text), None) = (cell, value) {
            misfits.add(first_row + row, text);
        }
        builder.append_option(value);
    }
    builder.finish()
}

fn booleans(chunk: &StringArray, first_row: usize, misfits: &mut Misfits) -> ArrayRef {
    let mut builder = BooleanBuilder::with_capacity(chunk.len());
    for (row, cell) in cells(chunk) {
        let value = cell.and_then(value::boolean);
        if let (Some(text), None) = (cell, value) {
            misfits.add(first_row + row, text);
        }
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}
