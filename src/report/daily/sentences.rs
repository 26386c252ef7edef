//! The daily report's sentences, composed from its figures.

use jiff::civil::Date;

use super::Lead;
use super::rows::{Month, Need, Recovered, Stage, Stuck, Summary};
use crate::report::rows::Verdict;
use crate::report::{sentence, words};

/// How far a figure of the day can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Known,
    /// A stream is missing, so there may be more.
    AtLeast,
    Withheld,
}

/// Where a day's count stands against what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    Above,
    Within,
    Below,
}

pub(super) fn against(n: i64, (low, high): (i64, i64)) -> Against {
    if n > high {
        Against::Above
    } else if n < low {
        Against::Below
    } else {
        Against::Within
    }
}

/// What a chief reads and is done: the day's count against what was expected, and where it came from.
pub(super) fn lede(lead: &Lead<'_>, as_of: Date) -> String {
    let day = as_of.strftime("%A").to_string();
    let entries = words::entries_title(lead.label);
    let Some(n) = known(lead) else {
        return match lead.few.filter(|_| lead.reading != Reading::Withheld) {
            None => format!("{entries} on {day} are not known."),
            Some(few) => format!("{entries} on {day} were fewer than {few}."),
        };
    };
    let count = words::entries(n, lead.label);
    let expected = lead.expected.map(words::range);
    if lead.reading == Reading::AtLeast {
        return match expected {
            None => format!("At least {count} on {day}."),
            Some(range) => {
                format!("At least {count} on {day}; {range} are expected of a whole day.")
            }
        };
    }
    let first = match lead.expected.map(|range| (against(n, range), range)) {
        None => format!("{count} on {day}."),
        Some((Against::Above, (_, high))) => {
            format!(
                "{count} on {day}, {} at most expected.",
                words::integer(high)
            )
        }
        Some((Against::Below, (low, _))) => {
            format!(
                "{count} on {day}, {} at least expected.",
                words::integer(low)
            )
        }
        Some((Against::Within, range)) => {
            format!("{count} on {day}, {} expected.", words::range(range))
        }
    };
    match lead.source.and_then(|(name, of)| source(name, of, n)) {
        Some(source) => format!("{first} {source}"),
        None => first,
    }
}

/// `31 MQLs (14–24 expected)`.
pub(super) fn subject(lead: &Lead<'_>) -> String {
    let Some(n) = known(lead) else {
        let few = lead.few.filter(|_| lead.reading != Reading::Withheld);
        let entries = words::entries_title(lead.label);
        return format!("{entries} {}", unknown(few));
    };
    let least = if lead.reading == Reading::AtLeast {
        "at least "
    } else {
        ""
    };
    let expected = lead.expected.map_or_else(String::new, |range| {
        format!(" ({} expected)", words::range(range))
    });
    format!("{least}{}{expected}", words::entries(n, lead.label))
}

/// What stands in the place of a count that is not told: it may be of too few persons.
pub(super) fn unknown(few: Option<u32>) -> String {
    few.map_or_else(|| "not known".to_owned(), |few| format!("fewer than {few}"))
}

fn known(lead: &Lead<'_>) -> Option<i64> {
    lead.entered.filter(|_| lead.reading != Reading::Withheld)
}

/// Where most of `n` came from; nothing of so few that "most" means nothing.
fn source(name: Option<&str>, of: i64, n: i64) -> Option<String> {
    const ENOUGH: i64 = 5;
    if n < ENOUGH || of <= 0 || of > n {
        return None;
    }
    let share = format!("{} of {}", words::integer(of), words::integer(n));
    Some(match name.filter(|name| *name != "blank") {
        None if of == n => "None has a lead source.".to_owned(),
        None => format!("{share} have no lead source."),
        Some(name) if of == n => format!("All came from {name}."),
        Some(name) if of * 2 > n => format!("Most came from {name} ({share})."),
        Some(name) => format!("{name} brought most, {share}."),
    })
}

/// Where the quarter stands.
pub(super) fn standing(summary: &Summary, reading: Reading) -> Option<String> {
    let (commitment, attained) = (summary.commitment?, summary.attained?);
    let quarter = summary.quarter.as_deref().unwrap_or("The quarter");
    Some(match reading {
        Reading::Known => sentence::standing(quarter, attained, commitment, summary.due),
        Reading::AtLeast => sentence::at_least(quarter, attained, commitment),
        Reading::Withheld => return None,
    })
}

