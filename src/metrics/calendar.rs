//! The company's days: which week, month, fiscal quarter and fiscal year each belongs to, and whether it is worked.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use crate::config::{Calendar, ColumnType};

pub(super) const COLUMNS: [(&str, ColumnType); 13] = [
    ("date", ColumnType::Date),
    ("weekday", ColumnType::Bigint),
    ("week_start", ColumnType::Date),
    ("month_start", ColumnType::Date),
    ("month_end", ColumnType::Date),
    ("quarter_start", ColumnType::Date),
    ("quarter_end", ColumnType::Date),
    ("year_start", ColumnType::Date),
    ("year_end", ColumnType::Date),
    ("fiscal_year", ColumnType::Bigint),
    ("fiscal_quarter", ColumnType::String),
    ("working", ColumnType::Boolean),
    ("holiday", ColumnType::String),
];

/// One row of `calendar_day`.
#[derive(Debug, Serialize)]
pub(super) struct Day {
    pub(super) date: Date,
    /// 1 is Monday.
    weekday: i8,
    pub(super) week_start: Date,
    pub(super) month_start: Date,
    pub(super) month_end: Date,
    pub(super) quarter_start: Date,
    pub(super) quarter_end: Date,
    /// First and last day of the fiscal year.
    pub(super) year_start: Date,
    pub(super) year_end: Date,
    fiscal_year: i16,
    /// As `2026-Q4`: fiscal year and quarter.
    fiscal_quarter: String,
    working: bool,
    holiday: Option<String>,
}

/// Every day of the calendar years from that of `first` to that of `last`.
pub(super) fn days(calendar: &Calendar, first: Date, last: Date) -> Vec<Day> {
    let start = Date::new(first.year(), 1, 1).unwrap_or(first);
    let end = Date::new(last.year(), 12, 31).unwrap_or(last);
    start
        .series(1.day())
        .take_while(|date| *date <= end)
        .map(|date| day(calendar, date))
        .collect()
}

fn day(calendar: &Calendar, date: Date) -> Day {
    let since_week_start = date.weekday().since(calendar.week_starts);
    let since_year_start = (date.month() - calendar.fiscal_year_starts).rem_euclid(12);
    let quarter_start = before(date.first_of_month(), i32::from(since_year_start % 3));
    let year_start = before(date.first_of_month(), i32::from(since_year_start));
    let fiscal_year = fiscal_year(calendar, date);
    let holiday = calendar.holidays.get(&date).cloned();
    Day {
        date,
        weekday: date.weekday().to_monday_one_offset(),
        week_start: date.saturating_sub(i32::from(since_week_start).days()),
        month_start: date.first_of_month(),
        month_end: date.last_of_month(),
        quarter_start,
        quarter_end: quarter_start.saturating_add(2.months()).last_of_month(),
        year_start,
        year_end: year_start.saturating_add(11.months()).last_of_month(),
        fiscal_year,
        fiscal_quarter: format!("{fiscal_year}-Q{}", since_year_start / 3 + 1),
        working: holiday.is_none() && calendar.working_days.contains(&date.weekday()),
        holiday,
    }
}

fn before(month: Date, months: i32) -> Date {
    month.saturating_sub(months.months())
}

/// A fiscal year is named for the calendar year in which it ends.
fn fiscal_year(calendar: &Calendar, date: Date) -> i16 {
    if calendar.fiscal_year_starts > 1 && date.month() >= calendar.fiscal_year_starts {
        date.year() + 1
    } else {
        date.year()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date};

    use super::*;
    use crate::metrics::tests::fixture;

    fn shown(calendar: &Calendar, date: Date) -> serde_json::Value {
        serde_json::to_value(day(calendar, date)).unwrap()
    }

    /// Subtlety 18. A fiscal year from February is named for the year it ends in, and its quarters shift with it.
    #[test]
    fn fiscal_years_are_named_for_their_end() {
        let calendar = Calendar {
            fiscal_year_starts: 2,
            ..fixture::calendar()
        };
        let january = shown(&calendar, date(2026, 1, 31));
        assert_eq!(january["fiscal_quarter"], "2026-Q4");
        assert_eq!(january["quarter_start"], "2025-11-01");
        assert_eq!(january["quarter_end"], "2026-01-31");
        assert_eq!(january["year_start"], "2025-02-01");
        assert_eq!(january["year_end"], "2026-01-31");
        let february = shown(&calendar, date(2026, 2, 1));
        assert_eq!(february["fiscal_quarter"], "2027-Q1");
        assert_eq!(february["quarter_end"], "2026-04-30");
    }

    /// Subtlety 18. A week begins on the configured day, and a holiday is not worked.
    #[test]
    fn weeks_and_working_days() {
        let sunday = Calendar {
            week_starts: Weekday::Sunday,
            ..fixture::calendar()
        };
        assert_eq!(
            shown(&sunday, date(2026, 11, 21))["week_start"],
            "2026-11-15"
        );
        let monday = fixture::calendar();
        assert_eq!(
            shown(&monday, date(2026, 11, 22))["week_start"],
            "2026-11-16"
        );
        let thanksgiving = shown(&monday, date(2026, 11, 26));
        assert_eq!(thanksgiving["working"], false);
        assert_eq!(thanksgiving["holiday"], "Thanksgiving");
        assert_eq!(shown(&monday, date(2026, 11, 28))["working"], false);
        assert_eq!(shown(&monday, date(2026, 11, 27))["working"], true);
    }

    /// Whole calendar years are covered, leap days included.
    #[test]
    fn whole_years_are_covered() {
        let days = days(&fixture::calendar(), date(2027, 5, 3), date(2028, 2, 1));
        assert_eq!(days.len(), 365 + 366);
    }
}
