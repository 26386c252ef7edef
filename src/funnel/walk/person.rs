//! What the walk knows of one person: the cycles, the stages entered in them, and how the next cycle
//! would begin. `rules` decides what evidence does; this file only keeps the state consistent.
//!
//! Guarantees: at most one cycle is open that the lead began; every other open cycle holds an
//! opportunity of its own; a cycle that ended never changes.

use std::collections::HashMap;

use super::columns::{Row, Table};
use super::cycle::{Cycle, End, Entry, Mark, Outcome};
use super::evidence::Evidence;
use super::rules::Rules;

/// One value serves all persons in turn, so that nothing is allocated for each.
pub(super) struct Person<'a> {
    pub(super) table: &'a Table,
    pub(super) rules: &'a Rules,
    /// An opportunity that no person is credited with.
    pub(super) direct: bool,
    pub(super) cycles: Vec<Cycle>,
    /// Of all cycles, one place a stage.
    entries: Vec<Option<Entry>>,
    /// The open cycle that the lead began.
    pub(super) lead: Option<usize>,
    pub(super) next: Next,
    /// The cycle in which an opportunity was last held.
    pub(super) held: HashMap<&'a str, usize>,
    /// Which stages were entered in any cycle.
    entered: Vec<bool>,
    /// How many disqualifications hold.
    pub(super) disqualified: u32,
    pub(super) quiet_until: i64,
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
    /// After a close: not before `quiet_until`, and not for a customer.
    Closed,
    /// After a deletion of the person: nothing is carried.
    Deleted,
}

impl<'a> Person<'a> {
    pub(super) fn new(table: &'a Table, rules: &'a Rules) -> Self {
        Self {
            table,
            rules,
            direct: false,
            cycles: Vec::new(),
            entries: Vec::new(),
            lead: None,
            next: Next::First,
            held: HashMap::new(),
            entered: vec![false; rules.last],
            disqualified: 0,
            quiet_until: i64::MIN,
            won: false,
            gone: 0,
        }
    }

    /// Forgets the person before.
    pub(super) fn reset(&mut self, person_id: &str) {
        self.direct = person_id.starts_with("opportunity:");
        self.cycles.clear();
        self.entries.clear();
        self.lead = None;
        self.next = Next::First;
        self.held.clear();
        self.entered.fill(false);
        self.disqualified = 0;
        self.quiet_until = i64::MIN;
        self.won = false;
        self.gone = 0;
    }

    /// The entries of a cycle, by stage.
    pub(super) fn entries(&self, cycle: usize) -> &[Option<Entry>] {
        let stages = self.rules.last;
        &self.entries[cycle * stages..][..stages]
    }

    pub(super) fn entries_mut(&mut self, cycle: usize) -> &mut [Option<Entry>] {
        let stages = self.rules.last;
        &mut self.entries[cycle * stages..][..stages]
    }

    pub(super) fn is_open(&self, cycle: usize) -> bool {
        self.cycles[cycle].end.is_none()
    }

    /// Begins a cycle at an instant with the stages up to `carried` carried. It holds the
    /// opportunity that the evidence names.
    pub(super) fn begin(&mut self, e: &Evidence<'a>, at: i64, carried: usize) -> usize {
        let cycle = self.cycles.len();
        self.cycles.push(Cycle {
            opportunity: None,
            highest: 0,
            end: None,
        });
        let stages = self.rules.last;
        self.entries.resize(self.cycles.len() * stages, None);
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
