//! Each schedule against a plain enumeration of five years, leap day and year's turns included.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;

fn calendar(fiscal_year_starts: i8) -> Calendar {
    Calendar {
        fiscal_year_starts,
        week_starts: Weekday::Monday,
        working_days: vec![Weekday::Monday, Weekday::Tuesday, Weekday::Friday],
        holidays: BTreeMap::from([(date(2026, 12, 25), "Christmas".to_owned())]),
    }
}

fn days() -> impl Iterator<Item = Date> {
    date(2024, 1, 1).series(1.day()).take(5 * 366)
}

fn cron(text: &str) -> Schedule {
    let file = super::super::yaml::File::new("s.yaml".to_owned(), format!("\"{text}\""));
    let node = file.parse().unwrap();
    let reader = Reader::new(&file);
    read_cron(&reader, &node).unwrap_or_else(|| panic!("{text}"))
}

fn due(schedule: &Schedule, fiscal_year_starts: i8) -> Vec<Date> {
    let calendar = calendar(fiscal_year_starts);
    days()
        .filter(|day| schedule.is_due(*day, &calendar))
        .collect()
}

fn those(is_due: impl Fn(Date) -> bool) -> Vec<Date> {
    days().filter(|day| is_due(*day)).collect()
}

// What is judged of the as-of day itself.
#[test]
fn of_the_day_that_ended() {
    let working = those(|day| {
        matches!(
            day.weekday(),
            Weekday::Monday | Weekday::Tuesday | Weekday::Friday
        ) && day != date(2026, 12, 25)
    });
    assert_eq!(due(&Schedule::WorkingDays, 1), working);
    assert_eq!(due(&Schedule::Daily, 1).len(), 5 * 366);
    let sundays = those(|day| day.weekday() == Weekday::Sunday);
    assert_eq!(due(&Schedule::Weekly(Weekday::Sunday), 1), sundays);
    let last = |day: Date| day.day() == day.days_in_month();
    assert_eq!(due(&Schedule::LastDayOfMonth, 1), those(last));
    for (starts, ends) in [
        (1, [3, 6, 9, 12]),
        (2, [1, 4, 7, 10]),
        (9, [2, 5, 8, 11]),
        (12, [2, 5, 8, 11]),
    ] {
        let quarters = those(|day| last(day) && ends.contains(&day.month()));
        assert_eq!(
            due(&Schedule::LastDayOfQuarter, starts),
            quarters,
            "{starts}"
        );
    }
}

type Rule = fn(Date) -> bool;

// A cron expression names the morning after the as-of day, whatever the hour.
#[test]
fn of_the_morning_after() {
    let morning = |is_due: Rule| those(|day| is_due(day.saturating_add(1.day())));
    let last = |day: Date| day.day() == day.days_in_month();
    let cases: [(&str, Rule); 8] = [
        ("0 7 * * MON", |day| day.weekday() == Weekday::Monday),
        ("30 2 * * *", |_| true),
        ("*/5 23 1,15 * *", |day| matches!(day.day(), 1 | 15)),
        ("0 7 L * *", |day| day.day() == day.days_in_month()),
        ("0 7 * 1,4,7,10 MON#1", |day| {
            day.weekday() == Weekday::Monday && day.day() <= 7 && day.month() % 3 == 1
        }),
        ("0 7 * * FRI#L", |day| {
            day.weekday() == Weekday::Friday && day.day() + 7 > day.days_in_month()
        }),
        // As cron has it: either will do.
        ("0 7 13 * FRI", |day| {
            day.day() == 13 || day.weekday() == Weekday::Friday
        }),
        ("0 7 29 2 *", |day| day.day() == 29 && day.month() == 2),
    ];
    for (text, is_due) in cases {
        assert_eq!(due(&cron(text), 1), morning(is_due), "{text}");
    }
    let ends = those(|day| last(day.saturating_add(1.day())));
    assert_eq!(due(&cron("59 23 L * *"), 1), ends);
}
