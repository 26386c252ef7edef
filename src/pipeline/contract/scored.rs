//! The scores of a definition in words, by the keys of `funnel.yaml`.

use std::fmt::Write;

use super::difference::{Said, event};
use crate::config::{Basis, Behaviour, Decay, Funnel, Group, Score, ScoreRule};

/// What a score says beside its rules.
pub(super) fn says(funnel: &Funnel, score: &Score) -> Said {
    let mut said = Said::new();
    let stage = score.stage.map(|stage| funnel.stages[stage].id.clone());
    said.extend(stage.map(|id| ("stage", id)));
    let when = score.qualified_when.as_ref();
    said.extend(when.map(|sql| ("qualified_when", sql.text.clone())));
    if let Some(vendor) = &score.vendor {
        said.push(("vendor.points", vendor.points.text.clone()));
        let when = vendor.qualified_when.text.clone();
        said.push(("vendor.qualified_when", when));
    }
    said
}

/// Its rules, in order.
pub(super) fn rules(score: &Score) -> Vec<String> {
    score.rules.iter().map(rule).collect()
}

fn rule(rule: &ScoreRule) -> String {
    let group = match rule.group {
        Group::Demographic => "demographic",
        Group::Situational => "situational",
        Group::Behavioural => "behavioural",
    };
    let basis = match &rule.basis {
        Basis::When(sql) => format!("when `{}`", sql.text),
        Basis::On(behaviour) => on(behaviour),
    };
    format!("{group} rule `{}`, {:+} {basis}", rule.name, rule.points)
}

fn on(behaviour: &Behaviour) -> String {
    let Behaviour {
        event: kind,
        predicate,
        within_days,
        at_most,
        decay,
    } = behaviour;
    let mut said = format!("for each {}", event(*kind));
    if let Some(sql) = predicate {
        let _fits = write!(said, " where `{}`", sql.text);
    }
    let _fits = write!(said, ", within {within_days} days");
    if let Some(most) = at_most {
        let _fits = write!(said, ", at most {most}");
    }
    match decay {
        Decay::None => {}
        Decay::HalvesEvery(days) => {
            let _fits = write!(said, ", halves every {days} days");
        }
        Decay::Steps(steps) => {
            for (after, millionths) in steps {
                let share = f64::from(*millionths) / 1e6;
                let _fits = write!(said, ", after {after} days a share of {share}");
            }
        }
    }
    said
}
