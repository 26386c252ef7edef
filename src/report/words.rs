//! Figures as words: how a number, a share, a duration or a date is written, everywhere alike.
//!
//! Null is `–` and nothing is ever `NaN`. Rounding is half away from zero on what is shown.

use std::cell::Cell;

use jiff::civil::Date;

use crate::config::Locale;

/// What stands where a figure does not exist.
pub(super) const NONE: &str = "–";

thread_local! {
    /// In whose form this thread writes; a rendering stays in one thread.
    static LOCALE: Cell<Locale> = const { Cell::new(Locale::EnGb) };
}

/// Writes in the form of a locale.
pub(super) fn in_locale<T>(locale: Locale, write: impl FnOnce() -> T) -> T {
    let before = LOCALE.replace(locale);
    let written = write();
    LOCALE.set(before);
    written
}

/// What stands between thousands, before decimals, and before `%`.
fn marks() -> (char, char, &'static str) {
    match LOCALE.get() {
        Locale::EnGb | Locale::EnUs => (',', '.', ""),
        Locale::DeDe => ('.', ',', "\u{a0}"),
        Locale::FrFr => ('\u{202f}', ',', "\u{202f}"),
    }
}

/// The form of a date of those in the order of the locales: English, American, German, French.
fn dated(day: Date, [british, american, german, french]: [&str; 4]) -> String {
    let form = match LOCALE.get() {
        Locale::EnGb => british,
        Locale::EnUs => american,
        Locale::DeDe => german,
        Locale::FrFr => french,
    };
    day.strftime(form).to_string()
}

/// A count as a real number.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of persons stay far below 2^52"
)]
pub(super) fn real(count: i64) -> f64 {
    count as f64
}

/// `12,345`; a minus sign that is one.
pub(super) fn integer(value: i64) -> String {
    let (thousands, _, _) = marks();
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if value < 0 {
        out.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(thousands);
        }
        out.push(digit);
    }
    out
}

/// The nearest whole number, `12,345`.
pub(super) fn rounded(value: f64) -> String {
    whole(value).map_or_else(|| NONE.to_owned(), integer)
}

/// `61.2%` of a ratio of 0.612.
pub(super) fn percent(ratio: f64) -> String {
    if ratio.is_finite() {
        let (_, _, before) = marks();
        format!("{}{before}%", decimal(ratio * 100.0))
    } else {
        NONE.to_owned()
    }
}

/// One decimal, thousands separated: `1,234.5`.
pub(super) fn decimal(value: f64) -> String {
    let Some(tenths) = whole(value * 10.0) else {
        return NONE.to_owned();
    };
    let sign = if tenths < 0 { "−" } else { "" };
    let tenths = tenths.abs();
    let (_, point, _) = marks();
    format!("{sign}{}{point}{}", integer(tenths / 10), tenths % 10)
}

/// A difference with its sign: `+61`, `−61`, `0`.
pub(super) fn signed(value: i64) -> String {
    if value > 0 {
        format!("+{}", integer(value))
    } else {
        integer(value)
    }
}

/// A relative difference with its sign: `+7.0%`, `−7.0%`, `0.0%`.
pub(super) fn change(ratio: f64) -> String {
    let shown = percent(ratio);
    if shown.starts_with('−') || shown == percent(0.0) || shown == NONE {
        shown
    } else {
        format!("+{shown}")
    }
}

/// A wait in the unit that fits: `12 minutes`, `3.5 hours`, `2.1 days`.
pub(super) fn lag(minutes: f64) -> String {
    if minutes < 0.5 {
        "under a minute".to_owned()
    } else if minutes < 90.0 {
        whole(minutes).map_or_else(|| NONE.to_owned(), |n| counted(n, "minute", "minutes"))
    } else if minutes < 48.0 * 60.0 {
        format!("{} hours", decimal(minutes / 60.0))
    } else {
        days(minutes / 1440.0)
    }
}

/// `1.4 days`, `1.0 day`, `<0.1 days` of what is more than none.
pub(super) fn days(value: f64) -> String {
    let little = value > 0.0 && decimal(value) == decimal(0.0);
    let shown = if little {
        format!("<{}", decimal(0.1))
    } else {
        decimal(value)
    };
    let unit = if shown == decimal(1.0) { "day" } else { "days" };
    if shown == NONE {
        shown
    } else {
        format!("{shown} {unit}")
    }
}

/// `Thu 19 Nov 2026`.
pub(super) fn date(day: Date) -> String {
    let forms = [
        "%a %-d %b %Y",
        "%a, %b %-d, %Y",
        "%a %-d.%-m.%Y",
        "%a %d/%m/%Y",
    ];
    dated(day, forms)
}

