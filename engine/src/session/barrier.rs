//! The boundary between the engine's plans and the rules of a user's session.
//!
//! DataFusion puts the body of a view into a statement's plan before it analyses the plan. The analyzer rules and
//! function rewrites of a session, such as those of a SQL dialect, would so run over the bodies of relations and saved
//! queries too, and could change what they compute (SPEC M7). What holds instead: the engine analyses each body once, by
//! the rules it was planned with; in a statement's plan the body is a [`ViewBarrier`], a leaf, until the analyzer is done;
//! then [`ExpandBarriers`], the first optimizer rule, puts the body in the leaf's place, so that filters and limits
//! reach its scans. Optimizer rules see bodies: by DataFusion's contract they keep a plan's results.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result, ScalarValue, internal_err};
use datafusion::datasource::ViewTable;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Extension, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, UserDefinedLogicalNodeCore, Volatility, lit,
};
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::sources::BoundSources;
use super::today::CURRENT_DATE;

/// Analyses a plan by the rules of a state, and expands the views in it.
///
/// # Errors
/// If a rule refuses the plan.
pub(super) fn analyze(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let analyzer = state.analyzer();
    let plan = analyzer.execute_and_check(plan, state.config_options(), |_, _| {})?;
    let expanded = plan.transform_up_with_subqueries(|node| expand(node, None))?;
    Ok(expanded.data)
}

/// Holds the analysed plan of a relation or a saved query, in which `$1` is the first parameter.
#[derive(Debug, PartialEq, Eq, PartialOrd, Hash)]
pub(super) struct ViewBody {
    plan: LogicalPlan,
    /// Whether none of its functions reads the clock or the session.
    is_immutable: bool,
}

impl ViewBody {
    /// Takes an [analysed](analyze) plan.
    ///
    /// # Errors
    /// If an expression cannot be walked.
    pub fn new(plan: LogicalPlan) -> Result<Arc<ViewBody>> {
        let mut is_immutable = true;
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                is_immutable &= !expr.exists(|e| {
                    let Expr::ScalarFunction(call) = e else {
                        return Ok(false);
                    };
                    Ok(call.func.signature().volatility != Volatility::Immutable)
                })?;
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(Arc::new(ViewBody { plan, is_immutable }))
    }

    /// Returns the body with its scans bound to the rows of a session.
    ///
    /// # Errors
    /// If the session may not read a stored relation.
    pub fn bind(&self, sources: &BoundSources) -> Result<Arc<ViewBody>> {
        Ok(Arc::new(ViewBody {
            plan: sources.bind(self.plan.clone())?,
            is_immutable: self.is_immutable,
        }))
    }

    /// Returns a view over the body, for statements and for other views. An argument takes the place of each parameter once
    /// the statement is analysed.
    pub fn view(self: Arc<Self>, arguments: Vec<Argument>) -> ViewTable {
        let node = Arc::new(ViewBarrier {
            body: self,
            arguments,
        });
        ViewTable::new(LogicalPlan::Extension(Extension { node }), None)
    }
}

/// The argument for a parameter: its value, or the expression of the user's that will give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(super) enum Argument {
    /// A value that has been checked.
    Known(ScalarValue),
    /// An expression whose value comes when a prepared statement is executed.
    Open(Expr),
}

/// Holds what a body waits for: the arguments of its call and the day of the statement.
struct Values {
    arguments: Vec<Expr>,
    today: Option<Arc<ScalarUDF>>,
}

impl Values {
    /// Replaces the parameters of one node by arguments (`$1` by the first), and `current_date` by the statement's own
    /// function: the one that a body was planned with knows no account. Columns keep their names.
    ///
    /// # Errors
    /// If a parameter's number is beyond the arguments.
    fn fill(&self, node: LogicalPlan) -> Result<LogicalPlan> {
        let mut waits = false;
        node.apply_expressions(|expr| {
            waits |= expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_)) || is_today(e)))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !waits {
            // Its input may have lost a parameter that can be null.
            return node.recompute_schema();
        }
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let filled = expr.transform_up(|e| self.replace(e))?;
            Ok(filled.update_data(|e| name.restore(e)))
        })?;
        node.data.recompute_schema()
    }

    fn replace(&self, expr: Expr) -> Result<Transformed<Expr>> {
        if let Some(today) = &self.today
            && is_today(&expr)
        {
            return Ok(Transformed::yes(today.call(vec![])));
        }
        let Expr::Placeholder(placeholder) = &expr else {
            return Ok(Transformed::no(expr));
        };
        let number = placeholder.id.get(1..).and_then(|n| n.parse().ok());
        match number.and_then(|n: usize| self.arguments.get(n.checked_sub(1)?)) {
            Some(argument) => Ok(Transformed::yes(argument.clone())),
            None => internal_err!("a saved query has no parameter {}", placeholder.id),
        }
    }
}

/// Tells whether an expression is a call of `current_date`.
pub(super) fn is_today(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.name() == CURRENT_DATE)
}

/// Hides the body of a view from a session's analyzer rules. Its expressions are the open arguments: they are the user's, so
/// the rules apply to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
struct ViewBarrier {
    body: Arc<ViewBody>,
    arguments: Vec<Argument>,
}

impl ViewBarrier {
    /// Returns the body with its values filled in.
    fn expand(&self, today: Option<Arc<ScalarUDF>>) -> Result<LogicalPlan> {
        let body = self.body.plan.clone();
        if self.arguments.is_empty() && (self.body.is_immutable || today.is_none()) {
            return Ok(body);
        }
        let arguments = self.arguments.iter().map(|argument| match argument {
            Argument::Known(value) => lit(value.clone()),
            Argument::Open(expr) => expr.clone().unalias_nested().data,
        });
        let values = Values {
            arguments: arguments.collect(),
            today,
        };
        let filled =
            body.transform_up_with_subqueries(|node| values.fill(node).map(Transformed::yes))?;
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
        self.body.plan.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        let open = self.arguments.iter().filter_map(|argument| match argument {
            Argument::Open(expr) => Some(expr.clone()),
            Argument::Known(_) => None,
        });
        let reads_clock = (!self.body.is_immutable).then(|| READS_CLOCK.call(vec![]));
        open.chain(reads_clock).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, _inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut barrier = self.clone();
        let open = barrier.arguments.iter_mut().filter_map(|argument| {
            let Argument::Open(expr) = argument else {
                return None;
            };
            Some(expr)
        });
        for (argument, expr) in open.zip(exprs) {
            *argument = expr;
        }
        Ok(barrier)
    }
}

static READS_CLOCK: LazyLock<ScalarUDF> = LazyLock::new(|| {
    ScalarUDF::from(ReadsClock {
        signature: Signature::nullary(Volatility::Stable),
    })
});

/// Stands among the expressions of a barrier for functions such as `now()` in its body: code that looks for them in a plan,
/// to know how long its result holds, cannot see the body.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ReadsClock {
    signature: Signature,
}

impl ScalarUDFImpl for ReadsClock {
    fn name(&self) -> &str {
        "reads_clock"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("reads_clock is part of no body")
    }
}

/// Replaces a barrier by the body that it holds.
fn expand(
    node: LogicalPlan,
    functions: Option<&dyn FunctionRegistry>,
) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Extension(extension) = &node
        && let Some(barrier) = extension.node.as_any().downcast_ref::<ViewBarrier>()
    {
        let today = functions.map(|functions| functions.udf(CURRENT_DATE));
        return barrier.expand(today.transpose()?).map(Transformed::yes);
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
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        expand(plan, config.function_registry())
    }
}
