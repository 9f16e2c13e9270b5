//! Correlated scalar subqueries that DataFusion does not take: `SELECT (SELECT c.name FROM c WHERE c.id = t.id) FROM t`.
//!
//! DataFusion takes those that are aggregates, tied to the outer row by equalities alone. PostgreSQL takes all, and fails
//! when one that is no aggregate has two rows. So such a one is made an aggregate that fails ([`single_value`]); and one
//! that is tied by more than equalities becomes a join of our own:
//!
//! ```text
//! for each outer row, numbered:  left join the subquery's rows on its conditions,
//!                                group by the number: the subquery's aggregates over the rows that matched
//! ```

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Spans};
use datafusion::error::Result;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Expr, FetchType, LogicalPlan, LogicalPlanBuilder, Subquery,
    WindowFunctionDefinition, ident, lit,
};

use super::PlanPass;
use super::correlation::Plain;
use super::node_exprs::rewrite_exprs;
use crate::functions::single_value;

pub(super) const PASS: PlanPass = PlanPass {
    name: "scalar-subquery-to-aggregate",
    bridges: "DataFusion takes those correlated scalar subqueries that are aggregates, tied to the outer row by equalities alone",
    run: |plan, _| scalar_subquery_to_aggregate(plan),
};

/// Makes the correlated scalar subqueries of a plan ones that DataFusion takes.
fn scalar_subquery_to_aggregate(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut number = 0;
    // From the outside in: what an outer subquery is joined to may hold an inner one.
    let plan = plan.transform_down_with_subqueries(|node| {
        let (mut node, mut changed) = aggregate_over_columns(node, &mut number)?;
        while let Some((subquery, plain)) = untied_subquery(&node)? {
            number += 1;
            match joined(node, &subquery, plain, number)? {
                Ok(new) => node = new,
                Err(same) => {
                    node = same;
                    break;
                }
            }
            changed = true;
        }
        Ok(if changed {
            Transformed::yes(node)
        } else {
            Transformed::no(node)
        })
    })?;
    let plan = plan.data.transform_up_with_subqueries(|node| {
        rewrite_exprs(node, |expr| match expr {
            Expr::ScalarSubquery(subquery) if needs_single(&subquery) => {
                Ok(Transformed::yes(Expr::ScalarSubquery(single(subquery)?)))
            }
            other => Ok(Transformed::no(other)),
        })
    })?;
    Ok(plan.data)
}

fn is_correlated(subquery: &Subquery) -> bool {
    !subquery.outer_ref_columns.is_empty() && subquery.subquery.schema().fields().len() == 1
}

fn needs_single(subquery: &Subquery) -> bool {
    is_correlated(subquery) && !is_aggregated(&subquery.subquery)
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
                // Sorted by what is not selected: the value is that of a sorted row.
                LogicalPlan::Projection(projection)
                    if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) =>
                {
                    let of_row = projection.expr.first().cloned().map(Expr::unalias);
                    match (Arc::unwrap_or_clone(projection.input), of_row) {
                        (LogicalPlan::Sort(sort), Some(of_row)) => {
                            let input = Arc::unwrap_or_clone(sort.input);
                            let first = aggregate(first_value_udaf(), of_row, sort.expr);
                            return aggregated(
                                input,
                                first.alias(name),
                                subquery.outer_ref_columns,
                                subquery.spans,
                            );
                        }
                        (other, _) => (other, first_value_udaf(), Vec::new()),
                    }
                }
                other => (other, first_value_udaf(), Vec::new()),
            }
        }
        LogicalPlan::Sort(sort) => (Arc::unwrap_or_clone(sort.input), single_value(), Vec::new()),
        other => (other, single_value(), Vec::new()),
    };
    let first = aggregate(function, Expr::Column(value), order).alias(name);
    aggregated(input, first, subquery.outer_ref_columns, subquery.spans)
}

fn aggregated(
    input: LogicalPlan,
    aggregate: Expr,
    outer_ref_columns: Vec<Expr>,
    spans: Spans,
) -> Result<Subquery> {
    let plan = LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), vec![aggregate])?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans,
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

