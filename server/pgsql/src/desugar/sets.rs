//! Comparisons with sets: `x > ALL (SELECT …)`, `(a, b) IN (SELECT …)`, `EXISTS` as a value.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, TableFactor,
    UnaryOperator, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::tables::{has_columns, parsed};
use super::{call, compare, empty_query};

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

/// The expression of a text that is ours.
fn template(text: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr())
        .ok()
}

/// Puts a query in the place of VALUES, and does not look for more in that query.
struct Fill<'a> {
    query: &'a Query,
    /// How deep in it what is visited lies.
    inside: usize,
}

impl<'a> Fill<'a> {
    fn with(query: &'a Query) -> Fill<'a> {
        Fill { query, inside: 0 }
    }
}

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.inside > 0 {
            self.inside += 1;
        } else if let SetExpr::Values(_) = query.body.as_ref() {
            *query = self.query.clone();
            self.inside = 1;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.inside = self.inside.saturating_sub(1);
        ControlFlow::Continue(())
    }
}

/// A query with another one in the place of its VALUES.
pub(super) fn filled(mut outer: Box<Query>, inner: &Query) -> Box<Query> {
    let _ = outer.visit(&mut Fill::with(inner));
    outer
}

/// `x < ANY (SELECT …)` and its kin by the extremes of the set, with PostgreSQL's nulls.
pub(super) fn quantified(
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    all: bool,
) -> Option<Expr> {
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
    let rows = Rows::of(query);
    let set = "(VALUES (1)) AS quantified (v)";
    let (empty, decisive) = if all {
        ("true", "false")
    } else {
        ("false", "true")
    };
    let mut whole = template(&format!(
        "CASE WHEN (SELECT count(*) FROM {set}) = 0 THEN {empty} WHEN compared IS NOT DISTINCT FROM {decisive} \
         THEN {decisive} WHEN (SELECT count(*) - count(v) FROM {set}) > 0 THEN NULL ELSE compared END"
    ))?;
    let bound = template(&format!("(SELECT {extreme}(v) FROM {set})"))?;
    let comparison = nested(compare(nested(left.clone()), op.clone(), bound));
    let _ = datafusion::sql::sqlparser::ast::visit_expressions_mut(&mut whole, |expr| {
        if matches!(expr, Expr::Identifier(ident) if ident.value == "compared") {
            *expr = comparison.clone();
        }
        ControlFlow::<()>::Continue(())
    });
    match rows {
        Some(mut rows) => {
            let _ = whole.visit(&mut rows);
        }
        None => {
            let _ = whole.visit(&mut Fill::with(query));
        }
    }
    Some(nested(whole))
}

/// Puts the rows of a plain query in the place of `(VALUES (1)) AS quantified (v)`.
///
/// A query in FROM cannot be tied to the rows around it; a query that is itself the sum over its rows can.
struct Rows {
    query: Query,
    value: Expr,
}

impl Rows {
    fn of(query: &Query) -> Option<Rows> {
        let SetExpr::Select(select) = query.body.as_ref() else {
            return None;
        };
        let (SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }) =
            select.projection.first()?
        else {
            return None;
        };
        let value = value.clone();
        let is_call = value_has_call(&value);
        let mut query = query.clone();
        query.order_by = None;
        if let SetExpr::Select(select) = query.body.as_mut() {
            // Rows that are the same change no extreme, and no answer to whether there are any.
            if matches!(select.distinct, Some(Distinct::Distinct)) {
                select.distinct = None;
            }
        }
        (has_columns(&value) && !is_call && is_plain(&query)).then_some(Rows { query, value })
    }
}

