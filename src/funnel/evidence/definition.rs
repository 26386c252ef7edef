//! The triggers of a definition, planned against the tables that they read.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion::execution::session_state::SessionState;
use jiff::tz::TimeZone;

use crate::clock;
use crate::config::{Event, Exit, Funnel, Sql, Stage, Trigger};
use crate::funnel::formula::{Formula, Gives, Scope};
use crate::funnel::score::Rules;
use crate::problem::{Problem, Problems};

/// The columns of the tables that triggers read.
#[derive(Debug, Clone)]
pub(in crate::funnel) struct Columns {
    pub(in crate::funnel) person: SchemaRef,
    /// The columns of a record's version, over which stamps are read.
    pub(in crate::funnel) record: SchemaRef,
    pub(in crate::funnel) activity: SchemaRef,
    pub(in crate::funnel) response: SchemaRef,
    pub(in crate::funnel) opportunity: SchemaRef,
}

/// All expressions of a definition, and its time.
#[derive(Debug)]
pub(in crate::funnel) struct Definition<'f> {
    pub(in crate::funnel) funnel: &'f Funnel,
    /// Its first instant. The first definition judges what was before it too.
    pub(in crate::funnel) from: i64,
    /// The first instant of the next definition.
    pub(super) until: i64,
    pub(super) stamps: Vec<(usize, Formula)>,
    pub(super) whens: Vec<(usize, Formula)>,
    pub(super) events: Vec<OnEvent>,
    pub(super) opportunities: Vec<OnOpportunity>,
    pub(super) recycle: Vec<Leaving>,
    pub(super) disqualify: Vec<Leaving>,
    /// The rule, and whether it is judged over all of a person's versions.
    pub(super) exclude: Vec<(Formula, bool)>,
    pub(in crate::funnel) scores: Rules,
}

#[derive(Debug)]
pub(super) struct OnEvent {
    pub(super) stage: usize,
    pub(super) event: Event,
    pub(super) predicate: Option<Formula>,
}

#[derive(Debug)]
pub(super) struct OnOpportunity {
    pub(super) stage: usize,
    pub(super) predicate: Option<Formula>,
    pub(super) at: Option<Formula>,
    /// Of the last stage only.
    pub(super) won: Option<Formula>,
}

#[derive(Debug)]
pub(super) struct Leaving {
    /// The index of the stage up to which the next cycle is carried.
    pub(super) to: usize,
    pub(super) when: Formula,
    pub(super) reason: Option<Formula>,
}

struct Reader<'a> {
    state: &'a SessionState,
    columns: &'a Columns,
    /// The columns of a person with those of the scores.
    scored: SchemaRef,
    problems: Vec<Problem>,
}

