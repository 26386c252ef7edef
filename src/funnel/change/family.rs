//! Persons whose entries are compared together, since records or opportunities of theirs are another's
//! now: a family is every person, then and now, that these join.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::rows::Sign;

/// Whose a record was and is; none where it was not there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) was: Option<String>,
    pub(super) is: Option<String>,
}

/// What became of the persons of one family.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Fate {
    /// Two persons, or more, are one now.
    pub(super) merged: bool,
    /// One person is several now.
    pub(super) split: bool,
    /// Opportunities that are credited to another now.
    pub(super) linked: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Families {
    numbers: HashMap<String, usize>,
    parent: Vec<usize>,
    fates: HashMap<usize, Fate>,
}

impl Families {
    /// `records` holds those that came, went or are another person's now; the signs are those that only
    /// one night has.
    pub(super) fn find(records: &BTreeMap<String, Moved>, went: &[Sign], came: &[Sign]) -> Self {
        let mut families = Self::default();
        for moved in records.values() {
            if let (Some(was), Some(is)) = (&moved.was, &moved.is) {
                families.join(was, is);
            }
        }
        let linked = families.link(went, came);
        families.judge(records);
        for (person, opportunity) in linked {
            families.fate_mut(&person).linked.insert(opportunity);
        }
        families
    }

    /// Tells a person's family apart from others.
    pub(super) fn of(&mut self, person: &str) -> usize {
        let mut number = if let Some(number) = self.numbers.get(person) {
            *number
        } else {
            let number = self.parent.len();
            self.numbers.insert(person.to_owned(), number);
            self.parent.push(number);
            number
        };
        while self.parent[number] != number {
            self.parent[number] = self.parent[self.parent[number]];
            number = self.parent[number];
        }
        number
    }

    pub(super) fn fate(&self, family: usize) -> Fate {
        self.fates.get(&family).cloned().unwrap_or_default()
    }

    fn fate_mut(&mut self, person: &str) -> &mut Fate {
        let family = self.of(person);
        self.fates.entry(family).or_default()
    }

    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.of(one), self.of(other));
        self.parent[one.max(other)] = one.min(other);
    }

    /// Joins those between whom an opportunity moved that no record explains.
    fn link(&mut self, went: &[Sign], came: &[Sign]) -> Vec<(String, String)> {
        let credited = |signs: &[Sign]| {
            let mut by_opportunity: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for sign in signs {
                if let Some(opportunity) = &sign.of.opportunity {
                    let persons = by_opportunity.entry(opportunity.clone()).or_default();
                    persons.insert(sign.person.clone());
                }
            }
            by_opportunity
        };
        let (was, is) = (credited(went), credited(came));
        let mut linked = Vec::new();
        for (opportunity, before) in was {
            for new in is.get(&opportunity).into_iter().flatten() {
                let family = self.of(new);
                if before.iter().all(|old| self.of(old) != family) {
                    linked.push((new.clone(), opportunity.clone()));
                }
            }
            for new in is.get(&opportunity).into_iter().flatten() {
                for old in &before {
                    self.join(old, new);
                }
            }
        }
        linked
    }

    /// A person is known by the record that gives the id: a record that did not move has its person
    /// on both nights.
    fn judge(&mut self, records: &BTreeMap<String, Moved>) {
        let is_there = |person: &str| !records.contains_key(person);
        let mut into: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut out_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for moved in records.values() {
            if let (Some(was), Some(is)) = (&moved.was, &moved.is) {
                into.entry(is).or_default().insert(was);
                out_of.entry(was).or_default().insert(is);
            }
        }
        for (is, from) in into {
            if from.len() > 1 || is_there(is) {
                self.fate_mut(is).merged = true;
            }
        }
        for (was, to) in out_of {
            if to.len() > 1 || is_there(was) {
                self.fate_mut(was).split = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(moves: &[(&str, Option<&str>, Option<&str>)], person: &str) -> Fate {
        let records = moves.iter().map(|(record, was, is)| {
            let moved = Moved {
                was: was.map(str::to_owned),
                is: is.map(str::to_owned),
            };
            ((*record).to_owned(), moved)
        });
        let mut families = Families::find(&records.collect(), &[], &[]);
        let family = families.of(person);
        families.fate(family)
    }

    fn merged(merged: bool, split: bool) -> Fate {
        Fate {
            merged,
            split,
            linked: BTreeSet::new(),
        }
    }

    // A person who becomes part of another is merged; one who only gets another id is not.
    #[test]
    fn merging_is_told_from_renaming() {
        assert_eq!(
            fate(&[("b", Some("b"), Some("a"))], "b"),
            merged(true, false)
        );
        let renamed = [("a", None, Some("a")), ("b", Some("b"), Some("a"))];
        assert_eq!(fate(&renamed, "b"), merged(false, false));
        let both = [
            ("n", None, Some("n")),
            ("a", Some("a"), Some("n")),
            ("b", Some("b"), Some("n")),
        ];
        assert_eq!(fate(&both, "a"), merged(true, false));
    }

    // A person is split where a part becomes a person, or joins another.
    #[test]
    fn splitting() {
        assert_eq!(
            fate(&[("b", Some("a"), Some("b"))], "a"),
            merged(false, true)
        );
        assert_eq!(
            fate(&[("c", Some("a"), Some("b"))], "a"),
            merged(true, true)
        );
    }
}
