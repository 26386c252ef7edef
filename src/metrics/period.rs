//! The periods that are measured, and the parts they are added up from.
//!
//! Days: the last 60. Weeks: the last 53, the running one among them. Months and fiscal quarters: all
//! since the first entry. No part begins after the as-of date; a running period ends after it.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use super::calendar::Day;
use crate::config::ColumnType;

pub(super) const COLUMNS: [(&str, ColumnType); 5] = [
    ("part", ColumnType::String),
    ("part_start", ColumnType::Date),
    ("period", ColumnType::String),
    ("period_start", ColumnType::Date),
    ("period_end", ColumnType::Date),
];

const DAYS: i32 = 60;
const WEEKS: i32 = 53;

/// One row of `period`: a period, and a part that it is added up from.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// `day`, `week` or `month`.
    part: &'static str,
    part_start: Date,
    /// `day`, `week`, `month` or `quarter`.
    period: &'static str,
    period_start: Date,
    period_end: Date,
}

/// The periods from that of `first` to that of `as_of`; `days` holds every day between and the
/// first of their weeks and months.
pub(super) fn periods(days: &[Day], as_of: Date, first: Date) -> Vec<Row> {
    let past = days.iter().filter(|day| day.date <= as_of);
    past.flat_map(|day| {
        let week_end = day.date.saturating_add(6.days());
        let begins_week = day.date == day.week_start;
        let begins_month = day.date == day.month_start && day.month_end >= first;
        let recent = |days: i32| day.date > as_of.saturating_sub(days.days());
        [
            (day.date >= first && recent(DAYS)).then(|| of("day", day, "day", day.date, day.date)),
            (begins_week && week_end >= first && recent(WEEKS * 7))
                .then(|| of("week", day, "week", day.date, week_end)),
            begins_month.then(|| of("month", day, "month", day.date, day.month_end)),
            begins_month.then(|| of("month", day, "quarter", day.quarter_start, day.quarter_end)),
        ]
    })
    .flatten()
    .collect()
}

fn of(part: &'static str, day: &Day, period: &'static str, start: Date, end: Date) -> Row {
    Row {
        part,
        part_start: day.date,
        period,
        period_start: start,
        period_end: end,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::metrics::calendar;
    use crate::metrics::tests::fixture;

    /// Periods that began before the first entry are there when it lies in them; none begins later.
    #[test]
    fn periods_reach_from_the_first_entry_to_the_running_one() {
        let (first, as_of) = (date(2026, 9, 2), date(2026, 11, 19));
        let days = calendar::days(&fixture::calendar(), first, as_of);
        let found = periods(&days, as_of, first);
        let of = |period: &str| {
            let starts = found.iter().filter(|it| it.period == period);
            starts
                .map(|it| (it.part_start, it.period_end))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("day").len(), 60);
        assert_eq!(
            of("week").first(),
            Some(&(date(2026, 8, 31), date(2026, 9, 6)))
        );
        assert_eq!(
            of("week").last(),
            Some(&(date(2026, 11, 16), date(2026, 11, 22)))
        );
        assert_eq!(of("month").len(), 3);
        assert_eq!(
            of("quarter"),
            [
                (date(2026, 9, 1), date(2026, 9, 30)),
                (date(2026, 10, 1), date(2026, 12, 31)),
                (date(2026, 11, 1), date(2026, 12, 31)),
            ]
        );
    }
}
