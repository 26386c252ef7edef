//! One DataFusion session over tables held in memory, and what is typed about its queries.
//!
//! Parameters are typed and stand in expressions: `$as_of` (date) and `$as_of_end` (the last
//! microsecond of that local day). `now()` and its kin are not there: a result depends on the as-of
//! date alone. Every column that comes out has one of the types of the tables' contract.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::order::Unordered;
use super::read::Table;
use super::{functions, parameters, quantile, refusal};
use crate::clock;
use crate::problem::Problem;
use crate::warehouse::frame::Frame;
use crate::warehouse::query::relation::Relation;

/// A query that could not be planned or run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// The SQL is at fault: it names what is not there, or mixes types.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The SQL is fine and running it failed. The reason quotes no cell.
    #[error("Running `{name}` failed\n  why: {reason}")]
    Failed { name: String, reason: String },
    /// Rows came out in another shape than the program reads.
    #[error("`{name}` gives other columns than this program reads: {reason}")]
    Shape { name: String, reason: String },
}

/// A DataFusion session for one as-of date.
#[derive(Clone)]
pub(crate) struct Session {
    context: SessionContext,
    as_of: Date,
    as_of_end: i64,
    /// Tables that are there but not registered yet, for the fix of a wrong name.
    others: BTreeSet<String>,
}

impl Session {
    pub(crate) fn new(as_of: Date, zone: &TimeZone) -> Self {
        // One partition: the tables are small beside the cost of shuffling them between threads, and
        // sums come out in one order.
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_information_schema(true);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.parse_float_as_decimal = false;
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_physical_optimizer_rule(Arc::new(Unordered))
            .build();
        let context = SessionContext::new_with_state(state);
        for name in [
            "now",
            "current_timestamp",
            "current_date",
            "current_time",
            "today",
            "random",
            "uuid",
        ] {
            context.deregister_udf(name);
        }
        context.register_udaf(quantile::quantile());
        for function in functions::all(zone) {
            context.register_udf(function);
        }
        Self {
            context,
            as_of,
            as_of_end: clock::day_end(as_of, zone).as_microsecond(),
            others: BTreeSet::new(),
        }
    }

    /// The same session, which takes a wrong name for a misspelling of these tables too.
    pub(crate) fn beside(mut self, others: BTreeSet<String>) -> Self {
        self.others = others;
        self
    }

    /// The last microsecond of the as-of day.
    pub(crate) fn as_of_end(&self) -> i64 {
        self.as_of_end
    }

    pub(crate) fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Makes a table known under `table` or `schema.table`, replacing one of that name.
    pub(crate) fn register(
        &self,
        table: &str,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Result<(), QueryError> {
        let provider = MemTable::try_new(schema, vec![batches]);
        let provider = provider.map_err(|error| failed(table, &error))?;
        self.register_table(table, &Table(Arc::new(provider)))
    }

    /// Makes a table of the warehouse known under `table` or `schema.table`, replacing one of that
    /// name.
    pub(crate) fn register_table(&self, table: &str, rows: &Table) -> Result<(), QueryError> {
        let failed = |error| failed(table, &error);
        let reference = TableReference::from(table);
        self.ensure_schema(&reference).map_err(failed)?;
        self.context
            .deregister_table(reference.clone())
            .map_err(failed)?;
        self.context
            .register_table(reference, Arc::clone(&rows.0))
            .map_err(failed)?;
        Ok(())
    }

    fn ensure_schema(&self, table: &TableReference) -> Result<(), DataFusionError> {
        let (Some(schema), Some(catalog)) = (table.schema(), self.context.catalog("datafusion"))
        else {
            return Ok(());
        };
        if catalog.schema(schema).is_none() {
            catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
        }
        Ok(())
    }

    /// Lets tables go that nothing reads any more, and with them what they hold in memory.
    pub(crate) fn forget<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), QueryError> {
        for table in tables {
            let gone = self.context.deregister_table(table);
            gone.map_err(|error| failed(table, &error))?;
        }
        Ok(())
    }

    /// The rows of a table that was registered.
    pub(crate) async fn table(&self, name: &str) -> Result<Frame, QueryError> {
        let failed = |error| failed(name, &error);
        let table = self.context.table(name).await.map_err(failed)?;
        let schema = Arc::clone(table.schema().inner());
        let batches = Box::pin(table.collect()).await.map_err(failed)?;
        Ok(Frame {
            name: name.to_owned(),
            schema,
            batches,
        })
    }

