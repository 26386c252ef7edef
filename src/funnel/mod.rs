//! The funnel: from the streams' histories to persons, from persons to evidence, and from evidence to
//! stage entries.
//!
//! Canonical SQL says what each source's streams mean. From there on rows are kept in order and gone
//! through once: identity joins records to persons, their versions are merged, triggers are evaluated
//! by DataFusion over whole columns, and the walk enters stages. Everything is computed anew from
//! history each time; nothing here reads a clock or the result of an earlier night.

mod attributes;
mod canonical;
mod change;
mod customer;
mod deleted;
mod derive;
mod events;
mod evidence;
mod examples;
mod formula;
mod history;
mod identity;
mod opportunity;
mod person;
mod record;
mod score;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use parquet::errors::ParquetError;

pub(crate) use canonical::LeftOut;
pub(crate) use change::{Because, Change, Comparison};
pub(crate) use derive::{Derived, Past, derive};
pub(crate) use evidence::{TriggerSql, trigger_sql};
pub(crate) use examples::failures;
use history::{History, holds, truths};
pub(crate) use walk::{WalkedFiles, walk_files};

use crate::fs::StoreError;
use crate::problem::Problems;
use crate::warehouse::{QueryError, WarehouseError};

/// The canonical tables; the files of `queries/canonical/<source>` are named for them.
pub(crate) fn canonical_tables() -> [&'static str; 8] {
    [
        shape::PERSON.table,
        shape::OPPORTUNITY.table,
        shape::OPPORTUNITY_PERSON.table,
        shape::ACTIVITY.table,
        shape::RESPONSE.table,
        shape::ACCOUNT.table,
        shape::CAMPAIGN.table,
        shape::CRM_USER.table,
    ]
}

/// Why the funnel could not be worked out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FunnelError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// A trigger of the definition is wrong.
    #[error("{0}")]
    Definition(Problems),
    /// The definition names what a query that had to be left out may give.
    #[error("{left_out}, and the definition needs more than is there\n{problems}")]
    Incomplete {
        left_out: LeftOut,
        problems: Problems,
    },
    /// Canonical SQL gives a column in another type than the table has.
    #[error("`{file}` gives `{column}` as {found}; {wanted} is expected")]
    Column {
        file: String,
        column: String,
        found: String,
        wanted: String,
    },
    /// Canonical SQL does not give a column that the table needs.
    #[error("`{file}` gives no column `{column}`")]
    Lacks { file: String, column: String },
    #[error(transparent)]
    Evidence(#[from] walk::EvidenceError),
    /// A file that was given to be walked does not hold evidence as the walk takes it.
    #[error("`{path}` is no evidence that can be walked: {source}")]
    EvidenceFile {
        path: String,
        source: walk::EvidenceError,
    },
    /// A file that was given to be walked cannot be opened as Parquet.
    #[error("Cannot read `{path}`: it is damaged, or no Parquet")]
    File {
        path: String,
        #[source]
        source: ParquetError,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An expression of the definition fails on the data. What the data are is not told.
    #[error("The {what} fails on a row of the data")]
    Trigger { what: String },
    #[error("The funnel failed at {doing}")]
    Arrow {
        doing: &'static str,
        #[source]
        source: ArrowError,
    },
}

impl FunnelError {
    fn arrow(doing: &'static str) -> impl FnOnce(ArrowError) -> Self {
        move |source| Self::Arrow { doing, source }
    }
}

/// A table of columns that are all nullable.
fn table<'a>(
    columns: impl IntoIterator<Item = (&'a str, ArrayRef)>,
) -> Result<RecordBatch, FunnelError> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(FunnelError::arrow("building a table"))
}

/// Of a table of versions, the rows that stand now: the latest of each thing, unless deleted, without
/// the columns of validity.
fn now(history: &History, versions: &RecordBatch) -> Result<RecordBatch, FunnelError> {
    let deleted = truths(&history.rows, "deleted");
    let rows = history.latest().filter(|row| !holds(deleted, *row));
    let rows: UInt32Array = rows.map(|row| u32::try_from(row).ok()).collect();
    let latest =
        take_record_batch(versions, &rows).map_err(FunnelError::arrow("taking what is now"))?;
    let validity = ["valid_from", "valid_to", "known_at", "deleted"];
    let fields = latest.schema();
    let columns = fields.fields().iter().zip(latest.columns());
    table(
        columns
            .filter(|(field, _)| !validity.contains(&field.name().as_str()))
            .map(|(field, column)| (field.name().as_str(), Arc::clone(column))),
    )
}