/// A subquery of a projection or filter that is tied to the outer row by more than equalities.
fn untied_subquery(node: &LogicalPlan) -> Result<Option<(Subquery, Plain)>> {
    if !matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Filter(_)) {
        return Ok(None);
    }
    let mut found = None;
    node.apply_expressions(|expr| {
        expr.apply(|expr| {
            if let Expr::ScalarSubquery(subquery) = expr
                && is_correlated(subquery)
                && let Some(plain) = Plain::of(&subquery.subquery)?
                && plain.is_untied()
            {
                found = Some((subquery.clone(), plain));
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// Subqueries in the arguments of aggregates go into a projection below, where they can be joined.
fn aggregate_over_columns(node: LogicalPlan, number: &mut usize) -> Result<(LogicalPlan, bool)> {
    let is_subquery = |expr: &Expr| Ok(matches!(expr, Expr::ScalarSubquery(_)));
    let LogicalPlan::Aggregate(aggregate) = &node else {
        return Ok((node, false));
    };
    if !aggregate
        .aggr_expr
        .iter()
        .any(|expr| expr.exists(is_subquery).unwrap_or(false))
    {
        return Ok((node, false));
    }
    let mut projected: Vec<Expr> = aggregate
        .input
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let mut aggr_expr = Vec::new();
    for expr in &aggregate.aggr_expr {
        let name = expr.schema_name().to_string();
        let new = expr.clone().transform_down(|expr| match expr {
            Expr::AggregateFunction(mut function) => {
                let params = &mut function.params;
                let filter = params.filter.as_deref_mut();
                for arg in params.args.iter_mut().chain(filter) {
                    if arg.exists(is_subquery)? {
                        *number += 1;
                        let column = format!("\u{1f}arg{number}");
                        projected.push(std::mem::replace(arg, ident(&column)).alias(column));
                    }
                }
                Ok(Transformed::new(
                    Expr::AggregateFunction(function),
                    true,
                    TreeNodeRecursion::Jump,
                ))
            }
            other => Ok(Transformed::no(other)),
        })?;
        aggr_expr.push(new.data.alias_if_changed(name)?);
    }
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(Arc::clone(&aggregate.input)))
        .project(projected)?
        .build()?;
    let new = Aggregate::try_new(Arc::new(input), aggregate.group_expr.clone(), aggr_expr)?;
    Ok((LogicalPlan::Aggregate(new), true))
}

/// A node with the subquery's value joined to its input; the node as it was, where that cannot be done.
fn joined(
    node: LogicalPlan,
    subquery: &Subquery,
    plain: Plain,
    number: usize,
) -> Result<std::result::Result<LogicalPlan, LogicalPlan>> {
    let input = match node.inputs().as_slice() {
        [input] => (*input).clone(),
        _ => return Ok(Err(node)),
    };
    if plain
        .outer_columns()
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
    let all = columns.iter().cloned().map(Expr::Column);
    let left = LogicalPlanBuilder::from(input)
        .window(vec![row_number])?
        .project(all.chain([ident(row_number_name).alias(name("row"))]))?
        .build()?;

    // The subquery's rows, by names that nothing else has.
    let inner = plain.inner_columns();
    let renamed = |at: usize| name(&format!("column{at}_"));
    let kept = inner
        .iter()
        .enumerate()
        .map(|(at, column)| Expr::Column(column.clone()).alias(renamed(at)));
    let right = LogicalPlanBuilder::from(plain.rows.clone())
        .project(kept.chain([lit(true).alias(name("is"))]))?
        .build()?;
    let placed = |expr: Expr| -> Result<Expr> { place(expr, &inner, &renamed) };

    let conditions = plain
        .conditions
        .into_iter()
        .map(placed)
        .collect::<Result<Vec<_>>>()?;
    let (aggregates, value) = if plain.aggregates.is_empty() {
        let value = aggregate(single_value(), placed(plain.value)?, Vec::new());
        (vec![value.alias(name("value"))], ident(name("value")))
    } else {
        let mut aggregates = Vec::new();
        for (at, aggregate) in plain.aggregates.into_iter().enumerate() {
            let aggregate = of_matches(placed(aggregate.unalias())?, &name("is"))?;
            aggregates.push(aggregate.alias(name(&format!("value{at}_"))));
        }
        let outputs: Vec<Expr> = (0..aggregates.len())
            .map(|at| ident(name(&format!("value{at}_"))))
            .collect();
        let value = plain.value.transform_up(|expr| {
            Ok(match expr {
                Expr::Column(column) => {
                    match plain.aggregated.iter().position(|known| *known == column) {
                        Some(at) => Transformed::yes(outputs[at].clone()),
                        None => Transformed::no(Expr::Column(column)),
                    }
                }
                Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
                other => Transformed::no(other),
            })
        })?;
        (aggregates, value.data)
    };
    let all = columns.iter().cloned().map(Expr::Column);
    let by_row = LogicalPlanBuilder::from(left)
        .join_on(right, JoinType::Left, conditions)?
        .aggregate(all.chain([ident(name("row"))]), aggregates)?
        .build()?;
    replaced(node, subquery, &value, by_row, columns).map(Ok)
}

/// The node over its new input, with the value in the subquery's place.
fn replaced(
    node: LogicalPlan,
    subquery: &Subquery,
    value: &Expr,
    input: LogicalPlan,
    columns: Vec<Column>,
) -> Result<LogicalPlan> {
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
                        Transformed::yes(value.clone())
                    }
                    other => Transformed::no(other),
                })
            })?;
            Ok(saved.restore(expr.data))
        })
        .collect::<Result<Vec<_>>>()?;
    let new = node.with_new_exprs(expressions, vec![input])?;
    if is_filter {
        let columns = columns.into_iter().map(Expr::Column);
        return LogicalPlanBuilder::from(new).project(columns)?.build();
    }
    Ok(new)
}

