//! Chains of operators: `a + b + c + …`, `a || b || c || …`.
//!
//! DataFusion asks for the type of an operand at each operator, and at each node in several passes more; for the type of
//! a call it makes a name and a type of each call within. A chain of calls that lie in one another so takes the cube of
//! its length to plan: minutes for a thousand of them, in which nothing can be cancelled. A chain is one call therefore
//! where its operator stands for a function of ours, and what still lies too deep is refused.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::PlanPass;
use super::kinds::Kind;
use super::operators::call;
use crate::error::PgError;
use crate::functions::raise;

/// Calls in one another, and one more, times the square of the depth of all: a second of planning, and more calls in one another than parentheses may be.
const MOST: usize = 2_000_000;

/// An operator's call, which a chain of that operator goes on with where its function takes chains: from left to right.
pub(super) fn chained(function: &Arc<ScalarUDF>, left: Expr, right: Expr) -> Expr {
    match left {
        Expr::ScalarFunction(mut chain)
            if Arc::ptr_eq(&chain.func, function) && kind(&chain).is_some() =>
        {
            chain.args.push(right);
            Expr::ScalarFunction(chain)
        }
        left => call(function, vec![left, right]),
    }
}

/// What a chain gives, whatever its operands are: to be known without a look at each of them for each operator.
pub(super) fn kind(call: &ScalarFunction) -> Option<Kind> {
    match call.name() {
        "pg_add" | "pg_subtract" | "pg_multiply" => Some(Kind::Integer),
        "pg_joined" => Some(Kind::Column),
        _ => None,
    }
}

/// How deep an expression is.
#[derive(Debug, Default, Clone, Copy)]
struct Depth {
    /// Calls of functions in one another.
    calls: usize,
    /// All that lies in one another.
    all: usize,
}

impl Depth {
    fn of(expr: &Expr) -> Result<Depth> {
        let mut deepest = Depth::default();
        expr.apply_children(|child| {
            let child = Depth::of(child)?;
            deepest.calls = deepest.calls.max(child.calls);
            deepest.all = deepest.all.max(child.all);
            Ok(TreeNodeRecursion::Continue)
        })?;
        let is_call = matches!(
            expr,
            Expr::ScalarFunction(_) | Expr::AggregateFunction(_) | Expr::WindowFunction(_)
        );
        Ok(Depth {
            calls: deepest.calls + usize::from(is_call),
            all: deepest.all + 1,
        })
    }
}

/// Refuses an expression that would take too long to plan.
///
/// # Errors
/// If it does.
pub(super) fn check(expr: &Expr) -> Result<()> {
    let Depth { calls, all } = Depth::of(expr)?;
    if (calls + 1).saturating_mul(all).saturating_mul(all) <= MOST {
        return Ok(());
    }
    let error = PgError::new("54001", "statement is too complex").detail(format!(
        "{all} operators lie in one another, of which {calls} are calls of functions"
    ));
    Err(raise(error))
}

pub(super) const PASS: PlanPass = PlanPass {
    name: "depth-check",
    bridges: "DataFusion's passes take the cube of the depth of an expression, and cannot be cancelled in it",
    run: |plan, _| {
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                check(expr)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(plan)
    },
};
