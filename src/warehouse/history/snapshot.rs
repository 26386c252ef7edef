//! A night's extract of records: which row stands for each key, in the order of the keys.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::digest::digests;
use super::{instants, stored_schema};
use crate::config::StreamKind;
use crate::warehouse::draft::Recorded;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::StreamForm;
use crate::warehouse::raw::Raw;
use crate::warehouse::schema::{Column, aligned, schema_of};

/// How many hashes of duplicate keys are told.
const TOLD_DUPLICATES: usize = 20;

/// A row of the extract: its batch, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::warehouse) struct Spot {
    batch: u32,
    row: u32,
}

/// An extract's rows with all columns that the stream ever had.
pub(in crate::warehouse) struct Snapshot {
    pub(super) table: String,
    pub(super) form: StreamForm,
    pub(super) batches: Vec<RecordBatch>,
    /// The columns of the run that it becomes.
    pub(in crate::warehouse) stored: SchemaRef,
    pub(super) zone: TimeZone,
    /// By column: whether the extract has it.
    pub(super) present: Vec<bool>,
    pub(super) created: Option<usize>,
    pub(super) modified: Option<usize>,
    /// The row that stands for each key, in the order of the keys.
    pub(super) standing: Vec<Spot>,
    /// The rows that stand for no record, and why.
    pub(in crate::warehouse) apart: Vec<(Spot, &'static str)>,
    ids: Vec<StringArray>,
    created_at: Option<Vec<TimestampMicrosecondArray>>,
    modified_at: Option<Vec<TimestampMicrosecondArray>>,
    /// Of changes: whether the record is gone.
    gone: Option<Vec<BooleanArray>>,
    digests: Vec<Vec<u128>>,
}

impl Snapshot {
    /// `columns` are all that the stream ever had.
    pub(in crate::warehouse) fn of(
        raw: &Raw,
        kind: &StreamKind,
        columns: &[Column],
        zone: &TimeZone,
    ) -> Result<Self, WarehouseError> {
        let (form, key, created, modified, deleted) = match kind {
            StreamKind::Snapshot {
                key,
                created,
                modified,
            } => (StreamForm::Snapshot, key, created, modified, &None),
            StreamKind::Changes {
                key,
                created,
                modified,
                deleted,
            } => (StreamForm::Changes, key, created, modified, deleted),
            StreamKind::Events { .. } | StreamKind::FieldHistory { .. } => {
                return Err(WarehouseError::OtherForm {
                    table: raw.table.clone(),
                    was: StreamForm::Events.name(),
                    now: StreamForm::Snapshot.name(),
                });
            }
        };
        let schema = schema_of(columns);
        let batches: Result<Vec<RecordBatch>, _> = raw
            .batches
            .iter()
            .map(|batch| aligned(batch, &schema))
            .collect();
        let batches = batches.map_err(WarehouseError::of(&raw.table))?;
        let at = |name: &Option<String>| raw.instants(name.as_deref()?, zone);
        let place = |name: &Option<String>| {
            let found = raw.find(name.as_deref()?)?;
            columns
                .iter()
                .position(|column| column.name == raw.columns[found].name)
        };
        let has = |column: &Column| raw.columns.iter().any(|own| own.name == column.name);
        let mut snapshot = Self {
            table: raw.table.clone(),
            form,
            stored: stored_schema(columns),
            zone: zone.clone(),
            present: columns.iter().map(has).collect(),
            created: place(created),
            modified: place(modified),
            standing: Vec::new(),
            apart: Vec::new(),
            ids: raw.texts(key)?,
            created_at: at(created),
            modified_at: at(modified),
            gone: deleted
                .as_deref()
                .map(|name| flags(raw, name))
                .transpose()?,
            digests: batches.iter().map(digests).collect(),
            batches,
        };
        snapshot.choose();
        Ok(snapshot)
    }

    /// Sorts the rows by key and settles which stands for each.
    fn choose(&mut self) {
        let mut rows = Vec::new();
        for (batch, ids) in (0..).zip(&self.ids) {
            for row in 0..u32::try_from(ids.len()).unwrap_or(u32::MAX) {
                let spot = Spot { batch, row };
                if ids.is_null(row as usize) {
                    self.apart.push((spot, "no key"));
                } else {
                    rows.push((0, spot));
                }
            }
        }
        self.sort(&mut rows);
        let mut standing = Vec::with_capacity(rows.len());
        let mut apart = std::mem::take(&mut self.apart);
        for same in rows.chunk_by(|one, two| self.id(one.1) == self.id(two.1)) {
            let best = same
                .iter()
                .max_by_key(|(_, spot)| (self.modified_at(*spot), *spot));
            let Some((_, best)) = best else { continue };
            standing.push(*best);
            let others = same.iter().filter(|(_, spot)| spot != best);
            apart.extend(others.map(|(_, spot)| (*spot, "duplicate key")));
        }
        (self.standing, self.apart) = (standing, apart);
    }