/// An expression of the subquery's as one over the join: its own columns by their new names, outer ones as columns.
fn place(expr: Expr, inner: &[Column], renamed: &dyn Fn(usize) -> String) -> Result<Expr> {
    let position = |column: &Column| inner.iter().position(|known| known == column);
    let placed = expr.transform_up(|expr| {
        Ok(match expr {
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
            Expr::Column(column) => match position(&column) {
                Some(at) => Transformed::yes(ident(renamed(at))),
                None => Transformed::no(Expr::Column(column)),
            },
            // What a subquery inside takes of these rows has a new name too.
            Expr::ScalarSubquery(subquery) => {
                let outer = |expr: Expr| -> Result<Transformed<Expr>> {
                    Ok(match expr {
                        Expr::OuterReferenceColumn(field, column) => match position(&column) {
                            Some(at) => Transformed::yes(Expr::OuterReferenceColumn(
                                field,
                                Column::from_name(renamed(at)),
                            )),
                            None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                        },
                        other => Transformed::no(other),
                    })
                };
                let plan = Arc::unwrap_or_clone(subquery.subquery).transform_up_with_subqueries(
                    |node| node.map_expressions(|expr| expr.transform_up(outer)),
                )?;
                let outer_ref_columns = subquery
                    .outer_ref_columns
                    .into_iter()
                    .map(|expr| outer(expr).map(|expr| expr.data))
                    .collect::<Result<_>>()?;
                Transformed::yes(Expr::ScalarSubquery(Subquery {
                    subquery: Arc::new(plan.data),
                    outer_ref_columns,
                    spans: subquery.spans,
                }))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(placed.data)
}

/// An aggregate over the rows that the join has found, and not over the one that stands for none.
fn of_matches(expr: Expr, marker: &str) -> Result<Expr> {
    let placed = expr.transform_up(|expr| {
        Ok(match expr {
            Expr::AggregateFunction(mut function) => {
                let found = ident(marker).is_not_null();
                let filter = match function.params.filter.take() {
                    Some(filter) => found.and(*filter),
                    None => found,
                };
                function.params.filter = Some(Box::new(filter));
                Transformed::yes(Expr::AggregateFunction(function))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(placed.data)
}
