//! `velocity`: days from one stage to a later one, exact, of the transitions completed in a period.
//!
//! Grain: measure (`velocity_mean`, `velocity_median`, `velocity_p90`) × period of the arrival (all
//! but day) × stage × later stage (the next, and the last) × member at the earlier entry. Counted are
//! pairs of observed entries in one cycle, in order, neither confirmed more than a day late; into the
//! last stage only won. Days are elapsed µs over 86,400,000,000, divided once; quantiles of type 7.
//! `detail` counts the pairs that were observed out of order, which are left out.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::durations::{Item, Measured, Number, Spans, grouped, numbers, whole};
use super::inputs::DAY_US;
use super::period;
use super::statistics::{of, of_usize};
use crate::warehouse::{Frame, type_7};

/// Sorts before every duration.
const OUT_OF_ORDER: i64 = -1;

/// The rows of `velocity`, from those of `transition`.
pub(super) fn table(
    frame: &Frame,
    periods: &[period::Row],
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let columns = [
        "stage_order",
        "to_order",
        "to_slot",
        "elapsed_us",
        "out_of_order",
    ];
    let batch = whole(frame, &columns)?;
    let [stage, to, slot, elapsed] =
        ["stage_order", "to_order", "to_slot", "elapsed_us"].map(|name| numbers(&batch, name));
    let (stage, to, slot, elapsed) = (stage?, to?, slot?, elapsed?);
    let out_of_order = batch.column(4).as_boolean();
    let item = |at: usize| {
        let value = match (elapsed.is_valid(at), out_of_order.value(at)) {
            (true, _) => elapsed.value(at),
            (false, true) => OUT_OF_ORDER,
            (false, false) => return None,
        };
        Some(Item::new(value, at, stage.value(at), to.value(at)))
    };
    let items = (0..batch.num_rows()).filter_map(item).collect();
    let spans = Spans::of(periods, |row| row.period != "day");
    let mut measured = Measured::default();
    let held = |row: usize| spans.holding(slot.value(row));
    grouped(&batch, items, spans.all.len(), held, |key, values| {
        let (apart, timed) = values.split_at(values.partition_point(|value| *value < 0));
        let detail = format!("{{\"out_of_order\":{}}}", apart.len());
        for (measure, days) in ["velocity_mean", "velocity_median", "velocity_p90"]
            .into_iter()
            .zip(days(timed))
        {
            let number = Number {
                n: i64::try_from(timed.len()).unwrap_or(i64::MAX),
                value: days,
                detail: Some(&detail),
                ..Number::default()
            };
            measured.push(measure, &spans.all[key.span], key, number);
        }
    });
    measured.finish()
}

/// Mean, median and ninth decile of ascending µs, in days; null of none.
pub(super) fn days(micros: &[i64]) -> [Option<f64>; 3] {
    let total: i128 = micros.iter().map(|value| i128::from(*value)).sum();
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let mean = (!micros.is_empty()).then(|| of(total) / (of_usize(micros.len()) * of(DAY_US)));
    let quantile = |q| type_7(micros, q).map(|value| value / of(DAY_US));
    [mean, quantile(0.5), quantile(0.9)]
}
