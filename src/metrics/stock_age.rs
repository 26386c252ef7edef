//! `stock_age`: for how long those in a stage at a day's end had been in it.
//!
//! Grain: measure (`stock_age_mean`, `stock_age_median`, `stock_age_p90`) × period × stage × member:
//! at the end of each month, quarter and fiscal year that has ended, and of the as-of day. `n` counts
//! persons; those of a censored entry, whose time is not known, are left out.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::durations::{Item, Measured, Number, Spans, grouped, numbers, whole};
use super::period;
use super::velocity::days;
use crate::clock;
use crate::warehouse::Frame;

/// The rows of `stock_age`, from those of `stay`.
pub(super) fn table(
    frame: &Frame,
    periods: &[period::Row],
    as_of: Date,
    zone: &TimeZone,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let columns = [
        "stage_order",
        "entered_at",
        "start_slot",
        "until_slot",
        "censored",
    ];
    let batch = whole(frame, &columns)?;
    let [stage, entered, start, until] =
        ["stage_order", "entered_at", "start_slot", "until_slot"].map(|name| numbers(&batch, name));
    let (stage, entered, start, until) = (stage?, entered?, start?, until?);
    let censored = batch.column(4).as_boolean();
    // The youngest first: so ages ascend.
    let items = (0..batch.num_rows())
        .filter(|at| !censored.value(*at))
        .map(|at| Item::new(-entered.value(at), at, stage.value(at), 0))
        .collect();
    let taken = |row: &period::Row| match row.period {
        "day" => row.period_end == as_of,
        "month" | "quarter" | "fiscal_year" => row.period_end <= as_of,
        _ => false,
    };
    let mut spans = Spans::of(periods, taken).all;
    spans.sort_by_key(|span| span.last_slot);
    let order: Vec<usize> = (0..spans.len()).collect();
    let before = |slot: i64| spans.partition_point(|span| span.last_slot < slot);
    let held = |row: usize| {
        let until = until.is_valid(row).then(|| before(until.value(row)));
        &order[before(start.value(row))..until.unwrap_or(order.len())]
    };
    let ends: Vec<i64> = spans
        .iter()
        .map(|span| clock::day_end(span.end, zone).as_microsecond())
        .collect();
    let mut measured = Measured::default();
    grouped(&batch, items, spans.len(), held, |key, values| {
        let ages: Vec<i64> = values.iter().map(|value| ends[key.span] + value).collect();
        for (measure, value) in ["stock_age_mean", "stock_age_median", "stock_age_p90"]
            .into_iter()
            .zip(days(&ages))
        {
            let number = Number {
                n: i64::try_from(ages.len()).unwrap_or(i64::MAX),
                value,
                ..Number::default()
            };
            measured.push(measure, &spans[key.span], key, number);
        }
    });
    measured.finish()
}
