//! Evidence as it lies in record batches: columns found and checked once a batch, cells read by `Row`.
//!
//! Nothing is copied out of a batch but what `Evidence` holds; texts are borrowed.

use arrow::array::{
    Array, BooleanArray, Decimal128Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;

use super::change::Definitions;
use super::evidence::{Evidence, EvidenceError, Kind};
use super::typed::{Text, full, mistyped, text, typed};

/// The columns that the walk reads.
pub(super) const NAMES: [&str; 17] = [
    "person_id",
    "at",
    "stage_order",
    "kind",
    "via",
    "opportunity_id",
    "seen_after",
    "known_at",
    "censored",
    "imported",
    "date_only",
    "won",
    "reason",
    "customer",
    "new_business",
    "amount",
    "excluded",
];

/// Of them, texts that have few values.
pub(super) const OF_FEW_VALUES: [&str; 3] = ["kind", "via", "reason"];

/// Where a row of evidence lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    batch: usize,
    row: usize,
}

/// All evidence of one walk.
pub(super) struct Table {
    batches: Vec<Columns>,
}

struct Columns {
    rows: usize,
    person_id: Text,
    at: TimestampMicrosecondArray,
    order: Int64Array,
    kind: Vec<Kind>,
    via: Text,
    opportunity_id: Text,
    seen_after: TimestampMicrosecondArray,
    known_at: TimestampMicrosecondArray,
    censored: BooleanBuffer,
    imported: BooleanBuffer,
    date_only: BooleanBuffer,
    won: BooleanArray,
    reason: Text,
    customer: BooleanArray,
    new_business: BooleanBuffer,
    amount: Decimal128Array,
    excluded: BooleanBuffer,
}

