//! The rules of the scores, planned against the tables that they read.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::session_state::SessionState;

use super::shares::Shares;
use crate::config::{Basis, Event, Group, Score, ScoreRule, Sql};
use crate::funnel::evidence::Columns;
use crate::funnel::formula::{Formula, Gives, Scope};
use crate::problem::Problem;

/// The rules of all scores, and the columns that they give.
#[derive(Debug, Default)]
pub(in crate::funnel) struct Rules {
    /// In the order of the definition.
    pub(super) rules: Vec<Rule>,
    /// The names of columns: each score's own, and those of its groups that have rules.
    pub(super) columns: Vec<String>,
    pub(super) qualified: Vec<Qualified>,
}

#[derive(Debug)]
pub(super) struct Rule {
    /// The index of the score.
    pub(super) score: usize,
    pub(super) group: Group,
    pub(super) name: String,
    pub(super) points: i64,
    pub(super) basis: Planned,
    /// The columns to which its points are added: the score's and the group's.
    pub(super) adds_to: [usize; 2],
}

#[derive(Debug)]
pub(super) enum Planned {
    When(Formula),
    On {
        event: Event,
        predicate: Option<Formula>,
        shares: Shares,
        at_most: Option<i64>,
    },
}

/// Who is a qualified lead by a score, and by the vendor's.
#[derive(Debug)]
pub(super) struct Qualified {
    pub(super) score: usize,
    pub(super) when: Formula,
    /// The vendor's points, and whom the vendor holds for qualified.
    pub(super) vendor: Option<(Formula, Formula)>,
}

struct Reader<'a> {
    state: &'a SessionState,
    columns: &'a Columns,
    problems: Vec<Problem>,
}

impl Rules {
    /// Plans the rules of all scores; what is wrong is told beside what could be planned.
    pub(in crate::funnel) fn read(
        state: &SessionState,
        columns: &Columns,
        scores: &[Score],
    ) -> (Self, Vec<Problem>) {
        let mut reader = Reader {
            state,
            columns,
            problems: Vec::new(),
        };
        let mut rules = Self::default();
        for (index, score) in scores.iter().enumerate() {
            rules.add(&mut reader, index, score);
        }
        let scored = rules.schema(&columns.person);
        for (index, score) in scores.iter().enumerate() {
            let qualified = reader.qualified(&scored, index, score);
            rules.qualified.extend(qualified);
        }
        (rules, reader.problems)
    }

    fn add(&mut self, reader: &mut Reader<'_>, index: usize, score: &Score) {
        let own = self.column(reader, score, score.name.clone());
        for rule in &score.rules {
            let group = format!("{}_{}", score.name, word(rule.group));
            let adds_to = [own, self.column(reader, score, group)];
            self.rules.extend(reader.rule(index, score, rule, adds_to));
        }
    }

    /// The index of a column, which is made where it is new.
    fn column(&mut self, reader: &mut Reader<'_>, score: &Score, name: String) -> usize {
        let known = self.columns.iter().position(|column| *column == name);
        known.unwrap_or_else(|| {
            if reader.columns.person.index_of(&name).is_ok() {
                let what = format!(
                    "The score `{}` gives `{name}`, and `person_version` has a column of that name",
                    score.name
                );
                let problem = Problem::new(what).at(score.place.clone());
                reader
                    .problems
                    .push(problem.fix("give the score another name"));
            }
            self.columns.push(name);
            self.columns.len() - 1
        })
    }

