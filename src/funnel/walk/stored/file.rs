//! A file of evidence, and the ranges of it that are walked on their own.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use super::Sizes;
use super::chunks::id_of;
use crate::fs;
use crate::funnel::FunnelError;
use crate::funnel::walk::columns;
use crate::funnel::walk::evidence::EvidenceError;

/// A file of evidence, its footer read.
pub(super) struct EvidenceFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    pub(super) sizes: Sizes,
}

impl EvidenceFile {
    pub(super) fn open(path: &Path, sizes: Sizes) -> Result<Self, FunnelError> {
        let file = fs::open(path)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .and_then(|found| as_walked(&found))
            .map_err(unreadable(path))?;
        Ok(Self {
            path: path.to_owned(),
            metadata,
            sizes,
        })
    }

    /// Row groups that follow one another; together they are the file.
    pub(super) fn ranges(&self) -> Vec<Range<usize>> {
        let groups = self.metadata.metadata().row_groups();
        let mut ranges = Vec::new();
        let (mut start, mut rows) = (0, 0);
        for (group, metadata) in groups.iter().enumerate() {
            rows += metadata.num_rows().unsigned_abs();
            if rows >= self.sizes.range || group + 1 == groups.len() {
                ranges.push(start..group + 1);
                (start, rows) = (group + 1, 0);
            }
        }
        ranges
    }

    pub(super) fn rows(&self, groups: &Range<usize>) -> usize {
        let groups = &self.metadata.metadata().row_groups()[groups.clone()];
        let rows: i64 = groups.iter().map(RowGroupMetaData::num_rows).sum();
        usize::try_from(rows).unwrap_or(0)
    }

    /// What the walk reads, from a row group to the end of the file; read as far as it is asked for.
    pub(super) fn from(&self, group: usize) -> Result<ParquetRecordBatchReader, FunnelError> {
        let groups = group..self.metadata.metadata().num_row_groups();
        let builder = self.builder()?.with_row_groups(groups.collect());
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns::NAMES);
        let builder = builder.with_projection(mask);
        let reader = builder.with_batch_size(self.sizes.batch).build();
        reader.map_err(self.unreadable())
    }

    /// The person of the last row of a row group.
    pub(super) fn last_person(&self, group: usize) -> Result<Option<String>, FunnelError> {
        let Some(last) = self.rows(&(group..group + 1)).checked_sub(1) else {
            return Ok(None);
        };
        let builder = self.builder()?.with_row_groups(vec![group]);
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["person_id"]);
        let reader = builder.with_projection(mask).with_offset(last).build();
        let batch = reader.map_err(self.unreadable())?.next().transpose();
        let batch = batch.map_err(FunnelError::arrow("reading evidence"))?;
        batch.map(|batch| id_of(&batch, 0)).transpose()
    }

    /// Opened anew: readers of one open file would move each other's place.
    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, FunnelError> {
        let file = fs::open(&self.path)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(
            file,
            self.metadata.clone(),
        ))
    }

    /// Why its evidence cannot be walked.
    pub(super) fn refused(&self, source: EvidenceError) -> FunnelError {
        FunnelError::EvidenceFile {
            path: self.path.display().to_string(),
            source,
        }
    }

    fn unreadable(&self) -> impl FnOnce(ParquetError) -> FunnelError {
        unreadable(&self.path)
    }
}

/// Texts of few values are read as the keys that they are stored as, the others as views.
fn as_walked(found: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let field = |field: &FieldRef| -> FieldRef {
        if !field.data_type().is_string() {
            return Arc::clone(field);
        }
        let read_as = if columns::OF_FEW_VALUES.contains(&field.name().as_str()) {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        } else {
            DataType::Utf8View
        };
        Arc::new(Field::new(field.name(), read_as, field.is_nullable()))
    };
    let fields: Vec<FieldRef> = found.schema().fields().iter().map(field).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
}

fn unreadable(path: &Path) -> impl FnOnce(ParquetError) -> FunnelError {
    let path = path.display().to_string();
    move |source| FunnelError::File { path, source }
}
