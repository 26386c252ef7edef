//! Parquet files. Equal rows give equal bytes: no time, no program version stands in them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStream};
use parquet::arrow::{ArrowWriter, ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, SortingColumn,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::error::WarehouseError;
use super::log::DataFile;
use crate::fs::{Store, Upload};

/// Whose files these are, as they say themselves.
const WRITER: &str = "leadgauge";
/// The column of history files that holds each row's digest; readers never see it.
pub(super) const DIGEST: &str = "_digest";
/// The column of files to which runs only add that holds the commit of each row; readers never see it.
pub(super) const COMMIT_NO: &str = "_commit_no";
/// The column by which sorted files are in order, one person's or record's rows together.
const SORTED_BY: &str = "record_id";
/// The columns by which one looks a person up.
const LOOKED_UP: [&str; 2] = [SORTED_BY, "email"];
/// A row group is closed once it has so many rows, in a sorted file where the record ends.
const GROUP: usize = 65_536;
/// Rows that are decoded at a time.
const BATCH: usize = 8192;

/// A data file in the making.
pub(super) struct Writer {
    shown: String,
    upload: Upload,
    parquet: ArrowWriter<Vec<u8>>,
    sorted: bool,
    /// The record that the last row belongs to, in a sorted file.
    last: String,
    rows: u64,
}

/// What became of a data file.
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Writer {
    /// Begins a file; the rows of a sorted one come in the order of their records.
    pub(super) fn begin(
        store: &Store,
        path: &str,
        schema: &SchemaRef,
        sorted_by: &[&str],
    ) -> Result<Self, WarehouseError> {
        let shown = store.shown(path);
        let parquet = properties(schema, sorted_by)
            .and_then(|properties| {
                ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))
            })
            .map_err(|source| damaged(&shown, source))?;
        Ok(Self {
            upload: store.upload(path)?,
            shown,
            parquet,
            sorted: !sorted_by.is_empty(),
            last: String::new(),
            rows: 0,
        })
    }

    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), WarehouseError> {
        let mut rest = batch.clone();
        if self.parquet.in_progress_rows() >= GROUP {
            let split = self.first_of_another(batch);
            self.put(&batch.slice(0, split))?;
            if split < batch.num_rows() {
                self.close_group().await?;
            }
            rest = batch.slice(split, batch.num_rows() - split);
        }
        self.put(&rest)
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) async fn finish(mut self) -> Result<Written, WarehouseError> {
        let closed = self.parquet.finish();
        closed.map_err(|source| damaged(&self.shown, source))?;
        self.drain().await?;
        let (bytes, sha256) = self.upload.finish().await?;
        Ok(Written {
            rows: self.rows,
            bytes,
            sha256,
        })
    }

    /// The first row that belongs to another record than the rows before.
    fn first_of_another(&self, batch: &RecordBatch) -> usize {
        if !self.sorted {
            return 0;
        }
        let ids = batch[SORTED_BY].as_string::<i32>();
        let other = ids.iter().position(|id| id != Some(&self.last));
        other.unwrap_or(batch.num_rows())
    }

    fn put(&mut self, batch: &RecordBatch) -> Result<(), WarehouseError> {
        let Some(last) = batch.num_rows().checked_sub(1) else {
            return Ok(());
        };
        if self.sorted {
            batch[SORTED_BY]
                .as_string::<i32>()
                .value(last)
                .clone_into(&mut self.last);
        }
        self.rows += batch.num_rows() as u64;
        let written = self.parquet.write(batch);
        written.map_err(|source| damaged(&self.shown, source))
    }

    async fn close_group(&mut self) -> Result<(), WarehouseError> {
        let closed = self.parquet.flush();
        closed.map_err(|source| damaged(&self.shown, source))?;
        self.drain().await
    }

    /// Hands over what is encoded so far.
    async fn drain(&mut self) -> Result<(), WarehouseError> {
        let synced = self.parquet.sync();
        synced.map_err(|error| damaged(&self.shown, error.into()))?;
        let bytes = std::mem::take(self.parquet.inner_mut());
        Ok(self.upload.write(bytes.into()).await?)
    }
}

/// A whole file of few rows that fits in memory.
pub(super) fn encoded(shown: &str, rows: &RecordBatch) -> Result<Bytes, WarehouseError> {
    let encoded = || {
        let properties = properties(&rows.schema(), &[])?;
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
        writer.write(rows)?;
        writer.into_inner()
    };
    let bytes = encoded().map_err(|source| damaged(shown, source))?;
    Ok(bytes.into())
}

/// Whether a file says that this program wrote it.
pub(super) fn is_ours(bytes: &Bytes) -> bool {
    let read = ParquetMetaDataReader::new().parse_and_finish(bytes);
    read.is_ok_and(|read| read.file_metadata().created_by() == Some(WRITER))
}

fn properties(schema: &SchemaRef, sorted_by: &[&str]) -> Result<WriterProperties, ParquetError> {
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
        .set_created_by(WRITER.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(None)
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
                .set_column_bloom_filter_max_ndv(path, GROUP as u64);
        }
    }
    Ok(builder.build())
}

