//! Merging a stream's runs puts its rows in order; where nothing depends on their order, they are read as
//! they are stored.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, InputOrderMode, ReplaceChildrenOptions,
};

use super::exec::TableExec;

/// Aggregates that give the same to the last bit in whatever order their rows come.
const ORDERLESS: [&str; 8] = [
    "count", "min", "max", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or",
];

/// Takes the order from streams below an aggregation that does not depend on it.
#[derive(Debug)]
pub(super) struct Unordered;

impl PhysicalOptimizerRule for Unordered {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|step| match unordered(&step) {
            Some(plan) => plan.map(Transformed::yes),
            None => Ok(Transformed::no(step)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "unordered_streams"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_orderless(aggregation: &AggregateExec) -> bool {
    *aggregation.input_order_mode() == InputOrderMode::Linear
        && aggregation
            .aggr_expr()
            .iter()
            .all(|aggregate| commutes(aggregate))
}

/// A sum of floats depends on the order of its terms.
fn commutes(aggregate: &AggregateFunctionExpr) -> bool {
    let exact = |kind: &DataType| kind.is_integer() || kind.is_decimal();
    match aggregate.fun().name() {
        "sum" => exact(aggregate.field().data_type()),
        name => ORDERLESS.contains(&name),
    }
}

/// The same aggregation over the stream as it is stored, if that is all that lies below.
fn unordered(step: &Arc<dyn ExecutionPlan>) -> Option<Result<Arc<dyn ExecutionPlan>>> {
    let aggregation = step.downcast_ref::<AggregateExec>()?;
    if !is_orderless(aggregation) {
        return None;
    }
    // One row comes out in whatever order the parts end; rows of groups would follow it.
    let is_alone = aggregation.group_expr().is_empty();
    if is_alone && *aggregation.mode() == AggregateMode::Single {
        let cores = available_parallelism().map_or(1, NonZero::get);
        return Some(in_parts(aggregation, stored(aggregation.input(), cores)?));
    }
    Some(over(Arc::clone(step), stored(aggregation.input(), 1)?))
}

/// An aggregation without groups, over each part of its input and then over what they give.
fn in_parts(
    aggregation: &AggregateExec,
    input: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let over = |mode, aggregates, input| {
        let group = aggregation.group_expr().clone();
        let filters = aggregation.filter_expr().to_vec();
        let schema = aggregation.input_schema();
        AggregateExec::try_new(mode, group, aggregates, filters, input, schema)
    };
    let part = over(
        AggregateMode::Partial,
        aggregation.aggr_expr().to_vec(),
        input,
    )?;
    let aggregates = part.aggr_expr().to_vec();
    let parts = Arc::new(CoalescePartitionsExec::new(Arc::new(part)));
    Ok(Arc::new(over(AggregateMode::Final, aggregates, parts)?))
}

/// The same step over the stream as it is stored, in so many partitions, if that is all that lies below.
fn stored(step: &Arc<dyn ExecutionPlan>, partitions: usize) -> Option<Arc<dyn ExecutionPlan>> {
    if let Some(stream) = step.downcast_ref::<TableExec>() {
        return Some(Arc::new(stream.unordered(partitions)?));
    }
    if step.downcast_ref::<FilterExec>().is_none()
        && step.downcast_ref::<ProjectionExec>().is_none()
    {
        return None;
    }
    let input = stored(step.children()[0], partitions)?;
    over(Arc::clone(step), input).ok()
}

fn over(
    step: Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    step.replace_children(vec![input], options)
}
