//! Why an entry changed. Each change has one cause: the first of these that its own evidence bears out.
//!
//! 1. `erased`: the commit takes persons out;
//! 2. `redefined`: a definition, the time zone, or what canonical SQL makes of the sources is another;
//! 3. `linked`: the opportunity that it names is credited to another person;
//! 4. `deleted`: a definition drops the deleted, and its person was deleted, or came back;
//! 5. by its own sign, where that went, came or was replaced (see `of_signs`): `reopened`, `deleted`,
//!    `re-dated`, `late`. What a predicate says of a merged or split person is no sign of its own;
//! 6. `confirmed`: it was implied, and the stage's own sign came after it;
//! 7. `merged`, `split`: the records of its person are others now;
//! 8. by the other signs of its person, as in 5, or by an opportunity that came to the person or went:
//!    the walk took another way;
//! 9. by what it froze: `customer` turned true as a win came `late`, or false as one was `reopened`;
//! 10. `late`: of the attributes of its day more is known.
//!
//! What none of these explains is a defect, and is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::Because;
use super::family::Fate;
use super::pair::Pair;
use super::rows::{Entry, Sign};

/// In order of precedence where several signs tell several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    Erased,
    Redefined,
    Linked,
    Reopened,
    Deleted,
    ReDated,
    Confirmed,
    Merged,
    Split,
    Late,
    /// A defect: nothing explains it.
    Unexplained,
}

impl Cause {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Redefined => "redefined",
            Self::Linked => "linked",
            Self::Reopened => "reopened",
            Self::Deleted => "deleted",
            Self::ReDated => "re-dated",
            Self::Confirmed => "confirmed",
            Self::Merged => "merged",
            Self::Split => "split",
            Self::Late => "late",
            Self::Unexplained => "unexplained",
        }
    }
}

/// What the causes of one family's changes are found from.
pub(super) struct Evidence<'a> {
    pub(super) because: Option<Because>,
    pub(super) fate: &'a Fate,
    /// The family's signs that only the former night had, and those that only this one has.
    pub(super) went: &'a [Sign],
    pub(super) came: &'a [Sign],
    pub(super) known: &'a Known,
}

/// What is known now beside the family.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Opportunities that are there, and whether each is closed.
    pub(super) opportunities: BTreeMap<String, bool>,
    /// The last stage.
    pub(super) last: String,
    /// Whose entries are dropped, or were the night before: the deleted, under `deleted: drop`.
    pub(super) dropped: BTreeSet<String>,
    /// The first day of which more is known of a person than the night before.
    pub(super) since: BTreeMap<String, i32>,
    /// Whether the history of earlier days is another.
    pub(super) late: bool,
}

/// How long after midnight of its day a date without time may enter a stage.
const DAY: i64 = 25 * 3_600_000_000;

