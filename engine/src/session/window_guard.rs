//! Keeps DataFusion's `LimitAggregation` rule away from window functions, which must see all groups.
//!
//! For `GROUP BY … ORDER BY … LIMIT n` the rule makes the aggregation keep n groups only. It looks for the aggregation below
//! any node that returns as many rows as it reads. A window is such a node, but its value for one row depends on all the
//! others. So the rule is applied to the parts of a plan that have no window in them.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

/// The name of DataFusion's rule.
const LIMIT_AGGREGATION: &str = "LimitAggregation";

/// Returns DataFusion's physical optimizer rules, with the rule guarded.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let rules = PhysicalOptimizer::new().rules.into_iter();
    rules
        .map(|rule| match rule.name() {
            LIMIT_AGGREGATION => Arc::new(WindowGuard { rule }) as _,
            _ => rule,
        })
        .collect()
}

/// Applies a rule to the parts of a plan below its windows.
#[derive(Debug)]
struct WindowGuard {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

fn is_window(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.downcast_ref::<WindowAggExec>().is_some()
        || node.downcast_ref::<BoundedWindowAggExec>().is_some()
}

impl PhysicalOptimizerRule for WindowGuard {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !plan.exists(|node| Ok(is_window(node)))? {
            return self.rule.optimize(plan, config);
        }
        plan.map_children(|child| self.optimize(child, config).map(Transformed::yes))
            .data()
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_rule_that_must_not_see_windows_is_among_datafusions() {
        let guarded = rules();
        let found = guarded
            .iter()
            .filter(|rule| (rule.as_ref() as &dyn std::any::Any).is::<WindowGuard>());
        assert_eq!(found.count(), 1);
        assert_eq!(guarded.len(), PhysicalOptimizer::new().rules.len());
    }
}
