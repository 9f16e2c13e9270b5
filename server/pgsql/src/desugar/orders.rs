//! ORDER BY of a SELECT DISTINCT: a key that is written as a column of the output is, and is no plain name, becomes that
//! column.

use datafusion::sql::sqlparser::ast::{Distinct, Expr, OrderByKind, Query, SelectItem, SetExpr};

use super::ast::{item_expr, number};
use super::{AstPass, Step};
use crate::error::PgError;

pub(super) const PASS: AstPass = AstPass {
    name: "order-of-distinct",
    bridges: "DataFusion looks for a key of ORDER BY among the names of the columns, by which a column is no expression any more",
    run: &[Step::Query(by_columns)],
};

fn by_columns(query: &mut Query) -> Result<(), PgError> {
    if let SetExpr::Select(select) = query.body.as_ref()
        && let Some(Distinct::Distinct) = select.distinct
        && let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(keys) = &mut order.kind
    {
        for key in keys {
            let is_name = matches!(
                key.expr,
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)
            );
            if !is_name && let Some(column) = column(&select.projection, &key.expr) {
                key.expr = column;
            }
        }
    }
    Ok(())
}

fn column(projection: &[SelectItem], key: &Expr) -> Option<Expr> {
    let at = projection
        .iter()
        .position(|item| item_expr(item) == Some(key))?;
    // A wildcard before it stands for any number of columns.
    if projection
        .iter()
        .take(at)
        .all(|item| item_expr(item).is_some())
    {
        return Some(number((at + 1).to_string()));
    }
    match projection.get(at)? {
        SelectItem::ExprWithAlias { alias, .. } => Some(Expr::Identifier(alias.clone())),
        _ => None,
    }
}

#[cfg(test)]
rewrites! {
    PASS keys_become_places r"
        SELECT DISTINCT lower(x) AS l FROM t ORDER BY lower(x) ~> SELECT DISTINCT lower(x) AS l FROM t ORDER BY 1
        SELECT DISTINCT *, lower(x) AS l FROM t ORDER BY lower(x) ~> SELECT DISTINCT *, lower(x) AS l FROM t ORDER BY l
        SELECT lower(x) FROM t ORDER BY lower(x) ~> SELECT lower(x) FROM t ORDER BY lower(x)
    "
}
