//! What becomes of a person when another definition takes effect.
//!
//! A change ends no cycle and enters no stage: that is for evidence to do. Stages match by id. What was
//! left before the change stays left as it was; an open entry of a stage that is no more exits as
//! `redefined`; the other entries of open cycles stand from now on in the order of the new stages.
//! Cycles that ended never change.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock;
use crate::config::Funnel;

use super::cycle::{Cycle, Entry, Exit, Made};
use super::evidence::{Evidence, Kind};
use super::person::{Next, Person};
use super::rules::Rules;

/// The definitions over time, by their coming into force; at least one.
pub(super) struct Definitions {
    pub(super) rules: Vec<Rules>,
    /// The first instant of each. The first one judges what was before it too.
    from: Vec<i64>,
    /// Of each, the numbers of its stages in order: stages of one id have one number.
    numbers: Vec<Vec<usize>>,
    /// How many stages there are among all definitions.
    stages: usize,
}

/// How a stage was left before a change. Later entries of its cycle do not alter that.
pub(super) struct Left {
    pub(super) cycle: usize,
    /// Of the stage, in the definition in force.
    pub(super) order: usize,
    pub(super) exit: Exit,
}

/// An entry of a stage that the definition in force does not have.
pub(super) struct Redefined {
    pub(super) cycle: usize,
    pub(super) entry: Entry,
    pub(super) exit: Exit,
}

impl Definitions {
    pub(super) fn new(funnels: &[&Funnel], zone: &TimeZone) -> Self {
        let mut ids: Vec<&str> = Vec::new();
        let mut number = |id| {
            ids.iter()
                .position(|known| *known == id)
                .unwrap_or_else(|| {
                    ids.push(id);
                    ids.len() - 1
                })
        };
        let numbers = funnels.iter().map(|funnel| {
            let ids = funnel.stages.iter().map(|stage| stage.id.as_str());
            ids.map(&mut number).collect()
        });
        let numbers = numbers.collect();
        let start = |funnel: &&Funnel| clock::day_start(funnel.effective_from, zone);
        let starts = funnels.iter().skip(1).map(start);
        let from = std::iter::once(i64::MIN).chain(starts.map(Timestamp::as_microsecond));
        Self {
            rules: funnels.iter().map(|funnel| Rules::new(funnel)).collect(),
            from: from.collect(),
            numbers,
            stages: ids.len(),
        }
    }

    /// The definition in force at an instant.
    pub(super) fn at(&self, instant: i64) -> usize {
        self.from[1..].partition_point(|from| *from <= instant)
    }

    /// When the next definition takes effect; never, after the last.
    pub(super) fn until(&self, definition: usize) -> i64 {
        self.from.get(definition + 1).copied().unwrap_or(i64::MAX)
    }

    /// The most stages that a definition has.
    pub(super) fn most_stages(&self) -> usize {
        self.rules.iter().map(|rules| rules.last).max().unwrap_or(0)
    }

    /// The order in `to` of a stage of `of`, if `to` has it.
    fn order(&self, of: usize, order: usize, to: usize) -> Option<usize> {
        let number = self.numbers[of][order - 1];
        let place = self.numbers[to].iter().position(|other| *other == number);
        place.map(|place| place + 1)
    }

    /// The highest stage of `to` among those of `of` up to `order`; 0 if there is none.
    fn up_to(&self, of: usize, order: usize, to: usize) -> usize {
        let kept = (1..=order).filter_map(|order| self.order(of, order, to));
        kept.max().unwrap_or(0)
    }
}

impl<'a> Person<'a> {
    /// Brings the person to the definition in force at an instant.
    pub(super) fn change_until(&mut self, instant: i64) {
        while self.until <= instant {
            self.change();
        }
    }

    /// How a stage of a cycle was left before a change; none if it was not.
    pub(super) fn left_before(&self, cycle: usize, order: usize) -> Option<Exit> {
        let mut left = self.left.iter();
        let found = left.find(|left| (left.cycle, left.order) == (cycle, order))?;
        Some(found.exit)
    }

