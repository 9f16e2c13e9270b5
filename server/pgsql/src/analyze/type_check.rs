//! Types that must match and do not: the branches of a CASE, the arguments of coalesce, the sides of a UNION.
//!
//! DataFusion finds a type that both can be cast to: it makes days since 1970 of a date beside a number, and a text of
//! a number beside a text. PostgreSQL refuses all but types of one kind.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Union};

use super::PlanPass;
use super::common_types::inputs;
use super::kinds::Kind;
use crate::encode::type_name;
use crate::error::PgError;
use crate::functions::{is_unknown_literal, raise};

pub(super) const PASS: PlanPass = PlanPass {
    name: "type-check",
    bridges: "DataFusion finds a type that any two can be cast to: days of a date, a text of a number",
    run: |plan, _| check_types(&plan).map(|()| plan),
};

fn check_types(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Union(union) = node {
            check_union(union)?;
        }
        let schema = inputs(node);
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                check_expr(expr, &schema)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// A literal that is written as a text may become anything, and a parameter too.
pub(super) fn is_unknown(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_unknown(&alias.expr),
        Expr::Literal(value, _) => is_unknown_literal(value),
        Expr::Placeholder(_) => true,
        _ => false,
    }
}

fn check_expr(expr: &Expr, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::Case(Case {
            when_then_expr,
            else_expr,
            ..
        }) => {
            let branches = else_expr
                .iter()
                .chain(when_then_expr.iter().map(|(_, then)| then));
            check("CASE", branches.filter_map(|expr| known(expr, schema)))
        }
        Expr::ScalarFunction(function) if function.name() == "coalesce" => {
            let args = function.args.iter();
            check("COALESCE", args.filter_map(|expr| known(expr, schema)))
        }
        _ => Ok(()),
    }
}

pub(super) fn known(expr: &Expr, schema: &dyn ExprSchema) -> Option<DataType> {
    // What cannot be typed yet is told of elsewhere.
    (!is_unknown(expr)).then(|| expr.get_type(schema).ok())?
}

fn check_union(union: &Union) -> Result<()> {
    let columns = union.schema.fields().len();
    (0..columns).try_for_each(|at| {
        let sides = union.inputs.iter();
        check("UNION", sides.filter_map(|side| column(side, at)))
    })
}

/// The type of a side's column; none where it is a literal's.
pub(super) fn column(plan: &LogicalPlan, at: usize) -> Option<DataType> {
    match plan {
        LogicalPlan::Projection(node) if is_unknown(node.expr.get(at)?) => None,
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => None,
        LogicalPlan::Sort(node) => column(&node.input, at),
        LogicalPlan::Limit(node) => column(&node.input, at),
        LogicalPlan::Filter(node) => column(&node.input, at),
        LogicalPlan::Distinct(node) => column(node.input(), at),
        LogicalPlan::Union(node) => node.inputs.iter().find_map(|side| column(side, at)),
        other => Some(other.schema().fields().get(at)?.data_type().clone()),
    }
}

/// Refuses types of another family than the first one's.
///
/// # Errors
/// With 42804, the first and the other.
pub(super) fn check(what: &str, types: impl Iterator<Item = DataType>) -> Result<()> {
    let mut known = types.filter_map(|of| Some((Kind::of(&of).family()?, of)));
    let Some((family, first)) = known.next() else {
        return Ok(());
    };
    match known.find(|(other, _)| *other != family) {
        None => Ok(()),
        Some((_, other)) => {
            let (first, other) = (type_name(&first), type_name(&other));
            let message = format!("{what} types {first} and {other} cannot be matched");
            Err(raise(PgError::new("42804", message)))
        }
    }
}
