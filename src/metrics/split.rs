//! Splits the rows of a relation by the configured dimensions.
//!
//! The dimensions of an entry travel through SQL as one column, `members`, that holds the number of
//! its member of each: no query names them, and grouping by a number is cheap. The table `member`
//! says what a number stands for; `metric` puts the names back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use super::cycle::Cycles;
use crate::config::ColumnType;
use crate::warehouse::Frame;

/// The column that holds the number of an entry's member of every dimension.
pub(super) const MEMBERS: &str = "members";

/// The member of those whose value is null or empty: they count too, so members sum to the total.
const BLANK: &str = "blank";

/// The columns of `member`.
pub(super) const COLUMNS: [(&str, ColumnType); 3] = [
    ("member_no", ColumnType::Bigint),
    ("dimension", ColumnType::String),
    ("member", ColumnType::String),
];

/// A row of `member`. The total is number 0, without dimension and member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) member_no: i64,
    pub(super) dimension: Option<String>,
    pub(super) member: Option<String>,
}

/// A relation whose entries are told apart by `members`, and what its numbers stand for.
pub(super) struct Gathered {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) members: Vec<Named>,
}

/// The named columns of `frame`, `cycle_no` and `members`. A column that `frame` lacks is an error.
pub(super) fn gathered(
    frame: &Frame,
    columns: &[&str],
    dimensions: &[String],
) -> Result<Gathered, ArrowError> {
    let at = columns.iter().map(|column| frame.schema.index_of(column));
    let at = at.collect::<Result<Vec<_>, _>>()?;
    let fields: Fields = dimensions.iter().map(|it| number(it)).collect();
    let gathered = Field::new(MEMBERS, DataType::Struct(fields.clone()), true);
    let schema = widened(&frame.schema.project(&at)?, number("cycle_no"));
    let schema = widened(&schema, gathered);
    let (mut numbers, mut cycles) = (Numbers::default(), Cycles::default());
    let mut batches = Vec::with_capacity(frame.batches.len());
    for batch in &frame.batches {
        let numbered = dimensions.iter().map(|it| numbers.of(batch, it));
        let numbered = numbered.collect::<Result<Vec<_>, _>>()?;
        let rows = batch.num_rows();
        let gathered = StructArray::try_new_with_length(fields.clone(), numbered, None, rows)?;
        let kept = at.iter().map(|at| Arc::clone(batch.column(*at)));
        let made = [cycles.of(batch)?, Arc::new(gathered)];
        let columns = kept.chain(made).collect();
        batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    Ok(Gathered {
        schema,
        batches,
        members: numbers.named(),
    })
}

/// The rows once for the total, with `member_no` 0, and once for each of the first `dimensions` of
/// them, with the number of the member they belong to. Columns are shared between the copies, not
/// copied.
pub(super) fn split(
    frame: &Frame,
    dimensions: usize,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let at = frame.schema.index_of(MEMBERS)?;
    let kept: Vec<usize> = (0..frame.schema.fields().len())
        .filter(|it| *it != at)
        .collect();
    let schema = widened(&frame.schema.project(&kept)?, number("member_no"));
    let mut batches = Vec::new();
    for batch in &frame.batches {
        let mut rest = batch.clone();
        let gathered = rest.remove_column(at);
        let total: ArrayRef = Arc::new(Int64Array::from(vec![0; batch.num_rows()]));
        let gathered = gathered.as_struct().columns().iter().take(dimensions);
        for numbers in [total].iter().chain(gathered) {
            let columns = rest.columns().iter().chain([numbers]).cloned().collect();
            batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
        }
    }
    Ok((schema, batches))
}

/// The numbers given so far, from 1, by dimension and member.
#[derive(Default)]
struct Numbers {
    given: BTreeMap<String, BTreeMap<String, i64>>,
    last: i64,
}

impl Numbers {
    fn of(&mut self, batch: &RecordBatch, dimension: &str) -> Result<ArrayRef, ArrowError> {
        let at = batch.schema().index_of(dimension)?;
        let texts = cast(batch.column(at), &DataType::Utf8)?;
        let given = self.given.entry(dimension.to_owned()).or_default();
        let last = &mut self.last;
        let number = |text: Option<&str>| {
            let member = text.map(str::trim).filter(|it| !it.is_empty());
            let member = member.unwrap_or(BLANK);
            if let Some(number) = given.get(member) {
                return *number;
            }
            *last += 1;
            given.insert(member.to_owned(), *last);
            *last
        };
        let numbers = texts.as_string::<i32>().iter().map(number);
        Ok(Arc::new(numbers.collect::<Int64Array>()))
    }

    fn named(self) -> Vec<Named> {
        let total = Named {
            member_no: 0,
            dimension: None,
            member: None,
        };
        let given = self.given.into_iter().flat_map(|(dimension, members)| {
            members.into_iter().map(move |(member, member_no)| Named {
                member_no,
                dimension: Some(dimension.clone()),
                member: Some(member),
            })
        });
        [total].into_iter().chain(given).collect()
    }
}

/// The columns of `schema`, and one more.
fn widened(schema: &Schema, more: Field) -> SchemaRef {
    let fields = schema.fields().iter().map(|it| it.as_ref().clone());
    Arc::new(Schema::new(fields.chain([more]).collect::<Vec<_>>()))
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}
