//! A file's cells before their types are decided: column by column, as text, null or not.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder};

use super::infer::Guesses;
use super::typed::{self, Misfits, Target};
use crate::config::ColumnType;

/// Rows of a batch, and bytes of its cells at which it ends earlier.
pub(super) const CHUNK_ROWS: usize = 32_768;
const CHUNK_BYTES: usize = 64 << 20;

pub(super) struct Raw<'a> {
    /// All columns have the same rows, in chunks of the same lengths.
    pub(super) columns: Vec<RawColumn>,
    pub(super) rows: usize,
    pub(super) places: Places<'a>,
}

pub(super) struct RawColumn {
    /// The name in the file.
    pub(super) original: String,
    pub(super) cells: Cells,
}

pub(super) enum Cells {
    /// Written as text; `guesses` are the types that the format leaves possible.
    Text {
        chunks: Vec<StringArray>,
        guesses: Guesses,
    },
    /// Typed by the file itself.
    Typed {
        chunks: Vec<ArrayRef>,
        kind: ColumnType,
    },
}

impl Cells {
    pub(super) fn none() -> Self {
        Self::Typed {
            chunks: Vec::new(),
            kind: ColumnType::String,
        }
    }
}

/// Where rows stand in the file.
pub(super) enum Places<'a> {
    /// The offset at which each row starts.
    Lines { text: &'a str, starts: Starts },
    /// The format has no lines.
    Rows,
}

/// The offsets at which rows start, told by what lies between them: a large file has many.
#[derive(Default)]
pub(super) struct Starts {
    steps: Vec<u32>,
    last: usize,
}

impl Starts {
    /// Offsets ascend. A step that is too wide, of a row of several gigabytes, only errors would miss.
    fn push(&mut self, start: usize) {
        let step = u32::try_from(start.saturating_sub(self.last)).unwrap_or(u32::MAX);
        self.steps.push(step);
        self.last = start;
    }

    fn get(&self, row: usize) -> Option<usize> {
        let steps = self.steps.get(..=row)?;
        Some(steps.iter().map(|step| *step as usize).sum())
    }
}

impl Places<'_> {
    /// The line of a row, from 1.
    pub(super) fn line(&self, row: usize) -> Option<usize> {
        match self {
            Self::Lines { text, starts } => Some(line_at(text, starts.get(row)?)),
            Self::Rows => None,
        }
    }

    /// `in lines 2, 5, 9 and 12 more`: the places of the first of `count` rows.
    pub(super) fn describe(&self, first: &[usize], count: usize) -> String {
        let unit = match self {
            Self::Lines { .. } => "line",
            Self::Rows => "row",
        };
        let mut shown: Vec<String> = first
            .iter()
            .map(|row| self.line(*row).unwrap_or(row + 1).to_string())
            .collect();
        if count > shown.len() {
            shown.push(format!("{} more", count - first.len()));
        }
        let plural = if count == 1 { "" } else { "s" };
        let last = shown.pop().unwrap_or_default();
        if shown.is_empty() {
            return format!("in {unit}{plural} {last}");
        }
        format!("in {unit}{plural} {} and {last}", shown.join(", "))
    }
}

/// The line, from 1, of the first character at or after `offset` that ends no line.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let bytes = text.as_bytes();
    let skipped = bytes[offset..]
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let before = &bytes[..offset + skipped];
    1 + before
        .iter()
        .enumerate()
        .filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => before.get(at + 1) != Some(&b'\n'),
            _ => false,
        })
        .count()
}

/// Collects cells row by row.
pub(super) struct RawBuilder<'a> {
    nulls: &'a [String],
    columns: Vec<ColumnBuilder<'a>>,
    index: HashMap<String, usize>,
    starts: Starts,
    /// Rows and bytes of the chunk that is being filled.
    chunk_rows: usize,
    chunk_bytes: usize,
    /// The lengths of the chunks filled so far.
    chunks: Vec<usize>,
}

struct ColumnBuilder<'a> {
    original: String,
    builder: StringBuilder,
    chunks: Vec<StringArray>,
    guesses: Guesses,
    /// Takes the chunks in the place of `chunks`.
    typed: Option<Typed<'a>>,
    /// Cells of the chunk that is being filled.
    filled: usize,
    /// Bytes of the chunk before it.
    room: usize,
}

/// Chunks that are typed as soon as they are whole: an instant takes less room than its text.
struct Typed<'a> {
    target: Target<'a>,
    chunks: Vec<ArrayRef>,
    misfits: Misfits,
}

impl<'a> RawBuilder<'a> {
    pub(super) fn new(nulls: &'a [String]) -> Self {
        Self {
            nulls,
            columns: Vec::new(),
            index: HashMap::new(),
            starts: Starts::default(),
            chunk_rows: 0,
            chunk_bytes: 0,
            chunks: Vec::new(),
        }
    }

