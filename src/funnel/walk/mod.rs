//! The stage walk: when every person entered every stage, from evidence sorted by person.
//!
//! A state machine over a sorted stream. Rows are read batch by batch and gathered for one person,
//! who may lie across batch borders; the person's evidence is put in order (`order`), taken row by
//! row (`rules`), and the entries appended as columns (`output`). A row costs no allocation: what
//! serves one person is emptied and serves the next, and an entry keeps only where its evidence
//! lies. Work and memory grow with the evidence, not with its square.
//!
//! Guaranteed:
//! * a person's entries depend on that person's evidence and the definitions, on nothing else: not on
//!   other persons, batch borders or the order of rows within a person;
//! * every row of evidence has exactly one fate, so `counts` sums to the rows read: nothing is
//!   ignored without being counted by name;
//! * no stage is left before it is entered; at most one cycle a person is open that holds no
//!   opportunity.
//!
//! What the walk does not see: a close that was withdrawn. Evidence of a close is sent only for an
//! opportunity whose latest version is closed, so a reopened one never closed, and its cycle is open.
//! Nor does it see when a `when` still holds after recycling: evidence is the turning true.
//!
//! Decided here, where the definition of the funnel is silent:
//! * disqualification ends the lead's cycle whatever was reached, for the person is in no stock; the
//!   reinstated person is carried up to `to`, but not above what was reached;
//! * recycling and disqualification leave a cycle with an open opportunity alone, and are not made up
//!   for when it closes; a disqualification holds all the same;
//! * an opportunity's own cycle carries the stages below the lowest that an opportunity can trigger;
//!   those between it and the evidence follow the skipping policy;
//! * deletion of a person ends all cycles, also with an open opportunity; what comes later begins
//!   anew. Deletion of an opportunity ends its cycle only;
//! * `quiet` runs in elapsed days from the latest close of any of the person's cycles;
//! * censored evidence enters at its `at`, but ends a cycle only when it was first seen. A stage's own
//!   dated evidence from before then dates the entry, and higher censored ones are no earlier;
//! * the definition in force at its instant judges a row of evidence; the first definition judges what
//!   was before it too. An entry's `stage_order` and `definition` are those under which it was made;
//! * what a new definition's `when` finds true as it takes effect carries no one to a stage below the
//!   highest of the cycle: who is further has passed it. Such a stage is entered by later evidence;
//! * under `any` a lower stage entered late is left, like every stage, at the *next* entry into a
//!   higher one, so until then the person stands in both.

mod change;
mod columns;
mod cycle;
mod days;
mod evidence;
mod fate;
mod order;
mod output;
mod person;
mod rules;
mod stored;
#[cfg(test)]
mod tests;
mod typed;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use jiff::tz::TimeZone;

use crate::config::Funnel;

use self::change::Definitions;
use self::columns::{Row, Table};
use self::days::LocalDays;
use self::evidence::{Evidence, Kind};
use self::fate::{Fate, Fates};
use self::output::Output;
use self::person::Person;
use super::FunnelError;

pub(crate) use self::evidence::EvidenceError;
pub(crate) use self::stored::{WalkedFiles, walk_files};

#[derive(Debug)]
pub(super) struct Walked {
    /// `stage_entry` without the attributes frozen at entry.
    pub(super) entries: RecordBatch,
    /// What became of the rows of evidence, by fate; zero counts included.
    pub(super) counts: BTreeMap<&'static str, u64>,
}

/// Walks over evidence sorted by `person_id` (bytewise). Within a person the order of rows is free.
/// The definitions are those that came into force until the as-of date, in that order; at least one.
///
/// # Errors
/// A column is absent, of another type, or null where it must not be; a kind or stage is not known;
/// persons are not sorted. Nothing of a person is ever in the error.
pub(super) fn walk(
    evidence: &[RecordBatch],
    funnels: &[&Funnel],
    zone: &TimeZone,
) -> Result<Walked, FunnelError> {
    let definitions = Definitions::new(funnels, zone);
    let table = Table::new(evidence, &definitions)?;
    let mut walk = Walk {
        table: &table,
        definitions: &definitions,
        days: LocalDays::new(zone),
        first: None,
        gathered: Vec::new(),
        person: Person::new(&table, &definitions),
        fates: Fates::default(),
        output: Output::new(funnels),
    };
    for row in table.rows() {
        walk.read(row)?;
    }
    walk.finish_person();
    Ok(Walked {
        entries: walk.output.finish(),
        counts: walk.fates.by_name(),
    })
}

struct Walk<'a, 'f> {
    table: &'a Table,
    definitions: &'a Definitions,
    days: LocalDays,
    /// The person being gathered, and the first row.
    first: Option<(&'a str, Row)>,
    gathered: Vec<Evidence<'a>>,
    person: Person<'a>,
    fates: Fates,
    output: Output<'f>,
}

impl Walk<'_, '_> {
    fn read(&mut self, row: Row) -> Result<(), EvidenceError> {
        let person_id = self.table.person_id(row);
        if self.is_next_person(person_id)? {
            self.finish_person();
            self.first = Some((person_id, row));
        }
        let evidence = self.table.evidence(row, self.definitions);
        // Deletion counts even of the excluded: whoever entered before must leave.
        if self.table.excluded(row) && evidence.kind != Kind::Deleted {
            self.fates.count(Fate::Excluded);
        } else {
            self.gathered.push(evidence);
        }
        Ok(())
    }

    fn is_next_person(&self, person_id: &str) -> Result<bool, EvidenceError> {
        let Some((current, _)) = self.first else {
            return Ok(true);
        };
        match person_id.cmp(current) {
            Ordering::Equal => Ok(false),
            Ordering::Greater => Ok(true),
            Ordering::Less => Err(EvidenceError::Unsorted),
        }
    }

    fn finish_person(&mut self) {
        let Some((person_id, first)) = self.first else {
            return;
        };
        self.person.reset(person_id);
        order::arrange(&mut self.gathered, self.table, &self.days, self.definitions);
        for evidence in self.gathered.drain(..) {
            self.fates.count(self.person.take(&evidence));
        }
        self.person.change_until(i64::MAX - 1);
        self.output.append(&self.person, first, &mut self.days);
    }
}
