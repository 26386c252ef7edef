//! Whole files in temporary folders, pulled; each behaviour of the `files` source once.

mod accepted;
mod olist;
mod refused;
mod round_trip;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::array_value_to_string;
use jiff::civil::date;

use super::{Extract, Known, SourceError, fetch, read};
use crate::config::{Column, ColumnType, Compression, Format, Gates, Source, Stream, StreamKind};
use crate::fs::Location;
use crate::problem::Place;

/// A snapshot stream `lead` with key `Id`, in CSV.
fn stream(path: &str) -> Stream {
    Stream {
        name: "lead".to_owned(),
        place: Place {
            file: "leadgauge.yaml".to_owned(),
            line: 7,
            column: 5,
            text: "    lead:".to_owned(),
        },
        kind: StreamKind::Snapshot {
            key: "Id".to_owned(),
            created: None,
            modified: None,
        },
        path: path.to_owned(),
        format: Format::Csv,
        compression: Compression::None,
        encoding: "utf-8".to_owned(),
        delimiter: b',',
        nulls: Vec::new(),
        columns: BTreeMap::new(),
        gates: Gates {
            max_fall: Some(0.5),
            max_age_days: None,
            max_future: None,
            max_null: BTreeMap::new(),
        },
    }
}

fn with(stream: Stream, format: Format) -> Stream {
    Stream { format, ..stream }
}

fn declare(mut stream: Stream, column: &str, kind: ColumnType, format: Option<&str>) -> Stream {
    let declared = Column {
        kind: Some(kind),
        format: format.map(str::to_owned),
        zone: None,
    };
    stream.columns.insert(column.to_owned(), declared);
    stream
}

/// Pulls the stream for 2026-11-05 from a folder.
fn pull_from(
    folder: &Path,
    stream: &Stream,
    known: Option<&SchemaRef>,
) -> Result<Extract, SourceError> {
    let source = Source {
        name: "crm".to_owned(),
        place: stream.place.clone(),
        location: Location::folder(folder).unwrap(),
        streams: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let known = Known {
        schema: known.cloned(),
        held: BTreeSet::from(["held".to_owned()]),
    };
    let as_of = date(2026, 11, 5);
    runtime.unwrap().block_on(async {
        let fetched = fetch(&source, stream, as_of).await?;
        read(&source, stream, as_of, &fetched, &known).await
    })
}

/// Stores the bytes under the stream's path and pulls it.
fn pull_bytes(
    stream: &Stream,
    bytes: &[u8],
    known: Option<&SchemaRef>,
) -> Result<Extract, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    crate::fs::write(&folder.path().join(&stream.path), bytes).unwrap();
    pull_from(folder.path(), stream, known).map_err(|error| unplaced(error, folder.path()))
}

/// The error with the temporary folder cut from its path.
fn unplaced(mut error: SourceError, folder: &Path) -> SourceError {
    let cut = |path: &mut String| {
        *path = path.replace(&format!("{}/", folder.display()), "");
    };
    match &mut error {
        SourceError::Missing { path, .. }
        | SourceError::Unreadable { path, .. }
        | SourceError::Empty { path, .. }
        | SourceError::Truncated { path, .. }
        | SourceError::Malformed { path, .. } => cut(path),
        SourceError::Columns { columns, .. } => {
            for column in columns {
                cut(&mut column.path);
            }
        }
        SourceError::Values { path, columns } => {
            cut(path);
            for column in columns {
                cut(&mut column.path);
            }
        }
        SourceError::Setting { .. } => {}
    }
    error
}

/// `name type` of each column, then a line a row; null as `∅`.
fn shown(extract: &Extract) -> String {
    let header: Vec<String> = extract
        .schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    let mut lines = vec![header.join(" | ")];
    for batch in &extract.batches {
        lines.extend((0..batch.num_rows()).map(|row| shown_row(batch, row)));
    }
    lines.join("\n")
}

fn shown_row(batch: &RecordBatch, row: usize) -> String {
    let cells = batch.columns().iter().map(|column| {
        if column.is_null(row) {
            return "∅".to_owned();
        }
        array_value_to_string(column, row).unwrap()
    });
    cells.collect::<Vec<_>>().join(" | ")
}

fn rows(extract: &Extract) -> usize {
    extract.batches.iter().map(RecordBatch::num_rows).sum()
}
