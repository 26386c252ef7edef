//! Pulls streams from outside systems, as they stand, typed and checked but not interpreted.
//!
//! The one kind of source here is `files`: a stream is a file, or one file a day, in a folder or an
//! object store. A file is taken whole or refused whole: what is cut off, malformed or holds values
//! that are not of their column's type is a `SourceError` that names the file, the line and the fix.

mod bytes;
mod column;
mod conform;
mod dates;
mod declared;
mod delimited;
mod error;
mod infer;
mod json;
mod names;
mod parquet;
mod path;
mod raw;
mod roles;
mod scan;
mod typed;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use std::sync::Arc;

use ::bytes::Bytes;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::config::{Format, Source, Stream, StreamKind};
use crate::fs::{Store, StoreError};

pub(crate) use declared::declared_schema;
pub(crate) use error::SourceError;

/// The rows of one stream pulled in one run.
#[derive(Debug, Clone)]
pub(crate) struct Extract {
    pub(crate) source: String,
    pub(crate) stream: String,
    /// Column names in it are as in `schema`.
    pub(crate) kind: StreamKind,
    pub(crate) as_of: Date,
    /// SQL names: lower case, other characters as `_`. Types: Utf8, Boolean, Int64, Float64,
    /// Decimal128(18, 4), Date32, Timestamp(µs, "UTC"); every column nullable. The field metadata
    /// `original` holds the name in the file. The columns `created`, `modified` and `at` of `kind`
    /// are Date32 or Timestamp; the key and what a field history hangs on are never null.
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) file: FileFact,
}

/// What a stream's file was, for the run's record.
#[derive(Debug, Clone)]
pub(crate) struct FileFact {
    /// Relative to the source's location.
    pub(crate) path: String,
    /// As stored, before decompression; so is `sha256`.
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// A stream's file as it came, before it is read.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) file: FileFact,
    pub(crate) stored: Bytes,
    /// The path as the user would look for it.
    shown: String,
}

/// What earlier extracts of a stream say of the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The columns that it had: they keep names, types and order.
    pub(crate) schema: Option<SchemaRef>,
    /// Of those, by SQL name, the ones whose type may not widen: a query reads them as they are.
    pub(crate) held: BTreeSet<String>,
}

impl Extract {
    /// An extract of which nothing came; its kind names columns as in the file.
    pub(crate) fn empty(source: &Source, stream: &Stream, as_of: Date) -> Self {
        Self {
            source: source.name.clone(),
            stream: stream.name.clone(),
            kind: stream.kind.clone(),
            as_of,
            schema: Arc::new(Schema::empty()),
            batches: Vec::new(),
            file: FileFact {
                path: String::new(),
                bytes: 0,
                sha256: String::new(),
            },
        }
    }
}

/// The file being read, for error texts.
struct Input<'a> {
    /// As the user would look for it.
    path: &'a str,
    /// `<source>.<stream>`.
    name: &'a str,
    stream: &'a Stream,
    held: &'a BTreeSet<String>,
}

/// Fetches the stream's file for `as_of`, whole.
pub(crate) async fn fetch(
    source: &Source,
    stream: &Stream,
    as_of: Date,
) -> Result<Fetched, SourceError> {
    let path = path::expand(&stream.path, as_of);
    let (shown, stored) = get(source, stream, &path).await?;
    let work = move || Fetched {
        file: FileFact {
            path,
            bytes: stored.len() as u64,
            sha256: format!("{:x}", Sha256::digest(&stored)),
        },
        stored,
        shown,
    };
    Ok(apart(work).await)
}

/// Reads a fetched file as the stream's rows for `as_of`. Columns that are known are given their
/// types and names and stand first, in their order; columns that the file lacks are absent.
pub(crate) async fn read(
    source: &Source,
    stream: &Stream,
    as_of: Date,
    fetched: &Fetched,
    known: &Known,
) -> Result<Extract, SourceError> {
    let name = format!("{}.{}", source.name, stream.name);
    let (source, stream) = (source.name.clone(), stream.clone());
    let (fetched, known) = (fetched.clone(), known.clone());
    let work = move || -> Result<Extract, SourceError> {
        let input = Input {
            path: &fetched.shown,
            name: &name,
            stream: &stream,
            held: &known.held,
        };
        let conformed = convert(fetched.stored, &input, known.schema.as_ref())?;
        Ok(Extract {
            source,
            stream: stream.name.clone(),
            kind: conformed.kind,
            as_of,
            schema: conformed.schema,
            batches: conformed.batches,
            file: fetched.file,
        })
    };
    apart(work).await
}

/// Does long work where it holds up nobody.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

async fn get(source: &Source, stream: &Stream, path: &str) -> Result<(String, Bytes), SourceError> {
    let unreadable = |error: StoreError| match error {
        StoreError::NotFound { path } => SourceError::Missing {
            path,
            stream: format!("{}.{}", source.name, stream.name),
            place: stream.place.clone(),
        },
        StoreError::AlreadyExists { path } => SourceError::unreadable(path, false, "It exists"),
        StoreError::Io {
            path,
            source: cause,
        } => {
            let remote = source.location.as_folder().is_none();
            SourceError::unreadable(path, remote, error::root(cause.as_ref()))
        }
    };
    let store = Store::open(&source.location).map_err(unreadable)?;
    let stored = store.get(path).await.map_err(unreadable)?;
    Ok((store.shown(path), stored))
}

fn convert(
    stored: Bytes,
    input: &Input<'_>,
    known: Option<&SchemaRef>,
) -> Result<conform::Conformed, SourceError> {
    if stored.is_empty() {
        return Err(input.empty("it holds no bytes"));
    }
    let plain = bytes::decompress(stored, input)?;
    if plain.is_empty() {
        return Err(input.empty("it holds no bytes once decompressed"));
    }
    if input.stream.format == Format::Parquet {
        return conform::conform(parquet::read(&plain, input)?, input, known);
    }
    let text = bytes::decode(&plain, input)?;
    let raw = match input.stream.format {
        Format::Ndjson => json::lines(&text, input)?,
        Format::Json => json::documents(&text, input, known)?,
        _ => delimited::read(&text, input, known)?,
    };
    conform::conform(raw, input, known)
}
