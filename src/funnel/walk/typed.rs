//! Columns of a record batch by name and type, with an error that says what was found instead.

use arrow::array::{Array, AsArray, DictionaryArray, RecordBatch, StringArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};

use super::evidence::EvidenceError;

/// A text column, by how it is stored.
pub(super) enum Text {
    Plain(StringArray),
    View(StringViewArray),
    /// Keys into the texts.
    Dictionary(DictionaryArray<Int32Type>, StringArray),
}

impl Text {
    pub(super) fn get(&self, i: usize) -> Option<&str> {
        match self {
            Self::Plain(texts) => texts.is_valid(i).then(|| texts.value(i)),
            Self::View(texts) => texts.is_valid(i).then(|| texts.value(i)),
            Self::Dictionary(array, texts) => {
                let key = array.key(i)?;
                texts.is_valid(key).then(|| texts.value(key))
            }
        }
    }

    /// What a text stands for, of each row. A text of a dictionary is read once for all rows.
    pub(super) fn read<T: Copy>(
        &self,
        rows: usize,
        read: impl Fn(Option<&str>) -> Result<T, EvidenceError>,
    ) -> Result<Vec<T>, EvidenceError> {
        let Self::Dictionary(array, texts) = self else {
            return (0..rows).map(|row| read(self.get(row))).collect();
        };
        let mut known: Vec<Option<T>> = vec![None; texts.len()];
        let one = |row| {
            let Some(key) = array.key(row) else {
                return read(None);
            };
            if let Some(known) = known[key] {
                return Ok(known);
            }
            let value = read(self.get(row))?;
            known[key] = Some(value);
            Ok(value)
        };
        (0..rows).map(one).collect()
    }
}

pub(super) fn text(batch: &RecordBatch, column: &'static str) -> Result<Text, EvidenceError> {
    let array = find(batch, column, "a text")?;
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Ok(Text::Plain(texts.clone()));
    }
    if let Some(texts) = array.as_string_view_opt() {
        return Ok(Text::View(texts.clone()));
    }
    if let Some(array) = array.as_dictionary_opt::<Int32Type>()
        && let Some(texts) = array.values().as_string_opt::<i32>()
    {
        return Ok(Text::Dictionary(array.clone(), texts.clone()));
    }
    let is_text = match array.data_type() {
        DataType::LargeUtf8 => true,
        DataType::Dictionary(_, values) => values.is_string(),
        _ => false,
    };
    // Other stored forms of text are rare: they are turned into plain text once a batch.
    let plain = is_text.then(|| cast(array, &DataType::Utf8));
    match plain {
        Some(Ok(plain)) => Ok(Text::Plain(plain.as_string::<i32>().clone())),
        _ => Err(mistyped(column, "a text", array.data_type())),
    }
}

pub(super) fn typed<T: Array + Clone + 'static>(
    batch: &RecordBatch,
    column: &'static str,
    expected: &'static str,
) -> Result<T, EvidenceError> {
    let array = find(batch, column, expected)?;
    let found = array.as_any().downcast_ref::<T>().cloned();
    found.ok_or_else(|| mistyped(column, expected, array.data_type()))
}

fn find<'a>(
    batch: &'a RecordBatch,
    column: &'static str,
    expected: &'static str,
) -> Result<&'a dyn Array, EvidenceError> {
    let array = batch.column_by_name(column).map(AsRef::as_ref);
    array.ok_or_else(|| EvidenceError::Column {
        column,
        expected,
        found: "absent".to_owned(),
    })
}

pub(super) fn mistyped(
    column: &'static str,
    expected: &'static str,
    found: &DataType,
) -> EvidenceError {
    EvidenceError::Column {
        column,
        expected,
        found: format!("`{found}`"),
    }
}

/// Refuses a null in a column without which a row says nothing.
pub(super) fn full(batch: &RecordBatch, column: &'static str) -> Result<(), EvidenceError> {
    let expected = "without nulls";
    let nulls = find(batch, column, expected)?.logical_null_count();
    if nulls == 0 {
        return Ok(());
    }
    Err(EvidenceError::Column {
        column,
        expected,
        found: format!("null in {nulls} rows"),
    })
}