/// A call may be an aggregate, or give rows.
fn value_has_call(value: &Expr) -> bool {
    let found = datafusion::sql::sqlparser::ast::visit_expressions(value, |expr| match expr {
        Expr::Function(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

impl VisitorMut for Rows {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let sum = match query.body.as_mut() {
            SetExpr::Select(select) if is_quantified(select) => {
                std::mem::take(&mut select.projection)
            }
            _ => return ControlFlow::Continue(()),
        };
        let mut rows = self.query.clone();
        if let SetExpr::Select(select) = rows.body.as_mut() {
            select.projection = sum;
            let value = &self.value;
            let _ = datafusion::sql::sqlparser::ast::visit_expressions_mut(
                &mut select.projection,
                |expr| {
                    if matches!(expr, Expr::Identifier(ident) if ident.value == "v") {
                        *expr = nested(value.clone());
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                },
            );
        }
        *query = rows;
        ControlFlow::Continue(())
    }
}

/// It is one of the template's.
fn is_quantified(select: &Select) -> bool {
    let relation = select.from.first().map(|table| &table.relation);
    matches!(relation, Some(TableFactor::Derived { alias: Some(alias), .. })
        if alias.name.value == "quantified")
}

/// `(a, b) IN (SELECT x, y …)` as one value among values: what of it is unknown is found in the plan, where it is known
/// what can be null (see `semantics::memberships`).
pub(super) fn tuple_in(tuple: Vec<Expr>, subquery: &Query, negated: bool) -> Option<Expr> {
    let rows = match rows_in_place(subquery) {
        Some(rows) => rows,
        None => rows_from(subquery, tuple.len())?,
    };
    Some(Expr::InSubquery {
        expr: Box::new(call("struct", tuple)),
        subquery: rows,
        negated,
    })
}

/// A plain query whose rows are one value each; it may be tied to the rows around it.
fn rows_in_place(query: &Query) -> Option<Box<Query>> {
    if !is_plain(query) {
        return None;
    }
    let mut rows = Box::new(query.clone());
    rows.order_by = None;
    let SetExpr::Select(select) = rows.body.as_mut() else {
        return None;
    };
    let values = select.projection.iter().map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            Some(expr.clone())
        }
        _ => None,
    });
    let values = values.collect::<Option<Vec<_>>>()?;
    // Rows that are the same are no more among others than one of them is.
    select.distinct = None;
    select.projection = vec![SelectItem::UnnamedExpr(call("struct", values))];
    Some(rows)
}

/// Any query's rows as one value each.
fn rows_from(query: &Query, width: usize) -> Option<Box<Query>> {
    let columns: Vec<String> = (0..width).map(|at| format!("tuple_{at}")).collect();
    let columns = columns.join(", ");
    let rows = parsed(&format!(
        "SELECT struct({columns}) FROM (VALUES (1)) AS tuples ({columns})"
    ))?;
    Some(filled(rows, query))
}

/// `a IS DISTINCT FROM b AND c`, which the parser takes for `a IS DISTINCT FROM (b AND c)`.
pub(super) fn regrouped(expr: &mut Expr) -> Option<Expr> {
    let right = match expr {
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => right,
        _ => return None,
    };
    let nothing = || Expr::Value(Value::Null.into());
    // The leftmost operand of the chain is what belongs to the comparison.
    let operand = replace_leftmost(right, nothing())?;
    let mut chain = std::mem::replace(&mut **right, operand);
    let comparison = std::mem::replace(expr, nothing());
    replace_leftmost(&mut chain, comparison)?;
    Some(chain)
}

/// Puts an expression in the place of the first operand of a chain of ANDs and ORs, and gives that.
fn replace_leftmost(chain: &mut Expr, new: Expr) -> Option<Expr> {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::And | BinaryOperator::Or,
        ..
    } = chain
    else {
        return None;
    };
    let is_chain = matches!(
        left.as_ref(),
        Expr::BinaryOp {
            op: BinaryOperator::And | BinaryOperator::Or,
            ..
        }
    );
    if is_chain {
        return replace_leftmost(left, new);
    }
    Some(std::mem::replace(&mut **left, new))
}

/// `EXISTS (SELECT …)` among the columns of a query, which DataFusion takes in conditions alone, as a count.
pub(super) fn counted_exists(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut() {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                let _ = expr.visit(&mut Counted { depth: 0 });
            }
        }
    }
}

struct Counted {
    depth: usize,
}

impl VisitorMut for Counted {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Exists { subquery, negated } = expr
            && is_plain(subquery)
        {
            let mut query = std::mem::replace(subquery, empty_query());
            if let SetExpr::Select(select) = query.body.as_mut() {
                let count = call(
                    "count",
                    vec![Expr::Value(Value::Number("1".into(), false).into())],
                );
                select.projection = vec![SelectItem::UnnamedExpr(count)];
            }
            query.order_by = None;
            let count = Expr::Subquery(query);
            let zero = Expr::Value(Value::Number("0".into(), false).into());
            let is_positive = nested(compare(count, BinaryOperator::Gt, zero));
            *expr = if *negated {
                Expr::UnaryOp {
                    op: UnaryOperator::Not,
                    expr: Box::new(is_positive),
                }
            } else {
                is_positive
            };
        }
        ControlFlow::Continue(())
    }
}

/// It has a row where a count of its rows is not zero.
fn is_plain(query: &Query) -> bool {
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
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Function(_))
        }
        _ => false,
    })
}
