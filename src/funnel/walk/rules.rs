//! The rules of the walk: what each row of evidence does to its person.

use crate::config::{Funnel, Skipping, Stage};

use super::cycle::{End, Entry, Mark, Outcome};
use super::evidence::{Evidence, Kind};
use super::fate::Fate;
use super::person::{Next, Person};

const DAY: i64 = 86_400_000_000;

/// What of the definition the walk needs. Stages are told by their order, from 1.
pub(super) struct Rules {
    /// The last stage; also the number of stages.
    pub(super) last: usize,
    /// The lowest stage that an opportunity can trigger, if any.
    opportunity_from: usize,
    skipping: Skipping,
    after_close_to: usize,
    quiet: i64,
    /// Without a `won_when`, whoever reaches the last stage has won.
    won_unless_told: bool,
}

/// The cycle that a row of evidence moves.
#[derive(Debug, Clone, Copy)]
enum Target {
    Open(usize),
    /// One that has yet to begin, with the stages up to `carried` carried.
    New {
        carried: usize,
        lead: bool,
    },
}

impl Rules {
    pub(super) fn new(funnel: &Funnel) -> Self {
        let last = funnel.stages.len();
        let first = funnel.stages.iter().position(Stage::is_of_opportunity);
        Self {
            last,
            opportunity_from: first.map_or(last, |index| index + 1),
            skipping: funnel.skipped_stages,
            after_close_to: funnel.after_close.to + 1,
            quiet: i64::from(funnel.after_close.quiet_days) * DAY,
            won_unless_told: funnel
                .stages
                .last()
                .is_none_or(|stage| stage.won_when.is_none()),
        }
    }
}

impl<'a> Person<'a> {
    /// Takes the next row of evidence.
    pub(super) fn take(&mut self, e: &Evidence<'a>) -> Fate {
        self.change_until(e.turn);
        if e.definition == self.definition {
            return self.judge(e);
        }
        match self.translated(e) {
            Some(e) => self.judge(&e),
            None => Fate::IgnoredRedefined,
        }
    }

    fn judge(&mut self, e: &Evidence<'a>) -> Fate {
        match e.kind {
            Kind::Enter => self.enter(e),
            Kind::Carry => self.carry(e),
            Kind::Recycle => self.recycle(e),
            Kind::Disqualify => self.disqualify(e),
            Kind::Reinstate => self.reinstate(e),
            Kind::Deleted => self.delete(e),
        }
    }

    fn enter(&mut self, e: &Evidence<'a>) -> Fate {
        match self.target(e) {
            Err(fate) => fate,
            Ok(target) if self.skips(target, e.order) => Fate::IgnoredStrict,
            Ok(Target::Open(cycle)) => {
                self.hold(cycle, e);
                self.advance(cycle, e)
            }
            Ok(Target::New { carried, lead }) => self.start(e, carried, lead),
        }
    }

    /// The definition that takes effect finds the person in the stage: in stock, not entered.
    fn carry(&mut self, e: &Evidence<'a>) -> Fate {
        let target = match self.target(e) {
            Err(fate) => return fate,
            Ok(target) => target,
        };
        let highest = self.highest(target);
        if e.order <= highest {
            return Fate::IgnoredReached;
        }
        if self.skips(target, e.order) {
            return Fate::IgnoredStrict;
        }
        let cycle = match target {
            Target::Open(cycle) => cycle,
            Target::New { carried, lead } => self.begin_either(e, carried, lead),
        };
        self.hold(cycle, e);
        let lowest = if self.implies() { highest + 1 } else { e.order };
        for order in lowest..=e.order {
            self.put(cycle, order, e.row, e.at, Mark::Carried);
        }
        if e.order == self.rules.last {
            self.close(cycle, e.at, e);
        }
        Fate::Carried
    }

    /// Whether a stage passes for reached once a higher one is.
    fn implies(&self) -> bool {
        self.rules.skipping == Skipping::ReachedOrPassed && !self.direct
    }

    fn target(&self, e: &Evidence<'a>) -> Result<Target, Fate> {
        match e.opportunity {
            Some(opportunity) => self.target_of_opportunity(opportunity, e),
            None => self.target_of_lead(e),
        }
    }

