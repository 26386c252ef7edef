//! The company's days: which are simulated, where they begin in each office's zone, how busy they
//! are, and how instants and dates are written. Instants are seconds since 1970, days are days
//! since 1970: the simulation asks millions of times, and this answers without a zone database.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::dice::Dice;
use super::{DemoError, Plan};
use crate::clock;

/// Seconds since 1970-01-01T00:00:00Z.
pub(super) type At = i64;
/// Days since 1970-01-01, in the zone that the text around it names (the company's, mostly).
pub(super) type Day = i64;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 86_400;

/// The zones with an office. The company's own is New York's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    NewYork,
    London,
    Berlin,
    Sydney,
}

impl Zone {
    pub(super) const ALL: [Self; 4] = [Self::NewYork, Self::London, Self::Berlin, Self::Sydney];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NewYork => "America/New_York",
            Self::London => "Europe/London",
            Self::Berlin => "Europe/Berlin",
            Self::Sydney => "Australia/Sydney",
        }
    }
}

#[derive(Debug)]
pub(super) struct Calendar {
    /// The first day that is simulated.
    pub(super) first: Day,
    /// The as-of dates of the nights: the import's, then one for each night.
    pub(super) nights: Vec<Day>,
    /// The last instant that is simulated: the last second of the last night's as-of date.
    pub(super) end: At,
    /// For each zone the instants at which the days from `base` on begin.
    midnights: [Vec<At>; 4],
    base: Day,
    /// Running sums of how likely somebody is to arrive on each day.
    arrivals: Vec<i64>,
}

/// Days before the first and after the last that have known midnights.
const MARGIN: i64 = 4;

/// Of every hour of a visitor's day, how many of a hundred visits.
const VISITS: [i64; 24] = [
    1, 1, 0, 0, 0, 1, 2, 3, 6, 9, 10, 9, 6, 8, 9, 9, 8, 6, 3, 2, 2, 2, 2, 1,
];

/// How busy a month is: the summer and the turn of the year are quiet, spring and autumn are not.
const SEASON: [i64; 12] = [92, 100, 116, 108, 100, 94, 78, 70, 110, 126, 120, 64];

impl Calendar {
    pub(super) fn new(plan: &Plan) -> Result<Self, DemoError> {
        let last = to_day(plan.last_night);
        let nights: Vec<Day> = (0..=i64::from(plan.nights))
            .rev()
            .map(|back| last - back)
            .collect();
        let first = nights[0] - i64::from(plan.days) + 1;
        let base = first - MARGIN;
        let mut midnights = [const { Vec::new() }; 4];
        for (zone, starts) in Zone::ALL.into_iter().zip(&mut midnights) {
            *starts = zone_midnights(zone, base, last + MARGIN)?;
        }
        let mut calendar = Self {
            first,
            nights,
            end: 0,
            midnights,
            base,
            arrivals: Vec::new(),
        };
        calendar.end = calendar.start(Zone::NewYork, last + 1) - 1;
        calendar.arrivals = arrivals(first, last);
        Ok(calendar)
    }

    /// The as-of date of the import of the past.
    pub(super) fn import(&self) -> Day {
        self.nights[0]
    }

    /// The as-of date of the last night.
    pub(super) fn last(&self) -> Day {
        self.nights[self.nights.len() - 1]
    }

    /// The instant at which a day begins.
    pub(super) fn start(&self, zone: Zone, day: Day) -> At {
        let starts = &self.midnights[zone as usize];
        let index = usize::try_from(day - self.base).unwrap_or(0);
        starts[index.min(starts.len() - 1)]
    }

    /// The last second of a day in the company's zone.
    pub(super) fn close(&self, day: Day) -> At {
        self.start(Zone::NewYork, day + 1) - 1
    }

    /// The local day of an instant; instants outside the simulated time count to its margins.
    pub(super) fn day(&self, zone: Zone, at: At) -> Day {
        let starts = &self.midnights[zone as usize];
        let after = starts.partition_point(|start| *start <= at);
        self.base + i64::try_from(after.max(1) - 1).unwrap_or(0)
    }

    /// The company's local day of an instant.
    pub(super) fn company_day(&self, at: At) -> Day {
        self.day(Zone::NewYork, at)
    }

    /// The instant itself if somebody works then in that office, else early on the next working day.
    pub(super) fn working(&self, zone: Zone, at: At, dice: &mut Dice) -> At {
        if at > self.end {
            return at;
        }
        let day = self.day(zone, at);
        let second = at - self.start(zone, day);
        if weekday(day) < 5 && second < 9 * HOUR {
            return self.start(zone, day) + 9 * HOUR + dice.below(50 * MINUTE);
        }
        if weekday(day) < 5 && second < 17 * HOUR + 30 * MINUTE {
            return at;
        }
        let next = (day + 1..day + 4).find(|day| weekday(*day) < 5);
        self.start(zone, next.unwrap_or(day + 1)) + 9 * HOUR + dice.below(90 * MINUTE)
    }

    /// The day on which somebody arrives.
    pub(super) fn arrival(&self, dice: &mut Dice) -> Day {
        let total = self.arrivals[self.arrivals.len() - 1];
        let chosen = dice.below(total);
        let index = self.arrivals.partition_point(|sum| *sum <= chosen);
        self.first + i64::try_from(index).unwrap_or(0)
    }

    /// An instant of a day at which people visit web pages.
    pub(super) fn visiting(&self, zone: Zone, day: Day, dice: &mut Dice) -> At {
        let hour = i64::try_from(dice.weighted(VISITS.into_iter())).unwrap_or(0);
        self.start(zone, day) + hour * HOUR + dice.below(HOUR)
    }
}

