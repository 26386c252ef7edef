//! Parquet: typed by the file. Types that an extract does not hold become the nearest that loses
//! nothing, nested ones JSON text.

use std::sync::Arc;

use ::bytes::Bytes;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{LineDelimited, WriterBuilder};

use super::infer::Guesses;
use super::raw::{CHUNK_ROWS, Cells, Places, Raw, RawColumn};
use super::typed::data_type;
use super::value::SCALE;
use super::{Input, SourceError};
use crate::config::ColumnType;

const MAGIC: &[u8] = b"PAR1";

pub(super) fn read(stored: &Bytes, input: &Input<'_>) -> Result<Raw<'static>, SourceError> {
    if !stored.starts_with(MAGIC) {
        return Err(input.malformed(None, "it is no Parquet file"));
    }
    if !stored.ends_with(MAGIC) || stored.len() < 12 {
        return Err(input.truncated(None, "its footer is missing"));
    }
    let corrupt = |error: ParquetError| input.malformed(None, format!("{error}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(stored.clone())
        .map_err(corrupt)?
        .with_batch_size(CHUNK_ROWS);
    let schema = Arc::clone(reader.schema());
    let reader = reader.build().map_err(corrupt)?;
    let batches: Vec<RecordBatch> = reader
        .collect::<Result<_, _>>()
        .map_err(|error| input.malformed(None, format!("{error}")))?;
    let columns = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let chunks: Vec<ArrayRef> = batches
                .iter()
                .map(|batch| Arc::clone(batch.column(position)))
                .collect();
            let cells = cells(&chunks, field.data_type(), &input.stream.nulls);
            Ok(RawColumn {
                original: field.name().clone(),
                cells: cells.map_err(|_| unfit(field.name(), field.data_type(), input))?,
            })
        })
        .collect::<Result<_, SourceError>>()?;
    Ok(Raw {
        columns,
        rows: batches.iter().map(RecordBatch::num_rows).sum(),
        places: Places::Rows,
    })
}

fn unfit(column: &str, data_type: &DataType, input: &Input<'_>) -> SourceError {
    let what = format!("column `{column}`, a `{data_type}`, has values that no type here holds");
    input
        .malformed(None, what)
        .with_fix("Export it as text, bigint, double, decimal(18,4), date or timestamp")
}

fn cells(chunks: &[ArrayRef], data_type: &DataType, nulls: &[String]) -> Result<Cells, ArrowError> {
    let Some(kind) = natural(data_type) else {
        let chunks = chunks.iter().map(json_text);
        return Ok(Cells::Text {
            chunks: chunks.collect::<Result<_, _>>()?,
            guesses: Guesses::NONE,
        });
    };
    let chunks = chunks.iter().map(|chunk| exactly(chunk, kind));
    if kind == ColumnType::String {
        let texts = chunks.map(|chunk| chunk.map(|chunk| without_nulls(&chunk, nulls)));
        return Ok(Cells::Text {
            chunks: texts.collect::<Result<_, _>>()?,
            guesses: Guesses::NONE,
        });
    }
    Ok(Cells::Typed {
        chunks: chunks.collect::<Result<_, _>>()?,
        kind,
    })
}

/// The type that holds a type's values; none for nested types.
fn natural(data_type: &DataType) -> Option<ColumnType> {
    use DataType as D;
    match data_type {
        D::Dictionary(_, values) => natural(values),
        D::Boolean => Some(ColumnType::Boolean),
        D::Float16 | D::Float32 | D::Float64 => Some(ColumnType::Double),
        D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..) => {
            Some(ColumnType::Decimal)
        }
        D::Date32 | D::Date64 => Some(ColumnType::Date),
        D::Timestamp(..) => Some(ColumnType::Timestamp),
        data_type if data_type.is_integer() => Some(ColumnType::Bigint),
        data_type if data_type.is_nested() => None,
        _ => Some(ColumnType::String),
    }
}

/// Casts; a value that would change is an error, and so are decimals with more than four digits
/// after the point that are not zero.
fn exactly(chunk: &ArrayRef, kind: ColumnType) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let cast = cast_with_options(chunk, &data_type(kind), &strict)?;
    let scale = match chunk.data_type() {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => return Ok(cast),
    };
    if scale > SCALE && *cast_with_options(&cast, chunk.data_type(), &strict)? != **chunk {
        return Err(ArrowError::CastError("digits would be lost".to_owned()));
    }
    Ok(cast)
}

fn without_nulls(chunk: &ArrayRef, nulls: &[String]) -> StringArray {
    let texts = chunk.as_string::<i32>().iter();
    let kept = |text: &&str| !text.is_empty() && !nulls.iter().any(|null| null == text);
    texts.map(|text| text.filter(kept)).collect()
}

/// Each value as JSON, as the line `{"v":…}` without its frame.
fn json_text(chunk: &ArrayRef) -> Result<StringArray, ArrowError> {
    let field = arrow::datatypes::Field::new("v", chunk.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(chunk)])?;
    let mut written = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(&mut written);
    writer.write(&batch)?;
    writer.finish()?;
    let lines = String::from_utf8_lossy(&written);
    let values = lines.lines().map(|line| {
        let value = line.strip_prefix("{\"v\":")?.strip_suffix('}')?;
        (value != "null").then_some(value)
    });
    Ok(values.collect())
}