    /// Evidence that names an opportunity moves the cycle that holds it. An opportunity that none
    /// holds joins the lead's open cycle if that holds none, or begins the person's first cycle;
    /// else it gets a cycle of its own.
    fn target_of_opportunity(&self, opportunity: &str, e: &Evidence<'a>) -> Result<Target, Fate> {
        if let Some(&cycle) = self.held.get(opportunity) {
            if self.is_open(cycle) {
                return Ok(Target::Open(cycle));
            }
            if self.is_closed(cycle) {
                return Err(Fate::IgnoredClosed);
            }
        }
        if let Some(lead) = self.lead
            && self.cycles[lead].opportunity.is_none()
        {
            return Ok(Target::Open(lead));
        }
        let (carried, lead) = match (self.lead, self.next) {
            (None, Next::First) => (0, true),
            (None, Next::Carried { to }) => (to, true),
            _ => (e.order.min(self.rules.opportunity_from) - 1, false),
        };
        Ok(Target::New { carried, lead })
    }

    /// Evidence that names no opportunity moves the cycle that the lead began.
    fn target_of_lead(&self, e: &Evidence<'a>) -> Result<Target, Fate> {
        if self.disqualified > 0 {
            return Err(Fate::IgnoredDisqualified);
        }
        if let Some(cycle) = self.lead {
            let closes = e.order == self.rules.last;
            if closes && self.cycles[cycle].opportunity.is_some() {
                return Err(Fate::IgnoredOpenOpportunity);
            }
            return Ok(Target::Open(cycle));
        }
        let carried = match self.next {
            Next::First | Next::Deleted => 0,
            Next::Carried { to } => to,
            Next::Closed if self.is_quiet(e.at) => return Err(Fate::IgnoredQuiet),
            Next::Closed if self.is_customer(e.row) => return Err(Fate::IgnoredCustomer),
            Next::Closed => self.rules.after_close_to,
        };
        Ok(Target::New {
            carried,
            lead: true,
        })
    }

    /// Under `strict` the stages reached have no gap, so the highest tells whether one is skipped.
    fn skips(&self, target: Target, order: usize) -> bool {
        let highest = self.highest(target);
        self.rules.skipping == Skipping::Strict && !self.direct && order > highest + 1
    }

    fn highest(&self, target: Target) -> usize {
        match target {
            Target::Open(cycle) => self.cycles[cycle].highest,
            Target::New { carried, .. } => carried,
        }
    }

    fn begin_either(&mut self, e: &Evidence<'a>, carried: usize, lead: bool) -> usize {
        if lead {
            self.begin_lead(e, e.at, carried)
        } else {
            self.begin(e, e.at, carried)
        }
    }

    fn start(&mut self, e: &Evidence<'a>, carried: usize, lead: bool) -> Fate {
        let cycle = self.begin_either(e, carried, lead);
        if e.order <= carried {
            return Fate::Restarted;
        }
        self.advance(cycle, e)
    }

    fn advance(&mut self, cycle: usize, e: &Evidence<'a>) -> Fate {
        if let Some(entry) = self.entries(cycle)[e.order - 1] {
            return self.again(cycle, e, entry);
        }
        let at = self.instant(cycle, e);
        let highest = self.cycles[cycle].highest;
        if self.implies() {
            for order in highest + 1..e.order {
                self.put(cycle, order, e.row, at, Mark::Implied);
            }
        }
        self.put(cycle, e.order, e.row, at, Mark::Own);
        if e.order == self.rules.last {
            self.close(cycle, at, e);
        }
        if e.order < highest {
            Fate::OutOfOrder
        } else {
            Fate::Entered
        }
    }

    /// Evidence for a stage already reached confirms an implied entry, dates a censored one, or
    /// changes nothing. Of unknown time itself, it does neither.
    fn again(&mut self, cycle: usize, e: &Evidence<'a>, entry: Entry) -> Fate {
        if e.censored || entry.mark == Mark::Carried {
            return Fate::IgnoredReached;
        }
        if self.dates(cycle, e) {
            self.date(cycle, e);
            return Fate::Dated;
        }
        if entry.mark == Mark::Own {
            return Fate::IgnoredReached;
        }
        self.entries_mut(cycle)[e.order - 1] = Some(Entry {
            mark: Mark::Own,
            confirmed_at: Some(e.at),
            ..entry
        });
        Fate::Confirmed
    }

    /// Whether the evidence tells when a censored entry was made: it is from before that entry was
    /// first seen, and nothing higher is dated yet.
    fn dates(&self, cycle: usize, e: &Evidence<'a>) -> bool {
        let (table, entries) = (self.table, self.entries(cycle));
        // What confirmed an entry dated it too, as well as could be.
        let undated = |entry: &Entry| table.censored(entry.row) && entry.confirmed_at.is_none();
        let mut from_here = entries[e.order - 1..].iter().flatten();
        from_here
            .next()
            .is_some_and(|entry| undated(entry) && e.at <= table.known_at(entry.row))
            && from_here.all(undated)
    }

