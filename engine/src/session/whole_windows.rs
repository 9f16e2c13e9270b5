//! A window function sees all groups, whatever LIMIT stands around it.
//!
//! DataFusion's rule that keeps no more groups than an `ORDER BY … LIMIT` wants looks for the groups below everything that
//! gives as many rows as it takes; a window does, but what it gives for one row is made of all of them. So the rule sees
//! no plan with a window in it, only what is below its windows.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

/// The rule's name.
const LIMITED_GROUPS: &str = "LimitAggregation";

/// DataFusion's rules for physical plans, with windows over whole groups.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let rules = PhysicalOptimizer::new().rules.into_iter();
    rules
        .map(|rule| match rule.name() {
            LIMITED_GROUPS => Arc::new(WholeWindows { rule }) as _,
            _ => rule,
        })
        .collect()
}

/// Keeps the rule from plans with windows.
#[derive(Debug)]
struct WholeWindows {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

fn is_window(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.downcast_ref::<WindowAggExec>().is_some()
        || node.downcast_ref::<BoundedWindowAggExec>().is_some()
}

impl PhysicalOptimizerRule for WholeWindows {
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
            .filter(|rule| (rule.as_ref() as &dyn std::any::Any).is::<WholeWindows>());
        assert_eq!(found.count(), 1);
        assert_eq!(guarded.len(), PhysicalOptimizer::new().rules.len());
    }
}