    /// Adds a column, null in the rows so far, and returns its position. One whose type is known has no
    /// rows so far.
    pub(super) fn add_column(&mut self, original: &str, known: Option<Target<'a>>) -> usize {
        let position = self.columns.len();
        let mut builder = StringBuilder::new();
        builder.append_nulls(self.chunk_rows);
        self.columns.push(ColumnBuilder {
            original: original.to_owned(),
            builder,
            chunks: self.chunks.iter().map(|rows| nulls(*rows)).collect(),
            guesses: Guesses::ANY,
            typed: known.map(Typed::new),
            filled: self.chunk_rows,
            room: 0,
        });
        self.index.insert(original.to_owned(), position);
        position
    }

    /// Whether every value is of its column's type, as far as it is known.
    pub(super) fn all_fit(&self) -> bool {
        let mut typed = self
            .columns
            .iter()
            .filter_map(|column| column.typed.as_ref());
        typed.all(|typed| typed.misfits.count == 0)
    }

    /// Whether there is no row yet.
    pub(super) fn is_empty(&self) -> bool {
        self.starts.steps.is_empty()
    }

    /// The position of the column, which is `hint` more often than not.
    pub(super) fn position(&self, original: &str, hint: usize) -> Option<usize> {
        match self.columns.get(hint) {
            Some(column) if column.original == original => Some(hint),
            _ => self.index.get(original).copied(),
        }
    }

    /// Whether the row being filled has a cell of the column yet.
    pub(super) fn has(&self, column: usize) -> bool {
        self.columns[column].filled > self.chunk_rows
    }

    /// Fills the row's cell of a column. Empty text and the stream's spellings of null are null.
    pub(super) fn cell(&mut self, column: usize, text: &str, possible: Guesses) {
        let slot = &mut self.columns[column];
        if slot.filled == 0 && slot.room > 0 {
            slot.builder = StringBuilder::with_capacity(CHUNK_ROWS, slot.room + slot.room / 16);
        }
        slot.filled += 1;
        if text.is_empty() || self.nulls.iter().any(|null| null == text) {
            slot.builder.append_null();
            return;
        }
        slot.builder.append_value(text);
        slot.guesses = slot.guesses.and(possible);
        self.chunk_bytes += text.len();
    }

    /// Ends the row, which started at an offset of the text. Cells not filled are null.
    pub(super) fn end_row(&mut self, start: usize) {
        self.starts.push(start);
        self.chunk_rows += 1;
        for column in &mut self.columns {
            if column.filled < self.chunk_rows {
                column.builder.append_null();
                column.filled += 1;
            }
        }
        if self.chunk_rows >= CHUNK_ROWS || self.chunk_bytes >= CHUNK_BYTES {
            self.end_chunk();
        }
    }

    /// Ends a chunk; that of the last rows need not be full.
    pub(super) fn end_chunk(&mut self) {
        if self.chunk_rows == 0 {
            return;
        }
        for column in &mut self.columns {
            let mut chunk = column.builder.finish();
            // A builder doubles its room as it grows, and half of it would stay empty: the next chunk,
            // if there is one, gets the room that this one took.
            column.room = chunk.value_data().len();
            column.builder = StringBuilder::with_capacity(0, 0);
            column.filled = 0;
            if let Some(typed) = &mut column.typed {
                typed.take(&chunk);
                continue;
            }
            chunk.shrink_to_fit();
            column.chunks.push(chunk);
        }
        self.chunks.push(self.chunk_rows);
        (self.chunk_rows, self.chunk_bytes) = (0, 0);
    }

    pub(super) fn finish(mut self, text: &'a str) -> Raw<'a> {
        self.end_chunk();
        let cells = |column: ColumnBuilder<'_>| match column.typed {
            Some(Typed { target, chunks, .. }) => Cells::Typed {
                chunks,
                kind: target.kind,
            },
            None => Cells::Text {
                chunks: column.chunks,
                guesses: column.guesses,
            },
        };
        let column = |mut column: ColumnBuilder<'_>| RawColumn {
            original: std::mem::take(&mut column.original),
            cells: cells(column),
        };
        Raw {
            columns: self.columns.into_iter().map(column).collect(),
            rows: self.starts.steps.len(),
            places: Places::Lines {
                text,
                starts: self.starts,
            },
        }
    }
}

impl<'a> Typed<'a> {
    fn new(target: Target<'a>) -> Self {
        Self {
            target,
            chunks: Vec::new(),
            misfits: Misfits::default(),
        }
    }

    fn take(&mut self, chunk: &StringArray) {
        // Rows are of no use: whoever finds a misfit reads again, as text.
        let typed = typed::parse(chunk, &self.target, 0, &mut self.misfits);
        self.chunks.push(typed);
    }
}

fn nulls(rows: usize) -> StringArray {
    StringArray::new_null(rows)
}
