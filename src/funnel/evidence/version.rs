//! Signs that a person's versions give: a predicate that turns true, or false, and deletion.

use arrow::array::BooleanArray;

use super::definition::Leaving;
use super::{Facts, Kind, Origin, Sign, Signs, Who};
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{filled, holds, truths};

/// A version at which a predicate turns.
struct Turn {
    version: usize,
    person: usize,
    on: bool,
}

/// A time in which a predicate holds, begun by a record's own change.
pub(super) struct Held {
    on: Turn,
    /// The record whose change begins it.
    row: usize,
    /// Where it ends, if it does.
    off: Option<Turn>,
    /// The record that tells the end.
    off_row: Option<usize>,
    at: i64,
    until: Option<i64>,
}

impl Held {
    pub(super) fn person(&self) -> usize {
        self.on.person
    }

    /// Whether it holds right before an instant.
    pub(super) fn holds_until(&self, instant: i64) -> bool {
        self.at < instant && self.until.is_none_or(|until| until >= instant)
    }

    pub(super) fn ends_at(&self, instant: i64) -> bool {
        self.until == Some(instant)
    }
}

/// A stage is entered when its predicate turns true by a record's own change.
pub(super) fn entries(
    facts: &Facts<'_>,
    stage: usize,
    when: &Formula,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    let columns = when.columns();
    for turn in turns(facts, when)?.into_iter().filter(|turn| turn.on) {
        if let Some(row) = facts.versions.cause(turn.version, &columns, facts.records) {
            signs.push(sign(facts, &turn, stage + 1, Kind::Enter, row));
        }
    }
    Ok(())
}

pub(super) fn recycling(
    facts: &Facts<'_>,
    leaving: &Leaving,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    for sign in leavings(facts, leaving, Kind::Recycle)? {
        signs.push(sign);
    }
    Ok(())
}

pub(super) fn disqualification(
    facts: &Facts<'_>,
    leaving: &Leaving,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    for sign in leavings(facts, leaving, Kind::Disqualify)? {
        signs.push(sign);
    }
    Ok(())
}

/// The signs of one rule; each disqualification is followed by its reinstatement, if any.
fn leavings(facts: &Facts<'_>, leaving: &Leaving, kind: Kind) -> Result<Vec<Sign>, FunnelError> {
    let rows = &facts.versions.history.rows;
    let reasons = leaving.reason.as_ref().map(|reason| reason.texts(rows));
    let reasons = reasons.transpose()?;
    let order = leaving.to + 1;
    let mut signs = Vec::new();
    for held in held(facts, &leaving.when)? {
        let mut begins = sign(facts, &held.on, order, kind, held.row);
        let reason = reasons
            .as_ref()
            .and_then(|texts| filled(texts, held.on.version));
        begins.reason = reason.map(str::to_owned);
        signs.push(begins);
        if let (Kind::Disqualify, Some(off), Some(row)) = (kind, &held.off, held.off_row) {
            signs.push(sign(facts, off, order, Kind::Reinstate, row));
        }
    }
    Ok(signs)
}

/// The times in which a predicate holds, by person and time.
pub(super) fn held(facts: &Facts<'_>, when: &Formula) -> Result<Vec<Held>, FunnelError> {
    let from = &facts.versions.history.from;
    let deleted = truths(&facts.versions.history.rows, "deleted");
    let columns = when.columns();
    let mut all: Vec<Held> = Vec::new();
    for turn in turns(facts, when)? {
        let cause = facts.versions.cause(turn.version, &columns, facts.records);
        let at = from[turn.version];
        if turn.on {
            all.extend(cause.map(|row| Held {
                on: turn,
                row,
                off: None,
                off_row: None,
                at,
                until: None,
            }));
        } else if let Some(held) = all.last_mut()
            && held.on.person == turn.person
            && held.off.is_none()
        {
            // The state is over whatever ended it, so any record may tell; but nobody is reinstated by
            // being deleted.
            let row = cause.or_else(|| facts.versions.first_record(turn.version));
            held.off_row = row.filter(|_| !holds(deleted, turn.version));
            held.until = Some(at);
            held.off = Some(turn);
        }
    }
    Ok(all)
}

/// A person is deleted at the version that says so.
pub(super) fn deletions(facts: &Facts<'_>, signs: &mut Signs) {
    let history = &facts.versions.history;
    let deleted = truths(&history.rows, "deleted");
    for (person, span) in history.spans.iter().enumerate() {
        let mut before = false;
        for version in span.clone() {
            let now = holds(deleted, version);
            let turn = Turn {
                version,
                person,
                on: now,
            };
            if now
                && !before
                && let Some(row) = facts.versions.cause(version, &[], facts.records)
            {
                signs.push(sign(facts, &turn, 0, Kind::Deleted, row));
            }
            before = now;
        }
    }
}

/// Where a predicate turns, by person and time. A deleted version is false.
fn turns(facts: &Facts<'_>, when: &Formula) -> Result<Vec<Turn>, FunnelError> {
    let history = &facts.versions.history;
    let met: BooleanArray = when.truths(&history.rows, None)?;
    let deleted = truths(&history.rows, "deleted");
    let mut turns = Vec::new();
    for (person, span) in history.spans.iter().enumerate() {
        let mut before = false;
        for version in span.clone() {
            let on = met.value(version) && !holds(deleted, version);
            if on != before {
                turns.push(Turn {
                    version,
                    person,
                    on,
                });
            }
            before = on;
        }
    }
    Ok(turns)
}

fn sign(facts: &Facts<'_>, turn: &Turn, order: usize, kind: Kind, row: usize) -> Sign {
    let at = facts.versions.history.from[turn.version];
    let (who, origin) = (Who::Person(turn.person), Origin::Record(row));
    Sign {
        order,
        kind,
        ..Sign::of_version(&facts.marks, row, who, at, origin)
    }
}
