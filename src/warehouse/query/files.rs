//! A derived table, or one that only grows, that is too large to be held: read when a query asks, and
//! only the columns that it asks for. Its rows come in the order of their commits.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::StreamExec;
use super::unsorted::AsStored;
use crate::fs::Store;
use crate::warehouse::file::COMMIT_NO;
use crate::warehouse::log::DataFile;

#[derive(Debug)]
pub(super) struct FilesTable {
    store: Store,
    table: String,
    files: Vec<Arc<DataFile>>,
    /// Rows of later commits are not seen.
    commit_no: u64,
    /// Texts are no views: a join or a group that keeps a few rows of a batch would keep all its pages.
    schema: SchemaRef,
}

impl FilesTable {
    pub(super) fn new(
        store: &Store,
        table: &str,
        files: Vec<Arc<DataFile>>,
        commit_no: u64,
        schema: SchemaRef,
    ) -> Self {
        Self {
            store: store.clone(),
            table: table.to_owned(),
            files,
            commit_no,
            schema,
        }
    }
}

#[async_trait]
impl TableProvider for FilesTable {
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
        let rows = AsStored {
            store: self.store.clone(),
            table: self.table.clone(),
            commit_no: self.commit_no,
            commit: COMMIT_NO,
            wanted,
        };
        Ok(Arc::new(StreamExec::stored(rows, self.files.clone(), 1)))
    }
}
