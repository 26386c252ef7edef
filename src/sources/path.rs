//! The file of a stream for a day: `{date}` and `{date:<strftime>}` in its path.

use jiff::civil::Date;
use jiff::fmt::strtime;

/// The path with the date filled in. A path without a date is the one file as it stands.
pub(super) fn expand(pattern: &str, as_of: Date) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, field, after)) = next_field(rest) {
        out.push_str(before);
        out.push_str(&match field.strip_prefix("date:") {
            Some(form) => strtime::format(form, as_of).expect("config checks the forms of dates"),
            None => as_of.to_string(),
        });
        rest = after;
    }
    out + rest
}

/// What stands before, in and after the first braces.
fn next_field(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (field, after) = rest.split_once('}')?;
    Some((before, field, after))
}
