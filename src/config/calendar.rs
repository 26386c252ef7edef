//! `calendar.yaml`: the fiscal year, the week, working days and holidays.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::Calendar;
use super::reader::Reader;
use super::yaml::{Entry, Node};

pub(super) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

const MONTHS: [(&str, i8); 12] = [
    ("january", 1),
    ("february", 2),
    ("march", 3),
    ("april", 4),
    ("may", 5),
    ("june", 6),
    ("july", 7),
    ("august", 8),
    ("september", 9),
    ("october", 10),
    ("november", 11),
    ("december", 12),
];

pub(super) fn read(reader: &Reader<'_>, root: &Node) -> Option<Calendar> {
    let [fiscal_year_starts, week_starts, working_days, holidays] = reader.fields(
        root,
        "calendar.yaml",
        [
            "fiscal_year_starts",
            "week_starts",
            "working_days",
            "holidays",
        ],
    )?;
    let weekday = |node: &Node| reader.choice(node, "weekday", &WEEKDAYS);
    let usual_days = WEEKDAYS.iter().take(5).map(|(_, day)| *day).collect();
    let fiscal_year_starts = fiscal_year_starts.or(1, |node| reader.choice(node, "month", &MONTHS));
    let week_starts = week_starts.or(Weekday::Monday, weekday);
    let working_days = working_days.or(usual_days, |node| reader.some(node, weekday));
    let holidays = holidays.or(BTreeMap::new(), |node| read_holidays(reader, node));
    let mut working_days: Vec<Weekday> = working_days?;
    working_days.sort_by_key(|day| day.to_monday_zero_offset());
    working_days.dedup();
    Some(Calendar {
        fiscal_year_starts: fiscal_year_starts?,
        week_starts: week_starts?,
        working_days,
        holidays: holidays?,
    })
}

/// `2026-12-25: Christmas Day`.
fn read_holidays(reader: &Reader<'_>, node: &Node) -> Option<BTreeMap<Date, String>> {
    let entries = reader.entries(
        node,
        "dates and their names, as `2026-12-25: Christmas Day`",
    )?;
    let holidays: Vec<_> = entries
        .iter()
        .map(|entry| {
            let date = reader.day(&entry.key, &entry.place);
            let name = reader.text(&entry.node);
            Some((date?, name?))
        })
        .collect();
    reader.tell_repeated(entries.iter().map(Entry::named), "holiday");
    holidays.into_iter().collect()
}

/// The first and last day of a quarter (1 to 4) of a fiscal year, which is named for the calendar
/// year in which it ends. `None` for a year that no calendar holds.
pub(super) fn quarter_days(year: i16, quarter: i8, fiscal_year_starts: i8) -> Option<(Date, Date)> {
    let started = if fiscal_year_starts == 1 {
        year
    } else {
        year.checked_sub(1)?
    };
    let year_start = Date::new(started, fiscal_year_starts, 1).ok()?;
    let first = year_start
        .checked_add((3 * (i32::from(quarter) - 1)).months())
        .ok()?;
    let next = first.checked_add(3.months()).ok()?;
    Some((first, next.yesterday().ok()?))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    // A fiscal year is named for the year in which it ends; its quarters follow each other.
    #[test]
    fn quarters_of_fiscal_years() {
        let days = |year, quarter, starts| quarter_days(year, quarter, starts).unwrap();
        assert_eq!(days(2026, 4, 1), (date(2026, 10, 1), date(2026, 12, 31)));
        assert_eq!(days(2026, 1, 2), (date(2025, 2, 1), date(2025, 4, 30)));
        assert_eq!(days(2026, 4, 2), (date(2025, 11, 1), date(2026, 1, 31)));
        assert_eq!(days(2024, 3, 7), (date(2024, 1, 1), date(2024, 3, 31)));
    }
}
