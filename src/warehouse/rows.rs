//! Rows of our own types as Arrow batches: how what is no SQL gets into a table.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use serde::Serialize;

use super::query::functions::instant_type;
use crate::config::ColumnType;

/// The Arrow type of a column type.
pub(crate) fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::String => DataType::Utf8,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Bigint => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal => DataType::Decimal128(18, 4),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => instant_type(),
    }
}

/// A schema of nullable columns.
pub(crate) fn schema_of(columns: &[(&str, ColumnType)]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, kind)| Field::new(*name, arrow_type(*kind), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// One batch of rows, taken by field name; dates as `YYYY-MM-DD`, instants as RFC 3339. A field that
/// a row lacks is null; one that no column has is left out.
pub(crate) fn batch_of<T: Serialize>(
    schema: &SchemaRef,
    rows: &[T],
) -> Result<RecordBatch, ArrowError> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(rows.len().max(1))
        .build_decoder()?;
    decoder.serialize(rows)?;
    Ok(decoder
        .flush()?
        .unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(schema))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Frame;

    /// What goes in comes out, nulls, dates and instants included.
    #[test]
    fn rows_go_in_and_come_out() {
        let columns = [
            ("day", ColumnType::Date),
            ("at", ColumnType::Timestamp),
            ("n", ColumnType::Bigint),
            ("word", ColumnType::String),
        ];
        let schema = schema_of(&columns);
        let rows = [
            serde_json::json!({"day": "2026-11-19", "at": "2026-11-19T10:00:00Z", "n": 3, "word": null}),
            serde_json::json!({"day": null, "n": -1, "word": "a"}),
        ];
        let batch = batch_of(&schema, &rows).unwrap();
        let frame = Frame {
            name: "t".to_owned(),
            schema,
            batches: vec![batch],
        };
        let out: Vec<serde_json::Value> = frame.rows().unwrap();
        assert_eq!(out[0], rows[0]);
        assert_eq!(
            out[1],
            serde_json::json!({"day": null, "at": null, "n": -1, "word": "a"})
        );
    }

    /// No rows make an empty batch of the same columns.
    #[test]
    fn no_rows_are_an_empty_batch() {
        let schema = schema_of(&[("n", ColumnType::Bigint)]);
        let batch = batch_of::<serde_json::Value>(&schema, &[]).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (0, 1));
    }
}
