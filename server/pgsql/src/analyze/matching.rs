//! Types that must match and do not: the branches of a CASE, the arguments of coalesce, the sides of a UNION.
//!
//! DataFusion finds a type that both can be cast to: it makes days since 1970 of a date beside a number, and a text of
//! a number beside a text. PostgreSQL refuses all but types of one kind.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Union};

use crate::encode::type_name;
use crate::error::PgError;
use crate::functions::is_unknown_literal;

/// Refuses a plan with types that do not match.
///
/// # Errors
/// If there is one.
pub fn check_types(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Union(union) = node {
            check_union(union)?;
        }
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                check_expr(expr, &schema)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// Types of one kind can be made one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Day,
    Time,
    Span,
    Truth,
    List,
}

/// The kind of a type; none of one that is not told here.
fn kind(data_type: &DataType) -> Option<Kind> {
    Some(match data_type {
        number if number.is_numeric() => Kind::Number,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Kind::Text,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Kind::Day,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Span,
        DataType::Boolean => Kind::Truth,
        DataType::List(_) | DataType::LargeList(_) => Kind::List,
        _ => return None,
    })
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

/// All types are of the first one's kind.
pub(super) fn check(what: &str, types: impl Iterator<Item = DataType>) -> Result<()> {
    let mut first: Option<(DataType, Kind)> = None;
    for other in types {
        let Some(of) = kind(&other) else { continue };
        match &first {
            None => first = Some((other, of)),
            Some((_, known)) if *known == of => {}
            Some((first, _)) => {
                let (first, other) = (type_name(first), type_name(&other));
                let error = PgError::new(
                    "42804",
                    format!("{what} types {first} and {other} cannot be matched"),
                );
                return Err(DataFusionError::External(Box::new(error)));
            }
        }
    }
    Ok(())
}
