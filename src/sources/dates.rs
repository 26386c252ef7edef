//! Dates with the day or the month first. Their order is never guessed; this works out what to say.

use arrow::array::StringArray;
use jiff::civil::Date;

/// How the values of a column write their dates, if all write them with day and month in front.
pub(super) enum Order {
    /// Every value reads both ways. The two forms, day first.
    Either([String; 2]),
    /// Every value reads this way and at least one does not read the other.
    Only(&'static str, String),
}

pub(super) fn order(chunks: &[StringArray]) -> Option<Order> {
    let (mut day_first, mut month_first) = (true, true);
    let mut form = None;
    for text in chunks.iter().flatten().flatten() {
        let date = split(text.trim())?;
        day_first &= date.reads(date.first, date.second);
        month_first &= date.reads(date.second, date.first);
        form = form.or_else(|| date.form());
    }
    let (separator, rest) = form?;
    let day = format!("%d{separator}%m{separator}{rest}");
    let month = format!("%m{separator}%d{separator}{rest}");
    match (day_first, month_first) {
        (true, true) => Some(Order::Either([day, month])),
        (true, false) => Some(Order::Only("day/month", day)),
        (false, true) => Some(Order::Only("month/day", month)),
        (false, false) => None,
    }
}

/// `first/second/year`, then perhaps a time.
struct Slashed<'a> {
    first: i8,
    second: i8,
    year: &'a str,
    separator: char,
    time: &'a str,
}

fn split(text: &str) -> Option<Slashed<'_>> {
    let (date, time) = text.split_once(' ').unwrap_or((text, ""));
    let separator = date.chars().find(|c| matches!(c, '/' | '.' | '-'))?;
    let mut parts = date.split(separator);
    let date = Slashed {
        first: parts.next()?.parse().ok()?,
        second: parts.next()?.parse().ok()?,
        year: parts.next()?,
        separator,
        time,
    };
    parts.next().is_none().then_some(date)
}

impl Slashed<'_> {
    fn reads(&self, day: i8, month: i8) -> bool {
        let year = self.year.parse::<i16>();
        year.is_ok_and(|year| Date::new(year, month, day).is_ok())
    }

    /// The separator, and the strptime form of the year and the time.
    fn form(&self) -> Option<(char, String)> {
        let year = match self.year.len() {
            4 => "%Y",
            2 => "%y",
            _ => return None,
        };
        let (clock, suffix) = self.time.split_once(' ').unwrap_or((self.time, ""));
        let halves = matches!(suffix, "AM" | "PM" | "am" | "pm");
        let time = match (clock.matches(':').count(), halves) {
            (0, _) => "",
            (1, true) => " %I:%M %p",
            (1, false) => " %H:%M",
            (_, true) => " %I:%M:%S %p",
            (_, false) => " %H:%M:%S",
        };
        Some((self.separator, format!("{year}{time}")))
    }
}
