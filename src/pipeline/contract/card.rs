//! A definition as a reference card: what sales and marketing agreed, in words.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::difference::event;
use super::scored;
use crate::config::{
    Config, Deleted, Event, Exit, Funnel, Score, SignOff, Signature, Skipping, Stage, Trigger,
};

#[derive(Debug, Serialize)]
pub(crate) struct Card {
    definition: String,
    effective_from: Date,
    /// SHA-256 of the file.
    hash: String,
    sign_off: SignOff,
    /// Of this text.
    signatures: Vec<Signature>,
    stages: Vec<StageCard>,
    recycle: Vec<String>,
    disqualify: Vec<String>,
    exclude: Vec<String>,
    new_business_types: Vec<String>,
    after_close: String,
    skipped_stages: &'static str,
    deleted: &'static str,
    scores: Vec<ScoreCard>,
    examples: usize,
}

#[derive(Debug, Serialize)]
struct StageCard {
    id: String,
    term: String,
    /// In words.
    definition: String,
    /// What enters the stage, whichever comes first.
    entered: Vec<String>,
    won: Option<String>,
    required_fields: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ScoreCard {
    name: String,
    /// The id of the stage whose entries it explains.
    stage: Option<String>,
    qualified_when: Option<String>,
    rules: Vec<String>,
}

/// The card of the configuration's definition.
pub(crate) fn card(config: &Config) -> Card {
    let funnel = &config.funnel;
    let own = config.signatures.iter().filter(|it| it.hash == funnel.hash);
    Card {
        definition: funnel.definition.clone(),
        effective_from: funnel.effective_from,
        hash: funnel.hash.clone(),
        sign_off: config.sign_off(),
        signatures: own.cloned().collect(),
        stages: funnel.stages.iter().map(stage).collect(),
        recycle: exits(funnel, &funnel.recycle, "when"),
        disqualify: exits(funnel, &funnel.disqualify, "while"),
        exclude: exclusions(funnel),
        new_business_types: funnel.new_business_types.clone(),
        after_close: format!(
            "a person's next cycle starts from {} and no sooner than {} days later",
            funnel.stages[funnel.after_close.to].term, funnel.after_close.quiet_days
        ),
        skipped_stages: match funnel.skipped_stages {
            Skipping::ReachedOrPassed => "a later stage implies the earlier ones",
            Skipping::Strict => "evidence counts only when every earlier stage is reached",
            Skipping::Any => "a stage is entered alone, whatever was reached before",
        },
        deleted: match funnel.deleted {
            Deleted::Stay => "their entries stay, and the open ones exit as deleted",
            Deleted::Drop => "none of their entries counts, of no day",
        },
        scores: (funnel.scores.iter()).map(|it| score(funnel, it)).collect(),
        examples: funnel.examples.len(),
    }
}

fn stage(stage: &Stage) -> StageCard {
    StageCard {
        id: stage.id.clone(),
        term: stage.term.clone(),
        definition: stage.definition.clone(),
        entered: stage.triggers.iter().map(entered).collect(),
        won: stage.won_when.as_ref().map(|sql| sql.text.clone()),
        required_fields: stage.required_fields.clone(),
    }
}

fn score(funnel: &Funnel, score: &Score) -> ScoreCard {
    ScoreCard {
        name: score.name.clone(),
        stage: score.stage.map(|stage| funnel.stages[stage].id.clone()),
        qualified_when: score.qualified_when.as_ref().map(|sql| sql.text.clone()),
        rules: scored::rules(score),
    }
}

fn entered(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Stamp(sql) => format!("at the instant in `{}`", sql.text),
        Trigger::When(sql) => format!("when `{}` turns true", sql.text),
        Trigger::On {
            event: on,
            predicate,
            at,
        } => {
            let only = predicate
                .as_ref()
                .map(|sql| format!(" where `{}`", sql.text));
            let only = only.unwrap_or_default();
            match at {
                Some(at) => format!("at `{}` of an {}{only}", at.text, event(*on)),
                None if *on == Event::Opportunity => {
                    format!("when an opportunity is first seen{only}")
                }
                None => format!("at {} {}{only}", article(event(*on)), event(*on)),
            }
        }
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

fn exits(funnel: &Funnel, exits: &[Exit], as_long_as: &str) -> Vec<String> {
    let shown = exits.iter().map(|exit| {
        let reason = exit
            .reason
            .as_ref()
            .map(|sql| format!("; the reason is `{}`", sql.text));
        let (when, to) = (&exit.when.text, &funnel.stages[exit.to].term);
        format!(
            "{as_long_as} `{when}`, back to {to}{}",
            reason.unwrap_or_default()
        )
    });
    shown.collect()
}

fn exclusions(funnel: &Funnel) -> Vec<String> {
    let shown = funnel.exclude.iter().map(|rule| {
        let ever = if rule.ever { " at any time" } else { "" };
        format!("{}: `{}`{ever}", rule.name, rule.when.text)
    });
    shown.collect()
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            definition,
            effective_from,
            hash,
            ..
        } = self;
        writeln!(f, "Definition {definition}, in force from {effective_from}")?;
        writeln!(f, "SHA-256 {hash}")?;
        writeln!(f, "{}", self.sign_off.words())?;
        for Signature {
            role, name, date, ..
        } in &self.signatures
        {
            writeln!(f, "  {role}: {name}, {date}")?;
        }
        for (number, stage) in (1..).zip(&self.stages) {
            stage.write(f, number)?;
        }
        writeln!(f)?;
        for (what, rules) in [
            ("Recycled", &self.recycle),
            ("Disqualified", &self.disqualify),
            ("Never counted", &self.exclude),
        ] {
            for rule in rules {
                writeln!(f, "{what} {rule}")?;
            }
        }
        if !self.new_business_types.is_empty() {
            writeln!(f, "New business: {}", self.new_business_types.join(", "))?;
        }
        writeln!(f, "After a close {}", self.after_close)?;
        writeln!(f, "Skipped stages: {}", self.skipped_stages)?;
        writeln!(f, "Deleted persons: {}", self.deleted)?;
        for score in &self.scores {
            score.write(f)?;
        }
        writeln!(f, "Examples: {}", self.examples)
    }
}

impl StageCard {
    fn write(&self, f: &mut fmt::Formatter<'_>, number: usize) -> fmt::Result {
        writeln!(f, "\n{number}. {} ({})", self.term, self.id)?;
        writeln!(f, "   {}", self.definition)?;
        writeln!(f, "   Entered {}", self.entered.join(", or "))?;
        if let Some(won) = &self.won {
            writeln!(f, "   Won where `{won}`, else lost")?;
        }
        if !self.required_fields.is_empty() {
            writeln!(f, "   Requires {}", self.required_fields.join(", "))?;
        }
        Ok(())
    }
}

impl ScoreCard {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explains = self.stage.as_ref();
        let explains = explains.map(|stage| format!(", which explains the entries of {stage}"));
        writeln!(f, "Score {}{}", self.name, explains.unwrap_or_default())?;
        if let Some(when) = &self.qualified_when {
            writeln!(f, "   Qualified when `{when}`")?;
        }
        for rule in &self.rules {
            writeln!(f, "   {rule}")?;
        }
        Ok(())
    }
}
