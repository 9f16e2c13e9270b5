//! Lateral rows that come of the row beside them alone: `FROM conversations c, unnest(c.tags) AS tag`.
//!
//! DataFusion has no join whose right side is computed of its left side's row. Where the right side is made of nothing
//! but columns of the left one, it can be computed in the left side's own plan: what is a join of a row with what comes
//! of it becomes that row with the columns that come of it.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::PlanPass;

pub(super) const PASS: PlanPass = PlanPass {
    name: "lateral-to-projection",
    bridges: "DataFusion has no join whose right side is computed of its left side's row",
    run: |plan, _| lateral_to_projection(plan),
};

/// Puts lateral rows into the plans that they are computed of.
fn lateral_to_projection(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Join(join) = &node else {
            return Ok(Transformed::no(node));
        };
        if join.join_type != JoinType::Inner || !join.on.is_empty() || !is_lateral(&join.right) {
            return Ok(Transformed::no(node));
        }
        let left = Arc::unwrap_or_clone(Arc::clone(&join.left));
        let left_columns = left.schema().columns();
        let Some((mut new, _)) = over(&join.right, left, &left_columns)? else {
            return Ok(Transformed::no(node));
        };
        if let Some(filter) = &join.filter {
            new = LogicalPlanBuilder::from(new)
                .filter(filter.clone())?
                .build()?;
        }
        Ok(Transformed::yes(new))
    })?;
    Ok(plan.data)
}

fn is_lateral(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => is_lateral(&alias.input),
        LogicalPlan::Subquery(subquery) => !subquery.outer_ref_columns.is_empty(),
        _ => false,
    }
}

/// A plan of one row as one over the rows of another, with that one's columns before its own; and its own columns.
fn over(
    plan: &LogicalPlan,
    rows: LogicalPlan,
    beside: &[Column],
) -> Result<Option<(LogicalPlan, Vec<Column>)>> {
    let all = || beside.iter().cloned().map(Expr::Column);
    Ok(match plan {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Some((rows, Vec::new())),
        LogicalPlan::Subquery(subquery) => over(&subquery.subquery, rows, beside)?,
        LogicalPlan::Projection(projection) => match over(&projection.input, rows, beside)? {
            Some((input, _)) => {
                let own = projection
                    .expr
                    .iter()
                    .map(|expr| inner(expr.clone()))
                    .collect::<Result<Vec<_>>>()?;
                let plan = LogicalPlanBuilder::from(input)
                    .project(all().chain(own))?
                    .build()?;
                Some(with_own(plan, beside.len()))
            }
            None => None,
        },
        LogicalPlan::Unnest(unnest) => match over(&unnest.input, rows, beside)? {
            Some((input, _)) => {
                let plan = LogicalPlanBuilder::from(input)
                    .unnest_columns_with_options(
                        unnest.exec_columns.clone(),
                        unnest.options.clone(),
                    )?
                    .build()?;
                Some(with_own(plan, beside.len()))
            }
            None => None,
        },
        LogicalPlan::Filter(filter) => match over(&filter.input, rows, beside)? {
            Some((input, own)) => {
                let plan = LogicalPlanBuilder::from(input)
                    .filter(inner(filter.predicate.clone())?)?
                    .build()?;
                Some((plan, own))
            }
            None => None,
        },
        LogicalPlan::SubqueryAlias(alias) => match over(&alias.input, rows, beside)? {
            Some((input, own)) => {
                let names = alias.schema.columns();
                let named = own.into_iter().zip(names).map(|(column, name)| {
                    Expr::Column(column).alias_qualified(name.relation, name.name)
                });
                let plan = LogicalPlanBuilder::from(input)
                    .project(all().chain(named))?
                    .build()?;
                Some(with_own(plan, beside.len()))
            }
            None => None,
        },
        _ => None,
    })
}

fn with_own(plan: LogicalPlan, beside: usize) -> (LogicalPlan, Vec<Column>) {
    let own = plan.schema().columns().split_off(beside);
    (plan, own)
}

/// An expression whose outer columns are beside it now.
fn inner(expr: Expr) -> Result<Expr> {
    let name = expr.schema_name().to_string();
    let plain = matches!(expr, Expr::Column(_) | Expr::Alias(_));
    let new = expr.transform_up(|expr| {
        Ok(match expr {
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
            other => Transformed::no(other),
        })
    })?;
    if plain {
        return Ok(new.data);
    }
    new.data.alias_if_changed(name)
}
