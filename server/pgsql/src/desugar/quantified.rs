//! `x < ANY (SELECT …)` and its kin by the extremes of the set, with PostgreSQL's nulls.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Distinct, Expr, Query, SelectItem, SetExpr, TableAliasColumnDef,
    visit_expressions,
};

use super::ast::{
    aliased, binary, boolean, call, column, derived, item_expr, nested, null, number, quoted,
    select,
};
use super::exists::is_plain;
use super::own::has_columns;
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "quantified-comparisons",
    bridges: "DataFusion joins a set by equality alone, and loses what is unknown",
    run: &[Step::Expr(|expr| match expr {
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => quantified(left, compare_op, right, false),
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => quantified(left, compare_op, right, true),
        _ => None,
    })],
};

/// ```text
/// CASE WHEN (SELECT count(1) FROM set) = 0                     THEN all
///      WHEN compared IS NOT DISTINCT FROM NOT all              THEN NOT all
///      WHEN (SELECT count(1) - count(v) FROM set) > 0          THEN NULL
///      ELSE compared END                                       with compared: x < (SELECT max(v) FROM set)
/// ```
fn quantified(left: &Expr, op: &BinaryOperator, right: &Expr, all: bool) -> Option<Expr> {
    let query = match right {
        Expr::Subquery(query) => query,
        Expr::Nested(inner) => return quantified(left, op, inner, all),
        _ => return None,
    };
    let extreme = match (op, all) {
        (BinaryOperator::Lt | BinaryOperator::LtEq, false) => "max",
        (BinaryOperator::Lt | BinaryOperator::LtEq, true) => "min",
        (BinaryOperator::Gt | BinaryOperator::GtEq, false) => "min",
        (BinaryOperator::Gt | BinaryOperator::GtEq, true) => "max",
        _ => return None,
    };
    let (rows, value) = set(query);
    let sum = |sum: Expr| {
        let mut rows = rows.clone();
        if let SetExpr::Select(select) = rows.body.as_mut() {
            select.projection = vec![SelectItem::UnnamedExpr(sum)];
        }
        Expr::Subquery(rows)
    };
    let of_value = |name: &str| call(name, vec![value.clone()]);
    let count = || call("count", vec![number("1")]);
    let nulls = binary(count(), BinaryOperator::Minus, of_value("count"));
    let extreme = sum(of_value(extreme));
    let compared = || nested(binary(nested(left.clone()), op.clone(), extreme.clone()));
    let decided = Expr::IsNotDistinctFrom(Box::new(compared()), Box::new(boolean(!all)));
    let conditions = [
        (
            binary(sum(count()), BinaryOperator::Eq, number("0")),
            boolean(all),
        ),
        (decided, boolean(!all)),
        (binary(sum(nulls), BinaryOperator::Gt, number("0")), null()),
    ];
    let conditions = conditions.map(|(condition, result)| CaseWhen { condition, result });
    Some(nested(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: conditions.into(),
        else_result: Some(Box::new(compared())),
    }))
}

/// The rows of a set, which a sum can be put over, and the value of each.
///
/// A query in FROM cannot be tied to the rows around it; a query that is itself the sum over its rows can.
fn set(query: &Query) -> (Box<Query>, Expr) {
    let mut rows = Box::new(query.clone());
    if let SetExpr::Select(select) = rows.body.as_mut()
        && let Some(value) = select.projection.first().and_then(item_expr).cloned()
        && has_columns(&value)
        && !has_call(&value)
        && is_plain(query)
    {
        // Rows that are the same change no extreme, and no answer to whether there are any.
        if matches!(select.distinct, Some(Distinct::Distinct)) {
            select.distinct = None;
        }
        rows.order_by = None;
        return (rows, nested(value));
    }
    let mut alias = aliased(quoted("quantified"));
    alias.columns = vec![TableAliasColumnDef::from_name("v")];
    (select(Vec::new(), Some(derived(rows, alias))), column("v"))
}

/// A call may be an aggregate, or give rows.
fn has_call(value: &Expr) -> bool {
    let found = visit_expressions(value, |expr| match expr {
        Expr::Function(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

#[cfg(test)]
rewrites! {
    PASS sets_are_compared_by_their_extremes r#"
        x < ANY (SELECT y FROM t) ~> (CASE WHEN (SELECT count(1) FROM t) = 0 THEN false WHEN ((x) < (SELECT max((y)) FROM t)) IS NOT DISTINCT FROM true THEN true WHEN (SELECT count(1) - count((y)) FROM t) > 0 THEN NULL ELSE ((x) < (SELECT max((y)) FROM t)) END)
        x >= ALL (SELECT y FROM t LIMIT 2) ~> (CASE WHEN (SELECT count(1) FROM (SELECT y FROM t LIMIT 2) AS "quantified" (v)) = 0 THEN true WHEN ((x) >= (SELECT max("v") FROM (SELECT y FROM t LIMIT 2) AS "quantified" (v))) IS NOT DISTINCT FROM false THEN false WHEN (SELECT count(1) - count("v") FROM (SELECT y FROM t LIMIT 2) AS "quantified" (v)) > 0 THEN NULL ELSE ((x) >= (SELECT max("v") FROM (SELECT y FROM t LIMIT 2) AS "quantified" (v))) END)
        x = ANY (SELECT y FROM t) ~> x = ANY(SELECT y FROM t)
    "#
}
