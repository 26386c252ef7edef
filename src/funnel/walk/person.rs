//! What the walk knows of one person: the cycles, the stages entered in them, and how the next cycle
//! would begin. `rules` decides what evidence does; this file only keeps the state consistent.
//!
//! Guarantees: at most one cycle is open that the lead began; every other open cycle holds an
//! opportunity of its own; a cycle that ended never changes.

use std::collections::HashMap;
use std::ops::Range;

use super::change::{Definitions, Left, Redefined};
use super::columns::{Row, Table};
use super::cycle::{Cycle, End, Entry, Made, Mark, Outcome};
use super::evidence::Evidence;
use super::rules::Rules;

/// One value serves all persons in turn, so that nothing is allocated for each.
pub(super) struct Person<'a> {
    pub(super) table: &'a Table,
    pub(super) definitions: &'a Definitions,
    /// The number of the definition in force.
    pub(super) definition: usize,
    /// When the next one takes effect.
    pub(super) until: i64,
    /// Those of the definition in force.
    pub(super) rules: &'a Rules,
    /// An opportunity that no person is credited with.
    pub(super) direct: bool,
    pub(super) cycles: Vec<Cycle>,
    /// Of all cycles, one place a stage.
    pub(super) entries: Vec<Option<Entry>>,
    /// What changes of definition settled; empty without one.
    pub(super) left: Vec<Left>,
    pub(super) redefined: Vec<Redefined>,
    /// The open cycle that the lead began.
    pub(super) lead: Option<usize>,
    pub(super) next: Next,
    /// The cycle in which an opportunity was last held.
    pub(super) held: HashMap<&'a str, usize>,
    /// Which stages were entered in any cycle.
    pub(super) entered: Vec<bool>,
    /// The same of the stages of all definitions, until the last change.
    pub(super) ever_entered: Vec<bool>,
    /// How many disqualifications hold.
    pub(super) disqualified: u32,
    /// When a cycle was closed last.
    pub(super) closed_at: i64,
    pub(super) won: bool,
    /// Cycles before this one ended with a deletion of the person.
    gone: usize,
}

/// How the lead's next cycle begins, while none is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There was none before: nothing is carried.
    First,
    /// The stages up to `to` are carried.
    Carried { to: usize },
    /// After a close: not before `quiet` has passed, and not for a customer.
    Closed,
    /// After a deletion of the person: nothing is carried.
    Deleted,
}

impl<'a> Person<'a> {
    pub(super) fn new(table: &'a Table, definitions: &'a Definitions) -> Self {
        Self {
            table,
            definitions,
            definition: 0,
            until: definitions.until(0),
            rules: &definitions.rules[0],
            direct: false,
            cycles: Vec::new(),
            entries: Vec::new(),
            left: Vec::new(),
            redefined: Vec::new(),
            lead: None,
            next: Next::First,
            held: HashMap::new(),
            entered: Vec::new(),
            ever_entered: Vec::new(),
            disqualified: 0,
            closed_at: i64::MIN,
            won: false,
            gone: 0,
        }
    }

    /// Forgets the person before.
    pub(super) fn reset(&mut self, person_id: &str) {
        self.direct = person_id.starts_with("opportunity:");
        self.in_force(0);
        self.cycles.clear();
        self.entries.clear();
        self.left.clear();
        self.redefined.clear();
        self.lead = None;
        self.next = Next::First;
        self.held.clear();
        self.entered.clear();
        self.entered.resize(self.rules.last, false);
        self.ever_entered.clear();
        self.disqualified = 0;
        self.closed_at = i64::MIN;
        self.won = false;
        self.gone = 0;
    }

    /// Makes a definition the one in force.
    pub(super) fn in_force(&mut self, definition: usize) {
        self.definition = definition;
        self.until = self.definitions.until(definition);
        self.rules = &self.definitions.rules[definition];
    }

    /// The entries of a cycle, by stage.
    pub(super) fn entries(&self, cycle: usize) -> &[Option<Entry>] {
        &self.entries[self.place(cycle)]
    }

