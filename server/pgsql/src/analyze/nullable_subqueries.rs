//! A scalar subquery is null where it has no row, though its column is never null: `(SELECT 1 WHERE false)`.
//!
//! DataFusion takes the value's nullability from the subquery's column, and then finds nulls where it has promised none.
//! A call around the subquery, which gives what it is given and may be null, keeps it from promising that.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, Subquery};
use std::sync::{Arc, LazyLock};

use super::PlanPass;
use super::node_exprs::rewrite_exprs;
use crate::functions::Function;

pub(super) const PASS: PlanPass = PlanPass {
    name: "nullable-scalar-subqueries",
    bridges: "DataFusion takes a scalar subquery for one that is never null if its column is not, though it may have no row",
    run: |plan, _| let_be_null(plan),
};

/// Lets the scalar subqueries of a plan be null.
fn let_be_null(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !has_promise(&plan)? {
        return Ok(plan);
    }
    let plan = plan.transform_up_with_subqueries(|node| {
        let node = rewrite_exprs(node, |expr| {
            Ok(match expr {
                Expr::ScalarSubquery(subquery) if promises(&subquery) => {
                    Transformed::yes(perhaps(Expr::ScalarSubquery(subquery)))
                }
                other => Transformed::no(other),
            })
        })?;
        // What is above may have been told that there are no nulls.
        node.data.recompute_schema().map(Transformed::yes)
    })?;
    Ok(plan.data)
}

fn has_promise(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(|expr| {
                Ok(matches!(expr, Expr::ScalarSubquery(subquery) if promises(subquery)))
            })?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// Its column is never null, and there may be no row of it.
fn promises(subquery: &Subquery) -> bool {
    let plan = &subquery.subquery;
    let fields = plan.schema().fields();
    fields.first().is_some_and(|field| !field.is_nullable()) && !is_one_row(plan)
}

/// An aggregate over everything always has a row.
pub(super) fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(node) => is_one_row(&node.input),
        LogicalPlan::SubqueryAlias(node) => is_one_row(&node.input),
        LogicalPlan::Aggregate(node) => node.group_expr.is_empty(),
        _ => false,
    }
}

fn perhaps(expr: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let function = Function::new("pg_perhaps", 1..=1, DataType::Null, |call| {
            Ok(Arc::clone(call.array(0)))
        })
        .returning(|args, _| Ok(args.first().cloned().unwrap_or(DataType::Null)));
        Arc::new(ScalarUDF::from(function))
    });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&FUNCTION), vec![expr]))
}
