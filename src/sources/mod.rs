//! Pulls streams from outside systems, as they stand, typed and checked but not interpreted.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use jiff::civil::Date;

use crate::config::StreamKind;

/// The rows of one stream pulled in one run.
#[derive(Debug)]
pub(crate) struct Extract {
    pub(crate) source: String,
    pub(crate) stream: String,
    /// Column names in it are as in `schema`.
    pub(crate) kind: StreamKind,
    pub(crate) as_of: Date,
    /// SQL names: lower case, other characters as `_`. Types: Utf8, Boolean, Int64, Float64,
    /// Decimal128(18, 4), Date32, Timestamp(µs, "UTC"); every column nullable. The field metadata
    /// `original` holds the name in the file.
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) file: FileFact,
}

/// What a stream's file was, for the run's record.
#[derive(Debug, Clone)]
pub(crate) struct FileFact {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}
