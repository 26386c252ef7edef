//! The SQL expressions of `funnel.yaml`: planned by DataFusion against the columns of one table,
//! evaluated over its rows in their order.
//!
//! An expression is planned alone, so that each wrong one is told with its own place. Columns of the
//! row stand bare; over events, those of the person as of the event stand as `person.x`.

mod names;
mod refusal;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions,
    StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef, TimestampMicrosecondType};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::ExprWithAlias;

use super::FunnelError;
use crate::config::Sql;
use crate::problem::Problem;
use crate::warehouse::instant_type;
pub(super) use names::Scope;
use names::resolve;
use refusal::{check_type, refused, several_rows, syntax};

/// What an expression must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Truth,
    /// An instant or a date.
    Time,
    Text,
    /// A whole number.
    Whole,
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
        let (expr, found) = plan(state, parsed, &reads, what, sql)?;
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

    /// One whole number a row.
    pub(super) fn wholes(&self, rows: &RecordBatch) -> Result<Int64Array, FunnelError> {
        let values = self.evaluate(rows, None, &DataType::Int64)?;
        Ok(values.as_primitive::<Int64Type>().clone())
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

/// Plans an expression; it must be about one row.
fn plan(
    state: &SessionState,
    parsed: ExprWithAlias,
    reads: &SchemaRef,
    what: &str,
    sql: &Sql,
) -> Result<(Arc<dyn PhysicalExpr>, DataType), Problem> {
    let refused = |error: DataFusionError| refused(what, sql, &error);
    let columns = DFSchema::try_from(Arc::clone(reads)).map_err(refused)?;
    let logical = state
        .create_logical_expr_from_sql_expr(parsed, &columns)
        .map_err(refused)?;
    let over_rows =
        |expr: &Expr| matches!(expr, Expr::AggregateFunction(_) | Expr::WindowFunction(_));
    if logical
        .exists(|expr| Ok(over_rows(expr)))
        .map_err(refused)?
    {
        return Err(several_rows(what, sql));
    }
    // Some functions can only be evaluated as others that they stand for: `coalesce` as `case`.
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(columns.clone()))
        .with_config_options(Arc::clone(state.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let logical = simplifier
        .coerce(logical, &columns)
        .and_then(|logical| simplifier.simplify(logical))
        .map_err(refused)?;
    let physical = state
        .create_physical_expr(logical, &columns)
        .map_err(refused)?;
    let gives = physical.data_type(reads).map_err(refused)?;
    Ok((physical, gives))
}
