//! `time_to_convert`: by when which share of the observed entries of a period had converted.
//!
//! Grain: measure × period of the entry × stage × later stage (the next, and the last) × member at
//! entry. The total has every period but day; a member `quarter`, `fiscal_year`, `rolling_90` and
//! `rolling_365`. Measure is
//!
//! * `time_to_convert`: the median in days, `low` and `high` the quartiles, null where not reached;
//! * `incidence_7`, `_14`, `_30`, `_60`, `_90`, `_180` and `incidence_<horizon>`: the share converted
//!   within so many days, null where nobody was followed for so long.
//!
//! Cycles that were recycled, disqualified, lost, deleted or redefined compete; open ones are censored
//! at the as-of day's end. Conversions known only from a first snapshot have no known time: they are
//! left out of `n` and counted in `detail`, beside `converted`, `competing` and `censored`.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::durations::{Item, Key, Measured, Number, Span, Spans, grouped, numbers, whole};
use super::incidence::{Fate, Incidence};
use super::inputs::DAY_US;
use super::period;
use super::statistics::of;
use crate::warehouse::Frame;

const MARKS: [u32; 6] = [7, 14, 30, 60, 90, 180];

/// The periods of a member.
const OF_MEMBERS: [&str; 4] = ["quarter", "fiscal_year", "rolling_90", "rolling_365"];

const FATES: [Fate; 3] = [Fate::Converted, Fate::Competing, Fate::Censored];

/// Stands beside the three fates where a value is taken apart.
const LEFT_OUT: i64 = 3;

/// The rows of `time_to_convert`, from those of `transition`.
pub(super) fn table(
    frame: &Frame,
    periods: &[period::Row],
    horizon_days: Option<u32>,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let names = [
        "stage_order",
        "to_order",
        "slot",
        "reached_us",
        "ended_us",
        "age_us",
    ];
    let batch = whole(frame, &[names.as_slice(), &["to_censored"]].concat())?;
    let [stage, to, slot, reached, ended, age] = names.map(|name| numbers(&batch, name));
    let (stage, to, slot) = (stage?, to?, slot?);
    let times = Times {
        reached: reached?,
        ended: ended?,
        age: age?,
    };
    let unknown = batch.column(names.len()).as_boolean();
    let items = (0..batch.num_rows())
        .map(|at| {
            let value = times.packed(at, unknown.value(at));
            Item::new(value, at, stage.value(at), to.value(at))
        })
        .collect();
    let spans = Spans::of(periods, |row| row.period != "day");
    let marks: BTreeSet<u32> = MARKS.into_iter().chain(horizon_days).collect();
    let mut measured = Measured::default();
    let held = |row: usize| spans.holding(slot.value(row));
    grouped(&batch, items, spans.all.len(), held, |key, values| {
        let span = &spans.all[key.span];
        if key.member_no == 0 || OF_MEMBERS.contains(&span.period) {
            put(&mut measured, span, key, values, &marks);
        }
    });
    measured.finish()
}

struct Times {
    reached: Int64Array,
    ended: Int64Array,
    age: Int64Array,
}

impl Times {
    /// A time and a fate in one number, which sorts as both do.
    fn packed(&self, at: usize, unknown: bool) -> i64 {
        if self.reached.is_valid(at) {
            return if unknown {
                LEFT_OUT
            } else {
                self.reached.value(at) << 2
            };
        }
        if self.ended.is_valid(at) {
            return (self.ended.value(at) << 2) | 1;
        }
        (self.age.value(at) << 2) | 2
    }
}

fn put(measured: &mut Measured, span: &Span, key: Key, values: &[i64], marks: &BTreeSet<u32>) {
    let fates: Vec<(i64, Fate)> = values
        .iter()
        .filter(|value| **value & 3 != LEFT_OUT)
        .map(|value| (value >> 2, FATES[usize::try_from(value & 3).unwrap_or(0)]))
        .collect();
    let curve = Incidence::of(&fates);
    let [converted, competing, censored] =
        FATES.map(|fate| fates.iter().filter(|it| it.1 == fate).count());
    let detail = format!(
        "{{\"converted\":{converted},\"competing\":{competing},\"censored\":{censored},\"left_out\":{}}}",
        values.len() - fates.len()
    );
    let n = i64::try_from(fates.len()).unwrap_or(i64::MAX);
    let days = |q| curve.quantile(q).map(|micros| of(micros) / of(DAY_US));
    let number = Number {
        n,
        value: days(0.5),
        low: days(0.25),
        high: days(0.75),
        detail: Some(&detail),
    };
    measured.push("time_to_convert", span, key, number);
    for mark in marks {
        let number = Number {
            n,
            value: curve.within(i64::from(*mark) * DAY_US),
            ..Number::default()
        };
        measured.push(&format!("incidence_{mark}"), span, key, number);
    }
}
