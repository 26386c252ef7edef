//! Which entries of a family changed: those of both nights that count alike cancel out, whoever's they
//! are and in whatever cycle; of what is left, an old and a new one make a change.

use std::collections::BTreeMap;

use super::rows::{Counts, Entry};

/// An entry before and after; one of them at least is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) was: Option<Entry>,
    pub(super) is: Option<Entry>,
}

/// Pairs the entries of one family that only one night has. What is new after `last_day` is no change,
/// for nobody was told of that day yet.
pub(super) fn pairs(was: Vec<Entry>, is: Vec<Entry>, last_day: i32) -> Vec<Pair> {
    let mut stages: BTreeMap<String, (Vec<Entry>, Vec<Entry>)> = BTreeMap::new();
    for entry in was {
        stages.entry(entry.stage.clone()).or_default().0.push(entry);
    }
    for entry in is {
        stages.entry(entry.stage.clone()).or_default().1.push(entry);
    }
    let mut all = Vec::new();
    for (mut was, mut is) in stages.into_values() {
        cancel(&mut was, &mut is);
        all.extend(paired(was, is));
    }
    let told = |pair: &Pair| {
        pair.was.is_some() || pair.is.as_ref().is_some_and(|entry| entry.on <= last_day)
    };
    all.retain(told);
    all
}

/// What a figure sees of an entry.
fn seen(entry: &Entry) -> (i32, Counts, &[String]) {
    (entry.on, entry.counts, &entry.members)
}

fn cancel(was: &mut Vec<Entry>, is: &mut Vec<Entry>) {
    was.retain(|old| {
        let same = is.iter().position(|new| seen(new) == seen(old));
        if let Some(same) = same {
            is.remove(same);
        }
        same.is_none()
    });
}

/// Whether two entries belong together.
type Rule<'a> = &'a dyn Fn(&Entry, &Entry) -> bool;

/// Of one stage: first the same person and cycle, then the same person, then whoever is left.
fn paired(was: Vec<Entry>, mut is: Vec<Entry>) -> Vec<Pair> {
    let cycle = |old: &Entry, new: &Entry| old.person == new.person && old.cycle == new.cycle;
    let person = |old: &Entry, new: &Entry| old.person == new.person;
    let rules: [Rule<'_>; 3] = [&cycle, &person, &|_, _| true];
    let mut left = was;
    let mut pairs = Vec::new();
    for rule in rules {
        let (mut rest, olds) = (Vec::new(), left);
        for old in olds {
            match is.iter().position(|new| rule(&old, new)) {
                Some(at) => pairs.push(Pair {
                    is: Some(is.remove(at)),
                    was: Some(old),
                }),
                None => rest.push(old),
            }
        }
        left = rest;
    }
    let alone = |was, is| Pair { was, is };
    pairs.extend(left.into_iter().map(|old| alone(Some(old), None)));
    pairs.extend(is.into_iter().map(|new| alone(None, Some(new))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(person: &str, cycle: i64, on: i32) -> Entry {
        Entry {
            person: person.to_owned(),
            opportunity: None,
            cycle,
            stage: "mql".to_owned(),
            at: i64::from(on) * 86_400_000_000,
            on,
            confirmed_at: None,
            customer: false,
            counts: Counts {
                implied: false,
                net_new: true,
                won: false,
            },
            members: vec!["Web".to_owned()],
        }
    }

    fn days(pairs: &[Pair]) -> Vec<(Option<i32>, Option<i32>)> {
        let day = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.on);
        pairs
            .iter()
            .map(|pair| (day(&pair.was), day(&pair.is)))
            .collect()
    }

    // A late entry before another moves nobody's day, though cycles get other numbers.
    #[test]
    fn cycles_may_be_renumbered() {
        let was = vec![entry("a", 1, 10), entry("a", 2, 20)];
        let is = vec![entry("a", 1, 5), entry("a", 2, 10), entry("a", 3, 20)];
        assert_eq!(days(&pairs(was, is, 30)), [(None, Some(5))]);
    }

    // Of two persons who are one now, the entry that is gone is the one that is told.
    #[test]
    fn merged_entries_cancel() {
        let was = vec![entry("a", 1, 7), entry("b", 1, 5)];
        assert_eq!(
            days(&pairs(was, vec![entry("a", 1, 5)], 30)),
            [(Some(7), None)]
        );
    }

    // What is new since the night before is no change; what moved there is.
    #[test]
    fn new_days_are_no_change() {
        let was = vec![entry("a", 1, 7)];
        let is = vec![entry("a", 1, 31), entry("b", 1, 31)];
        assert_eq!(days(&pairs(was, is, 30)), [(Some(7), Some(31))]);
    }
}
