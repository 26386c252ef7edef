//! The rows that are compared: stage entries, signs and records, each as columns to tell rows apart by
//! and as values to reason about.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::kernels::cmp::lt_eq;
use arrow::compute::{and, cast, filter_record_batch, not};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::diff::Prepare;
use crate::funnel::history::{bigints, filled, instant, instants, primitive, text, truths};
use crate::warehouse::instant_type;

/// What an entry is read from.
pub(super) const ENTRY: [&str; 12] = [
    "person_id",
    "opportunity_id",
    "cycle",
    "stage",
    "entered_at",
    "entered_on",
    "implied",
    "confirmed_at",
    "net_new",
    "customer",
    "carried",
    "censored",
];

/// What a sign is read from.
pub(super) const SIGN: [&str; 11] = [
    "person_id",
    "stage",
    "kind",
    "at",
    "via",
    "source",
    "record_id",
    "opportunity_id",
    "won",
    "excluded",
    "new_business",
];

/// What tells whose a record is.
pub(super) const RECORD: [&str; 4] = ["source", "stream", "record_id", "person_id"];

/// An entry that was made on a known day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) person: String,
    pub(super) opportunity: Option<String>,
    pub(super) cycle: i64,
    pub(super) stage: String,
    pub(super) at: i64,
    /// Days since 1970.
    pub(super) on: i32,
    pub(super) confirmed_at: Option<i64>,
    pub(super) customer: bool,
    pub(super) counts: Counts,
    /// The member of each dimension.
    pub(super) members: Vec<String>,
}

/// In which measures an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counts {
    pub(super) implied: bool,
    pub(super) net_new: bool,
    pub(super) won: bool,
}

/// One row of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) person: String,
    pub(super) at: i64,
    pub(super) via: String,
    pub(super) won: Option<bool>,
    pub(super) excluded: bool,
    pub(super) new_business: bool,
    pub(super) of: Origin,
}

/// What a sign is a sign of, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) stage: Option<String>,
    pub(super) kind: String,
    pub(super) source: Option<String>,
    pub(super) record: Option<String>,
    pub(super) opportunity: Option<String>,
}

/// The members that a null or empty value stands for, as in `metric`.
const BLANK: &str = "blank";

/// The columns of compared entries: entries on known days, without what changes no figure.
pub(super) fn entry_schema(dimensions: &[&str]) -> SchemaRef {
    let mut fields = vec![
        Field::new("person_id", DataType::Utf8, true),
        Field::new("opportunity_id", DataType::Utf8, true),
        Field::new("cycle", DataType::Int64, true),
        Field::new("stage", DataType::Utf8, true),
        Field::new("entered_at", instant_type(), true),
        Field::new("entered_on", DataType::Date32, true),
        Field::new("implied", DataType::Boolean, true),
        Field::new("confirmed_at", instant_type(), true),
        Field::new("net_new", DataType::Boolean, true),
        Field::new("customer", DataType::Boolean, true),
        Field::new("won", DataType::Boolean, true),
    ];
    let dimension = |name: &&str| Field::new(format!("of_{name}"), DataType::Utf8, true);
    fields.extend(dimensions.iter().map(dimension));
    Arc::new(Schema::new(fields))
}

/// Turns rows of `stage_entry` into compared ones. Carried and censored entries have no day.
pub(super) fn entries<'a>(
    schema: &'a SchemaRef,
    dimensions: &'a [&'a str],
    last: &'a str,
) -> Box<Prepare<'a>> {
    Box::new(move |batch| {
        let dated = and(
            &not(truths(batch, "carried"))?,
            &not(truths(batch, "censored"))?,
        )?;
        let batch = filter_record_batch(batch, &dated)?;
        let (stages, outcomes) = (text(&batch, "stage"), text(&batch, "outcome"));
        let won = stages.iter().zip(outcomes);
        let won = won.map(|(stage, outcome)| Some(stage == Some(last) && outcome == Some("won")));
        let won: ArrayRef = Arc::new(won.collect::<BooleanArray>());
        let kept = schema
            .fields()
            .iter()
            .take(schema.fields().len() - dimensions.len());
        let mut columns: Vec<ArrayRef> = kept
            .map(|field| match field.name().as_str() {
                "won" => Arc::clone(&won),
                name => Arc::clone(&batch[name]),
            })
            .collect();
        for dimension in dimensions {
            columns.push(members(&batch, dimension)?);
        }
        RecordBatch::try_new(Arc::clone(schema), columns)
    })
}

