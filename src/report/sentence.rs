//! What more than one report says of a quarter against its commitment.

use super::view::{Cell, Key};
use super::words;

/// `2026-Q4 stands at 673 of 1,200: 61 behind the 734 due by now, 91.7% of pace.`
pub(super) fn standing(quarter: &str, attained: i64, commitment: i64, due: Option<f64>) -> String {
    let so_far = format!(
        "{quarter} stands at {} of {}",
        words::integer(attained),
        words::integer(commitment)
    );
    let Some((due, pace)) = due.and_then(|due| pace(attained, due)) else {
        return format!("{so_far}.");
    };
    let gap = match attained - due {
        0 => "just what was due by now".to_owned(),
        gap if gap < 0 => format!(
            "{} behind the {} due by now",
            words::integer(-gap),
            words::integer(due)
        ),
        gap => format!(
            "{} ahead of the {} due by now",
            words::integer(gap),
            words::integer(due)
        ),
    };
    format!("{so_far}: {gap}, {} of pace.", words::percent(pace))
}

/// The same where a stream is missing: no pace, which would look worse than it is.
pub(super) fn at_least(quarter: &str, attained: i64, commitment: i64) -> String {
    format!(
        "{quarter} stands at {} of {} or more; whether that is on pace is not known.",
        words::integer(attained),
        words::integer(commitment)
    )
}

/// The share of what was due by now.
pub(super) fn pace_key(attained: i64, commitment: i64, due: f64) -> Option<Key> {
    let (due, pace) = pace(attained, due)?;
    let note = match attained - due {
        gap if gap < 0 => format!("{} behind {}", words::integer(-gap), words::integer(due)),
        gap => format!("{} ahead of {}", words::integer(gap), words::integer(due)),
    };
    Some(Key {
        cell: Cell::figure(words::percent(pace), note),
        name: format!("of pace to {}", words::integer(commitment)),
    })
}

/// What was due in whole entries, and attained as a share of it.
fn pace(attained: i64, due: f64) -> Option<(i64, f64)> {
    let due = words::whole(due).filter(|due| *due > 0)?;
    Some((due, words::real(attained) / words::real(due)))
}
