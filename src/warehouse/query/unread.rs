//! A table that is too large to be held: read when a query asks, and only the columns that it asks for.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::TableExec;
use super::scan::StreamTable;
use super::unsorted::AsStored;
use crate::warehouse::log::DataFile;

#[derive(Debug)]
pub(super) struct Unread {
    pub(super) schema: SchemaRef,
    pub(super) rows: Rows,
}

#[derive(Debug)]
pub(super) enum Rows {
    /// A stream's runs, merged.
    Merged(StreamTable),
    /// The files of a derived table, or of one that only grows, in the order of their commits.
    Stored(AsStored, Vec<Arc<DataFile>>),
}

#[async_trait]
impl TableProvider for Unread {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let wanted = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        Ok(Arc::new(match &self.rows {
            Rows::Merged(stream) => TableExec::sorted(stream.clone(), wanted),
            Rows::Stored(rows, files) => {
                let rows = AsStored {
                    wanted,
                    ..rows.clone()
                };
                TableExec::stored(rows, files.clone(), 1)
            }
        }))
    }
}
