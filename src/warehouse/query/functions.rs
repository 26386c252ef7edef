//! The SQL functions of ours: what SQL must know of the company's day, and one safe division.
//!
//! | function | result |
//! |---|---|
//! | `local_date(timestamp)` | the date in the company's zone |
//! | `day_start(date)`, `day_end(date)` | the first and last microsecond of that local day, UTC |
//! | `ratio(a, b)` | `a / b` as double; null when either is null or `b` is zero |
//!
//! DataFusion's `AT TIME ZONE` takes only a literal and another zone database; these use jiff's.
//! The aggregate `quantile(x, q)` is in `quantile`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::clock;

/// Microseconds since the epoch, UTC: the type of every instant.
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// All functions for one company's zone.
pub(in crate::warehouse) fn all(zone: &TimeZone) -> Vec<ScalarUDF> {
    let days = |name, body: fn(&TimeZone, &ArrayRef) -> ArrayRef, takes: DataType, gives| {
        let signature = Signature::exact(vec![takes], Volatility::Immutable);
        ScalarUDF::from(DayFunction {
            name,
            zone: zone.clone(),
            body,
            signature,
            gives,
        })
    };
    vec![
        days("local_date", local_date, instant_type(), DataType::Date32),
        days("day_start", day_start, DataType::Date32, instant_type()),
        days("day_end", day_end, DataType::Date32, instant_type()),
        ScalarUDF::from(Ratio {
            signature: Signature::exact(vec![DataType::Float64; 2], Volatility::Immutable),
        }),
    ]
}

/// A function from instants to days or back, in one zone.
#[derive(Debug)]
struct DayFunction {
    name: &'static str,
    zone: TimeZone,
    body: fn(&TimeZone, &ArrayRef) -> ArrayRef,
    signature: Signature,
    gives: DataType,
}

// A session has one zone, so the name says it all.
impl PartialEq for DayFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for DayFunction {}

impl std::hash::Hash for DayFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for DayFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.gives.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let input = cast(&arrays[0], self.signature_type())?;
        Ok(ColumnarValue::Array((self.body)(&self.zone, &input)))
    }
}

impl DayFunction {
    /// What the argument is cast to: the other side of `gives`.
    fn signature_type(&self) -> &'static DataType {
        static DATE: DataType = DataType::Date32;
        static INSTANT: std::sync::LazyLock<DataType> = std::sync::LazyLock::new(instant_type);
        if self.gives == DataType::Date32 {
            &INSTANT
        } else {
            &DATE
        }
    }
}

fn local_date(zone: &TimeZone, input: &ArrayRef) -> ArrayRef {
    // Neighbours mostly fall on one day: look the zone up only when the day changes.
    let mut known: Option<(i64, i64, i32)> = None;
    let instants = input.as_primitive::<TimestampMicrosecondType>();
    let days = instants.iter().map(|instant| {
        let micros = instant?;
        if let Some((first, last, day)) = known
            && (first..=last).contains(&micros)
        {
            return Some(day);
        }
        let date = Timestamp::from_microsecond(micros)
            .ok()?
            .to_zoned(zone.clone())
            .date();
        let day = days_since_epoch(date);
        known = Some((
            clock::day_start(date, zone).as_microsecond(),
            clock::day_end(date, zone).as_microsecond(),
            day,
        ));
        Some(day)
    });
    Arc::new(days.collect::<Date32Array>())
}

fn day_start(zone: &TimeZone, input: &ArrayRef) -> ArrayRef {
    instants_of_days(input, |date| clock::day_start(date, zone))
}

fn day_end(zone: &TimeZone, input: &ArrayRef) -> ArrayRef {
    instants_of_days(input, |date| clock::day_end(date, zone))
}

fn instants_of_days(input: &ArrayRef, instant: impl Fn(Date) -> Timestamp) -> ArrayRef {
    let mut known: Option<(i32, i64)> = None;
    let days = input.as_primitive::<Date32Type>();
    let instants = days.iter().map(|day| {
        let day = day?;
        if let Some((last, micros)) = known
            && last == day
        {
            return Some(micros);
        }
        let micros = instant(date_of(day)?).as_microsecond();
        known = Some((day, micros));
        Some(micros)
    });
    Arc::new(
        instants
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

/// Days since 1970-01-01, as Arrow counts dates.
pub(crate) fn days_since_epoch(date: Date) -> i32 {
    date.duration_since(Date::constant(1970, 1, 1))
        .as_hours()
        .div_euclid(24)
        .try_into()
        .unwrap_or(i32::MAX)
}

/// The date that Arrow counts as `days`; none outside the years -9999 to 9999.
pub(crate) fn date_of(days: i32) -> Option<Date> {
    Date::constant(1970, 1, 1)
        .checked_add(i64::from(days).days())
        .ok()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Ratio {
    signature: Signature,
}

impl ScalarUDFImpl for Ratio {
    fn name(&self) -> &'static str {
        "ratio"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let over = arrays[0].as_primitive::<Float64Type>().iter();
        let under = arrays[1].as_primitive::<Float64Type>().iter();
        let ratios = over.zip(under).map(|pair| match pair {
            (Some(over), Some(under)) if under != 0.0 => Some(over / under),
            _ => None,
        });
        Ok(ColumnarValue::Array(Arc::new(
            ratios.collect::<Float64Array>(),
        )))
    }
}
