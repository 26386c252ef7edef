//! Tables as queries see them: a stream as it stands and with all its versions; derived tables as
//! they were published.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use futures::TryStreamExt;

use super::scan::{StreamTable, VALID_TO, View, with_views};
use super::unread::{Rows, Unread};
use super::unsorted::AsStored;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{self, COMMIT_NO};
use crate::warehouse::history::{self, events};
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::schema::{Column, Kind, aligned, schema_of, unified};

/// A table of a version, for a session to read.
#[derive(Debug, Clone)]
pub(crate) struct Table(pub(super) Arc<dyn TableProvider>);

/// A table of a version; a large one is read only when a query asks, and only what it asks for.
pub(in crate::warehouse) async fn table(
    store: &Store,
    version: &Version,
    name: &str,
) -> Result<Table, WarehouseError> {
    if let Some(unread) = unread(store, version, name, FEW) {
        return Ok(unread);
    }
    let (schema, batches) = read(store, version, name).await?;
    let failed = |error: datafusion::error::DataFusionError| WarehouseError::Arrow {
        table: name.to_owned(),
        source: arrow::error::ArrowError::ExternalError(error.into()),
    };
    let rows = MemTable::try_new(schema, vec![batches]).map_err(failed)?;
    Ok(Table(Arc::new(rows)))
}

/// A table of so few rows is read once, however many queries ask for it.
const FEW: u64 = 200_000;

/// A table of more than `few` rows that is read when a query asks.
pub(in crate::warehouse) fn unread(
    store: &Store,
    version: &Version,
    name: &str,
    few: u64,
) -> Option<Table> {
    let is_large = |files: &[Arc<DataFile>]| files.iter().map(|file| file.rows).sum::<u64>() > few;
    let table = |schema, rows| Table(Arc::new(Unread { schema, rows }));
    if let Some(stream) = stream(store, version, name) {
        // Decoded and gathered without copying texts.
        let schema = with_views(&stream.schema);
        return is_large(&stream.files).then(|| table(schema, Rows::Merged(stream)));
    }
    // Texts are no views here: a join or a group that keeps a few rows of a batch would keep all its pages.
    let (schema, files) = stored_files(version, name)?;
    let rows = AsStored {
        store: store.clone(),
        table: name.to_owned(),
        commit_no: version.commit_no,
        commit: COMMIT_NO,
        wanted: Arc::clone(&schema),
    };
    is_large(&files).then(|| table(schema, Rows::Stored(rows, files)))
}

/// All rows of a table.
pub(in crate::warehouse) async fn read(
    store: &Store,
    version: &Version,
    name: &str,
) -> Result<(SchemaRef, Vec<RecordBatch>), WarehouseError> {
    let Some(stream) = stream(store, version, name) else {
        return stored(store, version, name).await;
    };
    let schema = Arc::clone(&stream.schema);
    Ok((Arc::clone(&schema), all(&stream, schema).await?))
}

/// All rows of a stream as it stands, with these columns of its own.
pub(in crate::warehouse) async fn rows(
    store: &Store,
    version: &Version,
    name: &str,
    columns: &[Column],
) -> Result<Vec<RecordBatch>, WarehouseError> {
    match stream(store, version, name) {
        Some(stream) => all(&stream, schema_of(columns)).await,
        None => Ok(Vec::new()),
    }
}

async fn all(stream: &StreamTable, schema: SchemaRef) -> Result<Vec<RecordBatch>, WarehouseError> {
    stream.open(schema).await?.batches().try_collect().await
}

/// The stream that a name stands for: `<source>.<stream>`, or with `_history` behind it.
fn stream(store: &Store, version: &Version, name: &str) -> Option<StreamTable> {
    let whole = version.stream(name).map(|state| (name, state, false));
    let found = whole.or_else(|| {
        let stream = name.strip_suffix("_history")?;
        let state = version.stream(stream)?;
        state.form.has_versions().then_some((stream, state, true))
    });
    let (stream, state, versions) = found?;
    let raw = &state.columns;
    let column = |name| Column::new(name, Kind::Timestamp);
    let (kind, view, own, shown) = if versions {
        let mut shown = history::own_columns();
        let at = shown.iter().position(|column| column.name == "valid_from");
        shown.insert(at.map_or(0, |at| at + 1), column(VALID_TO));
        (
            FileKind::History,
            View::Versions,
            history::own_columns(),
            shown,
        )
    } else if state.form.has_versions() {
        let shown = vec![Column::new("record_id", Kind::String), column("known_at")];
        (FileKind::History, View::Now, history::own_columns(), shown)
    } else {
        let own = events::own_columns();
        (FileKind::Events, View::Events, own.clone(), own)
    };
    Some(StreamTable {
        store: store.clone(),
        table: stream.to_owned(),
        files: version.files(kind, stream),
        commit_no: version.commit_no,
        view,
        every_row_stands: state.every_row_stands,
        stored: [raw.as_slice(), &own].concat(),
        schema: schema_of(&[raw.as_slice(), &shown].concat()),
    })
}

/// The files of a derived table, or of one that only grows, in the order of their commits, and the
/// columns that they have together.
fn stored_files(version: &Version, name: &str) -> Option<(SchemaRef, Vec<Arc<DataFile>>)> {
    let mut files = version.files(FileKind::Derived, name);
    files.extend(version.files(FileKind::Append, name));
    let columns = files.iter().map(|file| file.schema.clone());
    let columns = columns.reduce(|before, now| unified(&before, &now))?;
    Some((schema_of(&columns), files))
}

/// All rows of a derived table, or of one that only grows.
async fn stored(
    store: &Store,
    version: &Version,
    name: &str,
) -> Result<(SchemaRef, Vec<RecordBatch>), WarehouseError> {
    let found = stored_files(version, name);
    let (schema, files) = found.ok_or_else(|| WarehouseError::NoTable {
        table: name.to_owned(),
    })?;
    let mut batches = Vec::new();
    for data in &files {
        for batch in file::read(store, data, None).await? {
            let batch = up_to(&batch, version.commit_no, data).and_then(|b| aligned(&b, &schema));
            batches.push(batch.map_err(WarehouseError::of(name))?);
        }
    }
    Ok((schema, batches))
}

/// Without the rows that later commits added.
fn up_to(
    batch: &RecordBatch,
    commit_no: u64,
    file: &DataFile,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let commits = batch.column_by_name(COMMIT_NO);
    let Some(commits) = commits.filter(|_| file.commits[1] > commit_no) else {
        return Ok(batch.clone());
    };
    let commits = commits.as_primitive::<Int64Type>().iter();
    let within =
        commits.map(|commit| commit.is_none_or(|commit| commit <= commit_no.cast_signed()));
    let within: Vec<bool> = within.collect();
    filter_record_batch(batch, &BooleanArray::from(within))
}
