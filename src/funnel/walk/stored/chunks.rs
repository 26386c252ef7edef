//! Chunks of whole persons out of a range of row groups. A person who begins in a range is that range's to the
//! last row, wherever it lies; what is left of a person of the range before is not.

use std::ops::Range;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::file::EvidenceFile;
use crate::funnel::FunnelError;
use crate::funnel::walk::typed::{self, Text};

/// The chunks of a range.
pub(super) struct Chunks {
    batches: ParquetRecordBatchReader,
    /// Rows of the range that were not read yet.
    left: usize,
    /// The person that the range before ends with.
    before: Option<String>,
    /// The person of the last row read.
    last: Option<String>,
    ended: bool,
    held: Vec<RecordBatch>,
    /// So many rows at least are in a chunk.
    chunk: usize,
}

impl Chunks {
    pub(super) fn of(file: &EvidenceFile, groups: &Range<usize>) -> Result<Self, FunnelError> {
        let before = groups.start.checked_sub(1);
        let before = before.map(|group| file.last_person(group)).transpose()?;
        Ok(Self {
            batches: file.from(groups.start)?,
            left: file.rows(groups),
            before: before.flatten(),
            last: None,
            ended: false,
            held: Vec::new(),
            chunk: file.sizes.chunk,
        })
    }

    /// The next chunk; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<RecordBatch>>, FunnelError> {
        while let Some(batch) = self.read()? {
            let held: usize = self.held.iter().map(RecordBatch::num_rows).sum();
            let border = last_border(&batch, self.held.last())?;
            let Some(border) = border.filter(|border| held + border >= self.chunk) else {
                self.held.push(batch);
                continue;
            };
            let rest = batch.slice(border, batch.num_rows() - border);
            let mut chunk = std::mem::replace(&mut self.held, vec![rest]);
            if border > 0 {
                chunk.push(batch.slice(0, border));
            }
            return Ok(Some(chunk));
        }
        let rest = std::mem::take(&mut self.held);
        Ok((!rest.is_empty()).then_some(rest))
    }

    /// The next rows of persons that begin in the range.
    fn read(&mut self) -> Result<Option<RecordBatch>, FunnelError> {
        while !self.ended {
            let batch = self.batches.next().transpose();
            let Some(batch) = batch.map_err(FunnelError::arrow("reading evidence"))? else {
                self.ended = true;
                break;
            };
            let batch = self.of_range(&batch)?;
            if batch.num_rows() > 0 {
                self.last = Some(id_of(&batch, batch.num_rows() - 1)?);
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn of_range(&mut self, batch: &RecordBatch) -> Result<RecordBatch, FunnelError> {
        let ids = ids(batch)?;
        let rows = batch.num_rows();
        let other = |from: usize, id: Option<&str>| (from..rows).find(|row| ids.get(*row) != id);
        let mut start = 0;
        if let Some(before) = self.before.take() {
            start = other(0, Some(&before)).unwrap_or(rows);
            if start == rows {
                self.before = Some(before);
            }
        }
        let mut end = rows;
        if rows >= self.left {
            // Rows past the range are the last person's, as far as they are.
            let last = match self.left.checked_sub(1) {
                Some(row) => ids.get(row),
                None => self.last.as_deref(),
            };
            let beyond = other(self.left, last);
            end = beyond.unwrap_or(rows).max(start);
            self.ended = beyond.is_some() || self.before.is_some();
        }
        self.left = self.left.saturating_sub(rows);
        Ok(batch.slice(start, end - start))
    }
}

/// The last row of a batch that begins a person; none if all of it is the person's with whom the rows
/// before end.
fn last_border(
    batch: &RecordBatch,
    before: Option<&RecordBatch>,
) -> Result<Option<usize>, FunnelError> {
    let ids = ids(batch)?;
    let mut within = (1..batch.num_rows()).rev();
    let border = within.find(|row| ids.get(row - 1) != ids.get(*row));
    if border.is_some() {
        return Ok(border);
    }
    let Some(before) = before else {
        return Ok(Some(0));
    };
    let begins = self::ids(before)?.get(before.num_rows() - 1) != ids.get(0);
    Ok(begins.then_some(0))
}

pub(super) fn id_of(batch: &RecordBatch, row: usize) -> Result<String, FunnelError> {
    Ok(ids(batch)?.get(row).unwrap_or_default().to_owned())
}

fn ids(batch: &RecordBatch) -> Result<Text, FunnelError> {
    Ok(typed::text(batch, "person_id")?)
}