/// `Thursday 19 November 2026`.
pub(super) fn long_date(day: Date) -> String {
    let forms = [
        "%A %-d %B %Y",
        "%A, %B %-d, %Y",
        "%A %-d.%-m.%Y",
        "%A %d/%m/%Y",
    ];
    dated(day, forms)
}

/// `Thu 19 Nov`, where the year is plain.
pub(super) fn day(day: Date) -> String {
    dated(day, ["%a %-d %b", "%a, %b %-d", "%a %-d.%-m.", "%a %d/%m"])
}

/// `19 Nov`, for an axis.
pub(super) fn short_date(day: Date) -> String {
    dated(day, ["%-d %b", "%b %-d", "%-d.%-m.", "%d/%m"])
}

/// `October`, or `October 2025` where the year is not that of the report.
pub(super) fn month(day: Date, as_of: Date) -> String {
    let form = if day.year() == as_of.year() {
        "%B"
    } else {
        "%B %Y"
    };
    day.strftime(form).to_string()
}

/// `14–24`, or one number where both ends are the same.
pub(super) fn range((low, high): (i64, i64)) -> String {
    if low == high {
        integer(low)
    } else {
        format!("{}–{}", integer(low), integer(high))
    }
}

/// `1 lead`, `6 leads`.
pub(super) fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", integer(n), if n == 1 { one } else { many })
}

/// `and 12 more`; nothing of none.
pub(super) fn more(left_out: i64) -> String {
    if left_out > 0 {
        format!("and {} more", integer(left_out))
    } else {
        String::new()
    }
}

/// A stage's name where space is short: `MQL` for `Marketing qualified lead` with the id `mql`.
///
/// Only an id that is the term's initials is an acronym of it; any other term stands as it is.
pub(super) fn label(id: &str, term: &str) -> String {
    let initials: String = term
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_lowercase)
        .collect();
    if initials.chars().count() > 1 && initials == id.to_lowercase() {
        id.to_uppercase()
    } else {
        term.to_owned()
    }
}

/// `31 MQLs` for a stage with an acronym, `31 entries into Working` for any other.
pub(super) fn entries(n: i64, label: &str) -> String {
    if is_acronym(label) {
        counted(n, label, &format!("{label}s"))
    } else {
        format!("{} {label}", counted(n, "entry into", "entries into"))
    }
}

/// `MQLs` for a stage with an acronym, `Entries into Working` for any other: how a heading begins.
pub(super) fn entries_title(label: &str) -> String {
    if is_acronym(label) {
        format!("{label}s")
    } else {
        format!("Entries into {label}")
    }
}

/// `MQLs` for a stage with an acronym, `entries into Working` for any other: how a heading goes on.
pub(super) fn entries_within(label: &str) -> String {
    if is_acronym(label) {
        format!("{label}s")
    } else {
        format!("entries into {label}")
    }
}

fn is_acronym(label: &str) -> bool {
    label.chars().count() > 1 && label.chars().all(|c| c.is_uppercase() || c.is_numeric())
}

/// Text from the data, made harmless for a line: control characters and marks that turn the
/// writing direction become a space, and what is longer than any name is cut.
pub(super) fn clean(text: &str) -> String {
    const LONGEST: usize = 160;
    let harmless = text.chars().map(|c| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
        if c.is_control() || turns || breaks { ' ' } else { c }
    });
    let spaced: String = harmless.collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    shortened(&words.join(" "), LONGEST)
}

/// The text with its first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Text as one line: a subject, which nothing in it can end.
pub(super) fn line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ")
}

/// Plain text for a mail: lines of at most 76 characters where words allow it, those of a list
/// entry set in, and never two empty lines together.
pub(super) fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && empty) {
            wrap_line(line, &mut out);
        }
        empty = line.is_empty();
    }
    out
}

fn wrap_line(line: &str, out: &mut String) {
    const WIDTH: usize = 76;
    let indent = match line.trim_start() {
        text if text.starts_with("* ") || text.starts_with("! ") => "  ",
        text if text.len() < line.len() => "    ",
        _ => "",
    };
    let mut length = 0;
    for (index, word) in line.split(' ').enumerate() {
        let wide = word.chars().count();
        if index > 0 && length + 1 + wide > WIDTH && length > indent.len() {
            out.push('\n');
            out.push_str(indent);
            length = indent.len();
        } else if index > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += wide;
    }
    out.push('\n');
}

/// At most `most` characters, the last of them `…` where something was cut.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The nearest whole number, if there is one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "finite and within what i64 holds, which is checked"
)]
pub(super) fn whole(value: f64) -> Option<i64> {
    (value.is_finite() && value.abs() < 9e15).then(|| value.round() as i64)
}

#[cfg(test)]
mod tests;
