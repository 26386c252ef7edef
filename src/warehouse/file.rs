//! Parquet files, as bytes. Equal rows give equal bytes: no time, no program version stands in them.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::error::WarehouseError;
use super::log::DataFile;
use crate::fs::Store;

/// The column of history files that holds each row's digest; readers never see it.
pub(super) const DIGEST: &str = "_digest";
/// The columns by which one looks a person up.
const LOOKED_UP: [&str; 2] = ["record_id", "email"];

/// Writes rows that are sorted by the named columns.
pub(super) fn encode(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    sorted_by: &[&str],
) -> Result<Bytes, ParquetError> {
    let properties = properties(schema, batches, sorted_by)?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(bytes.into())
}

fn properties(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    sorted_by: &[&str],
) -> Result<WriterProperties, ParquetError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let sorting = |name: &&str| {
        let index = schema.index_of(name).ok()?;
        let column_idx = i32::try_from(index).ok()?;
        Some(SortingColumn {
            column_idx,
            descending: false,
            nulls_first: true,
        })
    };
    let sorting: Vec<SortingColumn> = sorted_by.iter().filter_map(sorting).collect();
    let mut builder = WriterProperties::builder()
        .set_created_by("leadgauge".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(131_072))
        .set_sorting_columns((!sorting.is_empty()).then_some(sorting))
        .set_column_dictionary_enabled(ColumnPath::from(DIGEST), false)
        .set_column_statistics_enabled(ColumnPath::from(DIGEST), EnabledStatistics::None);
    if !sorted_by.is_empty() {
        for name in LOOKED_UP
            .iter()
            .filter(|name| schema.index_of(name).is_ok())
        {
            let path = ColumnPath::from(*name);
            builder = builder
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_max_ndv(path, rows.max(1) as u64);
        }
    }
    Ok(builder.build())
}

/// The bytes of a data file, as long as the commit log says.
pub(super) async fn load(store: &Store, file: &DataFile) -> Result<Bytes, WarehouseError> {
    let bytes = store.get(&file.path).await?;
    if bytes.len() as u64 != file.bytes {
        return Err(WarehouseError::Truncated {
            path: store.shown(&file.path),
            found: bytes.len() as u64,
            stated: file.bytes,
        });
    }
    Ok(bytes)
}

/// All rows, or those at `rows` (ascending); all columns, or those named.
pub(super) fn decode(
    bytes: &Bytes,
    columns: Option<&[&str]>,
    rows: Option<&[u32]>,
) -> Result<Vec<RecordBatch>, ParquetError> {
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    if let Some(columns) = columns {
        let names = columns.iter().copied();
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        builder = builder.with_projection(mask);
    }
    if let Some(rows) = rows {
        let total = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let ranges = rows.iter().map(|row| range(*row));
        builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges, total));
    }
    let batches: Result<Vec<RecordBatch>, _> = builder.with_batch_size(8192).build()?.collect();
    Ok(batches?)
}

fn range(row: u32) -> Range<usize> {
    row as usize..row as usize + 1
}
