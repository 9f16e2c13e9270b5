//! FETCH FIRST: of so many rows, and of those that are equal to the last of them.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Fetch, Function, FunctionArgumentList,
    FunctionArguments, Ident, LimitClause, ObjectName, OrderByExpr, OrderByKind, Query, SelectItem,
    SetExpr, Value, WindowSpec, WindowType,
};

use super::sets::filled;
use super::{bare_function, compare, normalized, string, tables};
use crate::error::{PgError, code};
use crate::params::parse_bigint;

/// A literal in quotes is a number after LIMIT and OFFSET.
pub(super) fn unquoted(query: &mut Query) -> Result<(), PgError> {
    let fetched = query.fetch.as_mut();
    let fetched = fetched.and_then(|fetch| fetch.quantity.as_mut());
    let (limit, offset) = match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => (
            limit.as_mut(),
            offset.as_mut().map(|offset| &mut offset.value),
        ),
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        None => (None, None),
    };
    for count in [fetched, limit, offset].into_iter().flatten() {
        if let Some(text) = string(count) {
            let rows = parse_bigint(text)?;
            *count = number(&rows.to_string());
        }
    }
    Ok(())
}

/// `FETCH FIRST n ROWS ONLY` is LIMIT n, and WITH TIES a condition on the ranks of the rows.
pub(super) fn fetch(query: &mut Query) -> Result<(), PgError> {
    match &query.fetch {
        Some(fetch) if fetch.percent => return Ok(()),
        None => return Ok(()),
        Some(_) => {}
    }
    let Some(Fetch {
        quantity,
        with_ties,
        ..
    }) = query.fetch.take()
    else {
        return Ok(());
    };
    let rows = quantity.unwrap_or_else(|| number("1"));
    if with_ties {
        return ties(query, rows);
    }
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = Some(rows),
        other => {
            *other = Some(LimitClause::LimitOffset {
                limit: Some(rows),
                offset: None,
                limit_by: Vec::new(),
            });
        }
    }
    Ok(())
}

const RANK: &str = "\u{1f}rank";
const ROW: &str = "\u{1f}row";

/// The query's rows with their ranks, and of these the ones that rank among the first.
fn ties(query: &mut Query, rows: Expr) -> Result<(), PgError> {
    let Some(order) = query.order_by.take() else {
        return Err(PgError::new(
            code::SYNTAX,
            "WITH TIES cannot be specified without ORDER BY clause",
        ));
    };
    let refused = || {
        PgError::new(
            code::NOT_SUPPORTED,
            "WITH TIES is not supported in such a query",
        )
        .hint("Put the query into FROM, and order by its columns.")
    };
    let OrderByKind::Expressions(mut by) = order.kind else {
        return Err(refused());
    };
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(refused());
    };
    if select.distinct.is_some() {
        return Err(refused());
    }
    for key in &mut by {
        key.expr = written_out(&key.expr, &select.projection).ok_or_else(refused)?;
    }
    for (function, alias) in [("rank", RANK), ("row_number", ROW)] {
        select.projection.push(SelectItem::ExprWithAlias {
            expr: over(function, by.clone()),
            alias: quoted(alias),
        });
    }
    let offset = match query.limit_clause.take() {
        Some(LimitClause::LimitOffset { offset, .. }) => offset.map(|offset| offset.value),
        _ => None,
    };
    let mut inner = Query {
        with: None,
        ..query.clone()
    };
    std::mem::swap(&mut inner.body, &mut query.body);
    let outer = tables::parsed("SELECT * FROM (VALUES (1)) AS tied").ok_or_else(refused)?;
    let outer = filled(outer, &inner);
    query.body = outer.body;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(refused());
    };
    if let Some(SelectItem::Wildcard(options)) = select.projection.first_mut() {
        let hidden = [RANK, ROW].map(|name| ObjectName::from(vec![quoted(name)]));
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(hidden.to_vec()));
    }
    select.selection = Some(among_first(rows, offset));
    let in_order = tables::parsed(&format!("SELECT 1 ORDER BY \"{ROW}\"")).ok_or_else(refused)?;
    query.order_by = in_order.order_by;
    Ok(())
}

fn among_first(rows: Expr, offset: Option<Expr>) -> Expr {
    let nested = |expr| Expr::Nested(Box::new(expr));
    let column = |name| Expr::Identifier(quoted(name));
    let Some(offset) = offset else {
        return compare(column(RANK), BinaryOperator::LtEq, nested(rows));
    };
    let last = compare(nested(offset.clone()), BinaryOperator::Plus, nested(rows));
    compare(
        compare(column(ROW), BinaryOperator::Gt, nested(offset)),
        BinaryOperator::And,
        compare(column(RANK), BinaryOperator::LtEq, nested(last)),
    )
}

/// A key of ORDER BY that names a column of the output, as what that column is.
fn written_out(key: &Expr, projection: &[SelectItem]) -> Option<Expr> {
    let of_item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            Some(expr.clone())
        }
        _ => None,
    };
    match key {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let at = digits.parse::<usize>().ok()?.checked_sub(1)?;
                // A wildcard before it stands for any number of columns.
                let before = projection.get(..=at)?;
                before
                    .iter()
                    .map(of_item)
                    .next_back()?
                    .filter(|_| before.iter().all(|item| of_item(item).is_some()))
            }
            _ => Some(key.clone()),
        },
        Expr::Identifier(name) => {
            let name = normalized(name);
            let named = projection.iter().find(|item| {
                matches!(item, SelectItem::ExprWithAlias { alias, .. } if normalized(alias) == name)
            });
            Some(named.and_then(of_item).unwrap_or_else(|| key.clone()))
        }
        other => Some(other.clone()),
    }
}

fn over(name: &str, order_by: Vec<OrderByExpr>) -> Expr {
    Expr::Function(Function {
        args: FunctionArguments::List(FunctionArgumentList {
            args: Vec::new(),
            duplicate_treatment: None,
            clauses: Vec::new(),
        }),
        over: Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: Vec::new(),
            order_by,
            window_frame: None,
        })),
        ..bare_function(name)
    })
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).into())
}
