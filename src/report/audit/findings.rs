//! What the audit found, in sentences: one finding each, the gravest kind first.

use super::rows::{Fired, Kind, Ruled, State, Used};
use super::{Figures, count, share};
use crate::report::view::Wait;
use crate::report::words;

/// A share of signs in the wrong order below this is told in the table alone.
const BACKWARDS: f64 = 0.1;

/// As is the order of fewer persons than these.
const ENOUGH: i64 = 20;

pub(super) fn findings(figures: &Figures) -> Vec<Wait> {
    let mut all = Vec::new();
    all.extend(
        figures
            .filled()
            .filter(|used| used.at_once > 0)
            .map(|used| twice(figures, used)),
    );
    all.extend(figures.triggers.iter().filter_map(quiet));
    all.extend(unmapped(figures));
    all.extend(figures.triggers.iter().filter_map(backwards));
    all.extend(waiting(figures));
    all.extend(apart(figures));
    all.extend(figures.duplicates.iter().map(|it| {
        let groups = it.groups.unwrap_or(0);
        let n = words::counted(it.n, "record", "records");
        if it.kind == "same_person" {
            let who = words::counted(groups, "person stands", "persons stand");
            wait(format!("{who} more than once in {}", it.source), n)
        } else {
            let what = words::counted(groups, "address is", "addresses are");
            wait(
                format!("{what} shared by several persons"),
                format!("{n}, which it joins to nobody"),
            )
        }
    }));
    all
}

fn wait(what: String, detail: String) -> Wait {
    Wait { what, detail }
}

fn twice(figures: &Figures, used: &Used) -> Wait {
    wait(
        format!("{} {} meets two stages at once", used.field, named(used)),
        format!("{}; {} now", figures.mapped(used), words::integer(used.now)),
    )
}

/// The values of each field that map to nothing and are in use, those that most have first.
fn unmapped(figures: &Figures) -> Vec<Wait> {
    const SHOWN: usize = 4;
    let mut by_field: Vec<(&str, Vec<&Used>)> = Vec::new();
    for used in figures
        .filled()
        .filter(|used| used.maps.is_empty() && used.now > 0)
    {
        match by_field.iter_mut().find(|(field, _)| *field == used.field) {
            Some((_, values)) => values.push(used),
            None => by_field.push((&used.field, vec![used])),
        }
    }
    let told = by_field.into_iter().map(|(field, values)| {
        let n = count(values.len());
        let each = values.iter().take(SHOWN).map(|used| {
            let fresh = if used.fresh { ", new" } else { "" };
            format!("{} ({}{fresh})", named(used), words::integer(used.now))
        });
        let mut detail = each.collect::<Vec<_>>().join(", ");
        if values.len() > SHOWN {
            detail.push_str(" and others");
        }
        let what = words::counted(n, "value of", "values of");
        wait(
            format!(
                "{what} {field} {} to no stage and no exit",
                if n == 1 { "maps" } else { "map" }
            ),
            detail,
        )
    });
    told.collect()
}

fn named(used: &Used) -> String {
    format!(
        "“{}”",
        words::shortened(used.value.as_deref().unwrap_or_default(), 40)
    )
}

fn quiet(fired: &Fired) -> Option<Wait> {
    let what = match fired.kind {
        Kind::Trigger => format!("The trigger of {}", fired.label),
        Kind::Recycle => "Recycling".to_owned(),
        Kind::Disqualify => "Disqualification".to_owned(),
    };
    match fired.state {
        State::Fires => None,
        State::Never => Some(wait(format!("{what} has never fired"), fired.what.clone())),
        State::Silent => Some(wait(
            format!("{what} has been silent for 28 days"),
            format!(
                "{} in the 26 weeks before: {}",
                words::integer(fired.before),
                fired.what
            ),
        )),
    }
}

