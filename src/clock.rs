//! Instants, days and the name of a run. The only caller of "now".

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The wall clock's instant. Never part of a result: results depend on the as-of date alone.
#[expect(clippy::disallowed_methods, reason = "the one place that asks")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Today in `zone`: the day on which somebody signs.
pub(crate) fn today(zone: &TimeZone) -> Date {
    now().to_zoned(zone.clone()).date()
}

/// The day before today in `zone`: the as-of date of a run that names none.
pub(crate) fn yesterday(zone: &TimeZone) -> Date {
    let today = today(zone);
    today.yesterday().unwrap_or(today)
}

/// The first instant of `day` in `zone`; where a clock change skips midnight, the first that exists.
pub(crate) fn day_start(day: Date, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_zoned(day.at(0, 0, 0, 0))
        .compatible()
        .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The last microsecond of `day` in `zone`: what "known when that day had ended" means.
pub(crate) fn day_end(day: Date, zone: &TimeZone) -> Timestamp {
    let next = day_start(day.tomorrow().unwrap_or(day), zone);
    next.checked_sub(1.microsecond()).unwrap_or(next)
}

/// The name of one run: its as-of date and what sets it apart from another run for that date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct RunId(String);

impl RunId {
    /// A fresh name, `<as-of>-<8 hex digits>`; the digits come from the wall clock and the process.
    pub(crate) fn new(as_of: Date) -> Self {
        let nanos = now().as_nanosecond().unsigned_abs();
        let mixed = nanos.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u128::from(std::process::id());
        Self(format!("{as_of}-{:08x}", (mixed >> 16) & 0xffff_ffff))
    }

    /// Whether a text begins with the name of a run.
    pub(crate) fn begins(text: &str) -> bool {
        let (Some(day), Some(rest)) = (text.get(..10), text.get(10..19)) else {
            return false;
        };
        let digits = rest.strip_prefix('-').unwrap_or_default();
        day.parse::<Date>().is_ok()
            && digits.len() == 8
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