    /// Higher entries of unknown time were made no earlier.
    fn date(&mut self, cycle: usize, e: &Evidence<'a>) {
        let (at, customer) = (self.instant(cycle, e), self.is_customer(e.row));
        let made = self.made(e.order);
        // How the cycle's stages were left hangs on this entry's instant.
        self.left.retain(|left| left.cycle != cycle);
        let mut from_here = self.entries_mut(cycle)[e.order - 1..].iter_mut().flatten();
        if let Some(entry) = from_here.next() {
            entry.row = e.row;
            entry.entered_at = at;
            entry.mark = Mark::Own;
            entry.customer = customer;
            entry.made = made;
        }
        for higher in from_here {
            higher.entered_at = higher.entered_at.max(at);
        }
    }

    /// When the evidence enters its stage. A date without time, and a time that is not known, are no
    /// earlier than the lower stages of the cycle.
    fn instant(&self, cycle: usize, e: &Evidence<'a>) -> i64 {
        if !e.date_only && !e.censored {
            return e.at;
        }
        let lower = self.entries(cycle)[..e.order - 1].iter().flatten();
        lower.map(|entry| entry.entered_at).fold(e.at, i64::max)
    }

    fn close(&mut self, cycle: usize, at: i64, e: &Evidence<'a>) {
        let won = self.table.won(e.row).unwrap_or(self.rules.won_unless_told);
        let outcome = if won { Outcome::Won } else { Outcome::Lost };
        self.won |= won;
        self.closed_at = self.closed_at.max(at);
        self.end(cycle, end(at, outcome, e), Next::Closed);
    }

    fn is_quiet(&self, at: i64) -> bool {
        at < self.closed_at.saturating_add(self.rules.quiet)
    }

    fn recycle(&mut self, e: &Evidence<'a>) -> Fate {
        let Some(cycle) = self.lead else {
            return Fate::IgnoredRecycle;
        };
        if self.cycles[cycle].highest <= e.order {
            return Fate::IgnoredRecycle;
        }
        if self.cycles[cycle].opportunity.is_some() {
            return Fate::IgnoredOpenOpportunity;
        }
        self.end(cycle, end(e.turn, Outcome::Recycled, e), Next::First);
        self.begin_lead(e, e.turn, e.order);
        Fate::Recycled
    }

    /// A disqualified person is in no stock, so the lead's cycle ends whatever was reached.
    fn disqualify(&mut self, e: &Evidence<'a>) -> Fate {
        self.disqualified += 1;
        let Some(cycle) = self.lead else {
            return Fate::Disqualified;
        };
        if self.cycles[cycle].opportunity.is_some() {
            return Fate::IgnoredOpenOpportunity;
        }
        let to = e.order.min(self.cycles[cycle].highest);
        let end = end(e.turn, Outcome::Disqualified, e);
        self.end(cycle, end, Next::Carried { to });
        Fate::Disqualified
    }

    fn reinstate(&mut self, e: &Evidence<'a>) -> Fate {
        if self.disqualified == 0 {
            return Fate::IgnoredReinstate;
        }
        self.disqualified -= 1;
        if let (0, None, Next::Carried { to }) = (self.disqualified, self.lead, self.next) {
            self.begin_lead(e, e.turn, to);
        }
        Fate::Reinstated
    }

    /// Deletion of an opportunity ends the cycle that holds it; deletion of the person ends all.
    fn delete(&mut self, e: &Evidence<'a>) -> Fate {
        let end = end(e.turn, Outcome::Deleted, e);
        let Some(opportunity) = e.opportunity else {
            self.next = Next::Deleted;
            self.disqualified = 0;
            return if self.end_all(end) {
                Fate::Deleted
            } else {
                Fate::IgnoredDeleted
            };
        };
        match self.held.get(opportunity) {
            Some(&cycle) if self.is_open(cycle) => {
                let to = self.rules.after_close_to;
                self.end(cycle, end, Next::Carried { to });
                Fate::Deleted
            }
            _ => Fate::IgnoredDeleted,
        }
    }
}

fn end(at: i64, outcome: Outcome, e: &Evidence<'_>) -> End {
    End {
        at,
        outcome,
        row: e.row,
    }
}
