//! Rows without who was erased: rows that are theirs go, cells that name them become null.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch, StringArray,
};
use arrow::compute::{cast, filter_record_batch, nullif};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

use super::matcher::{Matcher, holds_address, is_about_people};
use super::tombstone::Went;
use crate::warehouse::file::DIGEST;
use crate::warehouse::history::{digest, own_columns};
use crate::warehouse::log::FileKind;

const APART: &str = "_apart";

/// Whose rows they are, and what a row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    /// `<source>.<stream>`, or a table of our own.
    table: &'a str,
    /// Ids that do not tell are those of one source.
    source: Option<&'a str>,
    row: Row,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// A record: it goes if it is an erased one.
    Record,
    /// Something that happened: it goes if it names somebody.
    Event,
    /// It stays, whatever it names.
    Ours,
}

/// What is left of a batch, and what went.
pub(super) struct Sifted {
    pub(super) batch: RecordBatch,
    pub(super) went: Went,
}

impl<'a> Of<'a> {
    pub(super) fn new(table: &'a str, kind: FileKind) -> Self {
        let source = table.split_once('.').map(|(source, _)| source);
        let row = match kind {
            FileKind::History => Row::Record,
            FileKind::Events => Row::Event,
            _ if source.is_some() => Row::Record,
            _ => Row::Ours,
        };
        Self {
            table: table.strip_suffix(APART).unwrap_or(table),
            source,
            row,
        }
    }
}

/// The batch without who was erased; `keys` are the rows' own records, or events. None if it names
/// nobody.
pub(super) fn sift(
    matcher: &Matcher,
    of: Of<'_>,
    batch: &RecordBatch,
    keys: Option<&StringArray>,
) -> Result<Option<Sifted>, ArrowError> {
    let keys = keys.filter(|_| of.row != Row::Ours);
    let mut goes = vec![false; batch.num_rows()];
    if let (Row::Record, Some(keys)) = (of.row, keys) {
        for (goes, key) in goes.iter_mut().zip(keys) {
            let is = |key: &str| matcher.is_record(of.table, key) || matcher.names_address(key);
            *goes = key.is_some_and(is);
        }
    }
    let mut named = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let found = match texts(field.name(), column)? {
            Some(texts) => look(matcher, of, field.name(), &texts, keys, &mut goes),
            None => Vec::new(),
        };
        named.push(found);
    }
    let stays: Vec<bool> = goes.iter().map(|goes| !goes).collect();
    let rows = goes.iter().filter(|goes| **goes).count();
    let cells: usize = named
        .iter()
        .map(|found| found.iter().filter(|row| stays[**row]).count())
        .sum();
    if rows + cells == 0 {
        return Ok(None);
    }
    let blanked = blank(batch, &named)?;
    Ok(Some(Sifted {
        batch: filter_record_batch(&blanked, &BooleanArray::from(stays))?,
        went: Went {
            rows: rows as u64,
            cells: cells as u64,
            files: 0,
        },
    }))
}

/// The rows of a column whose cells name somebody; rows that go for it are marked.
fn look(
    matcher: &Matcher,
    of: Of<'_>,
    column: &str,
    texts: &StringArray,
    keys: Option<&StringArray>,
    goes: &mut [bool],
) -> Vec<usize> {
    let theirs = of.row == Row::Record && matcher.is_of_people(of.table) && holds_address(column);
    let mut named = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        let own = keys.is_some_and(|keys| keys.is_valid(row) && keys.value(row) == text);
        if goes[row] || !matcher.names(of.source, column, text, own) {
            continue;
        }
        goes[row] = of.row == Row::Event || theirs && matcher.is_address(text);
        named.push(row);
    }
    named
}

/// The cells of a column that may name somebody: texts, and whole numbers that are ids. What the
/// warehouse adds to a row names nobody, but for the record.
fn texts(name: &str, column: &ArrayRef) -> Result<Option<StringArray>, ArrowError> {
    match column.data_type() {
        DataType::Utf8 => Ok(Some(column.as_string::<i32>().clone())),
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            let text = cast(column, &DataType::Utf8)?;
            Ok(Some(text.as_string::<i32>().clone()))
        }
        DataType::Int64 if is_about_people(name) => {
            let numbers = column.as_primitive::<Int64Type>().iter();
            let texts = numbers.map(|number| number.map(|number| number.to_string()));
            Ok(Some(texts.collect()))
        }
        _ => Ok(None),
    }
}

/// The batch with null in the cells that name somebody, and digests of what is left.
fn blank(batch: &RecordBatch, named: &[Vec<usize>]) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let mut columns = batch.columns().to_vec();
    let mut touched = vec![false; batch.num_rows()];
    for (column, rows) in columns.iter_mut().zip(named) {
        if rows.is_empty() {
            continue;
        }
        let mut mask = vec![false; batch.num_rows()];
        for row in rows {
            mask[*row] = true;
            touched[*row] = true;
        }
        *column = nullif(column, &BooleanArray::from(mask))?;
    }
    if let Ok(at) = schema.index_of(DIGEST) {
        let blanked = RecordBatch::try_new(Arc::clone(&schema), columns.clone())?;
        columns[at] = digests(&blanked, at, &touched)?;
    }
    RecordBatch::try_new(schema, columns)
}

/// The digests, computed anew where a cell was blanked, so that the next night compares right.
fn digests(batch: &RecordBatch, at: usize, touched: &[bool]) -> Result<ArrayRef, ArrowError> {
    let own = own_columns();
    let is_raw = |name: &str| name != DIGEST && own.iter().all(|own| own.name != name);
    let fields = batch.schema_ref().fields().iter().enumerate();
    let raw = fields.filter(|(_, field)| is_raw(field.name()));
    let raw: Vec<usize> = raw.map(|(index, _)| index).collect();
    let anew = digest::digests(&batch.project(&raw)?);
    let before = batch.column(at).as_fixed_size_binary();
    let digests = anew.iter().zip(touched).enumerate();
    let digests = digests.map(|(row, (anew, touched))| {
        if *touched {
            return Some(anew.to_be_bytes().to_vec());
        }
        before.is_valid(row).then(|| before.value(row).to_vec())
    });
    let digests = FixedSizeBinaryArray::try_from_sparse_iter_with_size(digests, 16)?;
    Ok(Arc::new(digests))
}
