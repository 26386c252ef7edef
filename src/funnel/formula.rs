//! The SQL expressions of `funnel.yaml`: planned by DataFusion against the columns of one table,
//! evaluated over its rows in their order.
//!
//! An expression is planned alone, so that each wrong one is told with its own place. Columns of the
//! row stand bare; over events, those of the person as of the event stand as `person.x`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{Expr, ExprWithAlias, Ident, visit_expressions_mut};

use super::FunnelError;
use super::shape::word;
use crate::config::Sql;
use crate::problem::{Place, Problem};
use crate::warehouse::instant_type;

/// What an expression may name.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) table: &'static str,
    pub(super) columns: SchemaRef,
    /// The columns that may stand as `person.x`.
    pub(super) person: Option<SchemaRef>,
}

/// What an expression must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Truth,
    /// An instant or a date.
    Time,
    Text,
}

/// An expression, planned.
#[derive(Debug, Clone)]
pub(super) struct Formula {
    /// The expression as messages call it: "the `when` of stage `mql`".
    what: String,
    expr: Arc<dyn PhysicalExpr>,
    /// The columns that it reads, those of the person last, as `person.x`.
    reads: SchemaRef,
    gives: DataType,
}

/// The persons' rows that stand beside the rows of an event table.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) versions: &'a RecordBatch,
    pub(super) rows: &'a UInt32Array,
}

const PERSON: &str = "person.";

impl Formula {
    /// Plans an expression; `what` names it in messages, without an article.
    pub(super) fn read(
        state: &SessionState,
        scope: &Scope,
        what: &str,
        sql: &Sql,
        gives: Gives,
    ) -> Result<Self, Problem> {
        let mut parsed =
            DFParser::parse_sql_into_expr(&sql.text).map_err(|error| syntax(what, sql, &error))?;
        let reads = resolve(&mut parsed, scope, what, sql)?;
        let planned = plan(state, parsed, &reads).map_err(|error| refused(what, sql, &error))?;
        let (expr, found) = planned;
        check_type(&found, gives, what, sql)?;
        Ok(Self {
            what: what.to_owned(),
            expr,
            reads,
            gives: found,
        })
    }

    /// The columns of its table that it names.
    pub(super) fn columns(&self) -> Vec<String> {
        let names = self.reads.fields().iter().map(|field| field.name());
        names
            .filter(|name| !name.starts_with(PERSON))
            .cloned()
            .collect()
    }

    /// Whether it names a column of the person.
    pub(super) fn reads_person(&self) -> bool {
        let mut names = self.reads.fields().iter();
        names.any(|field| field.name().starts_with(PERSON))
    }

    /// Whether it gives dates without time.
    pub(super) fn gives_dates(&self) -> bool {
        self.gives == DataType::Date32
    }

    /// One truth value a row, never null: null is false.
    pub(super) fn truths(
        &self,
        rows: &RecordBatch,
        beside: Option<Beside<'_>>,
    ) -> Result<BooleanArray, FunnelError> {
        let values = self.evaluate(rows, beside, &DataType::Boolean)?;
        let truths = values.as_boolean();
        Ok(match truths.nulls() {
            None => truths.clone(),
            Some(nulls) => BooleanArray::new(truths.values() & nulls.inner(), None),
        })
    }

    /// One instant a row; `day` turns a date, in days since 1970, into one.
    pub(super) fn instants(
        &self,
        rows: &RecordBatch,
        day: impl Fn(i32) -> Option<i64>,
    ) -> Result<TimestampMicrosecondArray, FunnelError> {
        if !self.gives_dates() {
            let values = self.evaluate(rows, None, &instant_type())?;
            return Ok(values.as_primitive::<TimestampMicrosecondType>().clone());
        }
        let values = self.evaluate(rows, None, &DataType::Date32)?;
        let dates = values.as_primitive::<arrow::datatypes::Date32Type>();
        Ok(dates.iter().map(|date| day(date?)).collect())
    }