impl Evidence<'_> {
    pub(super) fn cause(&self, pair: &Pair) -> Cause {
        match self.because {
            Some(Because::Erased) => return Cause::Erased,
            Some(Because::Redefined) => return Cause::Redefined,
            None => {}
        }
        let sides = || pair.was.iter().chain(&pair.is);
        if sides().any(|entry| self.is_linked(entry)) {
            return Cause::Linked;
        }
        if self.is_dropped(pair) {
            return Cause::Deleted;
        }
        let went = own(self.went, pair.was.as_ref());
        let came = own(self.came, pair.is.as_ref());
        let joined = self.fate.merged || self.fate.split;
        let firm = |signs: &[&Sign]| !joined || signs.iter().copied().any(is_firm);
        let own = self.of_signs(&went, &came);
        if let Some(cause) = own.filter(|_| firm(&went) || firm(&came)) {
            return cause;
        }
        if Self::is_confirmed(pair) {
            return Cause::Confirmed;
        }
        if joined {
            return self.joined(pair);
        }
        let others = self.of_signs(&all_of(self.went), &all_of(self.came));
        let linked = || (!self.fate.linked.is_empty()).then_some(Cause::Linked);
        let cause = others.or_else(linked).or_else(|| self.frozen(pair));
        cause.unwrap_or(Cause::Unexplained)
    }

    fn is_linked(&self, entry: &Entry) -> bool {
        let named = entry.opportunity.as_ref();
        let direct = entry.person.strip_prefix("opportunity:");
        let linked = &self.fate.linked;
        named.is_some_and(|it| linked.contains(it)) || direct.is_some_and(|it| linked.contains(it))
    }

    /// All entries of a person went with a deletion, or came back with the person.
    fn is_dropped(&self, pair: &Pair) -> bool {
        match (&pair.was, &pair.is) {
            (Some(entry), None) | (None, Some(entry)) => self.known.dropped.contains(&entry.person),
            _ => false,
        }
    }

    /// A part of a person that is another's now leaves one entry less; a new person, one more.
    fn joined(&self, pair: &Pair) -> Cause {
        let more = pair.was.is_none();
        if self.fate.merged && !(self.fate.split && more) {
            Cause::Merged
        } else {
            Cause::Split
        }
    }

    fn is_confirmed(pair: &Pair) -> bool {
        let (Some(was), Some(is)) = (&pair.was, &pair.is) else {
            return false;
        };
        was.counts.implied && !is.counts.implied && is.confirmed_at > was.confirmed_at
    }

    /// What signs that went and came say: of those of one origin, that it was reopened or re-dated;
    /// of an opportunity's sign that went, that it was reopened or deleted; of another, that more is
    /// known now.
    fn of_signs(&self, went: &[&Sign], came: &[&Sign]) -> Option<Cause> {
        let replaced = |old: &&Sign| match came.iter().find(|new| new.of == old.of) {
            Some(new) if new.won != old.won => Cause::Reopened,
            Some(new) if new.at != old.at && new.via == old.via => Cause::ReDated,
            Some(_) => Cause::Late,
            None => self.withdrawn(old, came),
        };
        let new = |new: &&Sign| match new.of.kind.as_str() {
            "deleted" => Cause::Deleted,
            _ => Cause::Late,
        };
        went.iter().map(replaced).chain(came.iter().map(new)).min()
    }

    fn withdrawn(&self, sign: &Sign, came: &[&Sign]) -> Cause {
        let closes = sign.of.stage.as_ref() == Some(&self.known.last);
        let state = sign.of.opportunity.as_ref();
        match state.map(|id| self.known.opportunities.get(id)) {
            Some(None) => Cause::Deleted,
            Some(Some(false)) if closes => Cause::Reopened,
            _ if came.iter().any(|new| new.of.kind == "deleted") => Cause::Deleted,
            _ => Cause::Late,
        }
    }

    fn frozen(&self, pair: &Pair) -> Option<Cause> {
        let (was, is) = (pair.was.as_ref()?, pair.is.as_ref()?);
        match (was.customer, is.customer) {
            (false, true) => return Some(Cause::Late),
            (true, false) => return Some(Cause::Reopened),
            _ => {}
        }
        let since = self.known.since.get(&is.person);
        (self.known.late || since.is_some_and(|day| *day <= is.on)).then_some(Cause::Late)
    }
}

/// A stamp, an event or an opportunity says the same of a record whoever's it is.
fn is_firm(sign: &Sign) -> bool {
    sign.of.opportunity.is_some() || matches!(sign.via.as_str(), "stamp" | "event")
}

fn all_of(signs: &[Sign]) -> Vec<&Sign> {
    signs.iter().collect()
}

/// The signs that an entry rests on: of its stage, or, if it is implied, of a higher one.
fn own<'a>(signs: &'a [Sign], entry: Option<&Entry>) -> Vec<&'a Sign> {
    let Some(entry) = entry else {
        return Vec::new();
    };
    let of = |sign: &&Sign| {
        let stage = entry.counts.implied || sign.of.stage.as_ref() == Some(&entry.stage);
        let time = sign.at == entry.at || (sign.at..sign.at + DAY).contains(&entry.at);
        stage && time && sign.of.kind == "enter" && !sign.excluded
    };
    signs.iter().filter(of).collect()
}
