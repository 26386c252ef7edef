//! Signs that opportunities give: the version at which a predicate turns true, and deletion.
//!
//! The last stage follows the opportunity's latest version: a close that was taken back, or followed
//! by a reopening, is no sign any more.

use std::ops::Range;

use arrow::array::{Array, BooleanArray, TimestampMicrosecondArray};
use arrow::datatypes::Decimal128Type;

use super::definition::{Definition, OnOpportunity};
use super::{Facts, Kind, Origin, Sign, Signs, Who};
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{filled, holds, instant, primitive, text};

/// What a trigger says of each version of every opportunity.
pub(super) struct Judged<'a> {
    facts: &'a Facts<'a>,
    definition: &'a Definition<'a>,
    on: &'a OnOpportunity,
    met: Option<BooleanArray>,
    at: Option<TimestampMicrosecondArray>,
    won: Option<BooleanArray>,
    last_stage: bool,
}

pub(super) fn signs(
    facts: &Facts<'_>,
    definition: &Definition<'_>,
    on: &OnOpportunity,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    let judged = Judged::new(facts, definition, on)?;
    for (opportunity, span) in facts.opportunities.history.spans.iter().enumerate() {
        for run in judged.runs(span.clone()) {
            signs.push(judged.sign(opportunity, run));
        }
    }
    Ok(())
}

impl<'a> Judged<'a> {
    pub(super) fn new(
        facts: &'a Facts<'a>,
        definition: &'a Definition<'a>,
        on: &'a OnOpportunity,
    ) -> Result<Self, FunnelError> {
        let rows = facts.opportunity_versions;
        let truths_of = |formula: &Formula| formula.truths(rows, None);
        Ok(Self {
            facts,
            definition,
            on,
            met: on.predicate.as_ref().map(truths_of).transpose()?,
            won: on.won.as_ref().map(truths_of).transpose()?,
            at: on
                .at
                .as_ref()
                .map(|at| at.instants(rows, |day| facts.day_start(day)))
                .transpose()?,
            last_stage: on.stage + 1 == definition.funnel.stages.len(),
        })
    }

    /// Whether a version that is not deleted meets the predicate.
    pub(super) fn meets(&self, row: usize) -> bool {
        !holds(self.facts.opportunity_marks.deleted, row)
            && self.met.as_ref().is_none_or(|met| met.value(row))
    }

    /// The runs of versions for which the predicate is true, without the deleted ones; for the last
    /// stage only the run that the latest version ends.
    pub(super) fn runs(&self, span: Range<usize>) -> Vec<Range<usize>> {
        let deleted = self.facts.opportunity_marks.deleted;
        let mut runs: Vec<Range<usize>> = Vec::new();
        for row in span.clone().filter(|row| self.meets(*row)) {
            match runs.last_mut() {
                Some(run) if run.end == row => run.end = row + 1,
                _ => runs.push(row..row + 1),
            }
        }
        if self.last_stage {
            let latest = span.rev().find(|row| !holds(deleted, *row));
            runs.retain(|run| latest.is_some_and(|latest| run.contains(&latest)));
        }
        runs
    }

    pub(super) fn sign(&self, opportunity: usize, run: Range<usize>) -> Sign {
        let facts = self.facts;
        let history = &facts.opportunities.history;
        let last = run.end - 1;
        let told = self.told(run.clone());
        let (row, at) = told.unwrap_or((run.start, history.from[run.start]));
        // The outcome and the amount of a close follow the latest version.
        let state = if self.last_stage { last } else { run.start };
        Sign {
            at,
            order: self.on.stage + 1,
            kind: Kind::Enter,
            censored: told.is_none() && holds(facts.opportunity_marks.censored, row),
            date_only: told.is_some() && self.on.at.as_ref().is_some_and(Formula::gives_dates),
            won: self
                .won
                .as_ref()
                .map(|won| won.value(last))
                .filter(|_| self.last_stage),
            new_business: is_new_business(facts, self.definition, state),
            amount: amount(facts, state),
            ..bare(facts, self.definition, opportunity, row)
        }
    }

    /// The instant in the column that `at` names, as the run's latest version has it, and the version
    /// that first showed it.
    fn told(&self, run: Range<usize>) -> Option<(usize, i64)> {
        let at = self.at.as_ref()?;
        let latest = run.clone().rev().find_map(|row| instant(at, row))?;
        let first = run.clone().find(|row| instant(at, *row) == Some(latest));
        Some((first.unwrap_or(run.start), latest))
    }
}

/// An opportunity is deleted at the version that says so.
pub(super) fn deletions(facts: &Facts<'_>, definition: &Definition<'_>, signs: &mut Signs) {
    let history = &facts.opportunities.history;
    let deleted = facts.opportunity_marks.deleted;
    for (opportunity, span) in history.spans.iter().enumerate() {
        for row in span.clone() {
            let before = row > span.start && holds(deleted, row - 1);
            if holds(deleted, row) && !before {
                signs.push(bare(facts, definition, opportunity, row));
            }
        }
    }
}

/// What every sign of an opportunity's version has in common; as it stands, its deletion.
fn bare(facts: &Facts<'_>, definition: &Definition<'_>, opportunity: usize, row: usize) -> Sign {
    let person = facts.opportunities.credited(opportunity);
    let who = person.map_or(Who::Opportunity(opportunity), Who::Person);
    let at = facts.opportunities.history.from[row];
    Sign {
        opportunity: Some(opportunity),
        new_business: is_new_business(facts, definition, row),
        amount: amount(facts, row),
        ..Sign::of_version(
            &facts.opportunity_marks,
            row,
            who,
            at,
            Origin::Opportunity(row),
        )
    }
}

fn is_new_business(facts: &Facts<'_>, definition: &Definition<'_>, row: usize) -> bool {
    let types = &definition.funnel.new_business_types;
    let kind = filled(text(&facts.opportunities.history.rows, "type"), row);
    types.is_empty() || kind.is_some_and(|kind| types.iter().any(|new| new == kind))
}

fn amount(facts: &Facts<'_>, row: usize) -> Option<i128> {
    let amounts = primitive::<Decimal128Type>(&facts.opportunities.history.rows, "amount");
    amounts.is_valid(row).then(|| amounts.value(row))
}
