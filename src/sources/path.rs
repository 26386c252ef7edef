//! The file of a stream for a day: `{date}` and `{date:<strftime>}` in its path.

use jiff::civil::Date;
use jiff::fmt::strtime;

use super::SourceError;
use crate::config::Stream;

/// The stream's path with the date filled in. A path without a date is the one file as it stands.
pub(super) fn expand(stream: &Stream, as_of: Date) -> Result<String, SourceError> {
    let mut out = String::new();
    let mut rest = stream.path.trim_start_matches("./");
    while let Some((before, after)) = rest.split_once('{') {
        let (field, after) = after
            .split_once('}')
            .ok_or_else(|| refused(stream, "has a `{` that is never closed"))?;
        out.push_str(before);
        out.push_str(&dated(stream, field, as_of)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn dated(stream: &Stream, field: &str, as_of: Date) -> Result<String, SourceError> {
    if field == "date" {
        return Ok(as_of.to_string());
    }
    let Some(form) = field.strip_prefix("date:") else {
        return Err(refused(stream, &format!("holds `{{{field}}}`")));
    };
    strtime::format(form, as_of).map_err(|_| {
        refused(
            stream,
            &format!("holds `{form}`, which is no form of a date"),
        )
    })
}

fn refused(stream: &Stream, what: &str) -> SourceError {
    SourceError::Setting {
        what: format!("Path `{}` {what}", stream.path),
        fix: "Write `{date}` for `2026-11-05`, or a strftime form as `{date:%Y%m%d}`".to_owned(),
        place: stream.place.clone(),
    }
}
