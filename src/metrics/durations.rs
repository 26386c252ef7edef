//! Durations, told apart by stage, member and period, each time in ascending order.
//!
//! Quantiles and curves need their values sorted, for every member of every dimension in every
//! period. Here they are sorted once: what is handed on keeps the order, so the work is that of
//! passing each value to the periods that it belongs to.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Builder, Float64Builder, Int64Array, Int64Builder, RecordBatch,
    StringBuilder,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use jiff::civil::Date;

use super::period;
use super::split::MEMBERS;
use crate::config::ColumnType;
use crate::warehouse::{Frame, days_since_epoch, schema_of};

/// The columns of what is measured of durations; `metric` says what they hold. Days are doubles.
const COLUMNS: [(&str, ColumnType); 12] = [
    ("measure", ColumnType::String),
    ("period", ColumnType::String),
    ("period_start", ColumnType::Date),
    ("period_end", ColumnType::Date),
    ("stage_order", ColumnType::Bigint),
    ("to_order", ColumnType::Bigint),
    ("member_no", ColumnType::Bigint),
    ("n", ColumnType::Bigint),
    ("value", ColumnType::Double),
    ("low", ColumnType::Double),
    ("high", ColumnType::Double),
    ("detail", ColumnType::String),
];

/// A period that durations are measured in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) period: &'static str,
    pub(super) start: Date,
    pub(super) end: Date,
    pub(super) last_slot: i64,
}

/// The periods, and which of them hold a slot.
pub(super) struct Spans {
    pub(super) all: Vec<Span>,
    of_slot: Vec<Vec<usize>>,
}

impl Spans {
    /// Of the rows of `period` those that `wanted` names.
    pub(super) fn of(rows: &[period::Row], wanted: impl Fn(&period::Row) -> bool) -> Self {
        let mut spans = Self {
            all: Vec::new(),
            of_slot: Vec::new(),
        };
        for row in rows.iter().filter(|row| wanted(row)) {
            let known = |it: &Span| (it.period, it.start) == (row.period, row.period_start);
            if !spans.all.last().is_some_and(known) {
                spans.all.push(Span {
                    period: row.period,
                    start: row.period_start,
                    end: row.period_end,
                    last_slot: row.slot,
                });
            }
            let slot = usize::try_from(row.slot).unwrap_or_default();
            if spans.of_slot.len() <= slot {
                spans.of_slot.resize(slot + 1, Vec::new());
            }
            let at = spans.all.len() - 1;
            spans.all[at].last_slot = row.slot;
            spans.of_slot[slot].push(at);
        }
        spans
    }

    /// The indexes of the periods that hold `slot`.
    pub(super) fn holding(&self, slot: i64) -> &[usize] {
        let slot = usize::try_from(slot).ok();
        slot.and_then(|slot| self.of_slot.get(slot))
            .map_or(&[], Vec::as_slice)
    }
}

/// A duration, and the row of the relation that it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// What is sorted by; the maker says what it stands for.
    pub(super) value: i64,
    pub(super) row: u32,
    pub(super) stage_order: u16,
    /// 0 where there is no later stage.
    pub(super) to_order: u16,
}

impl Item {
    /// Of the row `at`; there are fewer than 2^32 rows and 2^16 stages.
    pub(super) fn new(value: i64, at: usize, stage_order: i64, to_order: i64) -> Self {
        Self {
            value,
            row: u32::try_from(at).unwrap_or(u32::MAX),
            stage_order: u16::try_from(stage_order).unwrap_or(u16::MAX),
            to_order: u16::try_from(to_order).unwrap_or(u16::MAX),
        }
    }

    fn row(self) -> usize {
        self.row as usize
    }
}

/// Which durations stand together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) stage_order: i64,
    pub(super) to_order: i64,
    pub(super) member_no: i64,
    /// An index of the periods'.
    pub(super) span: usize,
}

/// The named columns of a relation and its members, in one batch.
pub(super) fn whole(frame: &Frame, columns: &[&str]) -> Result<RecordBatch, ArrowError> {
    let at = columns.iter().chain(&[MEMBERS]);
    let at = at.map(|column| frame.schema.index_of(column));
    let at: Vec<usize> = at.collect::<Result<_, _>>()?;
    let schema: SchemaRef = Arc::new(frame.schema.project(&at)?);
    let parts = frame.batches.iter().map(|batch| batch.project(&at));
    let parts: Vec<RecordBatch> = parts.collect::<Result<_, _>>()?;
    concat_batches(&schema, &parts)
}

