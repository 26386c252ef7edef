//! The definition of the funnel as tables: what the audit counts and the reference card explains.

use jiff::civil::Date;
use serde::Serialize;

use super::MetricsError;
use super::inputs::table;
use crate::config::{ColumnType, Config, Deleted, Event, Funnel, Skipping, Trigger};
use crate::warehouse::Session;

/// `definition`: one row a definition that is configured, the one in force last.
const DEFINITION: [(&str, ColumnType); 8] = [
    ("definition", ColumnType::String),
    ("effective_from", ColumnType::Date),
    ("hash", ColumnType::String),
    ("skipped_stages", ColumnType::String),
    ("deleted", ColumnType::String),
    ("after_close_to", ColumnType::String),
    ("quiet_days", ColumnType::Bigint),
    ("current", ColumnType::Boolean),
];

/// `definition_stage`: one row a definition and stage; `words` say what the stage is.
const STAGE: [(&str, ColumnType); 6] = [
    ("definition", ColumnType::String),
    ("effective_from", ColumnType::Date),
    ("stage", ColumnType::String),
    ("term", ColumnType::String),
    ("words", ColumnType::String),
    ("required_fields", ColumnType::String),
];

/// `definition_rule`: one row a trigger, exit or exclusion of the definition in force, by number.
///
/// `kind` is `stamp`, `when` or `on` (a trigger of `stage`), `recycle` or `disqualify` (back to
/// `stage`), or `exclude` (called `name`). `event` is what an `on` looks at; `at` the column that
/// dates it; `won` the condition of a win; `reason` why an exit came.
const RULE: [(&str, ColumnType); 9] = [
    ("number", ColumnType::Bigint),
    ("kind", ColumnType::String),
    ("stage", ColumnType::String),
    ("name", ColumnType::String),
    ("event", ColumnType::String),
    ("expression", ColumnType::String),
    ("at", ColumnType::String),
    ("won", ColumnType::String),
    ("reason", ColumnType::String),
];

#[derive(Serialize)]
struct DefinitionRow<'a> {
    definition: &'a str,
    effective_from: Date,
    hash: &'a str,
    skipped_stages: &'static str,
    deleted: &'static str,
    after_close_to: &'a str,
    quiet_days: u32,
    current: bool,
}

#[derive(Serialize)]
struct StageRow<'a> {
    definition: &'a str,
    effective_from: Date,
    stage: &'a str,
    term: &'a str,
    words: &'a str,
    /// Separated by a comma and a space; empty: none.
    required_fields: String,
}

/// One condition of the definition in force.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Rule<'a> {
    pub(super) number: usize,
    pub(super) kind: &'static str,
    pub(super) stage: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) event: Option<&'static str>,
    pub(super) expression: Option<&'a str>,
    at: Option<&'a str>,
    won: Option<&'a str>,
    reason: Option<&'a str>,
}

/// Registers `definition`, `definition_stage` and `definition_rule`.
pub(super) fn register(session: &Session, config: &Config) -> Result<(), MetricsError> {
    let all = config.definitions();
    let rows: Vec<DefinitionRow<'_>> = all.iter().map(|it| definition(it, config)).collect();
    let stages: Vec<StageRow<'_>> = all.iter().copied().flat_map(stages).collect();
    table(session, "definition", &DEFINITION, &rows)?;
    table(session, "definition_stage", &STAGE, &stages)?;
    table(session, "definition_rule", &RULE, &rules(&config.funnel))
}

fn definition<'a>(funnel: &'a Funnel, config: &Config) -> DefinitionRow<'a> {
    DefinitionRow {
        definition: &funnel.definition,
        effective_from: funnel.effective_from,
        hash: &funnel.hash,
        skipped_stages: match funnel.skipped_stages {
            Skipping::ReachedOrPassed => "reached_or_passed",
            Skipping::Strict => "strict",
            Skipping::Any => "any",
        },
        deleted: match funnel.deleted {
            Deleted::Stay => "stay",
            Deleted::Drop => "drop",
        },
        after_close_to: &funnel.stages[funnel.after_close.to].id,
        quiet_days: funnel.after_close.quiet_days,
        current: funnel.hash == config.funnel.hash,
    }
}

fn stages(funnel: &Funnel) -> impl Iterator<Item = StageRow<'_>> {
    funnel.stages.iter().map(|stage| StageRow {
        definition: &funnel.definition,
        effective_from: funnel.effective_from,
        stage: &stage.id,
        term: &stage.term,
        words: &stage.definition,
        required_fields: stage.required_fields.join(", "),
    })
}

/// Every trigger, exit and exclusion, numbered from 1 in the order of the file.
pub(super) fn rules(funnel: &Funnel) -> Vec<Rule<'_>> {
    let triggers = funnel.stages.iter().flat_map(|stage| {
        let won = stage.won_when.as_ref().map(|sql| sql.text.as_str());
        let rule = move |it| trigger(&stage.id, it, won);
        stage.triggers.iter().map(rule)
    });
    let exits = [
        ("recycle", &funnel.recycle),
        ("disqualify", &funnel.disqualify),
    ];
    let exits = exits.into_iter().flat_map(|(kind, exits)| {
        exits.iter().map(move |exit| Rule {
            kind,
            stage: Some(&funnel.stages[exit.to].id),
            expression: Some(&exit.when.text),
            reason: exit.reason.as_ref().map(|sql| sql.text.as_str()),
            ..Rule::default()
        })
    });
    let exclusions = funnel.exclude.iter().map(|rule| Rule {
        kind: "exclude",
        name: Some(&rule.name),
        expression: Some(&rule.when.text),
        ..Rule::default()
    });
    let all = triggers.chain(exits).chain(exclusions);
    (1..)
        .zip(all)
        .map(|(number, rule)| Rule { number, ..rule })
        .collect()
}

fn trigger<'a>(stage: &'a str, trigger: &'a Trigger, won: Option<&'a str>) -> Rule<'a> {
    let rule = Rule {
        stage: Some(stage),
        ..Rule::default()
    };
    match trigger {
        Trigger::Stamp(sql) => Rule {
            kind: "stamp",
            expression: Some(&sql.text),
            ..rule
        },
        Trigger::When(sql) => Rule {
            kind: "when",
            expression: Some(&sql.text),
            ..rule
        },
        Trigger::On {
            event,
            predicate,
            at,
        } => Rule {
            kind: "on",
            event: Some(match event {
                Event::Activity => "activity",
                Event::Response => "response",
                Event::Opportunity => "opportunity",
            }),
            expression: predicate.as_ref().map(|sql| sql.text.as_str()),
            at: at.as_ref().map(|sql| sql.text.as_str()),
            won: won.filter(|_| *event == Event::Opportunity),
            ..rule
        },
    }
}
