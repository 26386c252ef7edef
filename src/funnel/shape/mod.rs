//! The canonical tables: their columns and types, and bringing what canonical SQL gives into them.
//!
//! A column that a source does not give is null; a column that is declared nowhere is kept and comes
//! last. Cells are never dropped for their type: what cannot be read is an error that names the file
//! and the column, not the cell.

mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::FunnelError;
use crate::warehouse::{Frame, instant_type};
pub(super) use tables::{
    ACCOUNT, ACTIVITY, CAMPAIGN, CRM_USER, OPPORTUNITY, OPPORTUNITY_PERSON, PERSON, RESPONSE,
};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Bigint,
    Double,
    Money,
    Truth,
    Date,
    Instant,
}

/// A canonical table: its name and its declared columns, of which some must be given.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) table: &'static str,
    pub(super) columns: &'static [(&'static str, Holds)],
    pub(super) required: &'static [&'static str],
}

impl Holds {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bigint => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Money => DataType::Decimal128(18, 4),
            Self::Truth => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Instant => instant_type(),
        }
    }
}

/// The word for a type in messages.
pub(super) fn word(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(_, _) => "decimal".to_owned(),
        DataType::Boolean => "true or false".to_owned(),
        DataType::Date32 => "a date".to_owned(),
        DataType::Timestamp(_, _) => "an instant".to_owned(),
        DataType::Null => "null".to_owned(),
        other => format!("`{other}`"),
    }
}

/// The rows that one source gives for a canonical table.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) source: String,
    pub(super) frame: Frame,
}

impl Shape {
    fn declared(&self) -> impl Iterator<Item = (&'static str, Holds)> {
        self.columns.iter().copied()
    }

    /// The rows of all sources as one batch: `source`, the declared columns, then all others by name.
    pub(super) fn unite(&self, parts: &[Part]) -> Result<RecordBatch, FunnelError> {
        for part in parts {
            self.check_required(&part.frame)?;
        }
        let schema = self.schema(parts)?;
        let batches = parts
            .iter()
            .map(|part| Self::fit(part, &schema))
            .collect::<Result<Vec<_>, _>>()?;
        concat_batches(&schema, &batches).map_err(FunnelError::arrow("joining sources"))
    }

    /// The columns that these parts give together.
    pub(super) fn schema(&self, parts: &[Part]) -> Result<SchemaRef, FunnelError> {
        let mut fields = vec![Field::new("source", DataType::Utf8, true)];
        let declared = self.declared().collect::<BTreeMap<_, _>>();
        fields.extend(
            self.declared()
                .map(|(name, holds)| Field::new(name, holds.data_type(), true)),
        );
        // A column without a value tells its type only if no other source does.
        let mut extra: BTreeMap<&str, (Option<DataType>, DataType)> = BTreeMap::new();
        for part in parts {
            for (index, field) in part.frame.schema.fields().iter().enumerate() {
                if declared.contains_key(field.name().as_str()) || field.name() == "source" {
                    continue;
                }
                let (firm, loose) = extra.entry(field.name()).or_insert((None, DataType::Utf8));
                if !all_null(&part.frame, index) {
                    *firm = Some(common(firm.as_ref(), field, part)?);
                } else if *loose == DataType::Utf8 {
                    *loose = field.data_type().clone();
                }
            }
        }
        fields.extend(
            extra
                .into_iter()
                .map(|(name, (firm, loose))| Field::new(name, firm.unwrap_or(loose), true)),
        );
        Ok(Arc::new(Schema::new(fields)))
    }

    fn check_required(&self, frame: &Frame) -> Result<(), FunnelError> {
        for name in self.required {
            if frame.schema.index_of(name).is_err() {
                return Err(FunnelError::Lacks {
                    file: frame.name.clone(),
                    column: (*name).to_owned(),
                });
            }
        }
        Ok(())
    }

    fn fit(part: &Part, schema: &SchemaRef) -> Result<RecordBatch, FunnelError> {
        let given = concat_batches(&part.frame.schema, &part.frame.batches)
            .map_err(FunnelError::arrow("joining batches"))?;
        let rows = given.num_rows();
        let column = |field: &Arc<Field>| -> Result<ArrayRef, FunnelError> {
            if field.name() == "source" {
                let name = part.source.as_str();
                return Ok(Arc::new(StringArray::from_iter_values(
                    std::iter::repeat_n(name, rows),
                )));
            }
            match given.column_by_name(field.name()) {
                None => Ok(new_null_array(field.data_type(), rows)),
                Some(array) => convert(array, field, part),
            }
        };
        let columns = schema
            .fields()
            .iter()
            .map(column)
            .collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(schema), columns)
            .map_err(FunnelError::arrow("fitting columns"))
    }
}

fn convert(array: &ArrayRef, field: &Field, part: &Part) -> Result<ArrayRef, FunnelError> {
    let (given, wanted) = (array.data_type(), field.data_type());
    if given == wanted {
        return Ok(Arc::clone(array));
    }
    if array.null_count() == array.len() {
        return Ok(new_null_array(wanted, array.len()));
    }
    let refused = || FunnelError::Column {
        file: part.frame.name.clone(),
        column: field.name().clone(),
        found: word(given),
        wanted: word(wanted),
    };
    // Between a date and an instant stands the company's day, which SQL must name.
    let days = |data_type: &DataType| *data_type == DataType::Date32;
    if days(given) || (days(wanted) && given.is_temporal()) {
        return Err(refused());
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, wanted, &strict).map_err(|_| refused())
}

fn all_null(frame: &Frame, column: usize) -> bool {
    frame
        .batches
        .iter()
        .all(|batch| batch.column(column).null_count() == batch.num_rows())
}

/// The type of a column that several sources give.
fn common(known: Option<&DataType>, field: &Field, part: &Part) -> Result<DataType, FunnelError> {
    match (known, field.data_type()) {
        (None, given) => Ok(given.clone()),
        (Some(known), given) if known == given => Ok(known.clone()),
        (Some(DataType::Int64 | DataType::Float64), DataType::Int64 | DataType::Float64) => {
            Ok(DataType::Float64)
        }
        (Some(known), given) => Err(FunnelError::Column {
            file: part.frame.name.clone(),
            column: field.name().clone(),
            found: word(given),
            wanted: word(known),
        }),
    }
}
