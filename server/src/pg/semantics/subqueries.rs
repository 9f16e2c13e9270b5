//! Correlated scalar subqueries that are no aggregates: `SELECT (SELECT c.name FROM c WHERE c.id = t.id) FROM t`.
//!
//! DataFusion takes only those that cannot have two rows by their form. PostgreSQL takes all, and fails when there are two
//! in fact. So each is made an aggregate that fails ([`single_value`]): where it is tied to the outer row by equalities,
//! in its place, since DataFusion can then turn it into a join; else by a join of our own over numbered outer rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::error::Result;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    AggregateUDF, BinaryExpr, Expr, FetchType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
    WindowFunctionDefinition, col, ident,
};

use super::super::functions::single_value;

/// Makes the correlated scalar subqueries of a plan give their only row.
///
/// # Errors
/// If a plan cannot be put together again.
pub fn single_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut number = 0;
    let transformed = plan.transform_up_with_subqueries(|node| {
        let mut node = node;
        let mut changed = false;
        while let Some(subquery) = untied_subquery(&node)? {
            number += 1;
            match joined(node, &subquery, number)? {
                Ok(new) => node = new,
                Err(same) => {
                    node = same;
                    break;
                }
            }
            changed = true;
        }
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| match expr {
                Expr::ScalarSubquery(subquery) if needs_single(&subquery) => {
                    Ok(Transformed::yes(Expr::ScalarSubquery(single(subquery)?)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })?;
        Ok(if changed {
            Transformed::yes(node.data)
        } else {
            node
        })
    })?;
    Ok(transformed.data)
}

fn needs_single(subquery: &Subquery) -> bool {
    !subquery.outer_ref_columns.is_empty()
        && subquery.subquery.schema().fields().len() == 1
        && !is_aggregated(&subquery.subquery)
}

fn is_aggregated(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Projection(node) => is_aggregated(&node.input),
        LogicalPlan::SubqueryAlias(node) => is_aggregated(&node.input),
        LogicalPlan::Filter(node) => is_aggregated(&node.input),
        _ => false,
    }
}

/// A subquery as an aggregate over its rows.
fn single(subquery: Subquery) -> Result<Subquery> {
    let plan = Arc::unwrap_or_clone(subquery.subquery);
    let (qualifier, field) = plan.schema().qualified_field(0);
    let (value, name) = (Column::from((qualifier, field)), field.name().clone());
    let (input, function, order) = match plan {
        // `ORDER BY … LIMIT 1`: the first one.
        LogicalPlan::Limit(limit)
            if matches!(limit.get_fetch_type()?, FetchType::Literal(Some(1))) =>
        {
            match Arc::unwrap_or_clone(limit.input) {
                LogicalPlan::Sort(sort) => (
                    Arc::unwrap_or_clone(sort.input),
                    first_value_udaf(),
                    sort.expr,
                ),
                other => (other, first_value_udaf(), Vec::new()),
            }
        }
        LogicalPlan::Sort(sort) => (Arc::unwrap_or_clone(sort.input), single_value(), Vec::new()),
        other => (other, single_value(), Vec::new()),
    };
    let aggregate = aggregate(function, Expr::Column(value), order).alias(name);
    let plan = LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), vec![aggregate])?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: subquery.outer_ref_columns,
        spans: subquery.spans,
    })
}

fn aggregate(function: Arc<AggregateUDF>, value: Expr, order: Vec<Sort>) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        function,
        vec![value],
        false,
        None,
        order,
        None,
    ))
}

/// What a subquery of the plain form is made of: `SELECT value FROM rows WHERE conditions`.
struct Plain {
    value: Expr,
    conditions: Vec<Expr>,
    rows: LogicalPlan,
}

fn plain(plan: &LogicalPlan) -> Result<Option<Plain>> {
    let mut plan = plan;
    let value = loop {
        match plan {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => plan = &sort.input,
            LogicalPlan::Projection(projection) => match projection.expr.as_slice() {
                [value] => {
                    plan = &projection.input;
                    break value.clone().unalias();
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }
    };
    let mut conditions = Vec::new();
    while let LogicalPlan::Filter(filter) = plan {
        conditions.append(&mut split_conjunction_owned(filter.predicate.clone()));
        plan = &filter.input;
    }
    let mut tied = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            tied |= has_outer(expr);
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok((!tied).then(|| Plain {
        value,
        conditions,
        rows: plan.clone(),
    }))
}

fn has_outer(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(matches!(expr, Expr::OuterReferenceColumn(..))))
        .unwrap_or(true)
}

fn has_inner(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(matches!(expr, Expr::Column(_))))
        .unwrap_or(true)
}

/// `inner = outer`, which DataFusion can make a join of.
fn is_equality(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) => {
            let sides = |inner: &Expr, outer: &Expr| {
                !has_outer(inner) && has_outer(outer) && !has_inner(outer)
            };
            sides(left, right) || sides(right, left)
        }
        _ => false,
    }
}

