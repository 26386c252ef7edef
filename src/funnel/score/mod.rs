//! Scores: the points that a person has by the rules of the definition, at every instant at which
//! they can change.
//!
//! A condition gives its points while the version in force meets it. Behaviour gives points for each
//! event of a rolling window of local days: the shares of all events are summed in millionths, times
//! the points, rounded once for the rule and day, half away from zero, and capped. Conditions and
//! predicates are evaluated by DataFusion over whole columns; what happened is sorted by person and
//! time and gone through once, together with the versions.
//!
//! A deleted person has no score. What happened before a person's first version counts from that
//! version on. Nothing changes after the as-of day.

mod behaviour;
mod qualified;
mod rules;
mod shares;
mod table;
mod timeline;

use std::ops::Range;

use arrow::array::BooleanArray;
use jiff::tz::TimeZone;

use super::FunnelError;
use super::events::Events;
use super::formula::{Beside, Formula};
use super::history::{History, holds, instant, instants, truths};
use crate::config::Event;
use behaviour::{Behaviours, Days, Met};
use rules::Planned;
pub(super) use rules::Rules;
use timeline::Timeline;

/// What scores are worked out from.
#[derive(Clone, Copy)]
pub(super) struct Happened<'a> {
    pub(super) history: &'a History,
    pub(super) activity: &'a Events,
    pub(super) response: &'a Events,
    pub(super) zone: &'a TimeZone,
    /// The last microsecond of the as-of day.
    pub(super) end: i64,
}

/// All persons' scores over time, and what they are made of.
pub(super) struct Scores<'a> {
    ledger: Ledger<'a>,
    timeline: Timeline,
    happened: Happened<'a>,
}

/// For each rule the rows that meet it.
struct Ledger<'a> {
    rules: &'a Rules,
    entries: Vec<Fired<'a>>,
    days: Days,
}

enum Fired<'a> {
    /// Of each version, whether it meets the condition.
    When(BooleanArray),
    On(Event, Behaviours<'a>),
}

/// What one rule gives a person at an instant.
struct Given {
    rule: usize,
    points: i64,
    /// The events that count; 1 for a condition.
    n: usize,
}

/// A predicate over the persons' steps: their versions or, where it reads a score, those of the
/// scores.
pub(super) struct Steps<'a> {
    pub(super) met: BooleanArray,
    pub(super) spans: &'a [Range<usize>],
    from: &'a [i64],
    timeline: Option<&'a Timeline>,
}

/// What behaviour a change of a score comes from.
pub(super) struct Moved {
    /// The event at that very instant; none if time alone changed the score.
    pub(super) event: Option<(Event, usize)>,
    /// Of the events that count: when the last of them was known, and whether an import told it.
    pub(super) known: Option<(i64, bool)>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(rules: &'a Rules, happened: Happened<'a>) -> Result<Self, FunnelError> {
        let ledger = Ledger::new(rules, &happened)?;
        let timeline = if rules.columns.is_empty() {
            Timeline::default()
        } else {
            Timeline::new(&ledger, happened.history)
        };
        Ok(Self {
            ledger,
            timeline,
            happened,
        })
    }

    /// Evaluates a predicate over persons, and over their scores if it reads any.
    pub(super) fn steps(&self, when: &Formula) -> Result<Steps<'_>, FunnelError> {
        let history = self.happened.history;
        let columns = when.columns();
        let rules = self.ledger.rules;
        if !rules.give_any(&columns) {
            return Ok(Steps {
                met: when.truths(&history.rows, None)?,
                spans: &history.spans,
                from: &history.from,
                timeline: None,
            });
        }
        let rows = self.timeline.rows(rules, history, &columns, None)?;
        Ok(Steps {
            met: when.truths(&rows, None)?,
            spans: &self.timeline.spans,
            from: &self.timeline.from,
            timeline: Some(&self.timeline),
        })
    }

    /// The columns of the person behind those that a predicate reads.
    pub(super) fn behind(&self, columns: &[String]) -> Vec<String> {
        self.ledger.rules.behind(columns)
    }

    /// What behaviour moved a person's scores at an instant.
    pub(super) fn moved(&self, person: usize, at: i64) -> Moved {
        let (mut event, mut known) = (None, None);
        for fired in &self.ledger.entries {
            let Fired::On(kind, behaviours) = fired else {
                continue;
            };
            let events = self.happened.events(*kind);
            let known_at = instants(&events.table, "known_at");
            let imported = truths(&events.table, "imported");
            for met in behaviours.counting(person, at, &self.ledger.days) {
                if met.at == at && event.is_none() {
                    event = Some((*kind, met.row));
                }
                let told = instant(known_at, met.row).unwrap_or(met.at);
                known = known.max(Some((told, holds(imported, met.row))));
            }
        }
        Moved { event, known }
    }
}

