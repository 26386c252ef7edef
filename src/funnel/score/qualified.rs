//! The table `person_qualified`: who is a qualified lead by a score, and by the vendor's.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;

use super::Scores;
use super::rules::Qualified;
use super::table::texts;
use crate::config::Funnel;
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{holds, truths};

impl Scores<'_> {
    /// One row per score that says who is qualified and person, at the as-of day's end. The vendor's
    /// columns are null for a score that is compared with none.
    pub(in crate::funnel) fn qualified(&self, funnel: &Funnel) -> Result<RecordBatch, FunnelError> {
        let (persons, steps) = self.last_steps();
        let rules = self.ledger.rules;
        let mut parts = vec![Self::part("", &[], None, None, None)?];
        let keys = &self.happened.history.keys;
        let ids: Vec<&str> = persons
            .iter()
            .map(|person| keys[*person].as_str())
            .collect();
        for qualified in &rules.qualified {
            let name = &funnel.scores[qualified.score].name;
            let rows = |when: &Formula| {
                let history = self.happened.history;
                self.timeline
                    .rows(rules, history, &when.columns(), Some(&steps))
            };
            let own = [name.clone()];
            let points = self
                .timeline
                .rows(rules, self.happened.history, &own, Some(&steps))?;
            let Qualified { when, vendor, .. } = qualified;
            let met = when.truths(&rows(when)?, None)?;
            let vendor = vendor
                .as_ref()
                .map(|(points, when)| {
                    Ok::<_, FunnelError>((
                        points.wholes(&rows(points)?)?,
                        when.truths(&rows(when)?, None)?,
                    ))
                })
                .transpose()?;
            let points = Some(Arc::clone(points.column(0)));
            parts.push(Self::part(name, &ids, points, Some(met), vendor)?);
        }
        let schema = parts[0].schema();
        concat_batches(&schema, &parts).map_err(FunnelError::arrow("joining scores"))
    }

    /// The persons who are not deleted, and their last steps.
    fn last_steps(&self) -> (Vec<usize>, UInt32Array) {
        let deleted = truths(&self.happened.history.rows, "deleted");
        let (timeline, end) = (&self.timeline, self.happened.end);
        let spans = timeline.spans.iter().enumerate();
        let last = spans.filter_map(|(person, span)| {
            let passed = timeline.from[span.clone()].partition_point(|from| *from <= end);
            let step = span.start + passed.checked_sub(1)?;
            let gone = holds(deleted, timeline.versions[step] as usize);
            (!gone).then_some((person, u32::try_from(step).ok()))
        });
        let (persons, steps): (Vec<usize>, Vec<Option<u32>>) = last.unzip();
        (persons, UInt32Array::from(steps))
    }

    fn part(
        score: &str,
        ids: &[&str],
        points: Option<ArrayRef>,
        qualified: Option<BooleanArray>,
        vendor: Option<(Int64Array, BooleanArray)>,
    ) -> Result<RecordBatch, FunnelError> {
        let rows = ids.len();
        let truths = |truths: Option<BooleanArray>| -> ArrayRef {
            Arc::new(truths.unwrap_or_else(|| BooleanArray::new_null(rows)))
        };
        let none = || -> ArrayRef { Arc::new(Int64Array::new_null(rows)) };
        let (vendor_points, vendor_qualified) = vendor.unzip();
        crate::funnel::table([
            ("score", texts(ids.iter().map(|_| Some(score)))),
            ("person_id", texts(ids.iter().map(|id| Some(*id)))),
            ("points", points.unwrap_or_else(none)),
            ("qualified", truths(qualified)),
            (
                "vendor_points",
                vendor_points.map_or_else(none, |points| Arc::new(points)),
            ),
            ("vendor_qualified", truths(vendor_qualified)),
        ])
    }
}
