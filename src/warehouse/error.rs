//! What can go wrong in the warehouse, in words. No message holds a cell's value.

use arrow::error::ArrowError;
use jiff::civil::Date;
use parquet::errors::ParquetError;

use crate::clock::RunId;
use crate::fs::StoreError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum WarehouseError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Another run is writing to this warehouse: {holder}")]
    Locked { holder: String },
    #[error("`{as_of}` is published already, by run `{by}`")]
    AlreadyPublished { as_of: Date, by: RunId },
    #[error("`{as_of}` comes before `{last}`, the last day published; days are published in order")]
    OutOfOrder { as_of: Date, last: Date },
    #[error("`{day}` comes after `{last}`, the last day published: it is not late")]
    NotLate { day: Date, last: Date },
    #[error("Run `{by}` published commit {commit_no} first; run `{run_id}` published nothing")]
    LostRace {
        commit_no: u64,
        run_id: RunId,
        by: RunId,
    },
    #[error("`{path}` is no entry of a commit log: {why}")]
    Garbled { path: String, why: String },
    #[error("`{path}` is of format {format}; this program reads format 1")]
    UnknownFormat { path: String, format: u64 },
    #[error("`{path}` is missing from the commit log, though later entries are there")]
    Gap { path: String },
    #[error("`{path}` has {found} bytes; the commit log says {stated}")]
    Truncated {
        path: String,
        found: u64,
        stated: u64,
    },
    #[error("`{path}` cannot be read as Parquet")]
    Damaged {
        path: String,
        #[source]
        source: ParquetError,
    },
    #[error("Reading `{path}` broke off")]
    BrokenOff { path: String },
    #[error("Another program wrote to the Delta log: `{}`", paths.join("`, `"))]
    Foreign { paths: Vec<String> },
    #[error("Nothing is published yet")]
    Empty,
    #[error("There is no table `{table}` in the warehouse")]
    NoTable { table: String },
    #[error("`{table}` has no column `{column}`")]
    NoColumn { table: String, column: String },
    #[error("Column `{column}` of `{table}` is of type {kind}; it must hold instants")]
    NoInstant {
        table: String,
        column: String,
        kind: String,
    },
    #[error("Column `{column}` of `{table}` is of type {kind}; it must say true or false")]
    NoFlag {
        table: String,
        column: String,
        kind: String,
    },
    #[error("Column `{column}` of `{table}` is of type {kind}, which no table may hold")]
    NoKind {
        table: String,
        column: String,
        kind: String,
    },
    #[error("`{table}` is recorded already in this run")]
    Twice { table: String },
    #[error("The extract of `{table}` stands for `{found}`, the run for `{as_of}`")]
    OtherDay {
        table: String,
        found: Date,
        as_of: Date,
    },
    #[error("`{table}` is recorded as {was} and cannot become {now}")]
    OtherForm {
        table: String,
        was: &'static str,
        now: &'static str,
    },
    #[error("`{table}` cannot be computed")]
    Arrow {
        table: String,
        #[source]
        source: ArrowError,
    },
}

impl WarehouseError {
    /// Says which table an error of arrow's belongs to.
    pub(super) fn of(table: &str) -> impl Fn(ArrowError) -> Self + use<> {
        let table = table.to_owned();
        move |source| Self::Arrow {
            table: table.clone(),
            source,
        }
    }
}