fn members(batch: &RecordBatch, dimension: &str) -> Result<ArrayRef, ArrowError> {
    let texts = cast(&batch[dimension], &DataType::Utf8)?;
    let member = |text: Option<&str>| {
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        Some(text.unwrap_or(BLANK).to_owned())
    };
    let texts = texts.as_string::<i32>().iter().map(member);
    Ok(Arc::new(texts.collect::<StringArray>()))
}

/// The columns of compared signs.
pub(super) fn sign_schema() -> SchemaRef {
    let field = |name: &&str| {
        let kind = match *name {
            "at" => instant_type(),
            "won" | "excluded" | "new_business" => DataType::Boolean,
            _ => DataType::Utf8,
        };
        Field::new(*name, kind, true)
    };
    Arc::new(Schema::new(SIGN.iter().map(field).collect::<Vec<_>>()))
}

/// Turns rows of `evidence` into compared ones: those of the days up to `end`.
pub(super) fn signs(schema: &SchemaRef, end: i64) -> Box<Prepare<'_>> {
    Box::new(move |batch| {
        let end = arrow::array::TimestampMicrosecondArray::new_scalar(end);
        let end = end.into_inner().with_timezone("UTC");
        let past = lt_eq(instants(batch, "at"), &arrow::array::Scalar::new(end))?;
        let batch = filter_record_batch(batch, &past)?;
        let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let columns = schema.fields().iter().map(column).collect();
        RecordBatch::try_new(Arc::clone(schema), columns)
    })
}

/// The columns of compared records: each record's name and its person.
pub(super) fn record_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![text("record"), text("person_id")]))
}

/// Turns rows of `person_record` into compared ones, by the name that gives persons their ids.
pub(super) fn records(schema: &SchemaRef) -> Box<Prepare<'_>> {
    Box::new(move |batch| {
        let [source, stream, id, _] = RECORD.map(|name| text(batch, name));
        let name = |row| {
            let part = |column| filled(column, row).unwrap_or_default();
            format!("{}.{}:{}", part(source), part(stream), part(id))
        };
        let names: StringArray = (0..batch.num_rows()).map(|row| Some(name(row))).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(names), Arc::clone(&batch["person_id"])];
        RecordBatch::try_new(Arc::clone(schema), columns)
    })
}

impl Entry {
    /// From compared rows.
    pub(super) fn read(rows: &RecordBatch) -> Vec<Self> {
        let [person, opportunity, stage] =
            ["person_id", "opportunity_id", "stage"].map(|name| text(rows, name));
        let [implied, net_new, customer, won] =
            ["implied", "net_new", "customer", "won"].map(|name| truths(rows, name));
        let (at, confirmed) = (instants(rows, "entered_at"), instants(rows, "confirmed_at"));
        let (cycle, on): (_, &Date32Array) = (
            bigints(rows, "cycle"),
            primitive::<Date32Type>(rows, "entered_on"),
        );
        let fields = rows.schema_ref().fields().iter().zip(rows.columns());
        let of = fields.filter(|(field, _)| field.name().starts_with("of_"));
        let of: Vec<&StringArray> = of.map(|(_, column)| column.as_string()).collect();
        let entry = |row| Self {
            person: person.value(row).to_owned(),
            opportunity: filled(opportunity, row).map(str::to_owned),
            cycle: cycle.value(row),
            stage: stage.value(row).to_owned(),
            at: at.value(row),
            on: on.value(row),
            confirmed_at: instant(confirmed, row),
            customer: customer.value(row),
            counts: Counts {
                implied: implied.value(row),
                net_new: net_new.value(row),
                won: won.value(row),
            },
            members: of.iter().map(|of| of.value(row).to_owned()).collect(),
        };
        (0..rows.num_rows()).map(entry).collect()
    }
}

impl Sign {
    /// From compared rows.
    pub(super) fn read(rows: &RecordBatch) -> Vec<Self> {
        let name = |name, row| filled(text(rows, name), row).map(str::to_owned);
        let is = |name, row| {
            let column = truths(rows, name);
            column.is_valid(row).then(|| column.value(row))
        };
        let at = instants(rows, "at");
        let sign = |row| Self {
            person: name("person_id", row).unwrap_or_default(),
            at: at.value(row),
            via: name("via", row).unwrap_or_default(),
            won: is("won", row),
            excluded: is("excluded", row).unwrap_or_default(),
            new_business: is("new_business", row).unwrap_or_default(),
            of: Origin {
                stage: name("stage", row),
                kind: name("kind", row).unwrap_or_default(),
                source: name("source", row),
                record: name("record_id", row),
                opportunity: name("opportunity_id", row),
            },
        };
        (0..rows.num_rows()).map(sign).collect()
    }
}