    pub(super) fn entries_mut(&mut self, cycle: usize) -> &mut [Option<Entry>] {
        let place = self.place(cycle);
        &mut self.entries[place]
    }

    fn place(&self, cycle: usize) -> Range<usize> {
        let Cycle {
            definition, start, ..
        } = self.cycles[cycle];
        start..start + self.definitions.rules[definition].last
    }

    /// The mark of an entry that is made now.
    pub(super) fn made(&self, order: usize) -> Made {
        let number = |number| u16::try_from(number).unwrap_or(u16::MAX);
        Made {
            definition: number(self.definition),
            order: number(order),
        }
    }

    pub(super) fn is_open(&self, cycle: usize) -> bool {
        self.cycles[cycle].end.is_none()
    }

    /// Begins a cycle at an instant with the stages up to `carried` carried. It holds the
    /// opportunity that the evidence names.
    pub(super) fn begin(&mut self, e: &Evidence<'a>, at: i64, carried: usize) -> usize {
        let cycle = self.cycles.len();
        let start = self.entries.len();
        self.cycles.push(Cycle {
            definition: self.definition,
            start,
            opportunity: None,
            highest: 0,
            end: None,
        });
        self.entries.resize(start + self.rules.last, None);
        self.hold(cycle, e);
        for order in 1..=carried {
            self.put(cycle, order, e.row, at, Mark::Carried);
        }
        cycle
    }

    /// Begins the cycle that evidence naming no opportunity moves from now on.
    pub(super) fn begin_lead(&mut self, e: &Evidence<'a>, at: i64, carried: usize) -> usize {
        let cycle = self.begin(e, at, carried);
        self.lead = Some(cycle);
        cycle
    }

    /// Lets the cycle hold the opportunity that the evidence names, if it names one and holds none.
    pub(super) fn hold(&mut self, cycle: usize, e: &Evidence<'a>) {
        let Some(opportunity) = e.opportunity else {
            return;
        };
        if self.cycles[cycle].opportunity.is_none() {
            self.cycles[cycle].opportunity = Some(e.row);
            self.held.insert(opportunity, cycle);
        }
    }

    pub(super) fn put(&mut self, cycle: usize, order: usize, row: Row, at: i64, mark: Mark) {
        let carried = mark == Mark::Carried;
        let first = !carried && !self.entered[order - 1];
        self.entered[order - 1] |= !carried;
        let entry = Entry {
            row,
            opportunity: self.cycles[cycle].opportunity,
            entered_at: at,
            confirmed_at: None,
            made: self.made(order),
            mark,
            first,
            customer: self.is_customer(row),
        };
        self.entries_mut(cycle)[order - 1] = Some(entry);
        let highest = &mut self.cycles[cycle].highest;
        *highest = order.max(*highest);
    }

    /// Ends a cycle; the lead's next then begins as `next` says.
    pub(super) fn end(&mut self, cycle: usize, end: End, next: Next) {
        self.cycles[cycle].end = Some(end);
        if self.lead == Some(cycle) {
            self.lead = None;
            self.next = next;
        }
    }

    /// Ends every open cycle by a deletion of the person; false if none was open.
    pub(super) fn end_all(&mut self, end: End) -> bool {
        let mut any = false;
        for cycle in self.gone..self.cycles.len() {
            if self.is_open(cycle) {
                self.cycles[cycle].end = Some(end);
                any = true;
            }
        }
        self.gone = self.cycles.len();
        self.lead = None;
        any
    }

    /// What the evidence says, or, where it says nothing, whether an opportunity was won before.
    pub(super) fn is_customer(&self, row: Row) -> bool {
        self.table.customer(row).unwrap_or(self.won)
    }

    /// Whether the cycle ended in another way than by a deletion.
    pub(super) fn is_closed(&self, cycle: usize) -> bool {
        let end = self.cycles[cycle].end;
        end.is_some_and(|end| end.outcome != Outcome::Deleted)
    }
}
