//! What was erased stays out of later pulls.

use std::borrow::Cow;

use arrow::array::StringArray;

use super::matcher::Matcher;
use super::sift::{Of, sift};
use super::tombstone;
use crate::config::StreamKind;
use crate::fs::Store;
use crate::sources::Extract;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::FileKind;
use crate::warehouse::raw::Raw;

/// Everybody erased so far; none if nobody was.
pub(in crate::warehouse) async fn matcher(
    store: &Store,
) -> Result<Option<Matcher>, WarehouseError> {
    let tombstones = tombstone::all(store).await?;
    if tombstones.is_empty() {
        return Ok(None);
    }
    let key = tombstone::make_key(store).await?;
    Ok(Some(Matcher::new(key, &tombstones)))
}

/// An extract without who was erased, and how many rows and cells were left out.
pub(in crate::warehouse) fn sifted<'a>(
    matcher: Option<&Matcher>,
    extract: &'a Extract,
) -> Result<(Cow<'a, Extract>, u64, u64), WarehouseError> {
    let Some(matcher) = matcher else {
        return Ok((Cow::Borrowed(extract), 0, 0));
    };
    let (kind, key) = match &extract.kind {
        StreamKind::Snapshot { key, .. } | StreamKind::Changes { key, .. } => {
            (FileKind::History, key)
        }
        StreamKind::Events { key, .. } | StreamKind::FieldHistory { key, .. } => {
            (FileKind::Events, key)
        }
    };
    let raw = Raw::of(extract)?;
    let keys: Vec<StringArray> = raw.texts(key)?;
    let of = Of::new(&raw.table, kind);
    let mut left = extract.clone();
    let (mut rows, mut cells) = (0, 0);
    for (batch, keys) in left.batches.iter_mut().zip(&keys) {
        let found = sift(matcher, of, batch, Some(keys)).map_err(WarehouseError::of(&raw.table))?;
        if let Some(found) = found {
            rows += found.went.rows;
            cells += found.went.cells;
            *batch = found.batch;
        }
    }
    match rows + cells {
        0 => Ok((Cow::Borrowed(extract), 0, 0)),
        _ => Ok((Cow::Owned(left), rows, cells)),
    }
}
