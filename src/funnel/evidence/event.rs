//! Signs that events give: an activity or a response for which a predicate is true.

use arrow::array::BooleanArray;

use super::definition::OnEvent;
use super::{Facts, Kind, Origin, Sign, Signs, Via, Who};
use crate::config::Event;
use crate::funnel::FunnelError;
use crate::funnel::formula::Beside;
use crate::funnel::history::{holds, instant, instants, truths};

pub(super) fn signs(facts: &Facts<'_>, on: &OnEvent, signs: &mut Signs) -> Result<(), FunnelError> {
    let (events, origin): (_, fn(usize) -> Origin) = match on.event {
        Event::Activity => (facts.activity, Origin::Activity),
        Event::Response => (facts.response, Origin::Response),
        Event::Opportunity => return Ok(()),
    };
    let met = met(facts, on)?;
    let known_at = instants(&events.table, "known_at");
    let imported = truths(&events.table, "imported");
    for (row, person) in events.persons.iter().enumerate() {
        let (Some(person), Some(at)) = (*person, events.at(row)) else {
            continue;
        };
        if met.as_ref().is_some_and(|met| !met.value(row)) {
            continue;
        }
        signs.push(Sign {
            who: Who::Person(person),
            at,
            order: on.stage + 1,
            kind: Kind::Enter,
            via: Via::Event,
            origin: origin(row),
            opportunity: None,
            seen_after: None,
            known_at: instant(known_at, row).unwrap_or(at),
            censored: false,
            imported: holds(imported, row),
            definition: 0,
            date_only: false,
            won: None,
            reason: None,
            new_business: true,
            amount: None,
        });
    }
    Ok(())
}

/// Which events meet the predicate; none if there is no predicate.
fn met(facts: &Facts<'_>, on: &OnEvent) -> Result<Option<BooleanArray>, FunnelError> {
    let Some(predicate) = &on.predicate else {
        return Ok(None);
    };
    let events = match on.event {
        Event::Activity => facts.activity,
        _ => facts.response,
    };
    if !predicate.reads_person() {
        return predicate.truths(&events.table, None).map(Some);
    }
    let rows = events.versions(&facts.versions.history);
    let beside = Beside {
        versions: &facts.versions.history.rows,
        rows: &rows,
    };
    predicate.truths(&events.table, Some(beside)).map(Some)
}
