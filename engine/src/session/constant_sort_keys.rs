//! An optimizer rule that removes constant sort keys: a key that is equal for all rows sorts nothing.
//!
//! A saved query that can be sorted by one of several columns has a key for each: `CASE WHEN $sort = 'messages' THEN
//! messages END`. Once the arguments are known, all keys but one are NULL in every row, but DataFusion would still
//! evaluate, store and compare them for each row.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan, Sort};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::saved::unaliased;

/// Removes literals from the keys of a sort. A sort of literals only is kept, because it may have a limit.
#[derive(Debug)]
pub(super) struct ConstantSortKeys;

impl OptimizerRule for ConstantSortKeys {
    fn name(&self) -> &str {
        "constant_sort_keys"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Sort(sort) = plan else {
            return Ok(Transformed::no(plan));
        };
        let before = sort.expr.len();
        let mut keys = sort.expr.clone();
        keys.retain(|key| !matches!(unaliased(&key.expr), Expr::Literal(..)));
        if keys.is_empty() || keys.len() == before {
            return Ok(Transformed::no(LogicalPlan::Sort(sort)));
        }
        Ok(Transformed::yes(LogicalPlan::Sort(Sort {
            expr: keys,
            ..sort
        })))
    }
}
