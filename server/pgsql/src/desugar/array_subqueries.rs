//! `ARRAY(SELECT x …)`.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, GroupByExpr,
    LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens, OrderByExpr,
    OrderByKind, OrderByOptions, Query, SelectItem, SetExpr, TableAliasColumnDef, TableFactor,
    TableWithJoins,
};

use super::ast::{
    aliased, call, column, derived, digits, function, item_expr_mut, quoted, select, take,
    take_query,
};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "array-subqueries",
    bridges: "DataFusion has no ARRAY(SELECT …)",
    run: &[Step::Call(|function, name| match &mut function.args {
        FunctionArguments::Subquery(query) if name == "array" => {
            Some(array_of_rows(Box::new(take_query(query))))
        }
        _ => None,
    })],
};

pub(super) const ELEMENTS: AstPass = AstPass {
    name: "arrays-of-elements",
    bridges: "DataFusion plans no subquery that unnests a column of the rows around it, as psql's \\d+ asks",
    run: &[Step::Call(|function, name| match &function.args {
        FunctionArguments::Subquery(query) if name == "array" => {
            let elements = transformed_elements(query)?;
            Some(call("pg_array_of_rows", vec![elements]))
        }
        _ => None,
    })],
};

/// Rewrites `SELECT f(x) FROM pg_catalog.unnest(xs) x` as a function over each element of `xs`. The parser reads `unnest`
/// without a schema as another kind of table.
fn transformed_elements(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let ([item], [TableWithJoins { relation, joins }]) =
        (select.projection.as_slice(), select.from.as_slice())
    else {
        return None;
    };
    let (SelectItem::UnnamedExpr(body) | SelectItem::ExprWithAlias { expr: body, .. }) = item
    else {
        return None;
    };
    let TableFactor::Table {
        name,
        args: Some(args),
        alias: Some(alias),
        ..
    } = relation
    else {
        return None;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] = args.args.as_slice() else {
        return None;
    };
    let last = name.0.last()?.as_ident()?;
    let is_plain = joins.is_empty() && select.selection.is_none() && query.order_by.is_none();
    if !is_plain || !last.value.eq_ignore_ascii_case("unnest") {
        return None;
    }
    let element = alias.columns.first();
    let each = Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(LambdaFunctionParameter {
            name: element.map_or(&alias.name, |column| &column.name).clone(),
            data_type: None,
        }),
        body: Box::new(body.clone()),
        syntax: LambdaSyntax::Arrow,
    });
    Some(call("array_transform", vec![array.clone(), each]))
}

/// `ARRAY(SELECT x …)`: the rows gathered, in their order; an array without elements where there are none.
fn array_of_rows(query: Box<Query>) -> Expr {
    call("pg_array_of_rows", vec![rows_gathered(query)])
}

fn rows_gathered(mut query: Box<Query>) -> Expr {
    let plain = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    if plain
        && let SetExpr::Select(select) = query.body.as_mut()
        && select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
        && let [item] = select.projection.as_mut_slice()
        && let Some(item) = item_expr_mut(item)
    {
        let value = take(item);
        let mut clauses = Vec::new();
        if let Some(order) = query.order_by.take()
            && let OrderByKind::Expressions(mut by) = order.kind
        {
            for by in &mut by {
                // `ORDER BY 1` means the one column.
                if digits(&by.expr).is_some() {
                    by.expr = value.clone();
                }
            }
            clauses.push(FunctionArgumentClause::OrderBy(by));
        }
        *item = function("array_agg", vec![value], clauses);
    } else {
        return gathered(query);
    }
    Expr::Subquery(query)
}

/// All rows of any query.
fn gathered(query: Box<Query>) -> Expr {
    let order = order_of_rows(&query).map(|options| {
        FunctionArgumentClause::OrderBy(vec![OrderByExpr {
            expr: column("gathered_row"),
            options,
            with_fill: None,
        }])
    });
    let order = order.into_iter().collect();
    let item = function("array_agg", vec![column("gathered_row")], order);
    let mut alias = aliased(quoted("gathered_rows"));
    alias.columns = vec![TableAliasColumnDef::from_name("gathered_row")];
    Expr::Subquery(select(
        vec![SelectItem::UnnamedExpr(item)],
        Some(derived(query, alias)),
    ))
}

/// How a query sorts its rows, where that is by its one column: there is nothing else to sort different rows by.
fn order_of_rows(query: &Query) -> Option<OrderByOptions> {
    let different = match query.body.as_ref() {
        SetExpr::SetOperation { .. } => true,
        SetExpr::Select(select) => select.distinct.is_some(),
        _ => false,
    };
    match &query.order_by.as_ref()?.kind {
        OrderByKind::Expressions(by) if different => Some(by.first()?.options),
        _ => None,
    }
}

#[cfg(test)]
rewrites! {
    ELEMENTS each_element_is_transformed r"
        ARRAY(SELECT 'toast.' || x FROM pg_catalog.unnest(t.xs) AS x) ~> pg_array_of_rows(array_transform(t.xs, x -> 'toast.' || x))
    "
    PASS rows_are_gathered r#"
        ARRAY(SELECT x FROM t ORDER BY 1 DESC) ~> pg_array_of_rows((SELECT array_agg(x ORDER BY x DESC) FROM t))
        ARRAY(SELECT DISTINCT x FROM t ORDER BY x) ~> pg_array_of_rows((SELECT array_agg("gathered_row" ORDER BY "gathered_row") FROM (SELECT DISTINCT x FROM t ORDER BY x) AS "gathered_rows" (gathered_row)))
    "#
}