/// Reads the parts of a file that are wanted.
#[derive(Clone)]
struct Parts {
    store: Store,
    path: String,
    bytes: u64,
}

impl AsyncFileReader for Parts {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let part = self.get_byte_ranges(vec![range]);
        async move { Ok(part.await?.pop().unwrap_or_default()) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            let parts = self.store.ranges(&self.path, &ranges).await;
            parts.map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            // Where pages begin lets a reader of single rows skip the others.
            let reader =
                ParquetMetaDataReader::new().with_offset_index_policy(PageIndexPolicy::Optional);
            let bytes = self.bytes;
            Ok(Arc::new(reader.load_and_finish(self, bytes).await?))
        }
        .boxed()
    }
}

/// A data file that is open for reading, its footer read.
#[derive(Clone)]
pub(super) struct Reading {
    shown: String,
    reader: Parts,
    metadata: ArrowReaderMetadata,
}

impl Reading {
    /// Opens a file that is as long as the commit log says.
    pub(super) async fn open(store: &Store, file: &DataFile) -> Result<Self, WarehouseError> {
        let shown = store.shown(&file.path);
        let mut reader = Parts {
            store: store.clone(),
            path: file.path.clone(),
            bytes: file.bytes,
        };
        match ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new()).await {
            Ok(metadata) => Ok(Self {
                shown,
                reader,
                metadata,
            }),
            Err(error) => Err(unreadable(store, file, error).await?),
        }
    }

    pub(super) fn rows(&self) -> usize {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        usize::try_from(rows).unwrap_or(0)
    }

    /// The same file, with the texts of the columns that `schema` has as views decoded as such.
    pub(super) fn with_views_of(mut self, schema: &SchemaRef) -> Result<Self, WarehouseError> {
        let own = self.metadata.schema();
        let field = |field: &Arc<Field>| match schema.field_with_name(field.name()) {
            Ok(wanted) if *wanted.data_type() == DataType::Utf8View => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
            }
            _ => Arc::clone(field),
        };
        let fields: Vec<Arc<Field>> = own.fields().iter().map(field).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let read = ArrowReaderMetadata::try_new(Arc::clone(self.metadata.metadata()), options);
        self.metadata = read.map_err(|source| damaged(&self.shown, source))?;
        Ok(self)
    }

    pub(super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The rows of one row group, of the columns named.
    pub(super) fn group(self, group: usize, columns: &[&str]) -> Result<Batches, WarehouseError> {
        let builder =
            ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader, self.metadata);
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let builder = builder.with_row_groups(vec![group]).with_projection(mask);
        let stream = builder.with_batch_size(BATCH).build();
        Ok(Batches {
            stream: stream.map_err(|source| damaged(&self.shown, source))?,
            shown: self.shown,
        })
    }

    /// All rows, or those at `rows` (ascending); all columns, or those named, of which some may not
    /// be there.
    pub(super) fn stream(
        self,
        columns: Option<&[&str]>,
        rows: Option<&[u32]>,
    ) -> Result<Batches, WarehouseError> {
        let total = self.rows();
        let builder =
            ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader, self.metadata);
        let mut builder = builder.with_batch_size(BATCH);
        if let Some(columns) = columns {
            let names = columns.iter().copied();
            let mask = ProjectionMask::columns(builder.parquet_schema(), names);
            builder = builder.with_projection(mask);
        }
        if let Some(rows) = rows {
            let ranges = rows.iter().map(|row| range(*row));
            builder =
                builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges, total));
        }
        let stream = builder.build();
        Ok(Batches {
            stream: stream.map_err(|source| damaged(&self.shown, source))?,
            shown: self.shown,
        })
    }
}

/// The rows of a file, a batch at a time.
pub(super) struct Batches {
    shown: String,
    stream: ParquetRecordBatchStream<Parts>,
}

impl Batches {
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, WarehouseError> {
        let next = self.stream.try_next().await;
        next.map_err(|source| damaged(&self.shown, source))
    }

    pub(super) async fn all(mut self) -> Result<Vec<RecordBatch>, WarehouseError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

/// All rows of a file.
pub(super) async fn read(
    store: &Store,
    file: &Arc<DataFile>,
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>, WarehouseError> {
    let reading = Reading::open(store, file).await?;
    reading.stream(columns, None)?.all().await
}

/// Why a file cannot be opened: it is not there, not as long as the log says, or no Parquet.
async fn unreadable(
    store: &Store,
    file: &DataFile,
    error: ParquetError,
) -> Result<WarehouseError, WarehouseError> {
    let shown = store.shown(&file.path);
    Ok(match store.size(&file.path).await? {
        None => crate::fs::StoreError::NotFound { path: shown }.into(),
        Some(found) if found != file.bytes => WarehouseError::Truncated {
            path: shown,
            found,
            stated: file.bytes,
        },
        Some(_) => damaged(&shown, error),
    })
}

fn damaged(shown: &str, source: ParquetError) -> WarehouseError {
    WarehouseError::Damaged {
        path: shown.to_owned(),
        source,
    }
}

fn range(row: u32) -> Range<usize> {
    row as usize..row as usize + 1
}