/// A subquery of a projection or filter that is tied to the outer row by more than equalities.
fn untied_subquery(node: &LogicalPlan) -> Result<Option<Subquery>> {
    if !matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Filter(_)) {
        return Ok(None);
    }
    let mut found = None;
    node.apply_expressions(|expr| {
        expr.apply(|expr| {
            if let Expr::ScalarSubquery(subquery) = expr
                && needs_single(subquery)
                && let Some(plain) = plain(&subquery.subquery)?
                && (has_outer(&plain.value)
                    || plain
                        .conditions
                        .iter()
                        .any(|c| has_outer(c) && !is_equality(c)))
            {
                found = Some(subquery.clone());
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// A node with the subquery's value joined to its input; the node as it was, where that cannot be done.
fn joined(
    node: LogicalPlan,
    subquery: &Subquery,
    number: usize,
) -> Result<Result<LogicalPlan, LogicalPlan>> {
    let Some(plain) = plain(&subquery.subquery)? else {
        return Ok(Err(node));
    };
    let input = match node.inputs().as_slice() {
        [input] => (*input).clone(),
        _ => return Ok(Err(node)),
    };
    let outer = outer_columns(&plain);
    if outer
        .iter()
        .any(|column| !input.schema().has_column(column))
    {
        return Ok(Err(node));
    }
    let name = |what: &str| format!("\u{1f}{what}{number}");

    // The outer rows, numbered.
    let columns = input.schema().columns();
    let row_number = Expr::from(WindowFunction::new(
        WindowFunctionDefinition::WindowUDF(row_number_udwf()),
        vec![],
    ));
    let row_number_name = row_number.schema_name().to_string();
    let numbered = columns
        .iter()
        .cloned()
        .map(Expr::Column)
        .chain([ident(row_number_name).alias(name("row"))]);
    let left = LogicalPlanBuilder::from(input)
        .window(vec![row_number])?
        .project(numbered)?
        .build()?;

    // The subquery's rows, with names that nothing else has.
    let inner = inner_columns(&plain);
    let renamed = |column: &Column| {
        inner
            .iter()
            .position(|known| known == column)
            .map(|at| name(&format!("c{at}_")))
    };
    let kept = inner
        .iter()
        .enumerate()
        .map(|(at, column)| Expr::Column(column.clone()).alias(name(&format!("c{at}_"))));
    let marker = datafusion::logical_expr::lit(true).alias(name("is"));
    let right = LogicalPlanBuilder::from(plain.rows.clone())
        .project(kept.chain([marker]))?
        .build()?;

    let placed = |expr: Expr| -> Result<Expr> {
        expr.transform_up(|expr| {
            Ok(match expr {
                Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
                Expr::Column(column) => match renamed(&column) {
                    Some(name) => Transformed::yes(ident(name)),
                    None => Transformed::no(Expr::Column(column)),
                },
                other => Transformed::no(other),
            })
        })
        .map(|placed| placed.data)
    };
    // Inner columns first: an outer one may have the same name as an inner one had.
    let conditions = plain
        .conditions
        .into_iter()
        .map(placed)
        .collect::<Result<Vec<_>>>()?;
    let value = placed(plain.value)?;
    let groups = columns
        .iter()
        .cloned()
        .map(Expr::Column)
        .chain([col(Column::from_name(name("row")))]);
    let by_row = LogicalPlanBuilder::from(left)
        .join_on(right, JoinType::Left, conditions)?
        .aggregate(
            groups,
            vec![aggregate(single_value(), value, Vec::new()).alias(name("value"))],
        )?
        .build()?;

    // The value in the subquery's place.
    let names = NamePreserver::new(&node);
    let is_filter = matches!(node, LogicalPlan::Filter(_));
    let expressions = node
        .expressions()
        .into_iter()
        .map(|expr| {
            let saved = names.save(&expr);
            let expr = expr.transform_up(|expr| {
                Ok(match expr {
                    Expr::ScalarSubquery(found) if found == *subquery => {
                        Transformed::yes(ident(name("value")))
                    }
                    other => Transformed::no(other),
                })
            })?;
            Ok(saved.restore(expr.data))
        })
        .collect::<Result<Vec<_>>>()?;
    let new = node.with_new_exprs(expressions, vec![by_row])?;
    if is_filter {
        let columns = columns.into_iter().map(Expr::Column);
        return Ok(Ok(LogicalPlanBuilder::from(new)
            .project(columns)?
            .build()?));
    }
    Ok(Ok(new))
}

fn all_of(plain: &Plain) -> impl Iterator<Item = &Expr> {
    plain.conditions.iter().chain([&plain.value])
}

fn outer_columns(plain: &Plain) -> BTreeSet<Column> {
    let mut columns = BTreeSet::new();
    for expr in all_of(plain) {
        // The closure never fails.
        let _ = expr.apply(|expr| {
            if let Expr::OuterReferenceColumn(_, column) = expr {
                columns.insert(column.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    columns
}

fn inner_columns(plain: &Plain) -> Vec<Column> {
    let mut columns = BTreeSet::new();
    for expr in all_of(plain) {
        columns.extend(expr.column_refs().into_iter().cloned());
    }
    columns.into_iter().collect()
}