fn backwards(fired: &Fired) -> Option<Wait> {
    let often = words::real(fired.backwards) >= BACKWARDS * words::real(fired.ordered);
    if fired.kind != Kind::Trigger || fired.ordered < ENOUGH || !often {
        return None;
    }
    let days = fired.backwards_days.map_or_else(String::new, |days| {
        format!(", half of them {} late or more", words::days(days))
    });
    Some(wait(
        format!(
            "{} fires backwards for {} of persons",
            fired.label,
            share(fired.backwards, fired.ordered)
        ),
        format!(
            "{} of {} have a sign of a higher stage first{days}",
            words::integer(fired.backwards),
            words::integer(fired.ordered)
        ),
    ))
}

/// Changes that have not reached the other side.
fn waiting(figures: &Figures) -> impl Iterator<Item = Wait> {
    let late = figures
        .sync
        .iter()
        .filter(|sync| sync.waiting > 0 && sync.arrived > 0);
    late.filter_map(|sync| {
        let field = sync.field.as_ref()?;
        let changes = words::counted(sync.waiting, "change of", "changes of");
        let oldest = sync.oldest_days.map_or_else(String::new, |days| {
            format!("the oldest for {}", words::days(days))
        });
        Some(wait(
            format!(
                "{changes} {field} in {} wait to reach {}",
                sync.source, sync.other
            ),
            oldest,
        ))
    })
}

/// Persons far in the funnel whom one source does not have.
fn apart(figures: &Figures) -> impl Iterator<Item = Wait> {
    let missing = figures.records.iter().filter(|it| it.field.is_none());
    missing.map(|it| {
        let records = words::counted(it.n, "record", "records");
        let other = it.other.as_deref().unwrap_or_default();
        wait(
            format!("{records} of {} that {other} lacks", it.source),
            format!(
                "of persons who reached the promised stage, such as {}",
                it.examples
            ),
        )
    })
}

/// A rule's name in words, and what more is to be said of it.
pub(super) fn rule(rule: &Ruled) -> (String, String) {
    const WORDS: [(&str, &str); 30] = [
        ("entered", "Entered a stage"),
        ("out_of_order", "Entered a stage after a higher one"),
        ("confirmed", "Confirmed an implied entry"),
        ("dated", "Dated an entry of unknown time"),
        ("restarted", "Began a cycle"),
        ("recycled", "Recycled"),
        ("disqualified", "Disqualified"),
        ("reinstated", "Reinstated"),
        ("deleted", "Deleted"),
        ("excluded", "Left out: the person is excluded"),
        ("ignored_reached", "Ignored: the stage was reached already"),
        (
            "ignored_strict",
            "Ignored: an earlier stage was not reached",
        ),
        ("ignored_quiet", "Ignored: too soon after a close"),
        (
            "ignored_customer",
            "Ignored: from a customer, after a close",
        ),
        (
            "ignored_disqualified",
            "Ignored: the person was disqualified",
        ),
        ("ignored_closed", "Ignored: its opportunity was closed"),
        (
            "ignored_open_opportunity",
            "Ignored: an opportunity was open",
        ),
        ("ignored_recycle", "Ignored: nothing to recycle"),
        ("ignored_reinstate", "Ignored: nobody to reinstate"),
        ("ignored_deleted", "Ignored: deleted with no cycle open"),
        ("evidence_waiting", "Waits: dated after the day"),
        ("records", "Records"),
        ("persons", "Persons"),
        ("records_converted", "Records joined by conversion"),
        ("records_linked", "Records joined by a link"),
        ("records_merged", "Records joined by a merge"),
        ("records_email", "Records joined by an address"),
        ("addresses_shared", "Addresses that join nobody"),
        ("links_unknown", "Links to a record that is not there"),
        ("events_unknown", "Events of a record that is not there"),
    ];
    if rule.kind == "exclusion" {
        return (format!("Excluded: {}", rule.name), "persons now".to_owned());
    }
    let known = WORDS.iter().find(|(name, _)| *name == rule.name);
    let told = known.map_or_else(
        || rule.name.replace('_', " "),
        |(_, told)| (*told).to_owned(),
    );
    (told, String::new())
}
