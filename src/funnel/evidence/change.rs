//! Signs that a definition gives as it takes effect: conditions that were met before, but not by the
//! definition before it.
//!
//! A stage whose condition (`when`, or that of an opportunity) is true already, and was not true under
//! the former definition, is carried, or entered with `on_change: enter`. What was true under both goes
//! on: a condition that holds is no new evidence until it has been false in between. A stamp and an
//! activity are no conditions: what is dated before the change is for the former definition alone.
//!
//! To be disqualified is a condition too. To be recycled is none: a person is recycled when the rule
//! turns true, and a rule that was true before sends nobody back.

use std::ops::Range;

use super::definition::{Definition, Leaving, OnOpportunity};
use super::opportunity::Judged;
use super::version::{Held, held, known_with};
use super::{Facts, Kind, Origin, Scored, Sign, Signs, Who};
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{History, filled, holds, truths};
use crate::funnel::score::Steps;

/// A definition and the one before it.
pub(super) struct Change<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) former: &'a Definition<'a>,
    /// The scores of the former.
    pub(super) before: Scored<'a>,
    pub(super) now: &'a Definition<'a>,
    /// The scores of today's.
    pub(super) after: Scored<'a>,
}

impl Change<'_> {
    pub(super) fn signs(&self, signs: &mut Signs) -> Result<(), FunnelError> {
        for (stage, when) in &self.now.whens {
            self.persons(*stage, when, signs)?;
        }
        for on in &self.now.opportunities {
            self.opportunities(on, signs)?;
        }
        self.disqualified(signs)
    }

    fn persons(&self, stage: usize, when: &Formula, signs: &mut Signs) -> Result<(), FunnelError> {
        let rows = &self.facts.versions.history.rows;
        let met = self.after.scores.steps(when)?;
        let former = self.former_stage(stage);
        let mut former = self
            .former
            .whens
            .iter()
            .filter(|(of, _)| Some(*of) == former);
        let before = former.next().map(|(_, it)| self.before.scores.steps(it));
        let before = before.transpose()?;
        let deleted = truths(rows, "deleted");
        for person in 0..self.facts.versions.history.spans.len() {
            let holds = |steps: &Steps<'_>, at| {
                let step = steps.as_of(person, at)?;
                let version = steps.version(step);
                (steps.met.value(step) && !holds(deleted, version)).then_some(version)
            };
            let (last, first) = (self.now.from - 1, self.now.from);
            let held = before.as_ref().and_then(|before| holds(before, last));
            if held.is_some() || holds(&met, last).is_none() {
                continue;
            }
            let Some(mut sign) = holds(&met, first).and_then(|it| self.of_person(person, it))
            else {
                continue;
            };
            if met.are_scored() {
                known_with(&self.after.scores.moved(person, first), &mut sign);
            }
            let (order, kind) = (stage + 1, self.kind(stage));
            signs.push(Sign {
                order,
                kind,
                ..sign
            });
        }
        Ok(())
    }

    fn opportunities(&self, on: &OnOpportunity, signs: &mut Signs) -> Result<(), FunnelError> {
        let facts = self.facts;
        let history = &facts.opportunities.history;
        let now = Judged::new(facts, self.now, on)?;
        let former = self.former_stage(on.stage);
        let mut former = self
            .former
            .opportunities
            .iter()
            .filter(|on| Some(on.stage) == former);
        let before = former
            .next()
            .map(|on| Judged::new(facts, self.former, on))
            .transpose()?;
        for (opportunity, span) in history.spans.iter().enumerate() {
            let Some((last, first)) = self.around(history, opportunity) else {
                continue;
            };
            if before.as_ref().is_some_and(|before| before.meets(last)) {
                continue;
            }
            let goes_on = |run: &Range<usize>| run.contains(&last) && run.contains(&first);
            let Some(run) = now.runs(span.clone()).into_iter().find(goes_on) else {
                continue;
            };
            let sign = now.sign(opportunity, run);
            // What is dated after the change is evidence of its own.
            if sign.at < self.now.from {
                let kind = self.kind(on.stage);
                signs.push(self.at_change(Sign { kind, ..sign }));
            }
        }
        Ok(())
    }

    /// Whoever a rule disqualifies that did not before, and whoever no rule disqualifies any more. Rules
    /// are not told apart: who was disqualified by one of them and now is by another, stays so.
    fn disqualified(&self, signs: &mut Signs) -> Result<(), FunnelError> {
        let at = self.now.from;
        let mut before = vec![0_usize; self.facts.versions.history.spans.len()];
        for leaving in &self.former.disqualify {
            let holding = held(self.before, &leaving.when)?;
            for held in holding.iter().filter(|held| held.holds_until(at)) {
                before[held.person()] += 1;
            }
        }
        for leaving in &self.now.disqualify {
            for held in held(self.after, &leaving.when)? {
                if !held.holds_until(at) {
                    continue;
                }
                // One that ends at this very instant has a reinstatement of its own.
                let ends = held.ends_at(at);
                let left = &mut before[held.person()];
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None if ends => {}
                    None => signs.extend(self.disqualification(leaving, &held)?),
                }
            }
        }
        for (person, count) in before.into_iter().enumerate() {
            let sign = self.reinstatement(person);
            signs.extend(sign.into_iter().flat_map(|sign| vec![sign; count]));
        }
        Ok(())
    }

    fn disqualification(
        &self,
        leaving: &Leaving,
        held: &Held,
    ) -> Result<Option<Sign>, FunnelError> {
        let history = &self.facts.versions.history;
        let Some((_, version)) = self.around(history, held.person()) else {
            return Ok(None);
        };
        let rows = history.rows.slice(version, 1);
        let reason = leaving.reason.as_ref().map(|reason| reason.texts(&rows));
        let reason = reason.transpose()?;
        Ok(self.of_person(held.person(), version).map(|sign| Sign {
            order: leaving.to + 1,
            kind: Kind::Disqualify,
            reason: reason.and_then(|texts| filled(&texts, 0).map(str::to_owned)),
            ..sign
        }))
    }

    fn reinstatement(&self, person: usize) -> Option<Sign> {
        let (_, version) = self.around(&self.facts.versions.history, person)?;
        Some(Sign {
            order: 1,
            kind: Kind::Reinstate,
            ..self.of_person(person, version)?
        })
    }

    /// The rows of a thing in force right before the change and right after it, if it was there before.
    fn around(&self, history: &History, thing: usize) -> Option<(usize, usize)> {
        let last = history.as_of(thing, self.now.from - 1)?;
        Some((last, history.as_of(thing, self.now.from)?))
    }

    /// The stage of the former definition with the id of one of today's.
    fn former_stage(&self, stage: usize) -> Option<usize> {
        let id = &self.now.funnel.stages[stage].id;
        let mut stages = self.former.funnel.stages.iter();
        stages.position(|former| former.id == *id)
    }

    fn kind(&self, stage: usize) -> Kind {
        if self.now.funnel.stages[stage].enters_on_change {
            Kind::Enter
        } else {
            Kind::Carry
        }
    }

    /// What every sign of a person's version has in common here.
    fn of_person(&self, person: usize, version: usize) -> Option<Sign> {
        let row = self.facts.versions.first_record(version)?;
        let (who, origin) = (Who::Person(person), Origin::Record(row));
        let sign = Sign::of_version(&self.facts.marks, row, who, self.now.from, origin);
        Some(self.at_change(sign))
    }

    /// The sign as one of the change, which is known when its day has ended.
    fn at_change(&self, sign: Sign) -> Sign {
        let at = self.now.from;
        Sign {
            at,
            seen_after: None,
            known_at: sign.known_at.max(self.facts.day_end(at)),
            censored: false,
            date_only: false,
            ..sign
        }
    }
}