/// A column of whole numbers, dates and instants among them.
pub(super) fn numbers(batch: &RecordBatch, name: &str) -> Result<Int64Array, ArrowError> {
    let at = batch.schema().index_of(name)?;
    let column = cast(batch.column(at), &DataType::Int64)?;
    Ok(column.as_primitive::<Int64Type>().clone())
}

/// Hands every group of durations to `take`, its values ascending: of the total, and of every member
/// of every dimension of `batch`. `spans_of` says by row in which periods a duration stands.
pub(super) fn grouped<'s>(
    batch: &RecordBatch,
    mut items: Vec<Item>,
    spans: usize,
    spans_of: impl Fn(usize) -> &'s [usize],
    mut take: impl FnMut(Key, &[i64]),
) {
    items.sort_unstable_by_key(|item| (item.value, item.row));
    let members = batch.column(batch.num_columns() - 1).as_struct();
    let total: ArrayRef = Arc::new(Int64Array::from(vec![0; batch.num_rows()]));
    let mut buckets: Vec<Vec<i64>> = vec![Vec::new(); spans];
    for numbers in [&total].into_iter().chain(members.columns()) {
        let numbers = numbers.as_primitive::<Int64Type>();
        for group in by_group(&items, numbers) {
            let Some(first) = group.first() else { continue };
            for item in &group {
                for span in spans_of(item.row()) {
                    buckets[*span].push(item.value);
                }
            }
            for (span, values) in buckets.iter_mut().enumerate() {
                if !values.is_empty() {
                    let key = Key {
                        stage_order: i64::from(first.stage_order),
                        to_order: i64::from(first.to_order),
                        member_no: numbers.value(first.row()),
                        span,
                    };
                    take(key, values);
                    values.clear();
                }
            }
        }
    }
}

/// The items by stages and member, each group in the order given.
fn by_group(items: &[Item], numbers: &Int64Array) -> Vec<Vec<Item>> {
    let members = usize::try_from(numbers.iter().flatten().max().unwrap_or(0)).unwrap_or(0) + 1;
    let highest = items.iter().map(|it| it.stage_order.max(it.to_order)).max();
    let stages = usize::from(highest.unwrap_or(0)) + 1;
    let place = |item: &Item| {
        let pair = usize::from(item.stage_order) * stages + usize::from(item.to_order);
        pair * members + usize::try_from(numbers.value(item.row())).unwrap_or(0)
    };
    let mut sizes = vec![0; stages * stages * members];
    for item in items {
        sizes[place(item)] += 1;
    }
    let mut groups: Vec<Vec<Item>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for item in items {
        groups[place(item)].push(*item);
    }
    groups
}

/// The rows of what is measured of durations, on their way into a table.
#[derive(Default)]
pub(super) struct Measured {
    measure: StringBuilder,
    period: StringBuilder,
    period_start: Date32Builder,
    period_end: Date32Builder,
    stage_order: Int64Builder,
    to_order: Int64Builder,
    member_no: Int64Builder,
    n: Int64Builder,
    value: Float64Builder,
    low: Float64Builder,
    high: Float64Builder,
    detail: StringBuilder,
}

/// One measured number; a value that is not known is null.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Number<'a> {
    pub(super) n: i64,
    pub(super) value: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    /// JSON.
    pub(super) detail: Option<&'a str>,
}

impl Measured {
    pub(super) fn push(&mut self, measure: &str, span: &Span, key: Key, number: Number<'_>) {
        self.measure.append_value(measure);
        self.period.append_value(span.period);
        self.period_start.append_value(days_since_epoch(span.start));
        self.period_end.append_value(days_since_epoch(span.end));
        self.stage_order.append_value(key.stage_order);
        self.to_order.append_value(key.to_order);
        self.member_no.append_value(key.member_no);
        self.n.append_value(number.n);
        self.value.append_option(number.value);
        self.low.append_option(number.low);
        self.high.append_option(number.high);
        self.detail.append_option(number.detail);
    }

    pub(super) fn finish(mut self) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.measure.finish()),
            Arc::new(self.period.finish()),
            Arc::new(self.period_start.finish()),
            Arc::new(self.period_end.finish()),
            Arc::new(self.stage_order.finish()),
            Arc::new(self.to_order.finish()),
            Arc::new(self.member_no.finish()),
            Arc::new(self.n.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.low.finish()),
            Arc::new(self.high.finish()),
            Arc::new(self.detail.finish()),
        ];
        let schema = schema_of(&COLUMNS);
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        Ok((schema, vec![batch]))
    }
}
