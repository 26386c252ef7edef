//! Every cell that the versions of one night may be made of, addressed by number: the last known
//! rows, then the snapshot's rows, then the texts of field history, read as the column's type.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DynComparator, Float64Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, make_comparator,
};
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::compute::{SortOptions, concat, take};
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::error::ArrowError;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::warehouse::query::functions::days_since_epoch;

/// A cell's number within its column.
pub(super) type Cell = u32;

pub(super) struct Pool {
    columns: Vec<ArrayRef>,
    comparators: Vec<DynComparator>,
    /// How many rows stand before the texts.
    rows: Cell,
    /// By column: whether the text at that place could not be read.
    unreadable: Vec<Vec<bool>>,
}

impl Pool {
    /// `texts` has one list a column.
    pub(super) fn new(
        known: &RecordBatch,
        snapshot: &RecordBatch,
        texts: &[Vec<Option<&str>>],
    ) -> Result<Self, ArrowError> {
        let rows = known.num_rows() + snapshot.num_rows();
        let mut pool = Self {
            columns: Vec::with_capacity(texts.len()),
            comparators: Vec::with_capacity(texts.len()),
            rows: Cell::try_from(rows)
                .map_err(|error| ArrowError::ComputeError(error.to_string()))?,
            unreadable: Vec::with_capacity(texts.len()),
        };
        for (index, texts) in texts.iter().enumerate() {
            let (before, now) = (known.column(index), snapshot.column(index));
            let read = read(texts, now.data_type())?;
            let unreadable = texts.iter().enumerate();
            let unreadable = unreadable.map(|(at, text)| is_value(*text) && read.is_null(at));
            pool.unreadable.push(unreadable.collect());
            let column = concat(&[before, now, &read])?;
            let comparator = make_comparator(&column, &column, SortOptions::default())?;
            pool.columns.push(column);
            pool.comparators.push(comparator);
        }
        Ok(pool)
    }

    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn column(&self, column: usize) -> &ArrayRef {
        &self.columns[column]
    }

    /// The cell of a text; none if it could not be read as its column's type.
    pub(super) fn text(&self, column: usize, index: usize) -> Option<Cell> {
        let readable = !self.unreadable[column][index];
        readable.then(|| self.rows + Cell::try_from(index).unwrap_or(0))
    }

    pub(super) fn same(&self, column: usize, one: Cell, two: Cell) -> bool {
        one == two || self.comparators[column](one as usize, two as usize).is_eq()
    }

    pub(super) fn gather(&self, column: usize, cells: Vec<Cell>) -> Result<ArrayRef, ArrowError> {
        take(&self.columns[column], &UInt32Array::from(cells), None)
    }
}

fn is_value(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Texts of field history as a column's type, spelled as sources spell them.
fn read(texts: &[Option<&str>], kind: &DataType) -> Result<ArrayRef, ArrowError> {
    if *kind == DataType::Utf8 {
        return Ok(Arc::new(StringArray::from(texts.to_vec())));
    }
    let values = texts.iter().map(|text| text.map(str::trim));
    Ok(match kind {
        DataType::Boolean => Arc::new(values.map(|v| boolean(v?)).collect::<BooleanArray>()),
        DataType::Int64 => Arc::new(values.map(|v| integer(v?)).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(values.map(|v| v?.parse().ok()).collect::<Float64Array>()),
        DataType::Date32 => Arc::new(values.map(|v| date(v?)).collect::<Date32Array>()),
        DataType::Timestamp(_, zone) => {
            let instants = values.map(|v| instant(v?));
            let instants: TimestampMicrosecondArray = instants.collect();
            Arc::new(instants.with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => {
            let decimal = |text| parse_decimal::<Decimal128Type>(text, *precision, *scale).ok();
            let decimals: Decimal128Array = values.map(|v| decimal(v?)).collect();
            Arc::new(decimals.with_precision_and_scale(*precision, *scale)?)
        }
        other => unreachable!("no column of a stream is of type {other}"),
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Field history writes a whole number as `85` or as `85.0`.
fn integer(text: &str) -> Option<i64> {
    let whole = text.split_once('.').map_or(text, |(whole, rest)| {
        let zeros = rest.bytes().all(|digit| digit == b'0');
        if zeros { whole } else { text }
    });
    whole.parse().ok()
}

/// A date, or the date that an instant is written with.
fn date(text: &str) -> Option<i32> {
    let date: Date = text.get(..10)?.parse().ok()?;
    Some(days_since_epoch(date))
}

/// An instant; one without an offset is in UTC.
fn instant(text: &str) -> Option<i64> {
    let with_offset = text.parse::<Timestamp>().ok();
    let instant = with_offset.or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Some(instant.as_microsecond())
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};

    use super::*;
    use crate::warehouse::query::functions::instant_type;

    // Every spelling that the sources use; what is none of them is null, never a guess.
    #[test]
    fn texts_are_read_as_the_columns_type() {
        let texts = [
            Some("2026-11-05T14:03:22.000+0000"),
            Some("2026-11-05T14:03:22Z"),
            Some("2026-11-05T10:03:22-04:00"),
            Some("2026-11-05 14:03:22"),
            Some("last Tuesday"),
            None,
        ];
        let instants = read(&texts, &instant_type()).unwrap();
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let at = Some(1_793_887_402_000_000);
        assert_eq!(
            instants.iter().collect::<Vec<_>>(),
            [at, at, at, at, None, None]
        );

        let numbers = read(&[Some("85"), Some("85.0"), Some("85.5")], &DataType::Int64).unwrap();
        let numbers: Vec<_> = numbers.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(numbers, [Some(85), Some(85), None]);

        let dates = read(
            &[Some("1970-01-02"), Some("1970-01-03T09:00:00Z")],
            &DataType::Date32,
        );
        let dates = dates.unwrap();
        let dates: Vec<_> = dates.as_primitive::<Date32Type>().iter().collect();
        assert_eq!(dates, [Some(1), Some(2)]);

        let money = read(&[Some("1234.5"), Some("x")], &DataType::Decimal128(18, 4)).unwrap();
        let money: Vec<_> = money.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(money, [Some(12_345_000), None]);

        let flags = read(&[Some("True"), Some("0"), Some("yes")], &DataType::Boolean).unwrap();
        let flags: Vec<_> = flags.as_boolean().iter().collect();
        assert_eq!(flags, [Some(true), Some(false), None]);
    }
}
