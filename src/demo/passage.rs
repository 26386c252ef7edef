//! The truth about one person's way through the funnel: the stage entries that follow from what
//! happened, by the rules of the walk. It is fed by the simulation, never by an export.

use super::calendar::{At, Calendar, DAY, Day, Zone};
use super::sign::{Sign, Stage, What};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Open,
    Progressed,
    Recycled,
    Disqualified,
    Won,
    Lost,
    Deleted,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Progressed => "progressed",
            Self::Recycled => "recycled",
            Self::Disqualified => "disqualified",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Deleted => "deleted",
        }
    }
}

/// A true stage entry. Carried stages are none.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) opportunity: String,
    pub(super) cycle: i64,
    pub(super) stage: Stage,
    pub(super) at: At,
    pub(super) on: Day,
    pub(super) implied: bool,
    pub(super) confirmed_at: Option<At>,
    pub(super) net_new: bool,
    pub(super) customer: bool,
    pub(super) outcome: Outcome,
    pub(super) exited_at: Option<At>,
}

#[derive(Debug)]
pub(super) struct Passage {
    pub(super) entries: Vec<Entry>,
    /// The stage that the person stands in at the end, if any.
    pub(super) stock: Option<Stage>,
}

/// What a stage of the current cycle is to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Unreached,
    Carried,
    /// The place of its entry.
    Entered(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cycle {
    Open,
    /// Ended by a close; answers are heard again from this instant on.
    Closed {
        quiet_until: At,
    },
    Gone,
}

/// How long nobody listens after a close.
const QUIET: i64 = 30 * DAY;

struct Walker<'a> {
    calendar: &'a Calendar,
    /// The entries of an opportunity that names nobody imply nothing.
    direct: bool,
    entries: Vec<Entry>,
    cycle: i64,
    state: Cycle,
    held: bool,
    customer: bool,
    opportunity: String,
    slots: [Slot; 8],
}

/// The stage entries that follow from what happened.
pub(super) fn passage(calendar: &Calendar, mut signs: Vec<Sign>, direct: bool) -> Passage {
    signs.sort_by_key(|sign| sign.turn(calendar));
    let mut walker = Walker {
        calendar,
        direct,
        entries: Vec::new(),
        cycle: 1,
        state: Cycle::Open,
        held: false,
        customer: false,
        opportunity: String::new(),
        slots: [Slot::Unreached; 8],
    };
    for sign in &signs {
        walker.take(sign);
    }
    let stands = walker.state == Cycle::Open && !walker.held;
    Passage {
        stock: if stands { walker.highest() } else { None },
        entries: walker.entries,
    }
}

