//! What became of entries since the night before: `stage_entry_change`.
//!
//! Each night's entries are compared with those of the version published before, whatever made the
//! new ones: a night in its turn, a late day, a released file, an erasure. A row tells of an entry on a
//! day up to the former as-of date that came, went, moved to another day, or counts in other figures
//! or for another member; so the changes since a figure was told sum to its difference. Every change
//! has one cause (`cause`), found from what else differs: records, evidence, opportunities.

mod cause;
mod diff;
mod family;
mod pair;
mod rows;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use self::cause::{Cause, Evidence, Known};
use self::diff::{Differing, Prepare, diff};
use self::family::{Families, Moved};
use self::pair::{Pair, pairs};
use self::rows::{ENTRY, Entry, RECORD, SIGN, Sign};
use self::table::Head;
use super::FunnelError;
use crate::clock;
use crate::warehouse::{Session, Version, Warehouse, days_since_epoch};

/// Why every entry may be another, whatever else differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// Persons are taken out.
    Erased,
    /// A definition is another, the time zone, or what canonical SQL makes of the sources.
    Redefined,
}

/// A night's entries beside those of the version before.
pub(crate) struct Comparison<'a> {
    /// Holds the night's derived tables.
    pub(crate) session: &'a Session,
    pub(crate) warehouse: &'a Warehouse,
    pub(crate) former: &'a Version,
    pub(crate) zone: &'a TimeZone,
    /// By which figures are split.
    pub(crate) dimensions: &'a [String],
    /// The last stage.
    pub(crate) last: &'a str,
    pub(crate) because: Option<Because>,
    /// Whether a definition drops the deleted.
    pub(crate) drops: bool,
    /// Whether extracts of an earlier day joined the history.
    pub(crate) late: bool,
    pub(crate) as_of: Date,
    pub(crate) commit_no: u64,
}

/// The rows of `stage_entry_change` that a night adds.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    /// How many changes have no cause: a defect of this program.
    pub(crate) unexplained: u64,
}

impl Change {
    /// Of a first night, which has nothing to compare with.
    pub(crate) fn none() -> Self {
        Self {
            schema: table::schema(),
            batches: Vec::new(),
            unexplained: 0,
        }
    }
}

/// What only one of the nights has, by family.
#[derive(Default)]
struct Apart {
    was: Vec<Entry>,
    is: Vec<Entry>,
    went: Vec<Sign>,
    came: Vec<Sign>,
}

