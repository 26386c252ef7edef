//! What a change of definition changes, in words: rule by rule, by the keys of `funnel.yaml`.

use super::scored;
use crate::config::{AfterClose, Deleted, Event, Exit, Funnel, Skipping, Stage, Trigger};

/// What one thing says, by key.
pub(super) type Said = Vec<(&'static str, String)>;

/// A line for each thing that two definitions say differently; one that no rule does where the texts
/// alone differ; none where they are the same.
pub(super) fn words(before: &Funnel, after: &Funnel) -> Vec<String> {
    let mut lines = differing("The definition", &general(before), &general(after));
    lines.extend(stages(before, after));
    for (list, before, after) in [
        (
            "`recycle`",
            exits(before, &before.recycle),
            exits(after, &after.recycle),
        ),
        (
            "`disqualify`",
            exits(before, &before.disqualify),
            exits(after, &after.disqualify),
        ),
        ("`exclude`", exclusions(before), exclusions(after)),
    ] {
        lines.extend(rules(list, &before, &after));
    }
    lines.extend(scores(before, after));
    if lines.is_empty() && before.hash != after.hash {
        lines.push("No rule is changed; comments, examples or layout are".to_owned());
    }
    lines
}

fn general(funnel: &Funnel) -> Said {
    let AfterClose { to, quiet_days } = funnel.after_close;
    let mut said = vec![
        ("definition", funnel.definition.clone()),
        ("effective_from", funnel.effective_from.to_string()),
        ("after_close.to", funnel.stages[to].id.clone()),
        ("after_close.quiet", format!("{quiet_days} days")),
        ("skipped_stages", skipping(funnel.skipped_stages).to_owned()),
        ("deleted", deleted(funnel.deleted).to_owned()),
    ];
    for (key, list) in [
        ("new_business_types", &funnel.new_business_types),
        ("sign_off", &funnel.sign_off),
    ] {
        if !list.is_empty() {
            said.push((key, list.join(", ")));
        }
    }
    said
}

pub(super) fn skipping(rule: Skipping) -> &'static str {
    match rule {
        Skipping::ReachedOrPassed => "reached_or_passed",
        Skipping::Strict => "strict",
        Skipping::Any => "any",
    }
}

fn deleted(rule: Deleted) -> &'static str {
    match rule {
        Deleted::Stay => "stay",
        Deleted::Drop => "drop",
    }
}

pub(super) fn event(event: Event) -> &'static str {
    match event {
        Event::Activity => "activity",
        Event::Response => "response",
        Event::Opportunity => "opportunity",
    }
}

fn stages(before: &Funnel, after: &Funnel) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in &before.stages {
        match find(after, &stage.id) {
            None => lines.push(format!("Stage `{}` is taken out", stage.id)),
            Some(then) => {
                let of = format!("Stage `{}`", stage.id);
                lines.extend(differing(&of, &stage_says(stage), &stage_says(then)));
            }
        }
    }
    for (index, stage) in after.stages.iter().enumerate() {
        if find(before, &stage.id).is_none() {
            let place = match index.checked_sub(1) {
                Some(last) => format!("after `{}`", after.stages[last].id),
                None => "as the first".to_owned(),
            };
            lines.push(format!("Stage `{}` is new, {place}", stage.id));
        }
    }
    let (then, now) = (common(before, after), common(after, before));
    if then != now {
        let (then, now) = (then.join(", "), now.join(", "));
        lines.push(format!("The order of the stages was {then}, is {now}"));
    }
    lines
}

fn find<'a>(funnel: &'a Funnel, id: &str) -> Option<&'a Stage> {
    funnel.stages.iter().find(|stage| stage.id == id)
}

/// The stages that the other has too, in this one's order.
fn common<'a>(funnel: &'a Funnel, other: &Funnel) -> Vec<&'a str> {
    let ids = funnel.stages.iter().map(|stage| stage.id.as_str());
    ids.filter(|id| find(other, id).is_some()).collect()
}

