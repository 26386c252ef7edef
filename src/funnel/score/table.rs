//! The tables `person_score` and `person_score_reason`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::rules::word;
use super::{Given, Scores};
use crate::config::{Funnel, Group};
use crate::funnel::FunnelError;
use crate::funnel::history::{bigints, holds, instants, text, truths};

const GROUPS: [Group; 3] = [Group::Demographic, Group::Situational, Group::Behavioural];

/// A stretch of time in which a person's score stays the same.
struct Stretch {
    person: usize,
    score: usize,
    step: usize,
    to: Option<i64>,
}

/// Why a person has the points they have, at an instant.
struct Why<'a> {
    person: usize,
    score: usize,
    at: i64,
    /// The entry that is explained: its stage and cycle; none for the as-of day's end.
    entry: Option<(&'a str, i64)>,
    given: Given,
}

impl Scores<'_> {
    /// `person_score`: one row per person, score and stretch of time in which the score and its
    /// groups stay the same. Instants are UTC; `valid_to` is null where it holds at the as-of day's end.
    pub(in crate::funnel) fn table(&self, funnel: &Funnel) -> Result<RecordBatch, FunnelError> {
        let rules = self.ledger.rules;
        let columns = |score: usize| {
            let name = &funnel.scores[score].name;
            let of = |name: &str| rules.columns.iter().position(|column| column == name);
            let groups = GROUPS.map(|group| of(&format!("{name}_{}", word(group))));
            [of(name), groups[0], groups[1], groups[2]]
        };
        let columns: Vec<[Option<usize>; 4]> = (0..funnel.scores.len()).map(columns).collect();
        let stretches = self.stretches(&columns);
        let points = |which: usize| -> ArrayRef {
            let of = |stretch: &Stretch| {
                let column = columns[stretch.score][which];
                column.map_or(0, |column| {
                    self.timeline.columns[column].value(stretch.step)
                })
            };
            Arc::new(stretches.iter().map(of).map(Some).collect::<Int64Array>())
        };
        let keys = &self.happened.history.keys;
        let persons = stretches.iter().map(|it| Some(keys[it.person].as_str()));
        let scores = stretches
            .iter()
            .map(|it| Some(funnel.scores[it.score].name.as_str()));
        let from = stretches.iter().map(|it| Some(self.timeline.from[it.step]));
        crate::funnel::table([
            ("person_id", texts(persons)),
            ("score", texts(scores)),
            ("valid_from", at(from)),
            ("valid_to", at(stretches.iter().map(|it| it.to))),
            ("points", points(0)),
            ("demographic", points(1)),
            ("situational", points(2)),
            ("behavioural", points(3)),
        ])
    }

    fn stretches(&self, columns: &[[Option<usize>; 4]]) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        for (person, span) in self.timeline.spans.iter().enumerate() {
            for (score, columns) in columns.iter().enumerate() {
                self.stretch(person, score, span.clone(), columns, &mut stretches);
            }
        }
        stretches
    }

    fn stretch(
        &self,
        person: usize,
        score: usize,
        span: Range<usize>,
        columns: &[Option<usize>; 4],
        stretches: &mut Vec<Stretch>,
    ) {
        let deleted = truths(&self.happened.history.rows, "deleted");
        let timeline = &self.timeline;
        let values = |step: usize| {
            let value = |column: &Option<usize>| Some(timeline.columns[(*column)?].value(step));
            columns.each_ref().map(value)
        };
        let mut open: Option<usize> = None;
        for step in span.filter(|step| timeline.from[*step] <= self.happened.end) {
            let gone = holds(deleted, timeline.versions[step] as usize);
            if open.is_some_and(|open| !gone && values(open) == values(step)) {
                continue;
            }
            if let (Some(_), Some(last)) = (open, stretches.last_mut()) {
                last.to = Some(timeline.from[step]);
            }
            open = (!gone).then_some(step);
            if !gone {
                let to = None;
                stretches.push(Stretch {
                    person,
                    score,
                    step,
                    to,
                });
            }
        }
    }

    /// `person_score_reason`: one row per rule that gives a person points, at the as-of day's end and
    /// at each entry of a score's stage that this definition judged. `n` is the number of events that count, 1 for a condition;
    /// `stage` and `cycle` are null for the as-of day's end. `entries` is the table `stage_entry`.
    pub(in crate::funnel) fn reasons(
        &self,
        funnel: &Funnel,
        entries: &RecordBatch,
    ) -> Result<RecordBatch, FunnelError> {
        let mut reasons = self.latest(funnel);
        reasons.extend(self.of_entries(funnel, entries));
        let rule = |why: &Why<'_>| &self.ledger.rules.rules[why.given.rule];
        let keys = &self.happened.history.keys;
        let all = reasons.iter();
        let count = |why: &Why<'_>| i64::try_from(why.given.n).ok();
        crate::funnel::table([
            (
                "person_id",
                texts(all.clone().map(|it| Some(keys[it.person].as_str()))),
            ),
            (
                "score",
                texts(
                    all.clone()
                        .map(|it| Some(funnel.scores[it.score].name.as_str())),
                ),
            ),
            ("at", at(all.clone().map(|it| Some(it.at)))),
            (
                "stage",
                texts(all.clone().map(|it| it.entry.map(|(stage, _)| stage))),
            ),
            (
                "cycle",
                whole(all.clone().map(|it| it.entry.map(|(_, cycle)| cycle))),
            ),
            (
                "rule_group",
                texts(all.clone().map(|it| Some(word(rule(it).group)))),
            ),
            (
                "rule",
                texts(all.clone().map(|it| Some(rule(it).name.as_str()))),
            ),
            ("points", whole(all.clone().map(|it| Some(it.given.points)))),
            ("n", whole(all.map(count))),
        ])
    }

    fn latest<'a>(&self, funnel: &Funnel) -> Vec<Why<'a>> {
        let history = self.happened.history;
        let end = self.happened.end;
        let deleted = truths(&history.rows, "deleted");
        let mut reasons = Vec::new();
        for person in 0..history.spans.len() {
            let version = history.as_of(person, end);
            let Some(version) = version.filter(|version| !holds(deleted, *version)) else {
                continue;
            };
            for score in 0..funnel.scores.len() {
                let given = self.ledger.given(score, person, version, end);
                let why = |given| Why {
                    person,
                    score,
                    at: end,
                    entry: None,
                    given,
                };
                reasons.extend(given.into_iter().map(why));
            }
        }
        reasons
    }

    fn of_entries<'a>(&self, funnel: &'a Funnel, entries: &RecordBatch) -> Vec<Why<'a>> {
        let history = self.happened.history;
        let explained: Vec<(usize, &str)> = (funnel.scores.iter().enumerate())
            .filter_map(|(score, of)| Some((score, funnel.stages[of.stage?].id.as_str())))
            .collect();
        if explained.is_empty() {
            return Vec::new();
        }
        let persons = history.index();
        let (id, stage) = (text(entries, "person_id"), text(entries, "stage"));
        let (entered_at, cycle) = (instants(entries, "entered_at"), bigints(entries, "cycle"));
        let (carried, definition) = (truths(entries, "carried"), text(entries, "definition"));
        let own = |row: &usize| definition.value(*row) == funnel.definition;
        let mut reasons = Vec::new();
        for row in (0..entries.num_rows()).filter(|row| own(row) && !holds(carried, *row)) {
            let of_stage = explained.iter().filter(|(_, of)| *of == stage.value(row));
            for (score, name) in of_stage {
                let at = entered_at.value(row);
                let Some(person) = persons.get(id.value(row)).copied() else {
                    continue;
                };
                let version = history
                    .as_of(person, at)
                    .unwrap_or(history.spans[person].start);
                let given = self.ledger.given(*score, person, version, at);
                let entry = Some((*name, cycle.value(row)));
                let score = *score;
                let why = |given| Why {
                    person,
                    score,
                    at,
                    entry,
                    given,
                };
                reasons.extend(given.into_iter().map(why));
            }
        }
        reasons
    }
}

pub(super) fn texts<'t>(values: impl Iterator<Item = Option<&'t str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

pub(super) fn whole(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn at(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let instants = values.collect::<TimestampMicrosecondArray>();
    Arc::new(instants.with_timezone("UTC"))
}
