//! LIMIT and OFFSET with literals in quotes; FETCH FIRST, of so many rows, and of those that are equal to the last of them.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Fetch, Function, LimitClause, ObjectName, OrderBy,
    OrderByExpr, OrderByKind, OrderByOptions, Query, SelectItem, SetExpr,
    WildcardAdditionalOptions, WindowSpec, WindowType,
};

use super::ast::{
    aliased, binary, call, column, derived, digits, item_expr, nested, normalized, number, quoted,
    string,
};
use super::{AstPass, Step};
use crate::error::PgError;
use crate::params::parse_bigint;

pub(super) const QUOTED: AstPass = AstPass {
    name: "quoted-limits",
    bridges: "DataFusion takes no text for a number after LIMIT and OFFSET",
    run: &[Step::Query(unquoted)],
};

pub(super) const FETCH: AstPass = AstPass {
    name: "fetch-first",
    bridges: "DataFusion has LIMIT in place of FETCH FIRST, and no WITH TIES",
    run: &[Step::Query(fetch)],
};

fn unquoted(query: &mut Query) -> Result<(), PgError> {
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
            *count = number(rows.to_string());
        }
    }
    Ok(())
}

/// `FETCH FIRST n ROWS ONLY` is LIMIT n, and WITH TIES a condition on the ranks of the rows.
fn fetch(query: &mut Query) -> Result<(), PgError> {
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
        return Err(PgError::syntax(
            "WITH TIES cannot be specified without ORDER BY clause",
        ));
    };
    let refused = || {
        PgError::unsupported("WITH TIES is not supported in such a query")
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
    let all = SelectItem::Wildcard(WildcardAdditionalOptions {
        opt_exclude: Some(ExcludeSelectItem::Multiple(
            [RANK, ROW]
                .map(|name| ObjectName::from(vec![quoted(name)]))
                .into(),
        )),
        ..Default::default()
    });
    let tied = derived(Box::new(inner), aliased(quoted("tied")));
    query.body = super::ast::select(vec![all], Some(tied)).body;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(among_first(rows, offset));
    }
    let by_row = OrderByExpr {
        expr: column(ROW),
        options: OrderByOptions::default(),
        with_fill: None,
    };
    query.order_by = Some(OrderBy {
        kind: OrderByKind::Expressions(vec![by_row]),
        interpolate: None,
    });
    Ok(())
}

fn among_first(rows: Expr, offset: Option<Expr>) -> Expr {
    let Some(offset) = offset else {
        return binary(column(RANK), BinaryOperator::LtEq, nested(rows));
    };
    let last = binary(nested(offset.clone()), BinaryOperator::Plus, nested(rows));
    binary(
        binary(column(ROW), BinaryOperator::Gt, nested(offset)),
        BinaryOperator::And,
        binary(column(RANK), BinaryOperator::LtEq, nested(last)),
    )
}

/// A key of ORDER BY that names a column of the output, as what that column is.
fn written_out(key: &Expr, projection: &[SelectItem]) -> Option<Expr> {
    if let Some(place) = digits(key) {
        let at = place.parse::<usize>().ok()?.checked_sub(1)?;
        // A wildcard before it stands for any number of columns.
        let before: Option<Vec<&Expr>> = projection.get(..=at)?.iter().map(item_expr).collect();
        return before?.pop().cloned();
    }
    let named = match key {
        Expr::Identifier(name) => projection.iter().find(|item| {
            matches!(item, SelectItem::ExprWithAlias { alias, .. } if normalized(alias) == normalized(name))
        }),
        _ => None,
    };
    Some(named.and_then(item_expr).unwrap_or(key).clone())
}

fn over(name: &str, order_by: Vec<OrderByExpr>) -> Expr {
    let window = WindowSpec {
        window_name: None,
        partition_by: Vec::new(),
        order_by,
        window_frame: None,
    };
    match call(name, Vec::new()) {
        Expr::Function(function) => Expr::Function(Function {
            over: Some(WindowType::WindowSpec(window)),
            ..function
        }),
        other => other,
    }
}

#[cfg(test)]
rewrites! {
    QUOTED literals_in_quotes_are_numbers r"
        SELECT x FROM t LIMIT '5' OFFSET '1' ~> SELECT x FROM t LIMIT 5 OFFSET 1
    "
    FETCH fetch_is_a_limit_or_a_rank r#"
        SELECT x FROM t FETCH FIRST ROW ONLY ~> SELECT x FROM t LIMIT 1
        SELECT x FROM t OFFSET 2 FETCH FIRST 3 ROWS ONLY ~> SELECT x FROM t LIMIT 3 OFFSET 2
        SELECT x AS y FROM t ORDER BY y FETCH FIRST 3 ROWS WITH TIES ~> SELECT * EXCLUDE ("rank", "row") FROM (SELECT x AS y, rank() OVER (ORDER BY x) AS "rank", row_number() OVER (ORDER BY x) AS "row" FROM t) AS "tied" WHERE "rank" <= (3) ORDER BY "row"
        SELECT x FROM t ORDER BY 1 OFFSET 2 FETCH FIRST 3 ROWS WITH TIES ~> SELECT * EXCLUDE ("rank", "row") FROM (SELECT x, rank() OVER (ORDER BY x) AS "rank", row_number() OVER (ORDER BY x) AS "row" FROM t) AS "tied" WHERE "row" > (2) AND "rank" <= ((2) + (3)) ORDER BY "row"
    "#
}
