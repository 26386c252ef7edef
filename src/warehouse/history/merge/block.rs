//! Rows in their order, and the batches in which they lie.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{concat, interleave};
use arrow::error::ArrowError;

/// From so many rows a stretch on, copying stretches beats copying rows.
const STRETCH: usize = 8;

/// Rows in their order, and the batches in which they lie.
#[derive(Default)]
pub(in crate::warehouse) struct Block {
    parts: Vec<Part>,
    pub(in crate::warehouse) rows: Vec<Row>,
}

/// A decoded batch of a run.
#[derive(Clone)]
struct Part {
    batch: RecordBatch,
    /// The run, and the row of it at which the batch begins.
    run: usize,
    first: u32,
}

/// A row that comes out.
#[derive(Debug, Clone, Copy)]
pub(in crate::warehouse) struct Row {
    pub(super) part: u32,
    pub(super) row: u32,
    /// The next version's `valid_from`; none for a record's last version.
    pub(in crate::warehouse) until: Option<i64>,
}

impl Block {
    /// Takes up a batch, which begins at the row `first` of its run; its place among the block's.
    pub(super) fn add(&mut self, batch: &RecordBatch, run: usize, first: u32) -> u32 {
        self.parts.push(Part {
            batch: batch.clone(),
            run,
            first,
        });
        index(self.parts.len() - 1)
    }

    /// Takes up the batch in which a row of another block lies.
    pub(super) fn add_of(&mut self, other: &Self, row: Row) -> u32 {
        let part = &other.parts[row.part as usize];
        self.add(&part.batch, part.run, part.first)
    }

    /// The run of a row, and which of its rows it is.
    pub(in crate::warehouse) fn place(&self, row: Row) -> (usize, u32) {
        let part = &self.parts[row.part as usize];
        (part.run, part.first + row.row)
    }

    /// A column of the rows, by its place in the merge's schema.
    pub(in crate::warehouse) fn column(
        &self,
        column: usize,
        rows: &[Row],
    ) -> Result<ArrayRef, ArrowError> {
        let arrays: Vec<&dyn Array> = self
            .parts
            .iter()
            .map(|part| part.batch.column(column).as_ref())
            .collect();
        let stretches = rows.chunk_by(|one, two| one.part == two.part && one.row + 1 == two.row);
        if stretches.clone().count() * STRETCH > rows.len() {
            let places: Vec<(usize, usize)> = rows
                .iter()
                .map(|row| (row.part as usize, row.row as usize))
                .collect();
            return interleave(&arrays, &places);
        }
        let slice =
            |rows: &[Row]| arrays[rows[0].part as usize].slice(rows[0].row as usize, rows.len());
        let slices: Vec<ArrayRef> = stretches.map(slice).collect();
        match slices.as_slice() {
            [] => return Ok(arrays[0].slice(0, 0)),
            [whole] => return Ok(Arc::clone(whole)),
            _ => {}
        }
        let slices: Vec<&dyn Array> = slices.iter().map(AsRef::as_ref).collect();
        concat(&slices)
    }
}

pub(super) fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
