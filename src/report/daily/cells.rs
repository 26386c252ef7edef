//! The figures of one stage as cells: what is said of each, and what stands there instead.

use super::rows::{Measured, Stage};
use super::sentences::{self, Against, Reading, against};
use crate::report::rows::Verdict;
use crate::report::view::{Cell, Mark, mark};
use crate::report::words;

pub(super) fn entered(
    n: Option<i64>,
    expected: Option<(i64, i64)>,
    reading: Reading,
    few: Option<u32>,
) -> Cell {
    let note = expected.map_or_else(String::new, |range| {
        format!("{} expected", words::range(range))
    });
    if reading == Reading::Withheld {
        return Cell::words("not known", note);
    }
    let Some(n) = n else {
        return Cell::words(sentences::unknown(few), note);
    };
    if reading == Reading::AtLeast {
        return Cell::figure(format!("≥ {}", words::integer(n)), note);
    }
    let verdict = expected.and_then(|range| match against(n, range) {
        Against::Above => Some(Verdict::Up),
        Against::Below => Some(Verdict::Down),
        Against::Within => None,
    });
    let says = ("more than expected", "fewer than expected");
    Cell::figure(words::integer(n), note).marked(mark(verdict, true, says))
}

pub(super) fn entered_28(stage: &Stage, few: Option<u32>) -> Cell {
    let missing = || few.map_or_else(|| words::NONE.to_owned(), |_| sentences::unknown(few));
    let shown = stage.entered_28.map_or_else(missing, words::integer);
    let note = stage.baseline_28.map_or_else(String::new, |baseline| {
        format!("baseline {}", words::rounded(baseline))
    });
    Cell::figure(shown, note).marked(volume_mark(stage))
}

pub(super) fn rate(stage: &Stage) -> Cell {
    let says = ("more than the baseline", "less than the baseline");
    measured(&stage.rate, words::percent, true, says)
}

pub(super) fn days(stage: &Stage) -> Cell {
    let says = ("slower than the baseline", "faster than the baseline");
    measured(&stage.days, words::days, false, says)
}

fn measured(it: &Measured, write: fn(f64) -> String, more: bool, says: (&str, &str)) -> Cell {
    if it.verdict == Some(Verdict::Few) {
        return Cell::few(it.n);
    }
    let baseline = it
        .baseline
        .map(|value| format!("baseline {}", write(value)));
    let n = it.n.map(|n| format!("n\u{a0}{}", words::integer(n)));
    let note: Vec<String> = baseline.into_iter().chain(n).collect();
    match it.value {
        Some(value) => {
            Cell::figure(write(value), note.join(", ")).marked(mark(it.verdict, more, says))
        }
        // Nothing follows the last stage.
        None if it.baseline.is_none() && it.n.unwrap_or(0) == 0 => Cell::words(words::NONE, ""),
        None => Cell::words(words::NONE, note.join(", ")),
    }
}

/// Entries of 28 days against the baseline, `+7.0%`.
pub(super) fn change(stage: &Stage, n: i64) -> Option<String> {
    if stage.volume_verdict == Some(Verdict::Few) {
        return Some("too few".to_owned());
    }
    let baseline = stage.baseline_28.filter(|baseline| *baseline > 0.0)?;
    Some(words::change(words::real(n) / baseline - 1.0))
}

pub(super) fn volume_mark(stage: &Stage) -> Option<Mark> {
    mark(
        stage.volume_verdict,
        true,
        ("more than the baseline", "fewer than the baseline"),
    )
}