impl Walker<'_> {
    fn take(&mut self, sign: &Sign) {
        match &sign.what {
            What::Enter(stage) => self.answer(sign.at, *stage),
            What::Worked {
                opportunity,
                new_business,
            } => {
                self.turn_to(opportunity);
                self.enter(sign.at, Stage::Opportunity, *new_business);
            }
            What::Closed {
                opportunity,
                new_business,
                on,
                won,
            } => {
                self.turn_to(opportunity);
                self.close(*on, *won, *new_business);
            }
            What::Recycle => self.recycle(sign.at),
            What::Disqualify => {
                if self.state == Cycle::Open {
                    self.end(sign.at, Outcome::Disqualified);
                    self.next(Stage::Known);
                }
                self.held = true;
            }
            What::Reinstate => self.held = false,
            What::Deleted => {
                self.end(sign.at, Outcome::Deleted);
                self.state = Cycle::Gone;
            }
        }
    }

    /// Something that names no opportunity.
    fn answer(&mut self, at: At, stage: Stage) {
        if self.held {
            return;
        }
        match self.state {
            Cycle::Gone => return,
            Cycle::Closed { quiet_until } if at < quiet_until || self.customer => return,
            Cycle::Closed { .. } => self.next(Stage::Known),
            Cycle::Open => {}
        }
        self.enter(at, stage, true);
    }

    /// A further opportunity after a close has a cycle of its own.
    fn turn_to(&mut self, opportunity: &str) {
        if opportunity == self.opportunity {
            return;
        }
        if let Cycle::Closed { .. } = self.state {
            self.next(Stage::Sql);
        }
        opportunity.clone_into(&mut self.opportunity);
    }

    fn enter(&mut self, at: At, stage: Stage, new_business: bool) {
        match self.slots[stage as usize] {
            Slot::Carried => return,
            Slot::Entered(place) => {
                let entry = &mut self.entries[place];
                if entry.implied {
                    entry.implied = false;
                    entry.confirmed_at = Some(at);
                }
                return;
            }
            Slot::Unreached => {}
        }
        let highest = self.highest();
        for lower in Stage::ALL {
            if lower < stage && highest.is_none_or(|highest| lower > highest) && !self.direct {
                self.push(at, lower, true, new_business);
            }
        }
        self.push(at, stage, false, new_business);
    }

    fn push(&mut self, at: At, stage: Stage, implied: bool, new_business: bool) {
        for entry in &mut self.entries {
            if entry.cycle == self.cycle && entry.outcome == Outcome::Open {
                entry.outcome = Outcome::Progressed;
                entry.exited_at = Some(at);
            }
        }
        let first = self.entries.iter().all(|entry| entry.stage != stage);
        let counts = stage < Stage::Opportunity || new_business;
        self.slots[stage as usize] = Slot::Entered(self.entries.len());
        self.entries.push(Entry {
            opportunity: self.opportunity.clone(),
            cycle: self.cycle,
            stage,
            at,
            on: self.calendar.company_day(at),
            implied,
            confirmed_at: None,
            net_new: first && !self.customer && counts,
            customer: self.customer,
            outcome: Outcome::Open,
            exited_at: None,
        });
    }

    /// A close counts from the start of its day, but never from before what it follows.
    fn close(&mut self, on: Day, won: bool, new_business: bool) {
        let start = self.calendar.start(Zone::NewYork, on);
        let lower = self
            .entries
            .iter()
            .filter(|entry| entry.cycle == self.cycle);
        let at = lower.map(|entry| entry.at).fold(start, At::max);
        self.enter(at, Stage::Closed, new_business);
        let outcome = if won { Outcome::Won } else { Outcome::Lost };
        self.end(at, outcome);
        self.customer |= won;
        self.state = Cycle::Closed {
            quiet_until: at + QUIET,
        };
    }

    /// Means nothing while the person is no further than known, nor after a close.
    fn recycle(&mut self, at: At) {
        let further = self.highest().is_some_and(|highest| highest > Stage::Known);
        if self.state == Cycle::Open && further {
            self.end(at, Outcome::Recycled);
            self.next(Stage::Known);
        }
    }

    fn end(&mut self, at: At, outcome: Outcome) {
        for entry in &mut self.entries {
            if entry.outcome == Outcome::Open {
                entry.outcome = outcome;
                entry.exited_at = Some(at);
            }
        }
    }

    /// Begins the next cycle with the stages up to `to` carried.
    fn next(&mut self, to: Stage) {
        self.cycle += 1;
        self.state = Cycle::Open;
        self.opportunity.clear();
        for (stage, slot) in Stage::ALL.into_iter().zip(&mut self.slots) {
            *slot = if stage <= to {
                Slot::Carried
            } else {
                Slot::Unreached
            };
        }
    }

    fn highest(&self) -> Option<Stage> {
        let reached = Stage::ALL.into_iter().zip(self.slots);
        let reached = reached.filter(|(_, slot)| *slot != Slot::Unreached);
        reached.map(|(stage, _)| stage).next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Plan;

    fn entered(signs: &[(At, What)], direct: bool) -> (Vec<String>, Option<Stage>) {
        let calendar = Calendar::new(&Plan::default()).unwrap();
        let start = calendar.start(Zone::NewYork, calendar.first);
        let signs = signs.iter().cloned().map(|(day, what)| Sign {
            at: start + day * DAY,
            what,
        });
        let passage = passage(&calendar, signs.collect(), direct);
        let told = passage.entries.iter().map(|entry| {
            let (cycle, id, outcome) = (entry.cycle, entry.stage.id(), entry.outcome.name());
            let day = (entry.at - start) / DAY;
            let implied = if entry.implied { " implied" } else { "" };
            let new = if entry.net_new { " new" } else { "" };
            format!("{cycle} {id} {day} {outcome}{implied}{new}")
        });
        (told.collect(), passage.stock)
    }

    fn closed(calendar_day: i64, won: bool, opportunity: &str) -> What {
        let calendar = Calendar::new(&Plan::default()).unwrap();
        What::Closed {
            opportunity: opportunity.into(),
            new_business: true,
            on: calendar.first + calendar_day,
            won,
        }
    }

    // A skipped stage is implied, its own later sign confirms it, and recycling begins a cycle.
    #[test]
    fn recycling_begins_the_next_cycle() {
        let (told, stock) = entered(
            &[
                (1, What::Enter(Stage::Known)),
                (2, What::Enter(Stage::Sal)),
                (3, What::Enter(Stage::Mql)),
                (4, What::Recycle),
                (5, What::Recycle),
                (6, What::Enter(Stage::Mql)),
            ],
            false,
        );
        assert_eq!(
            told,
            [
                "1 anonymous 1 progressed implied new",
                "1 known 1 progressed new",
                "1 responded 2 progressed implied new",
                "1 mql 2 progressed new",
                "1 sal 2 recycled new",
                "2 responded 6 progressed implied",
                "2 mql 6 open",
            ]
        );
        assert_eq!(stock, Some(Stage::Mql));
    }

    // While a disqualification holds nothing counts and the person is in no stock.
    #[test]
    fn the_disqualified_are_nowhere() {
        let mut signs = vec![
            (1, What::Enter(Stage::Responded)),
            (2, What::Disqualify),
            (3, What::Enter(Stage::Responded)),
        ];
        let (told, stock) = entered(&signs, false);
        assert_eq!(told[2], "1 responded 1 disqualified new");
        assert_eq!((told.len(), stock), (3, None));
        signs.extend([(4, What::Reinstate), (5, What::Enter(Stage::Responded))]);
        let (told, stock) = entered(&signs, false);
        assert_eq!(told[3], "2 responded 5 open");
        assert_eq!(stock, Some(Stage::Responded));
    }

    // Answers within the quiet after a loss are ignored; a customer's are for good.
    #[test]
    fn a_close_brings_quiet() {
        for (won, cycles) in [(false, 2), (true, 1)] {
            let (told, _) = entered(
                &[
                    (1, What::Enter(Stage::Sql)),
                    (20, closed(20, won, "o1")),
                    (30, What::Enter(Stage::Responded)),
                    (60, What::Enter(Stage::Responded)),
                ],
                false,
            );
            let last = told.last().unwrap();
            assert!(last.starts_with(&cycles.to_string()), "{last}");
        }
    }

    // After a close there is no cycle to end: a customer who is recycled, or disqualified and
    // reinstated, stays one whose answers are not heard.
    #[test]
    fn leaving_after_a_close_begins_nothing() {
        let (told, stock) = entered(
            &[
                (1, What::Enter(Stage::Sql)),
                (20, closed(20, true, "o1")),
                (60, What::Recycle),
                (61, What::Disqualify),
                (62, What::Reinstate),
                (63, What::Enter(Stage::Mql)),
            ],
            false,
        );
        assert_eq!(told.last().unwrap(), "1 closed 20 won new");
        assert_eq!(stock, None);
    }

    // A further opportunity carries the stages below it; one that names nobody implies none.
    #[test]
    fn further_and_direct_opportunities() {
        let worked = What::Worked {
            opportunity: "o2".into(),
            new_business: false,
        };
        let (told, _) = entered(
            &[
                (1, What::Enter(Stage::Sql)),
                (20, closed(20, true, "o1")),
                (90, worked.clone()),
            ],
            false,
        );
        assert_eq!(told.last().unwrap(), "2 opportunity 90 open");
        assert_eq!(told[7], "1 closed 20 won new");
        let (told, _) = entered(&[(3, worked)], true);
        assert_eq!(told, ["1 opportunity 3 open"]);
    }
}
