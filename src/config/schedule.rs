//! When a report is due. Every schedule is judged on the as-of date alone, so that a rerun is due when
//! the run was.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::Calendar;
use super::calendar::WEEKDAYS;
use super::reader::Reader;
use super::yaml::{Node, Value};

/// Judged on the as-of date.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Schedule {
    Daily,
    /// Once the named day has ended.
    Weekly(Weekday),
    /// Once a working day of `calendar.yaml` has ended.
    WorkingDays,
    /// Once the last day of a month has ended.
    LastDayOfMonth,
    /// Once the last day of a quarter of the fiscal year has ended.
    LastDayOfQuarter,
    /// On the days that a cron expression names: on the morning after the as-of day.
    Cron(Box<Cron>),
}

impl Schedule {
    /// Whether a report is due when the day `as_of` has ended.
    pub(crate) fn is_due(&self, as_of: Date, calendar: &Calendar) -> bool {
        let next = as_of.saturating_add(1.day());
        match self {
            Self::Daily => true,
            Self::Weekly(last_day) => as_of.weekday() == *last_day,
            Self::WorkingDays => is_working(as_of, calendar),
            Self::LastDayOfMonth => next.month() != as_of.month(),
            Self::LastDayOfQuarter => {
                let begun = next.month() - calendar.fiscal_year_starts;
                next.month() != as_of.month() && begun.rem_euclid(3) == 0
            }
            Self::Cron(cron) => names(cron, next),
        }
    }
}

fn is_working(day: Date, calendar: &Calendar) -> bool {
    calendar.working_days.contains(&day.weekday()) && !calendar.holidays.contains_key(&day)
}

/// Whether an expression comes up on a day. The day has 24 hours here: a change of the clock cannot
/// swallow a report.
fn names(cron: &Cron, day: Date) -> bool {
    let next = cron.find_next_occurrence(&day.at(0, 0, 0, 0), true);
    next.is_ok_and(|next| next.date() == day)
}

/// `daily`, `working_days`, `{ weekly_after: sunday }`, `{ last_day_of: quarter }` or
/// `{ cron: "0 7 * * MON" }`.
pub(super) fn read(reader: &Reader<'_>, node: &Node) -> Option<Schedule> {
    if !matches!(node.value, Value::Map(_)) {
        return match reader.any_text(node)? {
            "daily" => Some(Schedule::Daily),
            "working_days" => Some(Schedule::WorkingDays),
            text => refuse(reader, node, format!("`{text}` is no schedule")),
        };
    }
    let keys = ["weekly_after", "last_day_of", "cron"];
    let [weekly_after, last_day_of, cron] = reader.fields(node, "a schedule", keys)?;
    match (weekly_after.node, last_day_of.node, cron.node) {
        (Some(node), None, None) => {
            let day = reader.choice(node, "weekday", &WEEKDAYS);
            day.map(Schedule::Weekly)
        }
        (None, Some(node), None) => reader.choice(node, "such time", &LAST).map(|month| {
            if month {
                Schedule::LastDayOfMonth
            } else {
                Schedule::LastDayOfQuarter
            }
        }),
        (None, None, Some(node)) => read_cron(reader, node),
        (None, None, None)
            if [&weekly_after, &last_day_of, &cron]
                .iter()
                .any(|it| it.is_meant()) =>
        {
            None
        }
        _ => refuse(reader, node, "A schedule is one of several".to_owned()),
    }
}

/// Whether the word means the month's.
const LAST: [(&str, bool); 2] = [("month", true), ("quarter", false)];

fn refuse(reader: &Reader<'_>, node: &Node, what: String) -> Option<Schedule> {
    let fix = "Write `daily`, `working_days`, `{ weekly_after: sunday }`, `{ last_day_of: month }`, \
               `{ last_day_of: quarter }` or `{ cron: \"0 7 * * MON\" }`";
    reader.refuse(node, what, fix)
}

fn read_cron(reader: &Reader<'_>, node: &Node) -> Option<Schedule> {
    let text = reader.text(node)?;
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let parsed = parser.parse(&text).ok();
    // The calendar repeats within 28 years, and within 40 across a century.
    let start = jiff::civil::date(2000, 1, 1);
    let comes = |cron: &Cron| {
        cron.find_next_occurrence(&start.at(0, 0, 0, 0), true)
            .is_ok()
    };
    parsed.filter(comes).map(|cron| Schedule::Cron(Box::new(cron))).or_else(|| {
        let fix = "Write minute, hour, day of the month, month and weekday, as `0 7 * * MON` or `0 7 L * *`";
        reader.refuse(node, format!("`{text}` names no day"), fix)
    })
}

#[cfg(test)]
mod tests;
