//! The rows of every scope at once, so that each query is asked once, however many recipients there are.
//!
//! A scope is a number here: `scope_entry`, `scope_transition` and `scope_stay` repeat the rows of
//! `entry`, `transition` and `stay` for every scope that admits them, and everything behind them
//! (`queries/scope/`, the `scoped/` queries of reports) carries the number on. `figures` takes the
//! numbers apart again.

mod compare;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StructArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use super::inputs::table;
use super::split::{self, Named};
use super::{MetricsError, rows};
use crate::config::{ColumnType, Config, Scope};
use crate::warehouse::query::relation::{in_waves, load};
use crate::warehouse::{Frame, Session};

/// The column that says to which scope a row belongs.
pub(super) const SCOPE_NO: &str = "scope_no";

/// The table that says what the numbers in `members` stand for, those of scopes alone too.
pub(super) const MEMBERS: &str = "scope_member";

/// `scope`: one row a scope. `dimension` and `member` are null unless the configured baseline is kept
/// for just the rows of the scope.
const SCOPE: [(&str, ColumnType); 3] = [
    (SCOPE_NO, ColumnType::Bigint),
    ("dimension", ColumnType::String),
    ("member", ColumnType::String),
];

/// The measures' relations, and what their rows are called once they are repeated for every scope.
const REPEATED: [(&str, &str); 3] = [
    ("entry", "scope_entry"),
    ("transition", "scope_transition"),
    ("stay", "scope_stay"),
];

#[derive(Serialize)]
struct ScopeRow<'a> {
    scope_no: usize,
    dimension: Option<&'a str>,
    member: Option<&'a str>,
}

/// The dimensions, then what recipients' scopes name besides.
pub(super) fn columns(config: &Config) -> Vec<String> {
    let dimensions = &config.metrics.dimensions;
    let more = config.scope_columns();
    let more = more.into_iter().filter(|it| !dimensions.contains(it));
    dimensions.iter().cloned().chain(more).collect()
}

/// The members of `dimensions`, and all.
pub(super) fn told_apart(all: Vec<Named>, dimensions: &[String]) -> (Vec<Named>, Vec<Named>) {
    let (members, others): (Vec<Named>, Vec<Named>) = all.into_iter().partition(|named| {
        let dimension = named.dimension.as_ref();
        dimension.is_none_or(|it| dimensions.contains(it))
    });
    let scoped = members.iter().chain(&others).cloned().collect();
    (members, scoped)
}

/// Registers what the scoped queries read, of the scopes in their order: the first is number 0. The
/// measures must have been computed. Gives the values that no row has ever had, in words.
pub(super) async fn register(
    session: &Session,
    config: &Config,
    scopes: &[Scope],
) -> Result<BTreeSet<String>, MetricsError> {
    let kept = kept_by(session).await?;
    let scope_rows: Vec<ScopeRow<'_>> = (0..).zip(scopes).map(|it| row(it, &kept)).collect();
    table(session, "scope", &SCOPE, &scope_rows)?;
    let members = Members::read(session).await?;
    for (relation, scoped) in REPEATED {
        let frame = session.table(relation).await?;
        let repeated = repeated(&frame, &members, scopes);
        let (schema, batches) = repeated.map_err(rows("scope"))?;
        session.register(scoped, schema, batches)?;
    }
    for wave in in_waves(load("scope", &config.queries)?)? {
        for (relation, frame) in wave.iter().zip(session.run_all(&wave).await?) {
            session.register(&relation.name, frame.schema, frame.batches)?;
        }
    }
    compare::register(session, config).await?;
    Ok(members.unknown(scopes))
}

/// Lets the repeated rows go, once the scoped queries of a report have read them.
pub(super) fn forget(session: &Session) -> Result<(), MetricsError> {
    Ok(session.forget(REPEATED.map(|(_, scoped)| scoped))?)
}

fn row<'a>((scope_no, scope): (usize, &'a Scope), kept: &BTreeSet<String>) -> ScopeRow<'a> {
    let single = scope
        .single()
        .filter(|(column, values)| values.len() == 1 && kept.contains(*column));
    ScopeRow {
        scope_no,
        dimension: single.as_ref().map(|(column, _)| *column),
        member: single.and_then(|(_, values)| values.first().copied()),
    }
}