    /// By key. Keys of one system begin alike, so the eight bytes behind what all share are compared
    /// first, and as a number.
    fn sort(&self, rows: &mut [(u64, Spot)]) {
        let Some(&(_, first)) = rows.first() else {
            return;
        };
        let first = self.id(first).as_bytes();
        let shared = rows.iter().fold(first.len(), |shared, (_, spot)| {
            let both = first.iter().zip(self.id(*spot).as_bytes()).take(shared);
            both.take_while(|(one, two)| one == two).count()
        });
        for (number, spot) in rows.iter_mut() {
            let rest = self.id(*spot).as_bytes().get(shared..).unwrap_or_default();
            let mut bytes = [0; 8];
            let width = rest.len().min(8);
            bytes[..width].copy_from_slice(&rest[..width]);
            *number = u64::from_be_bytes(bytes);
        }
        rows.sort_unstable_by(|one, two| match one.0.cmp(&two.0) {
            Ordering::Equal => self.id(one.1).cmp(self.id(two.1)).then(one.1.cmp(&two.1)),
            other => other,
        });
    }

    pub(super) fn id(&self, spot: Spot) -> &str {
        self.ids[spot.batch as usize].value(spot.row as usize)
    }

    pub(super) fn digest(&self, spot: Spot) -> u128 {
        self.digests[spot.batch as usize][spot.row as usize]
    }

    pub(super) fn created_at(&self, spot: Spot) -> Option<i64> {
        at(self.created_at.as_deref()?, spot)
    }

    pub(super) fn modified_at(&self, spot: Spot) -> Option<i64> {
        at(self.modified_at.as_deref()?, spot)
    }

    /// Whether a change says that its record is gone.
    pub(super) fn is_gone(&self, spot: Spot) -> bool {
        let gone = self.gone.as_ref().map(|gone| &gone[spot.batch as usize]);
        gone.is_some_and(|gone| gone.is_valid(spot.row as usize) && gone.value(spot.row as usize))
    }

    /// The rows at these spots, in their order.
    pub(in crate::warehouse) fn take(&self, spots: &[Spot]) -> Result<RecordBatch, ArrowError> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let place = |spot: &Spot| (spot.batch as usize, spot.row as usize);
        let places: Vec<(usize, usize)> = spots.iter().map(place).collect();
        interleave_record_batch(&batches, &places)
    }

    /// The key of a row that has one.
    pub(in crate::warehouse) fn key(&self, spot: Spot) -> Option<&str> {
        let ids = &self.ids[spot.batch as usize];
        ids.is_valid(spot.row as usize).then(|| self.id(spot))
    }

    /// The rows that stand for no record, with the reason.
    pub(in crate::warehouse) fn apart_rows(
        &self,
        known_at: i64,
    ) -> Result<RecordBatch, ArrowError> {
        let spots: Vec<Spot> = self.apart.iter().map(|(spot, _)| *spot).collect();
        let rows = self.take(&spots)?;
        let keys = spots.iter().map(|spot| self.key(*spot));
        let reasons = self.apart.iter().map(|(_, reason)| *reason);
        let own: [(&str, ArrayRef); 3] = [
            ("record_id", Arc::new(keys.collect::<StringArray>())),
            ("known_at", instants(vec![Some(known_at); spots.len()])),
            (
                "apart_reason",
                Arc::new(StringArray::from_iter_values(reasons)),
            ),
        ];
        let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
        let mut columns = rows.columns().to_vec();
        for (name, column) in own {
            fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    pub(in crate::warehouse) fn count(&self, recorded: &mut Recorded) {
        let rows: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        recorded.rows = rows as u64;
        recorded.duplicates = (rows - self.standing.len()) as u64;
        for (spot, _) in &self.apart {
            match self.key(*spot) {
                None => {
                    recorded.keyless += 1;
                    recorded.duplicates -= 1;
                }
                Some(id) if recorded.duplicate_keys.len() < TOLD_DUPLICATES => {
                    recorded.duplicate_keys.push(key_hash(id));
                }
                Some(_) => {}
            }
        }
    }
}

fn at(instants: &[TimestampMicrosecondArray], spot: Spot) -> Option<i64> {
    let instants = &instants[spot.batch as usize];
    let row = spot.row as usize;
    instants.is_valid(row).then(|| instants.value(row))
}

/// The column that says whether a record is gone.
fn flags(raw: &Raw, name: &str) -> Result<Vec<BooleanArray>, WarehouseError> {
    let index = raw.require(name)?;
    let flags = |batch: &RecordBatch| batch.column(index).as_boolean_opt().cloned();
    let flags: Option<Vec<BooleanArray>> = raw.batches.iter().map(flags).collect();
    flags.ok_or_else(|| WarehouseError::NoFlag {
        table: raw.table.clone(),
        column: name.to_owned(),
        kind: raw.batches[0].column(index).data_type().to_string(),
    })
}

/// Twelve hex digits that tell keys apart in a report without showing them.
fn key_hash(id: &str) -> String {
    let mut hash = format!("{:x}", Sha256::digest(id.as_bytes()));
    hash.truncate(12);
    hash
}
