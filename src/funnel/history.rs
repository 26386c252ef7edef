//! Versions in order: rows of one thing (a record, a person, an opportunity) stand together, by time.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{
    Array, AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::{ArrowPrimitiveType, Int64Type, TimestampMicrosecondType};

use super::FunnelError;

/// Versions sorted by thing and `valid_from`, one row for each pair.
#[derive(Debug)]
pub(super) struct History {
    pub(super) rows: RecordBatch,
    /// The things' names, in order.
    pub(super) keys: Vec<String>,
    /// Where each thing's versions stand in `rows`.
    pub(super) spans: Vec<Range<usize>>,
    /// `valid_from` in microseconds.
    pub(super) from: Vec<i64>,
}

impl History {
    /// Sorts `rows` by the name that `key` writes for each and by time. Of two rows for one thing and
    /// instant the one known later stays. Rows that have no name or no time are left out.
    pub(super) fn new(
        rows: &RecordBatch,
        key: impl Fn(usize, &mut String) -> bool,
    ) -> Result<Self, FunnelError> {
        let (keys, thing_of) = numbered(rows.num_rows(), key);
        let from = instants(rows, "valid_from");
        let known = instants(rows, "known_at");
        let mut order: Vec<(u32, i64, i64, u32)> = (0..rows.num_rows())
            .filter_map(|row| {
                let number = u32::try_from(row).ok()?;
                let at = instant(from, row)?;
                Some((thing_of[row]?, at, known.value(row), number))
            })
            .collect();
        order.sort_unstable();
        let mut history = Self {
            rows: rows.slice(0, 0),
            keys: Vec::new(),
            spans: Vec::new(),
            from: Vec::with_capacity(order.len()),
        };
        let mut picked: Vec<u32> = Vec::with_capacity(order.len());
        let mut last_thing = None;
        for (thing, at, _, row) in order {
            let same_thing = last_thing == Some(thing);
            if same_thing && history.from.last() == Some(&at) {
                if let Some(last) = picked.last_mut() {
                    *last = row;
                }
                continue;
            }
            last_thing = Some(thing);
            history.push(&keys[thing as usize], same_thing);
            history.from.push(at);
            picked.push(row);
        }
        history.rows = take_record_batch(rows, &UInt32Array::from(picked))
            .map_err(FunnelError::arrow("sorting versions"))?;
        Ok(history)
    }

    fn push(&mut self, key: &str, same_thing: bool) {
        let row = self.from.len();
        match self.spans.last_mut() {
            Some(span) if same_thing => span.end = row + 1,
            _ => {
                self.keys.push(key.to_owned());
                self.spans.push(row..row + 1);
            }
        }
    }

    /// The number of each thing by its name.
    pub(super) fn index(&self) -> HashMap<&str, usize> {
        let numbered = self.keys.iter().enumerate();
        numbered
            .map(|(number, key)| (key.as_str(), number))
            .collect()
    }

    /// The row of `thing` in force at `instant`, if it was there by then.
    pub(super) fn as_of(&self, thing: usize, instant: i64) -> Option<usize> {
        let span = self.spans.get(thing)?.clone();
        let passed = self.from[span.clone()].partition_point(|from| *from <= instant);
        passed.checked_sub(1).map(|before| span.start + before)
    }

    /// The last row of each thing.
    pub(super) fn latest(&self) -> impl Iterator<Item = usize> {
        self.spans.iter().map(|span| span.end - 1)
    }

    /// The end of each row: the start of the thing's next, null for the last.
    pub(super) fn valid_to(&self) -> TimestampMicrosecondArray {
        let ends = self.spans.iter().flat_map(|span| {
            span.clone()
                .map(|row| (row + 1 < span.end).then(|| self.from[row + 1]))
        });
        ends.collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC")
    }
}

/// How versions were found, and when.
pub(super) struct Marks<'a> {
    pub(super) via: &'a StringArray,
    pub(super) seen_after: &'a TimestampMicrosecondArray,
    pub(super) known_at: &'a TimestampMicrosecondArray,
    pub(super) censored: &'a BooleanArray,
    pub(super) imported: &'a BooleanArray,
    pub(super) deleted: &'a BooleanArray,
}

impl<'a> Marks<'a> {
    pub(super) fn of(rows: &'a RecordBatch) -> Self {
        Self {
            via: text(rows, "via"),
            seen_after: instants(rows, "seen_after"),
            known_at: instants(rows, "known_at"),
            censored: truths(rows, "censored"),
            imported: truths(rows, "imported"),
            deleted: truths(rows, "deleted"),
        }
    }
}

/// The names of rows, sorted, and the number of each row's. Rows of one thing mostly stand together.
fn numbered(
    rows: usize,
    key: impl Fn(usize, &mut String) -> bool,
) -> (Vec<String>, Vec<Option<u32>>) {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut first_seen = Vec::with_capacity(rows);
    let (mut name, mut before) = (String::new(), String::new());
    let mut number = None;
    for row in 0..rows {
        name.clear();
        if !key(row, &mut name) {
            first_seen.push(None);
            continue;
        }
        if number.is_none() || name != before {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            number = Some(match numbers.get(&name) {
                Some(known) => *known,
                None => *numbers.entry(name.clone()).or_insert(next),
            });
            std::mem::swap(&mut name, &mut before);
        }
        first_seen.push(number);
    }
    let mut sorted: Vec<(String, u32)> = numbers.into_iter().collect();
    sorted.sort_unstable();
    let mut place = vec![0_u32; sorted.len()];
    for (rank, (_, number)) in sorted.iter().enumerate() {
        place[*number as usize] = u32::try_from(rank).unwrap_or(u32::MAX);
    }
    let keys = sorted.into_iter().map(|(name, _)| name).collect();
    let thing_of = first_seen
        .into_iter()
        .map(|number| number.map(|number| place[number as usize]))
        .collect();
    (keys, thing_of)
}

/// A column of text that the shape of the table declares.
pub(super) fn text<'a>(rows: &'a RecordBatch, name: &str) -> &'a StringArray {
    column(rows, name).as_string()
}

/// A column of instants that the shape of the table declares.
pub(super) fn instants<'a>(rows: &'a RecordBatch, name: &str) -> &'a TimestampMicrosecondArray {
    primitive::<TimestampMicrosecondType>(rows, name)
}

/// A column of whole numbers that the shape of the table declares.
pub(super) fn bigints<'a>(rows: &'a RecordBatch, name: &str) -> &'a PrimitiveArray<Int64Type> {
    primitive(rows, name)
}

pub(super) fn primitive<'a, T: ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &str,
) -> &'a PrimitiveArray<T> {
    column(rows, name).as_primitive()
}

/// A column of truth values that the shape of the table declares.
pub(super) fn truths<'a>(rows: &'a RecordBatch, name: &str) -> &'a BooleanArray {
    column(rows, name).as_boolean()
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> &'a arrow::array::ArrayRef {
    rows.column_by_name(name)
        .expect("the shape of the table declares this column")
}

/// True; neither false nor null.
pub(super) fn holds(column: &BooleanArray, row: usize) -> bool {
    column.is_valid(row) && column.value(row)
}

/// The text of a cell that is there and not blank.
pub(super) fn filled(column: &StringArray, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    let value = column.value(row);
    // Most values begin with a visible ASCII character, which settles it.
    let visible = value.as_bytes().first().is_some_and(u8::is_ascii_graphic);
    (visible || !value.trim().is_empty()).then_some(value)
}

/// The instant of a cell that is there.
pub(super) fn instant(column: &TimestampMicrosecondArray, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}
