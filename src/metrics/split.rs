//! Splits the rows of a relation by the configured dimensions.
//!
//! The dimensions of an entry travel through SQL as one column, `members`, so that no query names
//! them and their number costs no planning.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::warehouse::Frame;

/// The column that holds an entry's member of every dimension.
const MEMBERS: &str = "members";

/// The member of those whose value is null or empty: they count too, so members sum to the total.
const BLANK: &str = "blank";

/// The relation that `split` makes of `base`.
pub(super) fn name_of(base: &str) -> String {
    format!("{base}_dimension")
}

/// The named columns of `frame`, and `members`. Columns that `frame` lacks are an error.
pub(super) fn gathered(
    frame: &Frame,
    columns: &[&str],
    dimensions: &[String],
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let at = columns.iter().map(|column| frame.schema.index_of(column));
    let at = at.collect::<Result<Vec<_>, _>>()?;
    let fields: Fields = dimensions.iter().map(|it| text(it)).collect();
    let gathered = Field::new(MEMBERS, DataType::Struct(fields.clone()), true);
    let schema = widened(&frame.schema.project(&at)?, [gathered]);
    let batch = |batch: &RecordBatch| {
        let values = dimensions.iter().map(|it| batch.schema().index_of(it));
        let members = values
            .map(|at| members(batch.column(at?)))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = batch.num_rows();
        let gathered = StructArray::try_new_with_length(fields.clone(), members, None, rows)?;
        let kept = at.iter().map(|at| Arc::clone(batch.column(*at)));
        let columns = kept.chain([Arc::new(gathered) as ArrayRef]).collect();
        RecordBatch::try_new(Arc::clone(&schema), columns)
    };
    let batches = frame.batches.iter().map(batch).collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

/// The rows once for the total, `dimension` and `member` null, and once for each dimension, with the
/// member they belong to. Columns are shared between the copies, not copied.
pub(super) fn split(frame: &Frame) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let at = frame.schema.index_of(MEMBERS)?;
    let kept: Vec<usize> = (0..frame.schema.fields().len())
        .filter(|it| *it != at)
        .collect();
    let schema = widened(
        &frame.schema.project(&kept)?,
        [text("dimension"), text("member")],
    );
    let mut batches = Vec::new();
    for batch in &frame.batches {
        let mut rest = batch.clone();
        let gathered = rest.remove_column(at);
        let gathered = gathered.as_struct();
        let none = new_null_array(&DataType::Utf8, batch.num_rows());
        let copy = |dimension: ArrayRef, member: ArrayRef| {
            let columns = rest.columns().iter().cloned();
            let columns = columns.chain([dimension, member]).collect();
            RecordBatch::try_new(Arc::clone(&schema), columns)
        };
        batches.push(copy(Arc::clone(&none), none)?);
        for (field, members) in gathered.fields().iter().zip(gathered.columns()) {
            let named = StringArray::from(vec![field.name().as_str(); batch.num_rows()]);
            batches.push(copy(Arc::new(named), Arc::clone(members))?);
        }
    }
    Ok((schema, batches))
}

fn widened<const N: usize>(schema: &Schema, more: [Field; N]) -> SchemaRef {
    let fields = schema.fields().iter().map(|it| it.as_ref().clone());
    Arc::new(Schema::new(fields.chain(more).collect::<Vec<_>>()))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn members(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let texts = cast(values, &DataType::Utf8)?;
    let member = |text: Option<&str>| match text.map(str::trim) {
        None | Some("") => Some(BLANK.to_owned()),
        Some(text) => Some(text.to_owned()),
    };
    let members = texts.as_string::<i32>().iter().map(member);
    Ok(Arc::new(members.collect::<StringArray>()))
}