    /// The columns of a person with those of the scores.
    pub(in crate::funnel) fn schema(&self, person: &Schema) -> SchemaRef {
        let scores = self.columns.iter();
        let scores = scores.map(|name| Arc::new(Field::new(name, DataType::Int64, true)));
        let fields = person.fields().iter().cloned().chain(scores);
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Whether one of the columns is a score's.
    pub(super) fn give_any(&self, columns: &[String]) -> bool {
        columns.iter().any(|column| self.columns.contains(column))
    }

    /// The columns of the person behind `columns`: a score stands for those that its rules read.
    pub(super) fn behind(&self, columns: &[String]) -> Vec<String> {
        let given = |rule: &&Rule| {
            let mut to = rule.adds_to.iter();
            to.any(|column| columns.contains(&self.columns[*column]))
        };
        let own = columns.iter().filter(|name| !self.columns.contains(name));
        let read = self.rules.iter().filter(given).flat_map(Rule::columns);
        let all: BTreeSet<String> = own.cloned().chain(read).collect();
        all.into_iter().collect()
    }

    /// All columns of the person that conditions read.
    pub(in crate::funnel) fn watched(&self) -> impl Iterator<Item = String> {
        self.rules.iter().flat_map(Rule::columns)
    }
}

impl Rule {
    pub(super) fn is_behaviour(&self) -> bool {
        matches!(self.basis, Planned::On { .. })
    }

    /// The columns of the person that its condition reads.
    fn columns(&self) -> Vec<String> {
        match &self.basis {
            Planned::When(when) => when.columns(),
            Planned::On { .. } => Vec::new(),
        }
    }
}

pub(super) fn word(group: Group) -> &'static str {
    match group {
        Group::Demographic => "demographic",
        Group::Situational => "situational",
        Group::Behavioural => "behavioural",
    }
}

impl Reader<'_> {
    fn rule(
        &mut self,
        index: usize,
        score: &Score,
        rule: &ScoreRule,
        adds_to: [usize; 2],
    ) -> Option<Rule> {
        let named = |key| {
            format!(
                "`{key}` of rule `{}` of the score `{}`",
                rule.name, score.name
            )
        };
        let basis = match &rule.basis {
            Basis::When(sql) => Planned::When(self.person(&named("when"), sql)?),
            Basis::On(behaviour) => {
                let sql = behaviour.predicate.as_ref();
                let event = behaviour.event;
                let predicate = sql.map(|sql| self.event(&named("on"), sql, event));
                Planned::On {
                    event,
                    predicate: match predicate {
                        Some(None) => return None,
                        planned => planned.flatten(),
                    },
                    shares: Shares::of(behaviour),
                    at_most: behaviour.at_most,
                }
            }
        };
        Some(Rule {
            score: index,
            group: rule.group,
            name: rule.name.clone(),
            points: rule.points,
            basis,
            adds_to,
        })
    }

    fn qualified(&mut self, scored: &SchemaRef, index: usize, score: &Score) -> Option<Qualified> {
        let named = |key| format!("`{key}` of the score `{}`", score.name);
        let scope = of_person(scored);
        let when = score.qualified_when.as_ref()?;
        let when = self.read(&scope, &named("qualified_when"), when, Gives::Truth);
        let vendor = score.vendor.as_ref().and_then(|vendor| {
            let scope = of_person(&self.columns.person);
            let named = |key| format!("`{key}` of the vendor's score beside `{}`", score.name);
            let points = self.read(&scope, &named("points"), &vendor.points, Gives::Whole);
            let when = &vendor.qualified_when;
            let when = self.read(&scope, &named("qualified_when"), when, Gives::Truth);
            points.zip(when)
        });
        Some(Qualified {
            score: index,
            when: when?,
            vendor,
        })
    }

    fn person(&mut self, what: &str, sql: &Sql) -> Option<Formula> {
        let scope = of_person(&self.columns.person);
        self.read(&scope, what, sql, Gives::Truth)
    }

    fn event(&mut self, what: &str, sql: &Sql, event: Event) -> Option<Formula> {
        let (table, columns) = match event {
            Event::Activity => ("activity", &self.columns.activity),
            _ => ("response", &self.columns.response),
        };
        let scope = Scope {
            table,
            columns: columns.clone(),
            person: Some(self.columns.person.clone()),
        };
        self.read(&scope, what, sql, Gives::Truth)
    }

    fn read(&mut self, scope: &Scope, what: &str, sql: &Sql, gives: Gives) -> Option<Formula> {
        let planned = Formula::read(self.state, scope, what, sql, gives);
        planned.map_err(|problem| self.problems.push(problem)).ok()
    }
}

fn of_person(columns: &SchemaRef) -> Scope {
    Scope {
        table: "person_version",
        columns: columns.clone(),
        person: None,
    }
}
