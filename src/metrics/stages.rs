//! Measures speak of the stages of the definition in force: entries made under a former one are counted
//! by the order that their stage has today, and those of a stage that is no more are not measured.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::{cast, filter_record_batch, is_not_null};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::config::Config;
use crate::warehouse::Frame;

/// The rows of `stage_entry` in the stages of the definition in force.
pub(super) fn of_today(frame: Frame, config: &Config) -> Result<Frame, ArrowError> {
    if config.former.is_empty() {
        return Ok(frame);
    }
    let batches = frame.batches.iter().map(|batch| renumbered(batch, config));
    Ok(Frame {
        batches: batches.collect::<Result<_, _>>()?,
        ..frame
    })
}

fn renumbered(batch: &RecordBatch, config: &Config) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let ids = cast(batch.column(schema.index_of("stage")?), &DataType::Utf8)?;
    let stages = &config.funnel.stages;
    let order = |id: Option<&str>| {
        let place = stages
            .iter()
            .position(|stage| Some(stage.id.as_str()) == id)?;
        i64::try_from(place + 1).ok()
    };
    let orders: Int64Array = ids.as_string::<i32>().iter().map(order).collect();
    let measured = is_not_null(&orders)?;
    let mut columns = batch.columns().to_vec();
    columns[schema.index_of("stage_order")?] = Arc::new(orders) as ArrayRef;
    // The order is null only in rows that go: what stays keeps the schema.
    let nullable = schema.fields().iter().map(|field| {
        let field = field.as_ref().clone();
        let is_order = field.name() == "stage_order";
        if is_order {
            field.with_nullable(true)
        } else {
            field
        }
    });
    let nullable = arrow::datatypes::Schema::new(nullable.collect::<Vec<_>>());
    let all = RecordBatch::try_new(Arc::new(nullable), columns)?;
    let kept = filter_record_batch(&all, &measured)?;
    RecordBatch::try_new(schema, kept.columns().to_vec())
}
