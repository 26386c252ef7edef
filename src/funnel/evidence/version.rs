//! Signs that a person's versions give: a predicate that turns true, or false, and deletion.

use super::definition::Leaving;
use super::{Facts, Kind, Origin, Sign, Signs, Via, Who};
use crate::config::Event;
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{filled, holds, truths};

/// Where a predicate turns.
struct Turn {
    version: usize,
    person: usize,
    at: i64,
    on: bool,
    /// Whether the predicate reads a score.
    scored: bool,
    /// Whether behaviour changed a score at this instant.
    moved: bool,
}

/// What makes a predicate turn.
enum Cause {
    /// The row of a record that changed.
    Record(usize),
    /// Behaviour that changed a score; the row of a record stands for it where no event does.
    Behaviour(usize),
}

/// A stage is entered when its predicate turns true by a record's own change, or by behaviour.
pub(super) fn entries(
    facts: &Facts<'_>,
    stage: usize,
    when: &Formula,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    let columns = facts.scores.behind(&when.columns());
    for turn in turns(facts, when)?.into_iter().filter(|turn| turn.on) {
        if let Some(cause) = cause(facts, &turn, &columns) {
            signs.push(sign(facts, &turn, stage + 1, Kind::Enter, &cause));
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
    let columns = facts.scores.behind(&leaving.when.columns());
    let mut signs = Vec::new();
    let mut holding = None;
    for turn in turns(facts, &leaving.when)? {
        let cause = cause(facts, &turn, &columns);
        if turn.on {
            let Some(cause) = cause else { continue };
            let mut sign = sign(facts, &turn, leaving.to + 1, kind, &cause);
            let reason = reasons
                .as_ref()
                .and_then(|texts| filled(texts, turn.version));
            sign.reason = reason.map(str::to_owned);
            signs.push(sign);
            holding = Some(turn.person);
        } else if kind == Kind::Disqualify && holding == Some(turn.person) {
            // The state is over whatever ended it, so any record may tell.
            let any = || facts.versions.first_record(turn.version).map(Cause::Record);
            let cause = cause.or_else(any);
            let reinstated = |cause| sign(facts, &turn, leaving.to + 1, Kind::Reinstate, &cause);
            signs.extend(cause.map(reinstated));
            holding = None;
        }
    }
    Ok(signs)
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
                at: history.from[version],
                on: now,
                scored: false,
                moved: false,
            };
            if now
                && !before
                && let Some(row) = facts.versions.cause(version, &[], facts.records)
            {
                signs.push(sign(facts, &turn, 0, Kind::Deleted, &Cause::Record(row)));
            }
            before = now;
        }
    }
}

/// Where a predicate turns, by person and time. A deleted version is false.
fn turns(facts: &Facts<'_>, when: &Formula) -> Result<Vec<Turn>, FunnelError> {
    let steps = facts.scores.steps(when)?;
    let deleted = truths(&facts.versions.history.rows, "deleted");
    let mut turns = Vec::new();
    for (person, span) in steps.spans.iter().enumerate() {
        let mut before = false;
        for step in span.clone() {
            let version = steps.version(step);
            let on = steps.met.value(step) && !holds(deleted, version);
            if on != before {
                turns.push(Turn {
                    version,
                    person,
                    at: steps.at(step),
                    on,
                    scored: steps.are_scored(),
                    moved: steps.moved(step),
                });
            }
            before = on;
        }
    }
    Ok(turns)
}

/// The record whose own change makes the predicate turn, else the behaviour that does; none if only
/// the order of the records changed. `columns` are those of the person that the predicate hangs on.
fn cause(facts: &Facts<'_>, turn: &Turn, columns: &[String]) -> Option<Cause> {
    let versions = facts.versions;
    let begins = versions.history.from[turn.version] == turn.at;
    let changed = || versions.cause(turn.version, columns, facts.records);
    if let Some(row) = begins.then(changed).flatten() {
        return Some(Cause::Record(row));
    }
    let row = versions.first_record(turn.version).filter(|_| turn.moved);
    row.map(Cause::Behaviour)
}

fn sign(facts: &Facts<'_>, turn: &Turn, order: usize, kind: Kind, cause: &Cause) -> Sign {
    let (Cause::Record(row) | Cause::Behaviour(row)) = *cause;
    let (who, origin) = (Who::Person(turn.person), Origin::Record(row));
    let mut sign = Sign {
        order,
        kind,
        ..Sign::of_version(&facts.marks, row, who, turn.at, origin)
    };
    if turn.scored {
        by_score(facts, turn, cause, &mut sign);
    }
    sign
}

/// A score is known when all that it counts is. What time alone changes is known when the day ends.
fn by_score(facts: &Facts<'_>, turn: &Turn, cause: &Cause, sign: &mut Sign) {
    let moved = facts.scores.moved(turn.person, turn.at);
    if matches!(cause, Cause::Behaviour(_)) {
        sign.via = Via::Event;
        (sign.seen_after, sign.censored, sign.imported) = (None, false, false);
        sign.known_at = turn.at;
        match moved.event {
            Some((Event::Activity, row)) => sign.origin = Origin::Activity(row),
            Some((_, row)) => sign.origin = Origin::Response(row),
            None => {
                sign.via = Via::Score;
                sign.known_at = facts.day_end(turn.at);
            }
        }
    }
    let later = moved
        .known
        .filter(|(known_at, _)| *known_at >= sign.known_at);
    if let Some((known_at, imported)) = later {
        sign.imported |= imported;
        sign.known_at = known_at;
    }
}
