//! Local days of the company's zone over instants in microseconds.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock;

const DAY: i64 = 86_400_000_000;

pub(super) struct LocalDays {
    zone: TimeZone,
    /// The last question and its answer: most questions come in runs.
    last: Option<(i64, i32)>,
}

impl LocalDays {
    pub(super) fn new(zone: &TimeZone) -> Self {
        Self {
            zone: zone.clone(),
            last: None,
        }
    }

    /// The local date of an instant, in days since 1970-01-01.
    pub(super) fn date(&mut self, instant: i64) -> i32 {
        match self.last {
            Some((asked, date)) if asked == instant => date,
            _ => {
                let date = self.compute(instant);
                self.last = Some((instant, date));
                date
            }
        }
    }

    /// The first instant of the local day of `instant`, and the first of the day after.
    pub(super) fn bounds(&self, instant: i64) -> (i64, i64) {
        let Ok(timestamp) = Timestamp::from_microsecond(instant) else {
            return (instant, instant);
        };
        let date = self.zone.to_datetime(timestamp).date();
        let start = clock::day_start(date, &self.zone).as_microsecond();
        let end = clock::day_end(date, &self.zone).as_microsecond();
        (start, end.saturating_add(1))
    }

    /// An instant outside the years that jiff knows has no zone; its date is that of UTC.
    fn compute(&self, instant: i64) -> i32 {
        let offset = Timestamp::from_microsecond(instant)
            .map_or(0, |timestamp| self.zone.to_offset(timestamp).seconds());
        let local = instant.saturating_add(i64::from(offset) * 1_000_000);
        i32::try_from(local.div_euclid(DAY)).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    // Subtlety 18. A day is the company's, and where the clocks change it has 23 or 25 hours.
    #[test]
    fn days_are_local() {
        let mut days = LocalDays::new(&TimeZone::get("America/New_York").unwrap());
        assert_eq!(days.date(micros("1970-01-02T04:59:59Z")), 0);
        assert_eq!(days.date(micros("1970-01-02T05:00:00Z")), 1);
        assert_eq!(days.date(micros("1969-12-31T04:59:59Z")), -2);
        assert_eq!(
            days.bounds(micros("2026-03-08T20:00:00Z")),
            (
                micros("2026-03-08T05:00:00Z"),
                micros("2026-03-09T04:00:00Z")
            )
        );
    }
}