fn stage_says(stage: &Stage) -> Said {
    let mut said = vec![
        ("term", stage.term.clone()),
        ("definition", stage.definition.clone()),
    ];
    for trigger in &stage.triggers {
        match trigger {
            Trigger::Stamp(sql) => said.push(("stamp", sql.text.clone())),
            Trigger::When(sql) => said.push(("when", sql.text.clone())),
            Trigger::On {
                event: on,
                predicate,
                at,
            } => {
                let only = predicate.as_ref().map(|sql| format!(" where {}", sql.text));
                said.push(("on", format!("{}{}", event(*on), only.unwrap_or_default())));
                said.extend(at.as_ref().map(|at| ("at", at.text.clone())));
            }
        }
    }
    said.extend(
        stage
            .won_when
            .as_ref()
            .map(|sql| ("won_when", sql.text.clone())),
    );
    if !stage.required_fields.is_empty() {
        said.push(("required_fields", stage.required_fields.join(", ")));
    }
    said
}

fn exits(funnel: &Funnel, exits: &[Exit]) -> Vec<String> {
    let shown = exits.iter().map(|exit| {
        let reason = exit
            .reason
            .as_ref()
            .map(|sql| format!(", reason `{}`", sql.text));
        let (when, to) = (&exit.when.text, &funnel.stages[exit.to].id);
        format!("when `{when}`, to `{to}`{}", reason.unwrap_or_default())
    });
    shown.collect()
}

fn exclusions(funnel: &Funnel) -> Vec<String> {
    let shown = funnel.exclude.iter().map(|rule| {
        let ever = if rule.ever { ", ever" } else { "" };
        format!("`{}` when `{}`{ever}", rule.name, rule.when.text)
    });
    shown.collect()
}

fn scores(before: &Funnel, after: &Funnel) -> Vec<String> {
    let find = |funnel: &'_ Funnel, name: &str| {
        let mut scores = funnel.scores.iter();
        scores.position(|score| score.name == name)
    };
    let mut lines = Vec::new();
    for score in &before.scores {
        let Some(then) = find(after, &score.name) else {
            lines.push(format!("Score `{}` is taken out", score.name));
            continue;
        };
        let then = &after.scores[then];
        let of = format!("Score `{}`", score.name);
        let says = |funnel, score| scored::says(funnel, score);
        lines.extend(differing(&of, &says(before, score), &says(after, then)));
        lines.extend(rules(&of, &scored::rules(score), &scored::rules(then)));
    }
    let new = after.scores.iter();
    let new = new.filter(|score| find(before, &score.name).is_none());
    lines.extend(new.map(|score| format!("Score `{}` is new", score.name)));
    lines
}

/// Rules that only one of two lists has.
fn rules(list: &str, before: &[String], after: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], what: &str| {
        let these = these.iter().filter(|rule| !those.contains(rule));
        let told = these.map(|rule| format!("{list}: {rule} {what}"));
        told.collect::<Vec<_>>()
    };
    let mut lines = only(before, after, "is taken out");
    lines.extend(only(after, before, "is new"));
    lines
}

/// What one thing says otherwise than before.
fn differing(of: &str, before: &Said, after: &Said) -> Vec<String> {
    let value = |said: &Said, key: &str| {
        let found = said.iter().find(|(named, _)| *named == key);
        found.map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&str> = before.iter().map(|(key, _)| *key).collect();
    for (key, _) in after {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    let line = |key: &str| match (value(before, key), value(after, key)) {
        (Some(was), Some(is)) if was != is => Some(format!("{of}: `{key}` was `{was}`, is `{is}`")),
        (Some(was), None) => Some(format!("{of}: `{key}` is taken out, it was `{was}`")),
        (None, Some(is)) => Some(format!("{of}: `{key}` is new: `{is}`")),
        _ => None,
    };
    keys.into_iter().filter_map(line).collect()
}
