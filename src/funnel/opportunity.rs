//! Opportunities: their versions, the persons on them, and whom each is credited to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Date32Type;
use jiff::tz::TimeZone;

use super::FunnelError;
use super::history::{History, filled, holds, instant, instants, primitive, text, truths};
use crate::clock;
use crate::warehouse::date_of;

/// What the program reads and nobody else needs.
const INTERNAL: [&str; 5] = ["source", "seen_after", "via", "censored", "imported"];

#[derive(Debug)]
pub(super) struct Opportunities {
    pub(super) history: History,
    links: Vec<Link>,
    credited: HashMap<String, usize>,
    /// Links that name a record which is not there.
    pub(super) unknown_links: u64,
}

/// One person on one opportunity.
#[derive(Debug)]
struct Link {
    opportunity: String,
    person: usize,
    role: Option<String>,
    primary: bool,
    linked_at: Option<i64>,
    /// Smaller is nearer to being credited.
    claim: Claim,
}

/// The converted lead, else the primary role, else the earliest; ties by the record's key.
type Claim = (Reverse<bool>, Reverse<bool>, i64, String);

/// An opportunity that stands as won.
#[derive(Debug, Clone)]
pub(super) struct Win {
    pub(super) opportunity: usize,
    pub(super) won_at: i64,
}

impl Opportunities {
    /// `versions` and `links` are the united canonical tables; `person_of` knows record keys.
    pub(super) fn new(
        versions: &RecordBatch,
        links: &RecordBatch,
        person_of: &HashMap<&str, usize>,
    ) -> Result<Self, FunnelError> {
        let id = text(versions, "opportunity_id");
        let history = History::new(versions, |row, key| {
            key.push_str(filled(id, row).unwrap_or_default());
            !key.is_empty()
        })?;
        let (links, unknown_links) = collect_links(links, person_of);
        let mut best: BTreeMap<&str, &Link> = BTreeMap::new();
        for link in &links {
            let known = best.entry(link.opportunity.as_str()).or_insert(link);
            if link.claim < known.claim {
                *known = link;
            }
        }
        let credited = best
            .into_iter()
            .map(|(id, link)| (id.to_owned(), link.person))
            .collect();
        Ok(Self {
            history,
            links,
            credited,
            unknown_links,
        })
    }

    /// The person whom an opportunity is credited to.
    pub(super) fn credited(&self, opportunity: usize) -> Option<usize> {
        self.credited.get(&self.history.keys[opportunity]).copied()
    }

    /// The opportunities whose latest version is won, and since when: the version that first said so,
    /// or the end of the close date if that is earlier.
    pub(super) fn wins(&self, zone: &TimeZone) -> Vec<Win> {
        let rows = &self.history.rows;
        let (won, deleted) = (truths(rows, "is_won"), truths(rows, "deleted"));
        let close = primitive::<Date32Type>(rows, "close_date");
        let stands = |row: usize| holds(won, row) && !holds(deleted, row);
        let mut wins = Vec::new();
        for (opportunity, span) in self.history.spans.iter().enumerate() {
            let Some(first) = span.clone().rev().take_while(|row| stands(*row)).last() else {
                continue;
            };
            let latest = span.end - 1;
            let closed = close
                .is_valid(latest)
                .then(|| date_of(close.value(latest)))
                .flatten()
                .map(|date| clock::day_end(date, zone).as_microsecond());
            let told = self.history.from[first];
            wins.push(Win {
                opportunity,
                won_at: closed.map_or(told, |closed| closed.min(told)),
            });
        }
        wins
    }

    /// The table `opportunity_version`.
    pub(super) fn version_table(&self) -> Result<RecordBatch, FunnelError> {
        let rows = &self.history.rows;
        // Declared columns come first in the united rows, in their order.
        let names = rows.schema_ref().fields().iter().map(|field| field.name());
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for name in names.map(String::as_str) {
            let column = rows
                .column_by_name(name)
                .filter(|_| !INTERNAL.contains(&name));
            columns.extend(column.map(|column| (name, Arc::clone(column))));
            if name == "valid_from" {
                columns.push(("valid_to", Arc::new(self.history.valid_to())));
            }
        }
        super::table(columns)
    }

    /// The table `opportunity_person`.
    pub(super) fn person_table(&self, ids: &[String]) -> Result<RecordBatch, FunnelError> {
        let links = &self.links;
        let person = links.iter().map(|link| Some(ids[link.person].as_str()));
        let credited = links
            .iter()
            .map(|link| Some(self.credited.get(&link.opportunity) == Some(&link.person)));
        let opportunity = links.iter().map(|link| Some(link.opportunity.as_str()));
        let linked_at: TimestampMicrosecondArray =
            links.iter().map(|link| link.linked_at).collect();
        let role: StringArray = links.iter().map(|link| link.role.as_deref()).collect();
        let primary: BooleanArray = links.iter().map(|link| Some(link.primary)).collect();
        super::table([
            (
                "opportunity_id",
                Arc::new(opportunity.collect::<StringArray>()) as ArrayRef,
            ),
            ("person_id", Arc::new(person.collect::<StringArray>())),
            ("role", Arc::new(role)),
            ("is_primary", Arc::new(primary)),
            ("credited", Arc::new(credited.collect::<BooleanArray>())),
            ("linked_at", Arc::new(linked_at.with_timezone("UTC"))),
        ])
    }
}

/// One link for each opportunity and person, sorted, and how many links name no known record.
fn collect_links(rows: &RecordBatch, person_of: &HashMap<&str, usize>) -> (Vec<Link>, u64) {
    let (id, key) = (text(rows, "opportunity_id"), text(rows, "record_key"));
    let (role, linked) = (text(rows, "role"), instants(rows, "linked_at"));
    let (primary, converted) = (truths(rows, "is_primary"), truths(rows, "converted"));
    let mut links: BTreeMap<(String, usize), Link> = BTreeMap::new();
    let mut unknown = 0;
    for row in 0..rows.num_rows() {
        let (Some(opportunity), Some(record)) = (filled(id, row), filled(key, row)) else {
            continue;
        };
        let Some(person) = person_of.get(record).copied() else {
            unknown += 1;
            continue;
        };
        let linked_at = instant(linked, row);
        let link = Link {
            opportunity: opportunity.to_owned(),
            person,
            role: filled(role, row).map(str::to_owned),
            primary: holds(primary, row),
            linked_at,
            claim: (
                Reverse(holds(converted, row)),
                Reverse(holds(primary, row)),
                linked_at.unwrap_or(i64::MAX),
                record.to_owned(),
            ),
        };
        match links.entry((opportunity.to_owned(), person)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(link);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().join(link),
        }
    }
    (links.into_values().collect(), unknown)
}

impl Link {
    /// Takes another record of the same person on the same opportunity in.
    fn join(&mut self, other: Self) {
        let earliest = [self.linked_at, other.linked_at]
            .into_iter()
            .flatten()
            .min();
        let primary = self.primary || other.primary;
        if other.claim < self.claim {
            *self = other;
        }
        self.linked_at = earliest;
        self.primary = primary;
    }
}