    /// Evidence of a former definition whose turn comes only now, in the stages of today; none if its
    /// stage is no more. That is censored evidence of an end, which counts when it was first seen.
    pub(super) fn translated(&self, e: &Evidence<'a>) -> Option<Evidence<'a>> {
        let (of, to) = (e.definition, self.definition);
        let order = match e.kind {
            Kind::Enter | Kind::Carry => self.definitions.order(of, e.order, to)?,
            Kind::Recycle | Kind::Disqualify | Kind::Reinstate => {
                self.definitions.up_to(of, e.order, to)
            }
            Kind::Deleted => 0,
        };
        Some(Evidence { order, ..*e })
    }

    fn change(&mut self) {
        let (of, at) = (self.definition, self.until);
        self.in_force(of + 1);
        for cycle in 0..self.cycles.len() {
            if self.is_open(cycle) {
                self.redefine(cycle, at);
            }
        }
        if let Next::Carried { to } = self.next {
            let to = self.definitions.up_to(of, to, self.definition);
            self.next = Next::Carried { to };
        }
        self.renumber_entered(of);
    }

    /// Lays the entries of an open cycle out by the stages of the definition in force.
    fn redefine(&mut self, cycle: usize, at: i64) {
        let before = self.cycles[cycle];
        let entries = self.entries(cycle).to_vec();
        let (left, others) = std::mem::take(&mut self.left)
            .into_iter()
            .partition(|left| left.cycle == cycle);
        let left: Vec<Left> = left;
        self.left = others;
        self.cycles[cycle] = Cycle {
            definition: self.definition,
            start: self.entries.len(),
            highest: 0,
            ..before
        };
        let end = self.entries.len() + self.rules.last;
        self.entries.resize(end, None);
        self.take_back(cycle);
        for (order, entry) in (1..).zip(&entries) {
            let Some(entry) = entry else { continue };
            let known = left.iter().find(|left| left.order == order);
            let exit = known.map_or_else(
                || before.exit(&entries, order, entry.entered_at),
                |left| left.exit,
            );
            match self
                .definitions
                .order(before.definition, order, self.definition)
            {
                Some(order) => self.keep(cycle, order, *entry, exit),
                None => self.redefined.push(Redefined {
                    cycle,
                    entry: *entry,
                    exit: exit.or_redefined(at.max(entry.entered_at)),
                }),
            }
        }
    }

    /// A stage that comes back was reached in the cycle, and stays left.
    fn take_back(&mut self, cycle: usize) {
        for lost in std::mem::take(&mut self.redefined) {
            let Made { definition, order } = lost.entry.made;
            let (of, order) = (usize::from(definition), usize::from(order));
            match self.definitions.order(of, order, self.definition) {
                Some(order) if lost.cycle == cycle => {
                    self.keep(cycle, order, lost.entry, lost.exit);
                }
                _ => self.redefined.push(lost),
            }
        }
    }

    /// Keeps an entry of an open cycle, and how it was left if it was.
    fn keep(&mut self, cycle: usize, order: usize, entry: Entry, exit: Exit) {
        self.entries_mut(cycle)[order - 1] = Some(entry);
        let highest = &mut self.cycles[cycle].highest;
        *highest = order.max(*highest);
        if exit.at.is_some() {
            self.left.push(Left { cycle, order, exit });
        }
    }

    /// A stage that was entered under any definition is not entered first again.
    fn renumber_entered(&mut self, of: usize) {
        let Definitions {
            numbers, stages, ..
        } = self.definitions;
        self.ever_entered.resize(*stages, false);
        for (entered, number) in self.entered.iter().zip(&numbers[of]) {
            self.ever_entered[*number] |= entered;
        }
        let now = numbers[self.definition].iter();
        self.entered.clear();
        self.entered
            .extend(now.map(|number| self.ever_entered[*number]));
    }
}
