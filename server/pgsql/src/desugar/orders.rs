//! ORDER BY of a SELECT DISTINCT.

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, OrderByKind, Query, SelectItem, SetExpr, Value,
};

/// A key that is written as a column of the output is, and is no plain name, becomes that column: DataFusion looks for
/// the key among the columns' names, and by its name a column is no expression any more.
pub(super) fn by_columns(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return;
    };
    let Some(Distinct::Distinct) = select.distinct else {
        return;
    };
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|order| &mut order.kind)
    else {
        return;
    };
    for key in keys {
        if matches!(
            key.expr,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)
        ) {
            continue;
        }
        if let Some(column) = column(&select.projection, &key.expr) {
            key.expr = column;
        }
    }
}

fn column(projection: &[SelectItem], key: &Expr) -> Option<Expr> {
    let written = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr == key,
        _ => false,
    };
    let at = projection.iter().position(written)?;
    let is_column = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
        )
    };
    // A wildcard before it stands for any number of columns.
    if projection.iter().take(at).all(is_column) {
        let place = (at + 1).to_string();
        return Some(Expr::Value(Value::Number(place, false).into()));
    }
    match projection.get(at)? {
        SelectItem::ExprWithAlias { alias, .. } => Some(Expr::Identifier(alias.clone())),
        _ => None,
    }
}
