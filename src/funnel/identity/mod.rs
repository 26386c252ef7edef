//! Which records stand for one person.
//!
//! Records are joined by conversion, by their link field and by merges: any value ever seen, through
//! chains and records that are not there; these are permanent. Then by e-mail address, at its latest
//! value, unless the address is shared (`address`). A person's id is the key of the record created
//! first; of several the smallest key. Every record belongs to exactly one person.

mod address;
mod components;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::FunnelError;
use super::history::{History, filled, instants, text};
use components::{Components, Edge};

/// Why a record belongs to its person; the order is that of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tie {
    Converted,
    Linked,
    Merged,
    Email,
}

impl Tie {
    fn as_str(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Linked => "linked",
            Self::Merged => "merged",
            Self::Email => "email",
        }
    }
}

/// The persons, and which records are theirs. Records are numbered as in the history of records.
#[derive(Debug)]
pub(super) struct Persons {
    /// Sorted.
    pub(super) ids: Vec<String>,
    /// The number of each record's person.
    pub(super) of_record: Vec<usize>,
    /// Each person's records.
    pub(super) records: Vec<Vec<usize>>,
    /// By what each record was joined; none for the record that gives the id.
    tie: Vec<Option<Tie>>,
    /// When each record was created, or first seen.
    pub(super) created: Vec<i64>,
    /// Addresses that join nobody because they are shared.
    pub(super) shared_addresses: u64,
}

/// Writes the key of a record: `source.stream:record_id`.
pub(super) fn record_key(rows: &RecordBatch) -> impl Fn(usize, &mut String) -> bool {
    let columns = ["source", "stream", "record_id"].map(|name| text(rows, name));
    move |row, key| {
        for (column, end) in columns.iter().zip([".", ":", ""]) {
            let Some(part) = filled(column, row) else {
                return false;
            };
            key.push_str(part);
            key.push_str(end);
        }
        true
    }
}

impl Persons {
    /// Joins the records of a history whose things are records.
    pub(super) fn find(records: &History) -> Self {
        let created = created(records);
        let (emails, shared_addresses) = address::ties(records);
        let mut edges = pointers(records);
        edges.extend(emails);
        let components = Components::new(records.keys.len(), edges);
        let mut persons: Vec<(String, Vec<usize>)> = components
            .members()
            .into_iter()
            .map(|members| {
                let first = members
                    .iter()
                    .copied()
                    .min_by_key(|record| (created[*record], &records.keys[*record]))
                    .unwrap_or_default();
                (records.keys[first].clone(), members)
            })
            .collect();
        persons.sort_unstable();
        let index = records.index();
        let mut tie = vec![None; records.keys.len()];
        let mut of_record = vec![0; records.keys.len()];
        for (number, (id, members)) in persons.iter().enumerate() {
            components.spread(index[id.as_str()], &mut tie);
            for member in members {
                of_record[*member] = number;
            }
        }
        let (ids, members) = persons.into_iter().unzip();
        Self {
            ids,
            of_record,
            records: members,
            tie,
            created,
            shared_addresses,
        }
    }

    /// The number of each record's person by the record's key.
    pub(super) fn by_key<'a>(&'a self, records: &'a History) -> HashMap<&'a str, usize> {
        let keys = records.keys.iter().map(String::as_str);
        keys.zip(self.of_record.iter().copied()).collect()
    }

    /// The table `person_record`: `source, stream, record_id, person_id, matched_by`.
    pub(super) fn record_table(&self, records: &History) -> Result<RecordBatch, FunnelError> {
        let last: Vec<usize> = records.latest().collect();
        let part = |name| {
            let column = text(&records.rows, name);
            last.iter()
                .map(|row| filled(column, *row))
                .collect::<StringArray>()
        };
        let person = self
            .of_record
            .iter()
            .map(|person| Some(self.ids[*person].as_str()));
        let matched = self.tie.iter().map(|tie| tie.map(Tie::as_str));
        super::table([
            ("source", Arc::new(part("source")) as ArrayRef),
            ("stream", Arc::new(part("stream"))),
            ("record_id", Arc::new(part("record_id"))),
            ("person_id", Arc::new(person.collect::<StringArray>())),
            ("matched_by", Arc::new(matched.collect::<StringArray>())),
        ])
    }

    /// The table `person_alias`: `former_id, person_id, cause` of records converted or merged away.
    pub(super) fn alias_table(&self, records: &History) -> Result<RecordBatch, FunnelError> {
        let former: Vec<usize> = (0..records.keys.len())
            .filter(|record| matches!(self.tie[*record], Some(Tie::Converted | Tie::Merged)))
            .collect();
        let key = former
            .iter()
            .map(|record| Some(records.keys[*record].as_str()));
        let person = former
            .iter()
            .map(|record| Some(self.ids[self.of_record[*record]].as_str()));
        let cause = former
            .iter()
            .map(|record| self.tie[*record].map(Tie::as_str));
        super::table([
            (
                "former_id",
                Arc::new(key.collect::<StringArray>()) as ArrayRef,
            ),
            ("person_id", Arc::new(person.collect::<StringArray>())),
            ("cause", Arc::new(cause.collect::<StringArray>())),
        ])
    }

    /// How many records were joined to another, by what.
    pub(super) fn joined(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for tie in self.tie.iter().flatten() {
            *counts.entry(tie.as_str()).or_default() += 1;
        }
        counts
    }
}

/// When each record was created; where the source does not say, when it is first seen.
fn created(records: &History) -> Vec<i64> {
    let told = instants(&records.rows, "created_at");
    let first = |span: &std::ops::Range<usize>| {
        let told = span
            .clone()
            .filter_map(|row| super::history::instant(told, row));
        told.min().unwrap_or(records.from[span.start])
    };
    records.spans.iter().map(first).collect()
}

/// The ties that records state themselves. A record that is named and not there still joins those
/// that name it, as a number past the records'.
fn pointers(records: &History) -> Vec<Edge> {
    let index = records.index();
    let mut absent: HashMap<String, usize> = HashMap::new();
    let mut edges = Vec::new();
    let columns = [
        ("converted_to", Tie::Converted),
        ("linked_to", Tie::Linked),
        ("merged_into", Tie::Merged),
    ];
    for (name, tie) in columns {
        let column = text(&records.rows, name);
        for (record, span) in records.spans.iter().enumerate() {
            let mut last = None;
            for row in span.clone() {
                let target = filled(column, row).filter(|key| !key.ends_with(':'));
                if target.is_none() || target == last {
                    continue;
                }
                last = target;
                let key = target.unwrap_or_default();
                let past = index.len() + absent.len();
                let to = index
                    .get(key)
                    .copied()
                    .unwrap_or_else(|| *absent.entry(key.to_owned()).or_insert(past));
                edges.push(Edge {
                    from: record,
                    to,
                    tie,
                });
            }
        }
    }
    edges
}
