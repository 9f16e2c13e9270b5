//! Arrays: of rows, of elements, and of a text `{…}`.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    GroupByExpr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens,
    OrderByExpr, OrderByKind, OrderByOptions, Query, Select, SelectItem, SetExpr, Subscript,
    TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, Value,
};

use super::patterns::is_pattern;
use super::tables::has_columns;
use super::{call, empty_query, function, normalized, string, text};
use crate::params::array_elements;

/// `ARRAY(SELECT f(x) FROM unnest(xs) x)`: every element by itself.
fn array_of_elements(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let [TableWithJoins { relation, joins }] = select.from.as_slice() else {
        return None;
    };
    let (SelectItem::UnnamedExpr(body) | SelectItem::ExprWithAlias { expr: body, .. }) =
        select.projection.first()?
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
    let is_unnest = name
        .0
        .last()?
        .as_ident()?
        .value
        .eq_ignore_ascii_case("unnest");
    let plain = joins.is_empty()
        && select.selection.is_none()
        && select.projection.len() == 1
        && query.order_by.is_none();
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] = args.args.as_slice() else {
        return None;
    };
    let element = alias
        .columns
        .first()
        .map_or(&alias.name, |column| &column.name);
    (is_unnest && plain).then(|| {
        let each = Expr::Lambda(LambdaFunction {
            params: OneOrManyWithParens::One(LambdaFunctionParameter {
                name: element.clone(),
                data_type: None,
            }),
            body: Box::new(body.clone()),
            syntax: LambdaSyntax::Arrow,
        });
        call("array_transform", vec![array.clone(), each])
    })
}

/// `ARRAY(SELECT x …)`: the rows gathered, in their order; an array without elements where there are none.
pub(super) fn array_of_rows(query: Box<Query>) -> Expr {
    let array = array_of_elements(&query).unwrap_or_else(|| rows_gathered(query));
    call("pg_array_of_rows", vec![array])
}

fn rows_gathered(mut query: Box<Query>) -> Expr {
    let plain = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    if plain
        && let SetExpr::Select(select) = query.body.as_mut()
        && select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
        && let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
            select.projection.as_mut_slice()
    {
        let value = std::mem::replace(item, Expr::Identifier(Ident::new("")));
        let mut clauses = Vec::new();
        if let Some(order) = query.order_by.take()
            && let OrderByKind::Expressions(mut by) = order.kind
        {
            for by in &mut by {
                // `ORDER BY 1` means the one column.
                if matches!(&by.expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
                {
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
    let row = || Expr::Identifier(Ident::new("gathered_row"));
    let order = order_of_rows(&query).map(|options| {
        FunctionArgumentClause::OrderBy(vec![OrderByExpr {
            expr: row(),
            options,
            with_fill: None,
        }])
    });
    let item = SelectItem::UnnamedExpr(function(
        "array_agg",
        vec![row()],
        order.into_iter().collect(),
    ));
    let mut outer = empty_query();
    if let Some(mut select) = plain_select() {
        select.projection = vec![item];
        select.from = vec![TableWithJoins {
            relation: TableFactor::Derived {
                lateral: false,
                subquery: query,
                alias: Some(TableAlias {
                    explicit: true,
                    name: Ident::new("gathered_rows"),
                    columns: vec![TableAliasColumnDef::from_name("gathered_row")],
                    at: None,
                }),
                sample: None,
            },
            joins: Vec::new(),
        }];
        outer.body = Box::new(SetExpr::Select(select));
    }
    Expr::Subquery(outer)
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

fn plain_select() -> Option<Box<Select>> {
    let query = super::tables::parsed("SELECT 1")?;
    match *query.body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// `'{a,b}'` as an array of texts: what is written in it tells no type.
pub(super) fn array_of(literal: &str) -> Option<Expr> {
    let elem = array_elements(literal)?
        .into_iter()
        .map(|item| item.map_or_else(|| Expr::Value(Value::Null.into()), text))
        .collect();
    Some(Expr::Array(Array { elem, named: true }))
}

/// `'{a,b}'` as an array of values that are of the type of another.
pub(super) fn array_like(literal: Expr, other: Expr) -> Expr {
    call("pg_array_like", vec![literal, other])
}

/// `x = ANY ('{…}')`: the literal is a list of what stands before, or of patterns.
pub(super) fn list_written(left: &Expr, op: &BinaryOperator, right: &mut Expr) {
    if is_pattern(op) {
        if let Some(array) = string(right).and_then(array_of) {
            *right = array;
        }
    } else if string(right).is_some() {
        let literal = std::mem::replace(right, Expr::Identifier(Ident::new("")));
        *right = array_like(literal, left.clone());
    }
}

/// `ARRAY[x]` as a call, since in the array itself DataFusion does not look for columns of the rows around.
pub(super) fn called(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Array(Array { elem, .. }) if elem.iter().any(has_columns) => {
            Some(call("make_array", elem.clone()))
        }
        _ => None,
    }
}

/// A slice from the first element, or to the last, has both its ends; a field is named by a text.
pub(super) fn bounded(access: &mut AccessExpr) {
    if let AccessExpr::Dot(field) = access
        && let Expr::Identifier(name) = field
    {
        *field = text(normalized(name));
    }
    if let AccessExpr::Subscript(Subscript::Slice {
        lower_bound,
        upper_bound,
        ..
    }) = access
    {
        let number = |digits: &str| Expr::Value(Value::Number(digits.to_owned(), false).into());
        lower_bound.get_or_insert_with(|| number("1"));
        upper_bound.get_or_insert_with(|| number("2147483647"));
    }
}