impl<'f> Definition<'f> {
    /// Plans every expression of all definitions, which come in the order of their coming into force;
    /// tells all that are wrong at once.
    pub(in crate::funnel) fn read_all(
        state: &SessionState,
        columns: &Columns,
        funnels: &[&'f Funnel],
        zone: &TimeZone,
    ) -> Result<Vec<Self>, Problems> {
        let mut definitions: Vec<Self> = Vec::new();
        let mut problems = Vec::new();
        for funnel in funnels {
            match Self::read(state, columns, funnel) {
                Ok(definition) => definitions.push(definition),
                Err(Problems(more)) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        for next in 1..definitions.len() {
            let start = clock::day_start(definitions[next].funnel.effective_from, zone);
            definitions[next - 1].until = start.as_microsecond();
            definitions[next].from = start.as_microsecond();
        }
        Ok(definitions)
    }

    /// Plans every expression of a definition, which is in force at all times.
    fn read(state: &SessionState, columns: &Columns, funnel: &'f Funnel) -> Result<Self, Problems> {
        let (scores, problems) = Rules::read(state, columns, &funnel.scores);
        let mut reader = Reader {
            state,
            columns,
            scored: scores.schema(&columns.person),
            problems,
        };
        let mut definition = Self {
            funnel,
            from: i64::MIN,
            until: i64::MAX,
            stamps: Vec::new(),
            whens: Vec::new(),
            events: Vec::new(),
            opportunities: Vec::new(),
            recycle: Vec::new(),
            disqualify: Vec::new(),
            exclude: Vec::new(),
            scores,
        };
        for (index, stage) in funnel.stages.iter().enumerate() {
            reader.stage(index, stage, &mut definition);
        }
        definition.recycle = reader.leaving("recycle", &funnel.recycle);
        definition.disqualify = reader.leaving("disqualify", &funnel.disqualify);
        for rule in &funnel.exclude {
            let what = format!("`when` of the exclusion `{}`", rule.name);
            if let Some(formula) = reader.person(&what, &rule.when, Gives::Truth) {
                definition.exclude.push((formula, rule.ever));
            }
        }
        if reader.problems.is_empty() {
            Ok(definition)
        } else {
            Err(Problems(reader.problems))
        }
    }

    /// The columns of a person on whose change evidence hangs.
    pub(in crate::funnel) fn watched(&self) -> BTreeSet<String> {
        let whens = self.whens.iter().map(|(_, formula)| formula);
        let leaving = self.recycle.iter().chain(&self.disqualify);
        whens
            .chain(leaving.map(|leaving| &leaving.when))
            .flat_map(Formula::columns)
            .chain(self.scores.watched())
            .collect()
    }
}

impl Reader<'_> {
    fn stage(&mut self, index: usize, stage: &Stage, definition: &mut Definition<'_>) {
        for column in &stage.required_fields {
            if self.columns.person.index_of(column).is_err() {
                let what = format!(
                    "Stage `{}` requires `{column}`, and `person_version` has no such column",
                    stage.id
                );
                self.problems
                    .push(Problem::new(what).at(stage.place.clone()));
            }
        }
        let named = |key: &str| format!("`{key}` of stage `{}`", stage.id);
        let won = stage.won_when.as_ref().and_then(|sql| {
            self.formula(&named("won_when"), sql, Gives::Truth, Event::Opportunity)
        });
        for trigger in &stage.triggers {
            match trigger {
                Trigger::Stamp(sql) => {
                    let stamp = self.stamp(&named("stamp"), sql);
                    definition.stamps.extend(stamp.map(|stamp| (index, stamp)));
                }
                Trigger::When(sql) => {
                    let when = self.scored(&named("when"), sql);
                    definition.whens.extend(when.map(|when| (index, when)));
                }
                Trigger::On {
                    event,
                    predicate,
                    at,
                } => {
                    let predicate = predicate
                        .as_ref()
                        .and_then(|sql| self.formula(&named("on"), sql, Gives::Truth, *event));
                    let at = at
                        .as_ref()
                        .and_then(|sql| self.formula(&named("at"), sql, Gives::Time, *event));
                    if *event == Event::Opportunity {
                        definition.opportunities.push(OnOpportunity {
                            stage: index,
                            predicate,
                            at,
                            won: won.clone(),
                        });
                    } else {
                        definition.events.push(OnEvent {
                            stage: index,
                            event: *event,
                            predicate,
                        });
                    }
                }
            }
        }
    }

    fn leaving(&mut self, list: &str, exits: &[Exit]) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        for (index, exit) in exits.iter().enumerate() {
            let named = |key: &str| format!("`{key}` of `{list}` rule {}", index + 1);
            let when = self.scored(&named("when"), &exit.when);
            let reason = exit
                .reason
                .as_ref()
                .and_then(|sql| self.person(&named("reason"), sql, Gives::Text));
            leaving.extend(when.map(|when| Leaving {
                to: exit.to,
                when,
                reason,
            }));
        }
        leaving
    }

    fn stamp(&mut self, what: &str, sql: &Sql) -> Option<Formula> {
        let scope = Scope {
            table: "person_version",
            columns: self.columns.record.clone(),
            person: None,
        };
        self.read(&scope, what, sql, Gives::Time)
    }

    /// A predicate over a person and the scores.
    fn scored(&mut self, what: &str, sql: &Sql) -> Option<Formula> {
        let scope = Scope {
            table: "person_version",
            columns: self.scored.clone(),
            person: None,
        };
        self.read(&scope, what, sql, Gives::Truth)
    }

    fn person(&mut self, what: &str, sql: &Sql, gives: Gives) -> Option<Formula> {
        let scope = Scope {
            table: "person_version",
            columns: self.columns.person.clone(),
            person: None,
        };
        self.read(&scope, what, sql, gives)
    }

    fn formula(&mut self, what: &str, sql: &Sql, gives: Gives, event: Event) -> Option<Formula> {
        let (table, columns, person) = match event {
            Event::Activity => ("activity", &self.columns.activity, true),
            Event::Response => ("response", &self.columns.response, true),
            Event::Opportunity => ("opportunity_version", &self.columns.opportunity, false),
        };
        let scope = Scope {
            table,
            columns: columns.clone(),
            person: person.then(|| self.columns.person.clone()),
        };
        self.read(&scope, what, sql, gives)
    }

    fn read(&mut self, scope: &Scope, what: &str, sql: &Sql, gives: Gives) -> Option<Formula> {
        match Formula::read(self.state, scope, what, sql, gives) {
            Ok(formula) => Some(formula),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }
}