impl Comparison<'_> {
    /// Compares.
    ///
    /// # Errors
    /// A table of the former version cannot be read.
    pub(crate) async fn changes(&self) -> Result<Change, FunnelError> {
        let entry = [ENTRY.as_slice(), &["outcome"], &self.names()].concat();
        let stored = self.warehouse.stored(self.former, "stage_entry", &entry);
        let compared = self.names();
        let compared: Vec<&str> = compared.into_iter().filter(|it| stored.has(it)).collect();
        let schema = rows::entry_schema(&compared);
        let prepare = rows::entries(&schema, &compared, self.last);
        let held = self.held("stage_entry").await?;
        let entries = diff(stored, held, &schema, &prepare).await?;
        if entries.was.num_rows() + entries.is.num_rows() == 0 {
            return Ok(Change::none());
        }
        let changes = self.explained(&entries).await?;
        let head = Head {
            as_of: days_since_epoch(self.as_of),
            commit_no: self.commit_no.cast_signed(),
            dimensions: &compared,
            nameless: self.because == Some(Because::Erased),
        };
        let unexplained = changes.iter().filter(|it| it.1 == Cause::Unexplained);
        Ok(Change {
            schema: table::schema(),
            unexplained: unexplained.count() as u64,
            batches: vec![table::table(&head, &changes)?],
        })
    }

    fn names(&self) -> Vec<&str> {
        self.dimensions.iter().map(String::as_str).collect()
    }

    /// The changes of all families, each with its cause.
    async fn explained(&self, entries: &Differing) -> Result<Vec<(Pair, Cause)>, FunnelError> {
        let records = self.records().await?;
        let schema = rows::sign_schema();
        let prepare = rows::signs(&schema, self.former_end());
        let signs = self.diff("evidence", &SIGN, &schema, &prepare).await?;
        let (went, came) = (Sign::read(&signs.was), Sign::read(&signs.is));
        let mut families = Families::find(&records, &went, &came);
        let apart = apart(&mut families, entries, went, came);
        let mut all: Vec<(usize, Vec<Pair>)> = Vec::new();
        let last_day = days_since_epoch(self.former.as_of);
        let mut signs = BTreeMap::new();
        for (family, mut apart) in apart {
            let pairs = pairs(
                std::mem::take(&mut apart.was),
                std::mem::take(&mut apart.is),
                last_day,
            );
            if !pairs.is_empty() {
                all.push((family, pairs));
                signs.insert(family, apart);
            }
        }
        let known = self.known(&all, &signs).await?;
        let mut changes = Vec::new();
        for (family, pairs) in all {
            let fate = families.fate(family);
            let apart = &signs[&family];
            let evidence = Evidence {
                because: self.because,
                fate: &fate,
                went: &apart.went,
                came: &apart.came,
                known: &known,
            };
            changes.extend(pairs.into_iter().map(|pair| {
                let cause = evidence.cause(&pair);
                (pair, cause)
            }));
        }
        changes.sort_by(|(one, _), (other, _)| order(one).cmp(&order(other)));
        Ok(changes)
    }

    /// The records that came, went or are another person's now, by name.
    async fn records(&self) -> Result<BTreeMap<String, Moved>, FunnelError> {
        let schema = rows::record_schema();
        let prepare = rows::records(&schema);
        let differing = self
            .diff("person_record", &RECORD, &schema, &prepare)
            .await?;
        let mut moved: BTreeMap<String, Moved> = BTreeMap::new();
        for (rows, is) in [(&differing.was, false), (&differing.is, true)] {
            let [names, persons] = [0, 1].map(|at| rows.column(at).as_string::<i32>());
            for (name, person) in names.iter().zip(persons) {
                let record = moved
                    .entry(name.unwrap_or_default().to_owned())
                    .or_default();
                let side = if is { &mut record.is } else { &mut record.was };
                *side = person.map(str::to_owned);
            }
        }
        Ok(moved)
    }

    async fn diff(
        &self,
        table: &str,
        columns: &[&str],
        schema: &SchemaRef,
        prepare: &Prepare<'_>,
    ) -> Result<Differing, FunnelError> {
        let stored = self.warehouse.stored(self.former, table, columns);
        diff(stored, self.held(table).await?, schema, prepare).await
    }

    /// The night's own table, whole.
    async fn held(&self, table: &str) -> Result<RecordBatch, FunnelError> {
        let frame = self.session.table(table).await?;
        if let [batch] = frame.batches.as_slice() {
            return Ok(batch.clone());
        }
        concat_batches(&frame.schema, &frame.batches)
            .map_err(FunnelError::arrow("comparing two nights"))
    }

    fn former_end(&self) -> i64 {
        clock::day_end(self.former.as_of, self.zone).as_microsecond()
    }

    /// What else is known of those whom the changes are about.
    async fn known(
        &self,
        pairs: &[(usize, Vec<Pair>)],
        signs: &BTreeMap<usize, Apart>,
    ) -> Result<Known, FunnelError> {
        let went = signs.values().flat_map(|apart| &apart.went);
        let named = went.filter_map(|sign| sign.of.opportunity.clone());
        let entered = pairs.iter().flat_map(|(_, pairs)| pairs);
        let persons = entered.filter_map(|pair| Some(pair.is.as_ref()?.person.clone()));
        Ok(Known {
            opportunities: self.opportunities(&named.collect()).await?,
            last: self.last.to_owned(),
            since: self.since(&persons.collect()).await?,
            dropped: self.dropped().await?,
            late: self.late,
        })
    }

    async fn opportunities(
        &self,
        named: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, bool>, FunnelError> {
        if named.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql =
            "select opportunity_id as id, coalesce(is_closed, false) as is_closed from opportunity";
        let rows: Vec<State> = self.session.query("opportunities", sql).await?.rows()?;
        let rows = rows.into_iter().filter(|row| named.contains(&row.id));
        Ok(rows.map(|row| (row.id, row.is_closed)).collect())
    }

    /// The persons who are deleted, and those who were as the former night ended and are there again.
    async fn dropped(&self) -> Result<BTreeSet<String>, FunnelError> {
        if !self.drops {
            return Ok(BTreeSet::new());
        }
        let end = clock::day_end(self.former.as_of, self.zone);
        let sql = format!(
            "select person_id as id from person_version
             where deleted and (
                 valid_to is null or valid_from <= timestamp '{end}' and valid_to > timestamp '{end}'
             )"
        );
        let rows: Vec<Named> = self.session.query("who is dropped", &sql).await?.rows()?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// The first day of which more is known of a person than the night before.
    async fn since(
        &self,
        persons: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, i32>, FunnelError> {
        if persons.is_empty() || self.because.is_some() {
            return Ok(BTreeMap::new());
        }
        let end = clock::day_end(self.former.as_of, self.zone);
        let sql = format!(
            "select id, local_date(min(at)) as day
             from (
                 select person_id as id, valid_from as at, known_at from person_version
                 union all
                 select person_id, occurred_at, known_at from response
                 union all
                 select concat('opportunity:', opportunity_id), valid_from, known_at
                 from opportunity_version
             )
             where known_at > timestamp '{end}' and id is not null and at is not null
             group by id"
        );
        let rows: Vec<Since> = self.session.query("what came late", &sql).await?.rows()?;
        let rows = rows.into_iter().filter(|row| persons.contains(&row.id));
        Ok(rows
            .map(|row| (row.id, days_since_epoch(row.day)))
            .collect())
    }
}

#[derive(Deserialize)]
struct State {
    id: String,
    is_closed: bool,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Since {
    id: String,
    day: Date,
}

/// Entries and signs by family; signs that are only another person's of the family now cancel out.
fn apart(
    families: &mut Families,
    entries: &Differing,
    went: Vec<Sign>,
    came: Vec<Sign>,
) -> BTreeMap<usize, Apart> {
    let mut all: BTreeMap<usize, Apart> = BTreeMap::new();
    for entry in Entry::read(&entries.was) {
        all.entry(families.of(&entry.person))
            .or_default()
            .was
            .push(entry);
    }
    for entry in Entry::read(&entries.is) {
        all.entry(families.of(&entry.person))
            .or_default()
            .is
            .push(entry);
    }
    for sign in went {
        if let Some(apart) = all.get_mut(&families.of(&sign.person)) {
            apart.went.push(sign);
        }
    }
    for sign in came {
        let Some(apart) = all.get_mut(&families.of(&sign.person)) else {
            continue;
        };
        let same = |old: &Sign| {
            let old = Sign {
                person: sign.person.clone(),
                ..old.clone()
            };
            old == sign
        };
        match apart.went.iter().position(same) {
            Some(at) => drop(apart.went.remove(at)),
            None => apart.came.push(sign),
        }
    }
    all
}

/// The same changes in the same order every time.
fn order(pair: &Pair) -> Option<(&str, &str, i64, i64)> {
    let entry = pair.is.as_ref().or(pair.was.as_ref())?;
    Some((&entry.person, &entry.stage, entry.cycle, entry.at))
}