    /// One text a row.
    pub(super) fn texts(&self, rows: &RecordBatch) -> Result<StringArray, FunnelError> {
        let values = self.evaluate(rows, None, &DataType::Utf8)?;
        Ok(values.as_string::<i32>().clone())
    }

    fn evaluate(
        &self,
        rows: &RecordBatch,
        beside: Option<Beside<'_>>,
        wanted: &DataType,
    ) -> Result<ArrayRef, FunnelError> {
        let failed = || FunnelError::Trigger {
            what: self.what.clone(),
        };
        let column = |field: &Arc<Field>| match field.name().strip_prefix(PERSON) {
            None => rows.column_by_name(field.name()).cloned(),
            Some(name) => {
                let beside = beside?;
                let column = beside.versions.column_by_name(name)?;
                take(column, beside.rows, None).ok()
            }
        };
        let columns: Option<Vec<ArrayRef>> = self.reads.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let read = columns.and_then(|columns| {
            RecordBatch::try_new_with_options(Arc::clone(&self.reads), columns, &options).ok()
        });
        // What DataFusion says may quote a cell.
        let read = read.ok_or_else(failed)?;
        let values = self.expr.evaluate(&read).map_err(|_| failed())?;
        let values = values.into_array(read.num_rows()).map_err(|_| failed())?;
        cast(&values, wanted).map_err(|_| failed())
    }
}

/// Checks every name, turns `person.x` and `<table>.x` into names of single columns, and gives the
/// columns that are read.
fn resolve(
    parsed: &mut ExprWithAlias,
    scope: &Scope,
    what: &str,
    sql: &Sql,
) -> Result<SchemaRef, Problem> {
    let mut own = BTreeSet::new();
    let mut person = BTreeSet::new();
    let found = visit_expressions_mut(&mut parsed.expr, |expr| {
        let names = match expr {
            Expr::Identifier(name) => vec![name.clone()],
            Expr::CompoundIdentifier(names) => names.clone(),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                let problem = Problem::new(format!("The {what} holds a query"));
                return ControlFlow::Break(
                    problem
                        .at(sql.place.clone())
                        .fix("write an expression over the columns of one row"),
                );
            }
            _ => return ControlFlow::Continue(()),
        };
        match scope.find(&names) {
            Some((column, true)) => {
                *expr = Expr::Identifier(Ident::with_quote('"', format!("{PERSON}{column}")));
                person.insert(column);
            }
            Some((column, false)) => {
                *expr = Expr::Identifier(Ident::with_quote('"', column.clone()));
                own.insert(column);
            }
            None => return ControlFlow::Break(scope.unknown(&names, what, sql)),
        }
        ControlFlow::Continue(())
    });
    if let ControlFlow::Break(problem) = found {
        return Err(problem);
    }
    let field = |schema: &Schema, column: &String, prefix: &str| {
        let field = schema.field_with_name(column).ok()?;
        Some(Field::new(
            format!("{prefix}{column}"),
            field.data_type().clone(),
            true,
        ))
    };
    let beside = scope.person.as_ref();
    let own = own
        .iter()
        .filter_map(|column| field(&scope.columns, column, ""));
    let person = person
        .iter()
        .filter_map(|column| field(beside?, column, PERSON));
    Ok(Arc::new(Schema::new(own.chain(person).collect::<Vec<_>>())))
}

impl Scope {
    /// The column that is named, and whether it is the person's.
    fn find(&self, names: &[Ident]) -> Option<(String, bool)> {
        let names: Vec<String> = names.iter().map(lower).collect();
        let (qualifier, name) = match names.as_slice() {
            [name] => (None, name),
            [qualifier, name] => (Some(qualifier.as_str()), name),
            _ => return None,
        };
        let there = |schema: &Schema| schema.index_of(name).is_ok();
        match (qualifier, &self.person) {
            (Some("person"), Some(person)) => there(person).then(|| (name.clone(), true)),
            (None, _) => there(&self.columns).then(|| (name.clone(), false)),
            (Some(table), _)
                if table == self.table || self.table.starts_with(&format!("{table}_")) =>
            {
                there(&self.columns).then(|| (name.clone(), false))
            }
            _ => None,
        }
    }

