//! `EXISTS (SELECT …)` as a value, as a count.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr,
};

use super::ast::{binary, call, item_expr, item_expr_mut, nested, not, number, take_query};
use super::own::each_expr;
use super::{AstPass, Step};
use crate::error::PgError;

pub(super) const PASS: AstPass = AstPass {
    name: "exists-as-value",
    bridges: "DataFusion takes EXISTS in conditions alone",
    run: &[Step::Query(counted)],
};

fn counted(query: &mut Query) -> Result<(), PgError> {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Ok(());
    };
    for expr in select.projection.iter_mut().filter_map(item_expr_mut) {
        each_expr(expr, |expr, depth| {
            if depth == 0
                && let Expr::Exists { subquery, negated } = expr
                && is_plain(subquery)
            {
                let mut query = take_query(subquery);
                if let SetExpr::Select(select) = query.body.as_mut() {
                    let count = call("count", vec![number("1")]);
                    select.projection = vec![SelectItem::UnnamedExpr(count)];
                }
                query.order_by = None;
                let count = Expr::Subquery(Box::new(query));
                let is_positive = nested(binary(count, BinaryOperator::Gt, number("0")));
                *expr = if *negated {
                    not(is_positive)
                } else {
                    is_positive
                };
            }
            Ok::<(), PgError>(())
        })?;
    }
    Ok(())
}

/// Returns whether a query has a row where a count of its rows is not zero.
pub(super) fn is_plain(query: &Query) -> bool {
    let plain = |select: &Select| {
        let no_groups =
            matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
        no_groups && select.having.is_none() && !matches!(select.distinct, Some(Distinct::On(_)))
    };
    query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && matches!(query.body.as_ref(), SetExpr::Select(select) if plain(select) && !is_aggregate(select))
}

fn is_aggregate(select: &Select) -> bool {
    let mut items = select.projection.iter().filter_map(item_expr);
    items.any(|expr| matches!(expr, Expr::Function(_)))
}

#[cfg(test)]
rewrites! {
    PASS existence_as_a_value_is_a_count r"
        SELECT EXISTS (SELECT x FROM t ORDER BY x) ~> SELECT ((SELECT count(1) FROM t) > 0)
        SELECT NOT EXISTS (SELECT 1 FROM t), x FROM u WHERE EXISTS (SELECT 1) ~> SELECT NOT ((SELECT count(1) FROM t) > 0), x FROM u WHERE EXISTS (SELECT 1)
        SELECT EXISTS (SELECT x FROM t LIMIT 1) ~> SELECT EXISTS (SELECT x FROM t LIMIT 1)
    "
}
