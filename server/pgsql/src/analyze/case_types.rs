//! The branches of a CASE as values of one type, where an operator goes by it.
//!
//! DataFusion takes the first branch's type until a plan is analysed: `CASE WHEN x THEN 1 ELSE 0.5 END / 2` would be
//! a division of whole numbers.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

use super::chains;

/// An operand as what it is once its CASEs have one type. The CASEs themselves stay: an aggregate of one, or what a
/// query groups by, is known by how it is written.
///
/// # Errors
/// If an expression cannot be put together again.
pub(super) fn with_case_types(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    if !expr.exists(|part| Ok(matches!(part, Expr::Case(_))))? {
        return Ok(expr);
    }
    let of = settled_type(expr.clone(), schema)?;
    Ok(match of {
        Some(of) if of != expr.get_type(schema)? => cast(expr, of),
        _ => expr,
    })
}

/// The type that an expression has in the end; none where no CASE in it comes to be of another one.
fn settled_type(expr: Expr, schema: &DFSchema) -> Result<Option<DataType>> {
    let settled = expr.transform_down(|expr| {
        Ok(match expr {
            Expr::Case(case) => {
                let (case, changed) = settled(case, schema)?;
                Transformed::new(Expr::Case(case), changed, TreeNodeRecursion::Continue)
            }
            // Its operands have been seen to when it was made.
            Expr::ScalarFunction(ref function)
                if chains::kind(function).is_some() || function.name() == "pg_quotient" =>
            {
                Transformed::new(expr, false, TreeNodeRecursion::Jump)
            }
            Expr::BinaryExpr(_) => Transformed::new(expr, false, TreeNodeRecursion::Jump),
            other => Transformed::no(other),
        })
    })?;
    if !settled.transformed {
        return Ok(None);
    }
    settled.data.get_type(schema).map(Some)
}

fn settled(mut case: Case, schema: &DFSchema) -> Result<(Case, bool)> {
    let branches = || {
        let thens = case.when_then_expr.iter().map(|(_, then)| then);
        thens.chain(case.else_expr.as_ref())
    };
    let types = branches()
        .map(|branch| branch.get_type(schema))
        .collect::<Result<Vec<_>>>()?;
    let numbers = types.iter().all(|of| of.is_numeric() || of.is_null());
    let known: Vec<DataType> = types.into_iter().filter(|of| !of.is_null()).collect();
    let Some(common) = type_union_resolution(&known) else {
        return Ok((case, false));
    };
    if !numbers || known.iter().all(|of| *of == common) {
        return Ok((case, false));
    }
    let thens = case.when_then_expr.iter_mut().map(|(_, then)| then);
    for branch in thens.chain(case.else_expr.as_mut()) {
        let value = std::mem::take(&mut **branch);
        **branch = cast(value, common.clone());
    }
    Ok((case, true))
}
