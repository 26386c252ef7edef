//! The type of a column that nobody declared, from all of its values. A value is taken for a number
//! only if the number, written again, is the same text's value: `007` and `+1` stay text.

use arrow::array::StringArray;
use jiff::tz::TimeZone;

use super::value;
use crate::config::ColumnType;

/// A set of types that a column may still have; string is always possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guesses(u8);

/// In order of preference.
const TYPES: [(Guesses, ColumnType); 5] = [
    (Guesses::BOOLEAN, ColumnType::Boolean),
    (Guesses::BIGINT, ColumnType::Bigint),
    (Guesses::DOUBLE, ColumnType::Double),
    (Guesses::DATE, ColumnType::Date),
    (Guesses::TIMESTAMP, ColumnType::Timestamp),
];

impl Guesses {
    pub(super) const NONE: Self = Self(0);
    pub(super) const BOOLEAN: Self = Self(1);
    const BIGINT: Self = Self(2);
    const DOUBLE: Self = Self(4);
    const DATE: Self = Self(8);
    const TIMESTAMP: Self = Self(16);
    pub(super) const NUMBERS: Self = Self(2 | 4);
    pub(super) const DATES: Self = Self(8 | 16);
    pub(super) const ANY: Self = Self(1 | 2 | 4 | 8 | 16);

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The types of the set that `text` fits.
    fn fitting(self, text: &str) -> Self {
        let mut left = self;
        for (guess, kind) in TYPES {
            if self.contains(guess) && !fits(kind, text) {
                left.0 &= !guess.0;
            }
        }
        left
    }
}

/// The first type of `allowed` that every value fits; string if none, or if there is no value.
pub(super) fn infer(chunks: &[StringArray], allowed: Guesses) -> ColumnType {
    let mut left = allowed;
    let mut any = false;
    for text in chunks.iter().flatten().flatten() {
        any = true;
        left = left.fitting(text);
        if left == Guesses::NONE {
            break;
        }
    }
    TYPES
        .into_iter()
        .find(|(guess, _)| any && left.contains(*guess))
        .map_or(ColumnType::String, |(_, kind)| kind)
}

fn fits(kind: ColumnType, text: &str) -> bool {
    match kind {
        ColumnType::Boolean => value::true_or_false(text).is_some(),
        ColumnType::Bigint => value::is_whole(text) && value::bigint(text).is_some(),
        ColumnType::Double => is_exact_double(text),
        ColumnType::Date => value::date(text).is_some(),
        ColumnType::Timestamp => value::timestamp(text, &TimeZone::UTC).is_some(),
        ColumnType::Decimal | ColumnType::String => false,
    }
}

/// Whole numbers beyond 2^53 are more likely ids than measures, and a double would change them.
fn is_exact_double(text: &str) -> bool {
    if value::is_whole(text) {
        return value::bigint(text).is_some_and(|n| n.unsigned_abs() <= 1 << 53);
    }
    value::is_fractional(text) && value::double(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(values: &[&str]) -> ColumnType {
        infer(&[StringArray::from_iter_values(values)], Guesses::ANY)
    }

    // Each type is recognised, and what would lose something stays a string.
    #[test]
    fn types() {
        use ColumnType::{Bigint, Boolean, Date, Double, String, Timestamp};
        let cases: [(&[&str], ColumnType); 18] = [
            (&["true", "False", "TRUE"], Boolean),
            (&["1", "0"], Bigint),
            (&["-12", "9223372036854775807"], Bigint),
            (&["9223372036854775808"], String),
            (&["007", "12"], String),
            (&["+1"], String),
            (&["1", "2.50", "-0.1"], Double),
            (&["1.5e-3", "2"], Double),
            (&["9007199254740993", "0.5"], String),
            (&["01.5"], String),
            (&["NaN"], String),
            (&["2026-11-05"], Date),
            (&["2026-02-30"], String),
            (&["2026-11-05T14:03:22.000+0000"], Timestamp),
            (&["2026-11-05 14:03:22 UTC", "2026-11-05T14:03Z"], Timestamp),
            (&["2026-11-05", "2026-11-05T14:03Z"], String),
            (&["5/11/2026"], String),
            (&[], String),
        ];
        for (values, kind) in cases {
            assert_eq!(inferred(values), kind, "{values:?}");
        }
    }
}
