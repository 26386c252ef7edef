//! A 128-bit digest of each row, by which unchanged rows are known without reading them.
//!
//! It is a sum over the columns that are not null, so neither the order of columns nor a column
//! without values changes it. Two different rows agree by chance with a probability of 2⁻¹²⁸ or
//! so; equal rows always agree while their columns keep their types, and rows whose digests differ
//! are compared cell by cell. It guards against no one who seeks collisions.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};

const KEYS: [u64; 4] = [
    0x9E37_79B9_7F4A_7C15,
    0xD6E8_FEB8_6659_FD93,
    0xA076_1D64_78BD_642F,
    0xE703_7ED1_A0B4_28DB,
];

/// The digest of every row of a batch.
pub(in crate::warehouse) fn digests(batch: &RecordBatch) -> Vec<u128> {
    let mut sums = vec![0; batch.num_rows()];
    let schema = batch.schema();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        add(&mut sums, Lanes::of(field.name()), column);
    }
    sums
}

fn add(sums: &mut [u128], seed: Lanes, column: &ArrayRef) {
    macro_rules! words {
        ($values:expr, $word:expr) => {
            for (sum, value) in sums.iter_mut().zip($values) {
                if let Some(value) = value {
                    *sum = sum.wrapping_add(seed.word($word(value)).sum());
                }
            }
        };
    }
    match column.data_type() {
        DataType::Utf8 => {
            for (sum, value) in sums.iter_mut().zip(column.as_string::<i32>()) {
                if let Some(value) = value {
                    *sum = sum.wrapping_add(seed.text(value.as_bytes()).sum());
                }
            }
        }
        DataType::Boolean => words!(column.as_boolean(), u64::from),
        DataType::Int64 => words!(column.as_primitive::<Int64Type>(), i64::cast_unsigned),
        DataType::Float64 => words!(column.as_primitive::<Float64Type>(), f64::to_bits),
        DataType::Date32 => words!(column.as_primitive::<Date32Type>(), |days: i32| {
            i64::from(days).cast_unsigned()
        }),
        DataType::Timestamp(_, _) => {
            words!(
                column.as_primitive::<TimestampMicrosecondType>(),
                i64::cast_unsigned
            );
        }
        DataType::Decimal128(_, _) => {
            for (sum, value) in sums.iter_mut().zip(column.as_primitive::<Decimal128Type>()) {
                if let Some(value) = value {
                    *sum = sum.wrapping_add(seed.text(&value.to_le_bytes()).sum());
                }
            }
        }
        other => unreachable!("no column of a stream is of type {other}"),
    }
}

/// The state of a digest: two lanes that see the same words under different keys.
#[derive(Clone, Copy)]
struct Lanes(u64, u64);

impl Lanes {
    fn of(name: &str) -> Self {
        Self(KEYS[2], KEYS[3]).text(name.as_bytes())
    }

    fn word(self, word: u64) -> Self {
        Self(
            fold(self.0 ^ word, KEYS[0]),
            fold(self.1 ^ word.rotate_left(29), KEYS[1]).wrapping_add(self.0),
        )
    }

    fn text(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut lanes = self;
        for word in words {
            lanes = lanes.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        lanes
            .word(u64::from_le_bytes(last))
            .word(bytes.len() as u64)
    }

    fn sum(self) -> u128 {
        let ends = self.word(KEYS[2]);
        u128::from(ends.0) << 64 | u128::from(ends.1)
    }
}

/// Multiplies to 128 bits and folds the halves together, as wyhash does.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low half is what is meant"
)]
fn fold(one: u64, two: u64) -> u64 {
    let product = u128::from(one) * u128::from(two);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Int64Array, StringArray};

    use super::*;

    fn digest(columns: &[(&str, ArrayRef)]) -> u128 {
        let columns = columns.iter().map(|(n, c)| (*n, Arc::clone(c)));
        digests(&RecordBatch::try_from_iter(columns).unwrap())[0]
    }

    fn text(value: Option<&str>) -> ArrayRef {
        Arc::new(StringArray::from(vec![value]))
    }

    // Any change of a cell, and any move of a value to another column, changes the digest.
    #[test]
    fn every_cell_counts() {
        let mut seen = HashSet::new();
        let values = [
            None,
            Some(""),
            Some("a"),
            Some("a\0"),
            Some("abcdefgh"),
            Some("abcdefgi"),
        ];
        for one in values {
            for two in values {
                assert!(seen.insert(digest(&[("x", text(one)), ("y", text(two))])));
            }
        }
        for number in -500..500 {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![number]));
            assert!(seen.insert(digest(&[("x", column)])));
        }
        for flag in [false, true] {
            let column: ArrayRef = Arc::new(BooleanArray::from(vec![flag]));
            assert!(seen.insert(digest(&[("z", column)])));
        }
    }

    // Columns may change places, and one without values may come or go.
    #[test]
    fn order_and_blanks_do_not_count() {
        let one = digest(&[("x", text(Some("1"))), ("y", text(Some("2")))]);
        let two = digest(&[
            ("y", text(Some("2"))),
            ("z", text(None)),
            ("x", text(Some("1"))),
        ]);
        assert_eq!(one, two);
    }
}
