//! Cooperative scheduling of joins: operators that make many rows of few yield to the scheduler between batches.
//!
//! DataFusion makes sources yield. A join that makes a billion rows of two batches reads its sources twice, so it would run
//! on after a cancel for as long as it has rows.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Optimizer rule that wraps joins and other multipliers of rows in [`CooperativeExec`].
#[derive(Debug)]
pub struct YieldingJoins;

/// Names of the operators that may return more rows than they read.
const MULTIPLIERS: &[&str] = &[
    "CrossJoinExec",
    "HashJoinExec",
    "NestedLoopJoinExec",
    "PiecewiseMergeJoinExec",
    "RecursiveQueryExec",
    "SortMergeJoinExec",
    "SymmetricHashJoinExec",
    "UnnestExec",
];

/// Returns whether an operator may return many rows for few.
pub fn multiplies_rows(node: &dyn ExecutionPlan) -> bool {
    MULTIPLIERS.contains(&node.name())
}

impl PhysicalOptimizerRule for YieldingJoins {
    fn name(&self) -> &str {
        "yielding_joins"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            if multiplies_rows(node.as_ref()) {
                return Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as _));
            }
            Ok(Transformed::no(node))
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}
