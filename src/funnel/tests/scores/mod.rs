//! Scores, against a slow reckoning from the raw rows at every instant that matters, and rule by rule.

mod changes;
mod edges;
mod reference;
mod refused;

use crate::config::{Basis, Behaviour, Decay, Event, Funnel, Group, Score, ScoreRule};
use crate::funnel::tests::{funnel, sql};

/// A rule on the person.
pub(super) fn condition(group: Group, name: &str, predicate: &str, points: i64) -> ScoreRule {
    ScoreRule {
        name: name.to_owned(),
        group,
        points,
        basis: Basis::When(sql(predicate)),
    }
}

/// A rule on events of so many days.
pub(super) fn behaviour(
    name: &str,
    (event, predicate): (Event, &str),
    points: i64,
    (within_days, at_most, decay): (u32, Option<i64>, Decay),
) -> ScoreRule {
    ScoreRule {
        name: name.to_owned(),
        group: Group::Behavioural,
        points,
        basis: Basis::On(Behaviour {
            event,
            predicate: Some(sql(predicate)),
            within_days,
            at_most,
            decay,
        }),
    }
}

pub(super) fn score(name: &str, rules: Vec<ScoreRule>) -> Score {
    Score {
        name: name.to_owned(),
        place: sql("").place,
        rules,
        stage: None,
        qualified_when: None,
        vendor: None,
    }
}

/// The demo's stages with these scores.
pub(super) fn scored(scores: Vec<Score>) -> Funnel {
    Funnel { scores, ..funnel() }
}