impl Table {
    /// Finds the columns of every batch.
    pub(super) fn new(
        batches: &[RecordBatch],
        definitions: &Definitions,
    ) -> Result<Self, EvidenceError> {
        let batches = batches.iter().map(|batch| Columns::new(batch, definitions));
        Ok(Self {
            batches: batches.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let batches = self.batches.iter().enumerate();
        batches.flat_map(|(batch, columns)| (0..columns.rows).map(move |row| Row { batch, row }))
    }

    pub(super) fn evidence(&self, row: Row, definitions: &Definitions) -> Evidence<'_> {
        let (columns, i) = self.at(row);
        let at = columns.at.value(i);
        Evidence {
            at,
            turn: at,
            row,
            definition: definitions.at(at),
            opportunity: columns.opportunity_id.get(i),
            order: usize::try_from(columns.order.value(i)).unwrap_or_default(),
            kind: columns.kind[i],
            censored: columns.censored.value(i),
            date_only: columns.date_only.value(i),
        }
    }

    pub(super) fn person_id(&self, row: Row) -> &str {
        let (columns, i) = self.at(row);
        columns.person_id.get(i).unwrap_or_default()
    }

    pub(super) fn via(&self, row: Row) -> &str {
        let (columns, i) = self.at(row);
        columns.via.get(i).unwrap_or_default()
    }

    pub(super) fn opportunity_id(&self, row: Row) -> Option<&str> {
        let (columns, i) = self.at(row);
        columns.opportunity_id.get(i)
    }

    pub(super) fn reason(&self, row: Row) -> Option<&str> {
        let (columns, i) = self.at(row);
        columns.reason.get(i)
    }

    pub(super) fn seen_after(&self, row: Row) -> Option<i64> {
        let (columns, i) = self.at(row);
        let known = columns.seen_after.is_valid(i);
        known.then(|| columns.seen_after.value(i))
    }

    pub(super) fn known_at(&self, row: Row) -> i64 {
        let (columns, i) = self.at(row);
        columns.known_at.value(i)
    }

    pub(super) fn censored(&self, row: Row) -> bool {
        let (columns, i) = self.at(row);
        columns.censored.value(i)
    }

    pub(super) fn imported(&self, row: Row) -> bool {
        let (columns, i) = self.at(row);
        columns.imported.value(i)
    }

    pub(super) fn new_business(&self, row: Row) -> bool {
        let (columns, i) = self.at(row);
        columns.new_business.value(i)
    }

    pub(super) fn excluded(&self, row: Row) -> bool {
        let (columns, i) = self.at(row);
        columns.excluded.value(i)
    }

    /// Null where nothing tells whether the person was a customer.
    pub(super) fn customer(&self, row: Row) -> Option<bool> {
        let (columns, i) = self.at(row);
        let known = columns.customer.is_valid(i);
        known.then(|| columns.customer.value(i))
    }

    /// Null where nothing tells how the opportunity ended.
    pub(super) fn won(&self, row: Row) -> Option<bool> {
        let (columns, i) = self.at(row);
        columns.won.is_valid(i).then(|| columns.won.value(i))
    }

    pub(super) fn amount(&self, row: Row) -> Option<i128> {
        let (columns, i) = self.at(row);
        columns.amount.is_valid(i).then(|| columns.amount.value(i))
    }

    /// What sets a row apart from others of its stage and instant. Which record it came from does not:
    /// rows that differ in nothing else give the same entries in any order.
    pub(super) fn sign(&self, row: Row) -> impl Ord {
        let known = (self.known_at(row), self.seen_after(row), self.imported(row));
        let person = (self.customer(row), self.new_business(row));
        let told = (self.won(row), self.amount(row), self.reason(row));
        (known, person, told)
    }

    fn at(&self, row: Row) -> (&Columns, usize) {
        (&self.batches[row.batch], row.row)
    }
}

impl Columns {
    fn new(batch: &RecordBatch, definitions: &Definitions) -> Result<Self, EvidenceError> {
        let order = typed(batch, "stage_order", "a bigint")?;
        let kind = kinds(&text(batch, "kind")?, batch.num_rows())?;
        let at = full(batch, "at").and_then(|()| instants(batch, "at"))?;
        let stages = |row| definitions.rules[definitions.at(at.value(row))].last;
        check_orders(&order, &kind, stages)?;
        Ok(Self {
            rows: batch.num_rows(),
            person_id: full(batch, "person_id").and_then(|()| text(batch, "person_id"))?,
            at,
            order,
            kind,
            via: text(batch, "via")?,
            opportunity_id: text(batch, "opportunity_id")?,
            seen_after: instants(batch, "seen_after")?,
            known_at: full(batch, "known_at").and_then(|()| instants(batch, "known_at"))?,
            censored: flags(batch, "censored")?,
            imported: flags(batch, "imported")?,
            date_only: flags(batch, "date_only")?,
            won: typed(batch, "won", "a boolean")?,
            reason: text(batch, "reason")?,
            customer: typed(batch, "customer", "a boolean")?,
            new_business: flags(batch, "new_business")?,
            amount: money(batch, "amount")?,
            excluded: flags(batch, "excluded")?,
        })
    }
}

fn instants(
    batch: &RecordBatch,
    column: &'static str,
) -> Result<TimestampMicrosecondArray, EvidenceError> {
    typed(batch, column, "a timestamp in microseconds")
}

fn money(batch: &RecordBatch, column: &'static str) -> Result<Decimal128Array, EvidenceError> {
    let expected = "a decimal(18,4)";
    let array: Decimal128Array = typed(batch, column, expected)?;
    match array.data_type() {
        DataType::Decimal128(18, 4) => Ok(array),
        other => Err(mistyped(column, expected, other)),
    }
}

fn kinds(texts: &Text, rows: usize) -> Result<Vec<Kind>, EvidenceError> {
    texts.read(rows, |kind| {
        let kind = kind.unwrap_or_default();
        Kind::named(kind).ok_or_else(|| EvidenceError::Kind {
            kind: kind.to_owned(),
        })
    })
}

/// A deletion names no stage; all other evidence names one of the funnel's.
fn check_orders(
    orders: &Int64Array,
    kinds: &[Kind],
    stages: impl Fn(usize) -> usize,
) -> Result<(), EvidenceError> {
    for (row, (order, kind)) in orders.iter().zip(kinds).enumerate() {
        let order = order.unwrap_or_default();
        let stages = stages(row);
        let highest = i64::try_from(stages).unwrap_or(i64::MAX);
        if *kind != Kind::Deleted && !(1..=highest).contains(&order) {
            return Err(EvidenceError::Stage { order, stages });
        }
    }
    Ok(())
}

/// What is true; null is false.
fn flags(batch: &RecordBatch, column: &'static str) -> Result<BooleanBuffer, EvidenceError> {
    let array: BooleanArray = typed(batch, column, "a boolean")?;
    let (values, nulls) = array.into_parts();
    Ok(match nulls {
        Some(nulls) => &values & nulls.inner(),
        None => values,
    })
}
