//! The scores over time: for each person the instants at which a version begins or a score changes,
//! and what every score is from then on.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Schema;

use super::Ledger;
use super::rules::Rules;
use crate::funnel::FunnelError;
use crate::funnel::history::History;

/// Steps of all persons, by person and time.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The row of the person's version in force.
    pub(super) versions: Vec<u32>,
    pub(super) from: Vec<i64>,
    /// Where each person's steps stand.
    pub(super) spans: Vec<Range<usize>>,
    /// Whether behaviour changed a score at this instant.
    pub(super) moved: Vec<bool>,
    /// What each column of the scores is; never null.
    pub(super) columns: Vec<Int64Array>,
}

/// Points of one rule that become others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: i64,
    rule: usize,
    points: i64,
}

/// One person's sweep; emptied and used for the next.
struct Sweep {
    changes: Vec<Change>,
    /// What each rule gives.
    points: Vec<i64>,
    /// What each column is.
    sums: Vec<i64>,
}

impl Timeline {
    pub(super) fn new(ledger: &Ledger<'_>, history: &History) -> Self {
        let columns = ledger.rules.columns.len();
        let mut timeline = Self::default();
        let mut values = vec![Vec::new(); columns];
        let mut sweep = Sweep {
            changes: Vec::new(),
            points: vec![0; ledger.rules.rules.len()],
            sums: vec![0; columns],
        };
        for (person, span) in history.spans.iter().enumerate() {
            sweep.collect(ledger, history, person);
            let start = timeline.from.len();
            sweep.run(ledger.rules, history, span, &mut timeline, &mut values);
            timeline.spans.push(start..timeline.from.len());
        }
        timeline.columns = values.into_iter().map(Int64Array::from).collect();
        timeline
    }

    /// The rows of persons with the scores beside them, of some steps or of all; only what is asked.
    pub(super) fn rows(
        &self,
        rules: &Rules,
        history: &History,
        names: &[String],
        steps: Option<&UInt32Array>,
    ) -> Result<RecordBatch, FunnelError> {
        let failed = || FunnelError::arrow("laying scores beside persons");
        let all = UInt32Array::from(self.versions.clone());
        let versions = match steps {
            Some(steps) => take(&all, steps, None).map_err(failed())?,
            None => Arc::new(all),
        };
        let column = |name: &String| -> Result<Option<ArrayRef>, FunnelError> {
            let score = rules.columns.iter().position(|column| column == name);
            if let Some(score) = score {
                let whole = &self.columns[score];
                return Ok(Some(match steps {
                    Some(steps) => take(whole, steps, None).map_err(failed())?,
                    None => Arc::new(whole.clone()),
                }));
            }
            let own = history.rows.column_by_name(name);
            let indices = versions.as_ref();
            own.map(|own| take(own, indices, None).map_err(failed()))
                .transpose()
        };
        let mut columns = Vec::new();
        for name in names {
            columns.extend(column(name)?.map(|array| (name.as_str(), array)));
        }
        if columns.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(versions.len()));
            return RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)
                .map_err(failed());
        }
        crate::funnel::table(columns)
    }
}

impl Sweep {
    /// All that changes for one person, in order of time.
    fn collect(&mut self, ledger: &Ledger<'_>, history: &History, person: usize) {
        self.changes.clear();
        for (rule, truths, points) in ledger.conditions() {
            let mut before = false;
            for version in history.spans[person].clone() {
                let holds = truths.value(version);
                if holds != before {
                    self.changes.push(Change {
                        at: history.from[version],
                        rule,
                        points: if holds { points } else { 0 },
                    });
                }
                before = holds;
            }
        }
        for (rule, behaviours) in ledger.behaviours() {
            let met = behaviours.of(person);
            if !met.is_empty() {
                let changes = &mut self.changes;
                behaviours.changes(met, &ledger.days, |at, points| {
                    changes.push(Change { at, rule, points });
                });
            }
        }
        self.changes.sort_unstable();
    }

    fn run(
        &mut self,
        rules: &Rules,
        history: &History,
        span: &Range<usize>,
        timeline: &mut Timeline,
        values: &mut [Vec<i64>],
    ) {
        self.points.fill(0);
        self.sums.fill(0);
        let changes = std::mem::take(&mut self.changes);
        let mut coming = changes.iter().peekable();
        let mut next = span.start;
        loop {
            let version = (next < span.end).then(|| history.from[next]);
            // What happened before the person was there counts from the first version on.
            let change = coming.peek().map(|change| change.at);
            let change = change.filter(|_| next > span.start);
            let Some(at) = version.into_iter().chain(change).min() else {
                break;
            };
            next += usize::from(version == Some(at));
            let (mut changed, mut moved) = (version == Some(at), false);
            while let Some(change) = coming.next_if(|change| change.at <= at) {
                let touched = self.apply(rules, change);
                changed |= touched;
                moved |= touched && rules.rules[change.rule].is_behaviour() && change.at == at;
            }
            if changed {
                timeline.from.push(at);
                timeline
                    .versions
                    .push(u32::try_from(next - 1).unwrap_or(u32::MAX));
                timeline.moved.push(moved);
                for (column, sum) in values.iter_mut().zip(&self.sums) {
                    column.push(*sum);
                }
            }
        }
        self.changes = changes;
    }

    /// Whether it makes a difference.
    fn apply(&mut self, rules: &Rules, change: &Change) -> bool {
        let gained = change.points - self.points[change.rule];
        self.points[change.rule] = change.points;
        for column in rules.rules[change.rule].adds_to {
            self.sums[column] += gained;
        }
        gained != 0
    }
}