impl<'a> Happened<'a> {
    fn events(&self, event: Event) -> &'a Events {
        match event {
            Event::Activity => self.activity,
            _ => self.response,
        }
    }
}

impl Steps<'_> {
    /// The row of the version in force at a step.
    pub(super) fn version(&self, step: usize) -> usize {
        self.timeline
            .map_or(step, |timeline| timeline.versions[step] as usize)
    }

    /// A person's step at an instant.
    pub(super) fn as_of(&self, person: usize, instant: i64) -> Option<usize> {
        let span = self.spans.get(person)?.clone();
        let passed = self.from[span.clone()].partition_point(|from| *from <= instant);
        passed.checked_sub(1).map(|before| span.start + before)
    }

    /// Whether the predicate reads a score.
    pub(super) fn are_scored(&self) -> bool {
        self.timeline.is_some()
    }

    pub(super) fn at(&self, step: usize) -> i64 {
        self.from[step]
    }

    /// Whether behaviour changed a score at a step.
    pub(super) fn moved(&self, step: usize) -> bool {
        self.timeline.is_some_and(|timeline| timeline.moved[step])
    }
}

impl<'a> Ledger<'a> {
    fn new(rules: &'a Rules, happened: &Happened<'_>) -> Result<Self, FunnelError> {
        let behaves = rules.rules.iter().any(rules::Rule::is_behaviour);
        let earliest = [happened.activity, happened.response]
            .into_iter()
            .filter_map(behaviour::earliest)
            .min()
            .filter(|_| behaves);
        let end = happened.end;
        let days = Days::new(earliest.unwrap_or(end), end, happened.zone);
        let mut ledger = Self {
            rules,
            entries: Vec::new(),
            days,
        };
        for rule in &rules.rules {
            let fired = ledger.fired(rule, happened)?;
            ledger.entries.push(fired);
        }
        Ok(ledger)
    }

    fn fired(
        &self,
        rule: &'a rules::Rule,
        happened: &Happened<'_>,
    ) -> Result<Fired<'a>, FunnelError> {
        let (event, predicate, shares, at_most) = match &rule.basis {
            Planned::When(when) => {
                return Ok(Fired::When(when.truths(&happened.history.rows, None)?));
            }
            Planned::On {
                event,
                predicate,
                shares,
                at_most,
            } => (*event, predicate, shares, *at_most),
        };
        let events = happened.events(event);
        let met = predicate
            .as_ref()
            .map(|predicate| met(events, predicate, happened.history))
            .transpose()?;
        let counts = (rule.points, shares, at_most);
        let until = (&self.days, happened.end);
        Ok(Fired::On(
            event,
            Behaviours::new(events, met.as_ref(), counts, until),
        ))
    }

    /// The conditions: the rule's index, the versions that meet it, its points.
    fn conditions(&self) -> impl Iterator<Item = (usize, &BooleanArray, i64)> {
        let numbered = self.entries.iter().zip(&self.rules.rules).enumerate();
        numbered.filter_map(|(index, (fired, rule))| match fired {
            Fired::When(truths) => Some((index, truths, rule.points)),
            Fired::On(..) => None,
        })
    }

    fn behaviours(&self) -> impl Iterator<Item = (usize, &Behaviours<'a>)> {
        let numbered = self.entries.iter().enumerate();
        numbered.filter_map(|(index, fired)| match fired {
            Fired::When(_) => None,
            Fired::On(_, behaviours) => Some((index, behaviours)),
        })
    }

    /// The rules of a score that give a person points at an instant, whose version then is `version`.
    fn given(&self, score: usize, person: usize, version: usize, at: i64) -> Vec<Given> {
        let mut given = Vec::new();
        let rules = self.rules.rules.iter().zip(&self.entries).enumerate();
        for (index, (rule, fired)) in rules.filter(|(_, (rule, _))| rule.score == score) {
            let (points, n) = match fired {
                Fired::When(truths) if truths.value(version) => (rule.points, 1),
                Fired::When(_) => (0, 0),
                Fired::On(_, behaviours) => {
                    let counting: &[Met] = behaviours.counting(person, at, &self.days);
                    let worth = behaviours.worth(counting, at, &self.days);
                    (worth, counting.len())
                }
            };
            if points != 0 {
                given.push(Given {
                    rule: index,
                    points,
                    n,
                });
            }
        }
        given
    }
}

/// The events for which a predicate over them and their person holds.
fn met(
    events: &Events,
    predicate: &Formula,
    history: &History,
) -> Result<BooleanArray, FunnelError> {
    if !predicate.reads_person() {
        return predicate.truths(&events.table, None);
    }
    let rows = events.versions(history);
    let beside = Beside {
        versions: &history.rows,
        rows: &rows,
    };
    predicate.truths(&events.table, Some(beside))
}