/// The dimensions for whose members the configured baseline is kept.
async fn kept_by(session: &Session) -> Result<BTreeSet<String>, MetricsError> {
    #[derive(Deserialize)]
    struct Kept {
        dimension: String,
    }
    let sql =
        "select distinct b.dimension from baseline b join setting s on s.baseline = b.baseline
               where b.dimension is not null";
    let kept: Vec<Kept> = session.query("baseline", sql).await?.rows()?;
    Ok(kept.into_iter().map(|it| it.dimension).collect())
}

/// What the numbers in `members` stand for.
struct Members {
    named: HashMap<i64, String>,
    known: BTreeSet<(String, String)>,
}

impl Members {
    async fn read(session: &Session) -> Result<Self, MetricsError> {
        let all: Vec<Named> = session.table(MEMBERS).await?.rows()?;
        let (mut named, mut known) = (HashMap::new(), BTreeSet::new());
        for Named {
            member_no,
            dimension,
            member,
        } in all
        {
            if let (Some(dimension), Some(member)) = (dimension, member) {
                named.insert(member_no, member.clone());
                known.insert((dimension, member));
            }
        }
        Ok(Self { named, known })
    }

    fn unknown(&self, scopes: &[Scope]) -> BTreeSet<String> {
        let values = scopes.iter().flat_map(Scope::values);
        let is_known = |it: &(&str, &str)| self.known.contains(&(it.0.to_owned(), it.1.to_owned()));
        let unknown = values.filter(|it| !is_known(it));
        unknown
            .map(|(column, value)| {
                format!("no entry has the {} `{value}`", column.replace('_', " "))
            })
            .collect()
    }

    /// The scopes that admit a row with these numbers of these columns.
    fn scopes(&self, columns: &[&str], numbers: &[i64], scopes: &[Scope]) -> Vec<i64> {
        let pairs = columns.iter().copied().zip(numbers);
        let cells: BTreeMap<&str, &str> = pairs
            .filter_map(|(column, number)| Some((column, self.named.get(number)?.as_str())))
            .collect();
        let admitting = (0..)
            .zip(scopes)
            .filter(|(_, scope)| scope.admits(|column| cells.get(column).copied()));
        admitting.map(|(number, _)| number).collect()
    }
}

/// The rows once for each scope that admits them, with its number instead of their members.
fn repeated(
    frame: &Frame,
    members: &Members,
    scopes: &[Scope],
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let at = frame.schema.index_of(split::MEMBERS)?;
    let others: Vec<usize> = (0..frame.schema.fields().len())
        .filter(|it| *it != at)
        .collect();
    let others = frame.schema.project(&others)?;
    let number = Field::new(SCOPE_NO, arrow::datatypes::DataType::Int64, false);
    let fields = others.fields().iter().map(|it| it.as_ref().clone());
    let schema: SchemaRef = Arc::new(Schema::new(fields.chain([number]).collect::<Vec<_>>()));
    let mut known = HashMap::new();
    let mut batches = Vec::new();
    for batch in &frame.batches {
        let mut rest = batch.clone();
        let gathered = rest.remove_column(at);
        let (indices, numbers) = admitted(gathered.as_struct(), members, scopes, &mut known);
        let mut columns = Vec::with_capacity(schema.fields().len());
        for column in rest.columns() {
            columns.push(take(column, &indices, None)?);
        }
        let numbers: ArrayRef = Arc::new(numbers);
        columns.push(numbers);
        batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    Ok((schema, batches))
}

/// The rows that are in some scope, each with the scope's number. Rows of the same members are looked
/// up once.
fn admitted(
    gathered: &StructArray,
    members: &Members,
    scopes: &[Scope],
    known: &mut HashMap<Vec<i64>, Vec<i64>>,
) -> (UInt64Array, Int64Array) {
    let columns: Vec<&str> = gathered.column_names();
    let values = gathered.columns().iter();
    let values: Vec<&Int64Array> = values.map(AsArray::as_primitive::<Int64Type>).collect();
    let (mut indices, mut numbers) = (Vec::new(), Vec::new());
    let mut key = Vec::with_capacity(values.len());
    for (row, index) in (0..gathered.len()).zip(0_u64..) {
        key.clear();
        key.extend(values.iter().map(|column| column.value(row)));
        if !known.contains_key(&key) {
            let found = members.scopes(&columns, &key, scopes);
            known.insert(key.clone(), found);
        }
        for number in known.get(&key).into_iter().flatten() {
            indices.push(index);
            numbers.push(*number);
        }
    }
    (UInt64Array::from(indices), Int64Array::from(numbers))
}