    /// Takes the rows out of every table; their columns stay.
    pub(crate) async fn empty_tables(&self) -> Result<(), QueryError> {
        for name in self.tables() {
            let table = self.context.table(&name).await;
            let table = table.map_err(|error| failed(&name, &error))?;
            self.register(&name, Arc::clone(table.schema().inner()), Vec::new())?;
        }
        Ok(())
    }

    /// Every table known, `table` or `schema.table`, sorted.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let catalog = self.context.catalog("datafusion");
        let schemas = catalog.iter().flat_map(|catalog| {
            let named = |name: String| catalog.schema(&name).map(|schema| (name, schema));
            catalog
                .schema_names()
                .into_iter()
                .filter_map(named)
                .collect::<Vec<_>>()
        });
        schemas
            .filter(|(name, _)| name != "information_schema")
            .flat_map(|(name, schema)| {
                let prefix = if name == "public" {
                    String::new()
                } else {
                    format!("{name}.")
                };
                schema
                    .table_names()
                    .into_iter()
                    .map(move |table| format!("{prefix}{table}"))
            })
            .collect()
    }

    /// Runs SQL that this program wrote; `name` stands for it in errors.
    pub(crate) async fn query(&self, name: &str, sql: &str) -> Result<Frame, QueryError> {
        let relation =
            Relation::parse(name, name, sql).map_err(|p| QueryError::Refused(Box::new(p)))?;
        self.run(&relation).await
    }

    /// Runs a relation.
    pub(crate) async fn run(&self, relation: &Relation) -> Result<Frame, QueryError> {
        let plan = self.logical_plan(relation).await?;
        let schema = nullable(plan.schema().as_arrow());
        let failed = |error| failed(&relation.file, &error);
        // The plan is optimized already; `execute_logical_plan` would do it a second time.
        let state = self.context.state();
        let physical = state
            .query_planner()
            .create_physical_plan(&plan, &state)
            .await;
        let work = collect(physical.map_err(failed)?, state.task_ctx());
        let batches = Box::pin(work).await.map_err(failed)?;
        let batches = batches
            .iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| conform(batch, &schema))
            .collect::<Result<_, _>>()
            .map_err(|error| failed(error.into()))?;
        Ok(Frame {
            name: relation.file.clone(),
            schema,
            batches,
        })
    }

    /// Runs relations that do not read each other, side by side; their rows in the same order.
    pub(crate) async fn run_all(&self, relations: &[Relation]) -> Result<Vec<Frame>, QueryError> {
        let begin = |relation: &Relation| {
            let (session, relation) = (self.clone(), relation.clone());
            tokio::spawn(async move { session.run(&relation).await })
        };
        let tasks: Vec<_> = relations.iter().map(begin).collect();
        let mut frames = Vec::with_capacity(tasks.len());
        for task in tasks {
            let frame = task
                .await
                .unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
            frames.push(frame?);
        }
        Ok(frames)
    }

    async fn logical_plan(&self, relation: &Relation) -> Result<LogicalPlan, QueryError> {
        let mut statement = relation.statement.clone();
        parameters::bind(&mut statement, self.as_of, self.as_of_end).map_err(|name| {
            QueryError::Refused(Box::new(refusal::no_parameter(relation, &name)))
        })?;
        self.plan_statement(statement).await.map_err(|error| {
            let mut tables = self.tables();
            tables.extend(self.others.iter().cloned());
            QueryError::Refused(Box::new(refusal::of(relation, &error, &tables)))
        })
    }

    async fn plan_statement(
        &self,
        statement: Box<SqlStatement>,
    ) -> Result<LogicalPlan, DataFusionError> {
        let state = self.context.state();
        let plan = state
            .statement_to_plan(Statement::Statement(statement))
            .await?;
        // Types and functions are judged here, not only when the query runs.
        state.optimize(&plan)
    }
}

fn failed(name: &str, error: &DataFusionError) -> QueryError {
    QueryError::Failed {
        name: name.to_owned(),
        reason: refusal::without_cells(error),
    }
}

/// A schema of contract types, every column nullable.
fn nullable(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), contract_type(field.data_type()), true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn contract_type(given: &DataType) -> DataType {
    match given {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date64 => DataType::Date32,
        other => other.clone(),
    }
}

fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

#[cfg(test)]
mod tests;