/// Which stages differ from the baseline by more than chance.
pub(super) fn moved(stages: &[Stage]) -> Option<String> {
    if stages.iter().all(|stage| stage.volume_verdict.is_none()) {
        return None;
    }
    let of = |verdict| {
        let same = stages
            .iter()
            .filter(move |stage| stage.volume_verdict == Some(verdict));
        same.map(|stage| stage.label.as_str()).collect::<Vec<_>>()
    };
    let parts: Vec<String> = [(Verdict::Up, "up"), (Verdict::Down, "down")]
        .into_iter()
        .map(|(verdict, word)| (of(verdict), word))
        .filter(|(labels, _)| !labels.is_empty())
        .map(|(labels, word)| format!("{} {word}", listed(&labels)))
        .collect();
    Some(if parts.is_empty() {
        "Over 28 days no stage differs from the baseline by more than chance.".to_owned()
    } else {
        format!("Over 28 days against the baseline: {}.", parts.join("; "))
    })
}

/// Which stages are within what is expected again.
pub(super) fn recovered(stages: &[Stage]) -> Option<String> {
    let of = |was| {
        let back = stages.iter().filter(move |it| it.recovered == Some(was));
        back.map(|stage| stage.label.as_str()).collect::<Vec<_>>()
    };
    let kinds = [(Recovered::Above, "more"), (Recovered::Below, "fewer")];
    let parts: Vec<String> = kinds
        .into_iter()
        .map(|(was, word)| (of(was), word))
        .filter(|(labels, _)| !labels.is_empty())
        .map(|(labels, word)| format!("{} ({word} the day before)", listed(&labels)))
        .collect();
    (!parts.is_empty()).then(|| format!("Back within what is expected: {}.", parts.join("; ")))
}

/// `6 MQLs without an owner` and `the oldest for 19 hours`.
pub(super) fn need(need: &Need, stages: &[Stage]) -> (String, String) {
    const KINDS: [(&str, &str); 2] = [
        ("_unowned", "without an owner"),
        ("_resubmitted", "back sooner after a rejection than agreed"),
    ];
    let told = KINDS.iter().find_map(|(ending, told)| {
        let id = need.kind.strip_suffix(ending)?;
        let stage = stages.iter().find(|stage| stage.id == id)?;
        Some(format!("{} {told}", words::entries(need.n, &stage.label)))
    });
    let plain = || {
        format!(
            "{} × {}",
            words::integer(need.n),
            need.kind.replace('_', " ")
        )
    };
    let what = told.unwrap_or_else(plain);
    let oldest = need.oldest_hours.map(|hours| {
        if hours < 48.0 {
            let hours = words::whole(hours).unwrap_or(0);
            format!("the oldest for {}", words::counted(hours, "hour", "hours"))
        } else {
            format!("the oldest for {}", words::days(hours / 24.0))
        }
    });
    (what, oldest.unwrap_or_default())
}

/// `412 in October`, `212 so far in November`.
pub(super) fn month(month: &Month, reading: Reading) -> String {
    let n = words::integer(month.n);
    let name = month.start.strftime("%B");
    match (month.complete, reading) {
        (false, Reading::AtLeast) => format!("at least {n} so far in {name}"),
        (false, _) => format!("{n} so far in {name}"),
        (true, _) => format!("{n} in {name}"),
    }
}

/// `9 in SAL longer than nine of ten were` and how long that is.
pub(super) fn stuck(stuck: &Stuck) -> (String, String) {
    let what = format!("{} stuck in {}", words::integer(stuck.n), stuck.label);
    let longer = stuck.p90_days.map(|p90| {
        format!(
            "longer than the {} in which nine of ten go on",
            words::days(p90)
        )
    });
    let oldest = stuck
        .oldest_days
        .map(|days| format!("the oldest for {}", words::days(days)));
    let detail: Vec<String> = longer.into_iter().chain(oldest).collect();
    (what, detail.join("; "))
}

/// `A`, `A and B`, `A, B and C`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
