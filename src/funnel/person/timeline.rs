//! The order of things: at which instants a person changes, and which records are in force then.

use std::cmp::Reverse;
use std::ops::Range;

use arrow::array::Array;

use super::Merge;
use crate::funnel::history::holds;

/// The instants at which persons change, and the records' rows in force from then on.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) at: Vec<i64>,
    pub(super) spans: Vec<Range<usize>>,
    /// Where each instant's rows end in `rows`.
    pub(super) ends: Vec<usize>,
    /// Rows of records, the winning ones first.
    pub(super) rows: Vec<u32>,
}

impl Timeline {
    pub(super) fn in_force(&self, version: usize) -> &[u32] {
        let start = version.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[version]]
    }

    fn push(&mut self, at: i64, rows: impl Iterator<Item = u32>) {
        self.at.push(at);
        self.rows.extend(rows);
        self.ends.push(self.rows.len());
    }
}

/// The order of the records of one person at one instant.
type Precedence = (bool, i64, Reverse<i64>, u32);

impl Merge<'_> {
    pub(super) fn timeline(&self) -> Timeline {
        let mut timeline = Timeline::default();
        for (person, members) in self.persons.records.iter().enumerate() {
            let start = timeline.at.len();
            let turns = self.customers.turns(person);
            match members.as_slice() {
                [record] if turns.is_empty() => {
                    for row in self.records.spans[*record].clone() {
                        timeline.push(self.records.from[row], std::iter::once(number(row)));
                    }
                }
                _ => self.merge_person(members, &turns, &mut timeline),
            }
            timeline.spans.push(start..timeline.at.len());
        }
        timeline
    }

    fn merge_person(&self, members: &[usize], turns: &[i64], timeline: &mut Timeline) {
        let mut changes: Vec<(i64, usize, Option<usize>)> = members
            .iter()
            .enumerate()
            .flat_map(|(place, record)| {
                let span = self.records.spans[*record].clone();
                span.map(move |row| (self.records.from[row], place, Some(row)))
            })
            .collect();
        let born = changes.iter().map(|(at, _, _)| *at).min();
        let later = turns
            .iter()
            .filter(|turn| born.is_some_and(|born| **turn > born));
        changes.extend(later.map(|turn| (*turn, usize::MAX, None)));
        changes.sort_unstable();
        let mut in_force: Vec<Option<usize>> = vec![None; members.len()];
        for same in changes.chunk_by(|one, next| one.0 == next.0) {
            for (_, place, row) in same {
                if row.is_some() {
                    in_force[*place] = *row;
                }
            }
            let mut ordered: Vec<(Precedence, u32)> = in_force
                .iter()
                .enumerate()
                .filter_map(|(place, row)| {
                    Some((self.precedence((*row)?, members[place]), number((*row)?)))
                })
                .collect();
            ordered.sort_unstable();
            timeline.push(same[0].0, ordered.into_iter().map(|(_, row)| row));
        }
    }

    fn precedence(&self, row: usize, record: usize) -> Precedence {
        let rank = if self.rank.is_valid(row) {
            self.rank.value(row)
        } else {
            i64::MAX
        };
        let newest = Reverse(self.persons.created[record]);
        (holds(self.deleted, row), rank, newest, number(record))
    }
}

fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