    fn unknown(&self, names: &[Ident], what: &str, sql: &Sql) -> Problem {
        let name = names.iter().map(lower).collect::<Vec<_>>().join(".");
        let of_person = name.strip_prefix(PERSON).filter(|_| self.person.is_some());
        let (table, schema, asked) = match (of_person, &self.person) {
            (Some(rest), Some(person)) => ("person_version", person, rest),
            _ => (self.table, &self.columns, name.as_str()),
        };
        let span = names.first().map(|name| name.span.start);
        let place = span.map_or_else(|| sql.place.clone(), |at| place(sql, at.line, at.column));
        let fix = match nearest(schema, asked) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its columns are {}", listed(schema)),
        };
        Problem::new(format!(
            "The {what} names `{name}`, and `{table}` has no such column"
        ))
        .at(place)
        .fix(fix)
    }
}

fn lower(name: &Ident) -> String {
    match name.quote_style {
        None => name.value.to_lowercase(),
        Some(_) => name.value.clone(),
    }
}

fn listed(schema: &Schema) -> String {
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    names.join(", ")
}

/// The column whose name is at most two letters off.
fn nearest<'a>(schema: &'a Schema, asked: &str) -> Option<&'a str> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let near = names.map(|name| (distance(name, asked), name)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Letters to insert, drop or change to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

fn plan(
    state: &SessionState,
    parsed: ExprWithAlias,
    reads: &SchemaRef,
) -> Result<(Arc<dyn PhysicalExpr>, DataType), DataFusionError> {
    let columns = DFSchema::try_from(Arc::clone(reads))?;
    let logical = state.create_logical_expr_from_sql_expr(parsed, &columns)?;
    let physical = state.create_physical_expr(logical, &columns)?;
    let gives = physical.data_type(reads)?;
    Ok((physical, gives))
}

fn check_type(found: &DataType, gives: Gives, what: &str, sql: &Sql) -> Result<(), Problem> {
    let (fits, wanted) = match gives {
        Gives::Truth => (
            matches!(found, DataType::Boolean | DataType::Null),
            "true or false",
        ),
        Gives::Time => (
            matches!(found, DataType::Timestamp(_, _) | DataType::Date32),
            "an instant or a date",
        ),
        Gives::Text => (!found.is_nested(), "text"),
    };
    if fits {
        return Ok(());
    }
    let problem = Problem::new(format!("The {what} gives {}, not {wanted}", word(found)));
    Err(problem.at(sql.place.clone()))
}

/// The place of a line and column of the expression in the file that it stands in. The file's own
/// line is known for the first line of the expression only.
fn place(sql: &Sql, line: u64, column: u64) -> Place {
    let offset = usize::try_from(column.saturating_sub(1)).unwrap_or_default();
    let mut place = sql.place.clone();
    if line <= 1 {
        place.column += offset;
    }
    place
}

/// A parser's message ends in "at Line: 1, Column: 7" when it knows the place.
fn syntax(what: &str, sql: &Sql, error: &DataFusionError) -> Problem {
    let root = error.find_root().strip_backtrace();
    let text = root.trim_start_matches("SQL error: ");
    let number = |label: &str| {
        let rest = text.rsplit_once(label)?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    let end = (1, sql.text.chars().count() as u64 + 1);
    let (line, column) = number("Line: ").zip(number("Column: ")).unwrap_or(end);
    let message = text.split(" at Line: ").next().unwrap_or(text);
    let message = message
        .trim_start_matches("ParserError(\"")
        .trim_start_matches("TokenizerError(\"")
        .trim_end_matches("\")");
    Problem::new(format!("The {what} is not SQL: {message}")).at(place(sql, line, column))
}

/// A planner's refusal.
fn refused(what: &str, sql: &Sql, error: &DataFusionError) -> Problem {
    let root = error.find_root().strip_backtrace();
    let message = root
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("This feature is not implemented: ");
    let message = message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    let problem = Problem::new(format!("The {what} cannot be planned: {message}"));
    problem.at(sql.place.clone())
}
