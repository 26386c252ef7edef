//! Signs that a person's versions give: a predicate that turns true, or false, and deletion.

use super::definition::Leaving;
use super::{Facts, Kind, Origin, Scored, Sign, Signs, Via, Who};
use crate::config::Event;
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{filled, holds, truths};
use crate::funnel::score::Moved;

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

/// A time in which a predicate holds, begun by a record's own change or by behaviour.
pub(super) struct Held {
    on: Turn,
    cause: Cause,
    /// Where it ends, if it does, and what ends it.
    off: Option<(Turn, Option<Cause>)>,
}

impl Held {
    pub(super) fn person(&self) -> usize {
        self.on.person
    }

    /// Whether it holds right before an instant.
    pub(super) fn holds_until(&self, instant: i64) -> bool {
        self.on.at < instant && self.until().is_none_or(|until| until >= instant)
    }

    pub(super) fn ends_at(&self, instant: i64) -> bool {
        self.until() == Some(instant)
    }

    fn until(&self) -> Option<i64> {
        self.off.as_ref().map(|(off, _)| off.at)
    }
}

/// What makes a predicate turn.
#[derive(Clone, Copy)]
enum Cause {
    /// The row of a record that changed.
    Record(usize),
    /// Behaviour that changed a score; the row of a record stands for it where no event does.
    Behaviour(usize),
}

/// A stage is entered when its predicate turns true by a record's own change, or by behaviour.
pub(super) fn entries(
    scored: Scored<'_>,
    stage: usize,
    when: &Formula,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    let columns = scored.scores.behind(&when.columns());
    for turn in turns(scored, when)?.into_iter().filter(|turn| turn.on) {
        if let Some(cause) = cause(scored.facts, &turn, &columns) {
            signs.push(sign(scored, &turn, stage + 1, Kind::Enter, cause));
        }
    }
    Ok(())
}

pub(super) fn recycling(
    scored: Scored<'_>,
    leaving: &Leaving,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    for sign in leavings(scored, leaving, Kind::Recycle)? {
        signs.push(sign);
    }
    Ok(())
}

pub(super) fn disqualification(
    scored: Scored<'_>,
    leaving: &Leaving,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    for sign in leavings(scored, leaving, Kind::Disqualify)? {
        signs.push(sign);
    }
    Ok(())
}

/// The signs of one rule; each disqualification is followed by its reinstatement, if any.
fn leavings(scored: Scored<'_>, leaving: &Leaving, kind: Kind) -> Result<Vec<Sign>, FunnelError> {
    let rows = &scored.facts.versions.history.rows;
    let reasons = leaving.reason.as_ref().map(|reason| reason.texts(rows));
    let reasons = reasons.transpose()?;
    let order = leaving.to + 1;
    let mut signs = Vec::new();
    for held in held(scored, &leaving.when)? {
        let mut begins = sign(scored, &held.on, order, kind, held.cause);
        let reason = reasons
            .as_ref()
            .and_then(|texts| filled(texts, held.on.version));
        begins.reason = reason.map(str::to_owned);
        signs.push(begins);
        if let (Kind::Disqualify, Some((off, Some(cause)))) = (kind, &held.off) {
            signs.push(sign(scored, off, order, Kind::Reinstate, *cause));
        }
    }
    Ok(signs)
}

/// The times in which a predicate holds, by person and time.
pub(super) fn held(scored: Scored<'_>, when: &Formula) -> Result<Vec<Held>, FunnelError> {
    let facts = scored.facts;
    let deleted = truths(&facts.versions.history.rows, "deleted");
    let columns = scored.scores.behind(&when.columns());
    let mut all: Vec<Held> = Vec::new();
    for turn in turns(scored, when)? {
        let cause = cause(facts, &turn, &columns);
        if turn.on {
            all.extend(cause.map(|cause| Held {
                on: turn,
                cause,
                off: None,
            }));
        } else if let Some(held) = all.last_mut()
            && held.on.person == turn.person
            && held.off.is_none()
        {
            // The state is over whatever ended it, so any record may tell; but nobody is reinstated by
            // being deleted.
            let any = || facts.versions.first_record(turn.version).map(Cause::Record);
            let cause = cause.or_else(any);
            let cause = cause.filter(|_| !holds(deleted, turn.version));
            held.off = Some((turn, cause));
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
            if now
                && !before
                && let Some(row) = facts.versions.cause(version, &[], facts.records)
            {
                let (who, origin) = (Who::Person(person), Origin::Record(row));
                let at = history.from[version];
                signs.push(Sign::of_version(&facts.marks, row, who, at, origin));
            }
            before = now;
        }
    }
}

/// Where a predicate turns, by person and time. A deleted version is false.
fn turns(scored: Scored<'_>, when: &Formula) -> Result<Vec<Turn>, FunnelError> {
    let steps = scored.scores.steps(when)?;
    let deleted = truths(&scored.facts.versions.history.rows, "deleted");
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

fn sign(scored: Scored<'_>, turn: &Turn, order: usize, kind: Kind, cause: Cause) -> Sign {
    let (Cause::Record(row) | Cause::Behaviour(row)) = cause;
    let (who, origin) = (Who::Person(turn.person), Origin::Record(row));
    let mut sign = Sign {
        order,
        kind,
        ..Sign::of_version(&scored.facts.marks, row, who, turn.at, origin)
    };
    if turn.scored {
        by_score(scored, turn, cause, &mut sign);
    }
    sign
}

/// A score is known when all that it counts is. What time alone changes is known when the day ends.
fn by_score(scored: Scored<'_>, turn: &Turn, cause: Cause, sign: &mut Sign) {
    let moved = scored.scores.moved(turn.person, turn.at);
    if matches!(cause, Cause::Behaviour(_)) {
        sign.via = Via::Event;
        (sign.seen_after, sign.censored, sign.imported) = (None, false, false);
        sign.known_at = turn.at;
        match moved.event {
            Some((Event::Activity, row)) => sign.origin = Origin::Activity(row),
            Some((_, row)) => sign.origin = Origin::Response(row),
            None => {
                sign.via = Via::Score;
                sign.known_at = scored.facts.day_end(turn.at);
            }
        }
    }
    known_with(&moved, sign);
}

/// A sign is known no sooner than the events that its score counts.
pub(super) fn known_with(moved: &Moved, sign: &mut Sign) {
    if let Some((known_at, imported)) = moved.known
        && known_at >= sign.known_at
    {
        sign.imported |= imported;
        sign.known_at = known_at;
    }
}
