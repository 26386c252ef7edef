//! The columns of a table as the commit log states them, and arrow's form of them.
//!
//! A column's type only ever widens, and no conversion here loses a value: what cannot be
//! converted is an error.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::error::WarehouseError;
use super::file::COMMIT_NO;
use super::query::functions::instant_type;

/// The key of a field's metadata under which the name in the source's file stands.
const ORIGINAL: &str = "original";

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// The name in the source's file, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) original: Option<String>,
    /// No value was ever seen in it, so that its type is a guess that the first value may change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) blank: bool,
}

/// The types that a table may hold, in Delta Lake's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    String,
    Boolean,
    Bigint,
    Double,
    Decimal(u8, i8),
    Date,
    Timestamp,
}

impl Kind {
    /// The kind that holds every value of an arrow type, if there is one.
    fn of(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Self::String
            }
            DataType::Boolean => Self::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Bigint,
            DataType::Float32 | DataType::Float64 => Self::Double,
            DataType::Decimal128(precision, scale) => Self::Decimal(*precision, *scale),
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, _) => Self::Timestamp,
            DataType::Dictionary(_, value) => return Self::of(value),
            _ => return None,
        })
    }

    fn data_type(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Bigint => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => instant_type(),
        }
    }

    /// The narrowest kind that holds every value of both; text holds everything.
    pub(super) fn widened(self, other: Self) -> Self {
        match (self, other) {
            (one, two) if one == two => one,
            (Self::Bigint | Self::Double, Self::Bigint | Self::Double)
            | (Self::Double, Self::Decimal(..))
            | (Self::Decimal(..), Self::Double) => Self::Double,
            (Self::Bigint, Self::Decimal(_, scale)) | (Self::Decimal(_, scale), Self::Bigint) => {
                Self::Decimal(38, scale)
            }
            (Self::Decimal(p1, s1), Self::Decimal(p2, s2)) => Self::Decimal(p1.max(p2), s1.max(s2)),
            _ => Self::String,
        }
    }
}

impl Column {
    /// The name in the source's file.
    pub(crate) fn original(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.name)
    }

    pub(super) fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            original: None,
            blank: false,
        }
    }

    /// Whether a source or a user means this column by `name`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let original = self.original.as_deref();
        self.name.eq_ignore_ascii_case(name)
            || original.is_some_and(|original| original.eq_ignore_ascii_case(name))
    }

    fn field(&self) -> Field {
        let field = Field::new(&self.name, self.kind.data_type(), true);
        match &self.original {
            Some(original) => {
                field.with_metadata(HashMap::from([(ORIGINAL.to_owned(), original.clone())]))
            }
            None => field,
        }
    }
}

/// The columns of a table; a column whose type no table may hold is refused.
pub(super) fn columns_of(table: &str, schema: &Schema) -> Result<Vec<Column>, WarehouseError> {
    let column = |field: &Arc<Field>| {
        let kind = Kind::of(field.data_type()).ok_or_else(|| WarehouseError::NoKind {
            table: table.to_owned(),
            column: field.name().clone(),
            kind: field.data_type().to_string(),
        })?;
        Ok(Column {
            original: field.metadata().get(ORIGINAL).cloned(),
            ..Column::new(field.name(), kind)
        })
    };
    schema.fields().iter().map(column).collect()
}

pub(super) fn schema_of(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns.iter().map(Column::field).collect();
    Arc::new(Schema::new(fields))
}

/// The columns of a table that only grows, as they are stored: with the commit that added each row.
pub(super) fn with_commit(columns: &[Column]) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = schema_of(columns).fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(COMMIT_NO, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}

/// The columns of both, those of `before` first, each of a type that holds the values of both.
pub(super) fn unified(before: &[Column], now: &[Column]) -> Vec<Column> {
    let mut columns = before.to_vec();
    for new in now {
        match columns.iter_mut().find(|old| old.name == new.name) {
            Some(old) => {
                old.kind = match (old.blank, new.blank) {
                    (true, false) => new.kind,
                    (false, true) => old.kind,
                    _ => old.kind.widened(new.kind),
                };
                old.blank &= new.blank;
                old.original.clone_from(&new.original);
            }
            None => columns.push(new.clone()),
        }
    }
    columns
}

/// The batch with the columns of `target`, by name: converted where the type differs, null where
/// the batch has no such column.
pub(super) fn aligned(batch: &RecordBatch, target: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(column) => converted(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    let columns: Result<Vec<ArrayRef>, ArrowError> = target.fields().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(target), columns?, &options)
}

fn converted(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == kind {
        return Ok(Arc::clone(column));
    }
    if column.null_count() == column.len() {
        return Ok(new_null_array(kind, column.len()));
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, kind, &options)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int64Array, StringArray};

    use super::*;

    fn column(name: &str, kind: Kind, blank: bool) -> Column {
        Column {
            blank,
            ..Column::new(name, kind)
        }
    }

    // A type widens to hold both; a column without a value yet takes the first value's type.
    #[test]
    fn types_widen() {
        let before = [
            column("a", Kind::Bigint, false),
            column("b", Kind::String, true),
            column("c", Kind::Date, false),
            column("d", Kind::Bigint, false),
        ];
        let now = [
            column("a", Kind::Double, false),
            column("b", Kind::Timestamp, false),
            column("c", Kind::Bigint, false),
            column("d", Kind::Decimal(18, 4), false),
            column("e", Kind::Boolean, false),
        ];
        let kinds: Vec<Kind> = unified(&before, &now).iter().map(|c| c.kind).collect();
        assert_eq!(
            kinds,
            [
                Kind::Double,
                Kind::Timestamp,
                Kind::String,
                Kind::Decimal(38, 4),
                Kind::Boolean
            ]
        );
    }

    // A column that a batch lacks is null; one of a narrower type is converted; none is guessed.
    #[test]
    fn batches_are_aligned_by_name() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let batch =
            RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![5]))]).unwrap();
        let target = schema_of(&[
            column("x", Kind::Date, false),
            column("n", Kind::String, false),
        ]);
        let aligned = aligned(&batch, &target).unwrap();
        assert!(aligned.column(0).is_null(0));
        assert_eq!(**aligned.column(1), StringArray::from(vec!["5"]));
    }

    // The form in the commit log.
    #[test]
    fn columns_are_compact_json() {
        let plain = column("amount", Kind::Decimal(18, 4), false);
        let json = serde_json::to_string(&plain).unwrap();
        assert_eq!(json, r#"{"name":"amount","type":{"decimal":[18,4]}}"#);
        assert_eq!(serde_json::from_str::<Column>(&json).unwrap(), plain);
    }
}
