//! Reading a table's files, as a step of a query's plan.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{Stream, TryStreamExt, stream};

use super::scan::{Scan, StreamTable};
use super::unsorted::{AsStored, Part};
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::DataFile;

/// Reads a table's rows: those of a stream merged into their order, or as they are stored.
#[derive(Debug)]
pub(super) struct TableExec {
    wanted: SchemaRef,
    way: Way,
    properties: Arc<PlanProperties>,
}

#[derive(Debug)]
enum Way {
    Sorted(StreamTable),
    /// The row groups dealt out to so many partitions; one has them in their order.
    Stored {
        rows: AsStored,
        files: Vec<Arc<DataFile>>,
        partitions: usize,
    },
}

impl TableExec {
    pub(super) fn sorted(table: StreamTable, wanted: SchemaRef) -> Self {
        let order = table.order(&wanted);
        let equivalent = EquivalenceProperties::new_with_orderings(Arc::clone(&wanted), order);
        Self::new(wanted, equivalent, Way::Sorted(table))
    }

    pub(super) fn stored(rows: AsStored, files: Vec<Arc<DataFile>>, partitions: usize) -> Self {
        let wanted = Arc::clone(&rows.wanted);
        let way = Way::Stored {
            rows,
            files,
            partitions,
        };
        let equivalent = EquivalenceProperties::new(Arc::clone(&wanted));
        Self::new(wanted, equivalent, way)
    }

    /// The same rows as they are stored, in so many partitions, if that is known to be all there is to
    /// them. None if they are read so already.
    pub(super) fn unordered(&self, partitions: usize) -> Option<Self> {
        match &self.way {
            Way::Sorted(table) if table.may_be_stored(&self.wanted) => {
                let rows = table.as_stored(&self.wanted);
                Some(Self::stored(rows, table.files.clone(), partitions))
            }
            Way::Stored {
                rows,
                files,
                partitions: now,
            } if *now != partitions => Some(Self::stored(rows.clone(), files.clone(), partitions)),
            Way::Sorted(_) | Way::Stored { .. } => None,
        }
    }

    fn new(wanted: SchemaRef, equivalent: EquivalenceProperties, way: Way) -> Self {
        let partitions = match way {
            Way::Sorted(_) => 1,
            Way::Stored { partitions, .. } => partitions,
        };
        let properties = PlanProperties::new(
            equivalent,
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            wanted,
            way,
            properties: Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative)),
        }
    }

    fn stream(
        &self,
        batches: impl Stream<Item = Result<RecordBatch, WarehouseError>> + Send + 'static,
    ) -> SendableRecordBatchStream {
        let external = |error: WarehouseError| DataFusionError::External(Box::new(error));
        let batches = batches.map_err(external);
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.wanted),
            batches,
        ))
    }
}

impl DisplayAs for TableExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Sorted(table) => write!(f, "TableExec: {}, sorted", table.table),
            Way::Stored {
                rows, partitions, ..
            } => write!(
                f,
                "TableExec: {}, as stored, partitions={partitions}",
                rows.table
            ),
        }
    }
}

impl ExecutionPlan for TableExec {
    fn name(&self) -> &'static str {
        "TableExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            Ok(self)
        } else {
            internal_err!("a stream has no children")
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(&self, at: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let table = match &self.way {
            Way::Sorted(table) => table.clone(),
            Way::Stored {
                rows,
                files,
                partitions,
            } => {
                let part = Part {
                    at,
                    of: *partitions,
                };
                return Ok(self.stream(rows.clone().batches(files.clone(), part)));
            }
        };
        let wanted = Arc::clone(&self.wanted);
        let open = async move { table.open(wanted).await.map(Scan::batches) };
        Ok(self.stream(stream::once(open).try_flatten()))
    }
}
