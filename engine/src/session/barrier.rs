//! The boundary between the engine's plans and the rules of a user's session.
//!
//! DataFusion puts the body of a view into a statement's plan before it analyses the plan. The analyzer rules and
//! function rewrites of a session, such as those of a SQL dialect, would so run over the bodies of relations and saved
//! queries too, and could change what they compute (SPEC M7). What holds instead: the engine analyses each body once, by
//! the rules it was planned with; in a statement's plan the body is a [`ViewBarrier`], a leaf, until the analyzer is done;
//! then [`ExpandBarriers`], the first optimizer rule, puts the body in the leaf's place, so that filters and limits
//! reach its scans. Optimizer rules see bodies: by DataFusion's contract they keep a plan's results.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Returns the view over an analysed body, for statements and for other views.
///
/// The n-th argument takes the place of `$n` once the statement is analysed; `None` where the body has no such parameter
/// (any more).
pub(super) fn view(body: LogicalPlan, arguments: Vec<Option<Expr>>) -> ViewTable {
    let node = Arc::new(ViewBarrier {
        body: Arc::new(body),
        arguments,
    });
    ViewTable::new(LogicalPlan::Extension(Extension { node }), None)
}

/// Analyses a plan by the rules of a state, and expands the views in it.
///
/// # Errors
/// If a rule refuses the plan.
pub(super) fn analyze(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let analyzer = state.analyzer();
    let plan = analyzer.execute_and_check(plan, state.config_options(), |_, _| {})?;
    Ok(plan.transform_up_with_subqueries(expand)?.data)
}

/// Replaces the parameters of one node by arguments: `$1` by the first. Columns keep their names.
///
/// # Errors
/// If a parameter's number is beyond the arguments.
pub(super) fn replace_parameters(
    node: LogicalPlan,
    arguments: &[Option<Expr>],
) -> Result<LogicalPlan> {
    let mut has_parameter = false;
    node.apply_expressions(|expr| {
        has_parameter |= expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_))))?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    if !has_parameter {
        // Its input may have lost a parameter that can be null.
        return node.recompute_schema();
    }
    let names = NamePreserver::new(&node);
    let node = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let filled = expr.transform_up(|e| {
            let Expr::Placeholder(placeholder) = &e else {
                return Ok(Transformed::no(e));
            };
            let number = placeholder.id.get(1..).and_then(|n| n.parse().ok());
            match number.and_then(|n: usize| arguments.get(n.checked_sub(1)?)) {
                Some(Some(argument)) => Ok(Transformed::yes(argument.clone())),
                Some(None) => Ok(Transformed::no(e)),
                None => internal_err!("a saved query has no parameter {}", placeholder.id),
            }
        })?;
        Ok(filled.update_data(|e| name.restore(e)))
    })?;
    node.data.recompute_schema()
}

/// Holds the body of a view out of sight of a session's analyzer rules. Its expressions are the arguments that are not
/// known yet: they are the user's, so the rules apply to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
struct ViewBarrier {
    body: Arc<LogicalPlan>,
    arguments: Vec<Option<Expr>>,
}

impl ViewBarrier {
    /// Returns the body with the arguments in the places of its parameters.
    fn expand(&self) -> Result<LogicalPlan> {
        let body = self.body.as_ref().clone();
        if self.arguments.iter().all(Option::is_none) {
            return Ok(body);
        }
        let arguments: Vec<_> = self
            .arguments
            .iter()
            .map(|argument| argument.clone().map(|expr| expr.unalias_nested().data))
            .collect();
        let filled = body.transform_up_with_subqueries(|node| {
            replace_parameters(node, &arguments).map(Transformed::yes)
        })?;
        Ok(filled.data)
    }
}

impl UserDefinedLogicalNodeCore for ViewBarrier {
    fn name(&self) -> &str {
        "ViewBarrier"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.body.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.arguments.iter().flatten().cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, _inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut exprs = exprs.into_iter();
        let arguments = self.arguments.iter().map(|argument| {
            argument.as_ref()?;
            exprs.next()
        });
        Ok(ViewBarrier {
            body: Arc::clone(&self.body),
            arguments: arguments.collect(),
        })
    }
}

/// Replaces a barrier by the body that it holds.
fn expand(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Extension(extension) = &node
        && let Some(barrier) = extension.node.as_any().downcast_ref::<ViewBarrier>()
    {
        return barrier.expand().map(Transformed::yes);
    }
    Ok(Transformed::no(node))
}

/// Returns DataFusion's optimizer rules after the one that expands views.
pub(super) fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    rules.insert(0, Arc::new(ExpandBarriers));
    rules
}

/// Replaces the barriers of an analysed plan by the bodies that they hold.
#[derive(Debug)]
struct ExpandBarriers;

impl OptimizerRule for ExpandBarriers {
    fn name(&self) -> &str {
        "expand_barriers"
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
        expand(plan)
    }
}