fn zone_midnights(zone: Zone, from: Day, to: Day) -> Result<Vec<At>, DemoError> {
    let found = TimeZone::get(zone.name()).map_err(|source| DemoError::Zone {
        zone: zone.name(),
        source,
    })?;
    let start = |day| clock::day_start(to_date(day), &found).as_second();
    Ok((from..=to).map(start).collect())
}

/// Running sums of the days' weights. The last four weeks are busier than the season alone
/// explains, so that the reports have something to say.
fn arrivals(first: Day, last: Day) -> Vec<i64> {
    let mut sum = 0;
    let weight = |day: Day| {
        let month = usize::try_from(civil(day).1 - 1).unwrap_or(0);
        let of_week = if weekday(day) < 5 { 100 } else { 24 };
        let lately = if day > last - 28 { 122 } else { 100 };
        SEASON[month] * of_week * lately / 10_000
    };
    (first..=last)
        .map(|day| {
            sum += weight(day);
            sum
        })
        .collect()
}

pub(super) fn to_day(date: Date) -> Day {
    let since = date.duration_since(Date::constant(1970, 1, 1));
    since.as_hours() / 24
}

pub(super) fn to_date(day: Day) -> Date {
    let (year, month, of_month) = civil(day);
    let part = |value: i64| i8::try_from(value).unwrap_or(1);
    let year = i16::try_from(year).unwrap_or(i16::MAX);
    Date::new(year, part(month), part(of_month)).unwrap_or(Date::MAX)
}

/// 0 is Monday.
pub(super) fn weekday(day: Day) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Year, month and day of month, by counting from 1 March of a 400-year era.
pub(super) fn civil(day: Day) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    (
        era * 400 + year_of_era + i64::from(month <= 2),
        month,
        of_month,
    )
}

/// The last day of the month, moved back to a working day.
pub(super) fn month_end(day: Day) -> Day {
    let of_month = civil(day).2;
    let next = civil(day + 32 - of_month).2;
    let last = day + 32 - of_month - next;
    last - (weekday(last) - 4).max(0)
}

/// `2026-11-05`
pub(super) fn date_text(day: Day) -> String {
    let mut out = String::with_capacity(10);
    put_date(&mut out, day);
    out
}

/// `2026-11-05T14:03:22.000+0000`, as Salesforce writes an instant.
pub(super) fn salesforce_instant(at: At) -> String {
    let mut out = String::with_capacity(28);
    put_time(&mut out, at);
    out.push_str(".000+0000");
    out
}

/// `2026-11-05T14:03:22Z`, as Marketo writes an instant.
pub(super) fn marketo_instant(at: At) -> String {
    let mut out = String::with_capacity(20);
    put_time(&mut out, at);
    out.push('Z');
    out
}

fn put_time(out: &mut String, at: At) {
    put_date(out, at.div_euclid(DAY));
    let second = at.rem_euclid(DAY);
    out.push('T');
    put_two(out, second / HOUR);
    out.push(':');
    put_two(out, second / MINUTE % 60);
    out.push(':');
    put_two(out, second % 60);
}

fn put_date(out: &mut String, day: Day) {
    let (year, month, of_month) = civil(day);
    put_two(out, year / 100);
    put_two(out, year % 100);
    out.push('-');
    put_two(out, month);
    out.push('-');
    put_two(out, of_month);
}

fn put_two(out: &mut String, value: i64) {
    for digit in [value / 10 % 10, value % 10] {
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::demo::dice::Purpose;

    // Days, dates and weekdays agree with jiff's over leap years.
    #[test]
    fn days_agree_with_jiff() {
        for day in (10_000..30_000).step_by(37) {
            let found = to_date(day);
            assert_eq!(to_day(found), day);
            assert_eq!(date_text(day), found.to_string());
            assert_eq!(
                weekday(day),
                i64::from(found.weekday().to_monday_zero_offset())
            );
        }
    }

    // The month's last working day, over a month that ends on a Saturday.
    #[test]
    fn months_end_on_working_days() {
        assert_eq!(
            to_date(month_end(to_day(date(2026, 10, 3)))),
            date(2026, 10, 30)
        );
        assert_eq!(
            to_date(month_end(to_day(date(2026, 2, 28)))),
            date(2026, 2, 27)
        );
    }

    // The company's day of an instant, on the day the clocks go back; work never falls on Sundays.
    #[test]
    fn local_days_hold_over_clock_changes() {
        let calendar = Calendar::new(&Plan::default()).unwrap();
        let day = to_day(date(2026, 11, 1));
        assert_eq!(
            calendar.start(Zone::NewYork, day + 1) - calendar.start(Zone::NewYork, day),
            25 * HOUR
        );
        assert_eq!(calendar.company_day(calendar.close(day)), day);
        assert_eq!(calendar.company_day(calendar.close(day) + 1), day + 1);
        let mut dice = Dice::new(1, Purpose::Person, 1);
        let working = calendar.working(Zone::Sydney, calendar.close(day), &mut dice);
        assert!(weekday(calendar.day(Zone::Sydney, working)) < 5);
    }

    // Instants as each vendor writes them.
    #[test]
    fn instants_as_the_vendors_write_them() {
        assert_eq!(
            salesforce_instant(1_762_351_402),
            "2025-11-05T14:03:22.000+0000"
        );
        assert_eq!(marketo_instant(1_762_351_402), "2025-11-05T14:03:22Z");
    }
}
