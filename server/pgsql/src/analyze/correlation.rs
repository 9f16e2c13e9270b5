//! A correlated scalar subquery taken apart, and what ties it to the rows around it.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

/// A subquery taken apart: `SELECT value FROM (SELECT aggregates FROM rows WHERE conditions)`; without aggregates the
/// value is of a row.
pub(super) struct Plain {
    pub(super) value: Expr,
    pub(super) aggregates: Vec<Expr>,
    /// The columns that the aggregates are for the value.
    pub(super) aggregated: Vec<Column>,
    pub(super) conditions: Vec<Expr>,
    pub(super) rows: LogicalPlan,
}

impl Plain {
    pub(super) fn of(plan: &LogicalPlan) -> Result<Option<Plain>> {
        let mut plan = plan;
        let mut value = Expr::Column(plan.schema().columns().remove(0));
        let (mut aggregates, mut aggregated) = (Vec::new(), Vec::new());
        loop {
            match plan {
                LogicalPlan::Sort(sort) if sort.fetch.is_none() => plan = &sort.input,
                LogicalPlan::Projection(projection) => {
                    value = through(value, &projection.schema, &projection.expr)?;
                    plan = &projection.input;
                }
                LogicalPlan::SubqueryAlias(alias) => {
                    let inner: Vec<Expr> = alias
                        .input
                        .schema()
                        .columns()
                        .into_iter()
                        .map(Expr::Column)
                        .collect();
                    value = through(value, &alias.schema, &inner)?;
                    plan = &alias.input;
                }
                LogicalPlan::Aggregate(node) if node.group_expr.is_empty() => {
                    aggregates = node.aggr_expr.clone();
                    aggregated = node.schema.columns();
                    plan = &node.input;
                    break;
                }
                _ => break,
            }
        }
        let mut conditions = Vec::new();
        while let LogicalPlan::Filter(filter) = plan {
            conditions.append(&mut split_conjunction_owned(filter.predicate.clone()));
            plan = &filter.input;
        }
        let mut tied = matches!(
            plan,
            LogicalPlan::Limit(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_)
        );
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                tied |= has_outer(expr);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok((!tied).then(|| Plain {
            value,
            aggregates,
            aggregated,
            conditions,
            rows: plan.clone(),
        }))
    }

    /// Whether DataFusion cannot make a join of it.
    pub(super) fn is_untied(&self) -> bool {
        let nested = |expr: &Expr| {
            expr.exists(|expr| Ok(matches!(expr, Expr::ScalarSubquery(_))))
                .unwrap_or(true)
        };
        self.conditions
            .iter()
            .any(|condition| has_outer(condition) && !is_equality(condition))
            || self
                .aggregates
                .iter()
                .any(|aggregate| has_outer(aggregate) || nested(aggregate))
            || has_outer(&self.value)
    }

    fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let value = self.aggregates.is_empty().then_some(&self.value);
        self.conditions.iter().chain(&self.aggregates).chain(value)
    }

    /// The columns of the subquery's own rows that it uses.
    pub(super) fn inner_columns(&self) -> Vec<Column> {
        let mut columns = BTreeSet::new();
        for expr in self.expressions() {
            columns.extend(expr.column_refs().into_iter().cloned());
            columns.extend(
                nested_outer_columns(expr)
                    .into_iter()
                    .filter(|column| self.rows.schema().has_column(column)),
            );
        }
        columns.into_iter().collect()
    }

    pub(super) fn outer_columns(&self) -> BTreeSet<Column> {
        let mut columns = BTreeSet::new();
        for expr in self.expressions().chain([&self.value]) {
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
}

/// What a subquery inside an expression takes of the rows around it.
fn nested_outer_columns(expr: &Expr) -> BTreeSet<Column> {
    let mut columns = BTreeSet::new();
    let _ = expr.apply(|expr| {
        if let Expr::ScalarSubquery(subquery) = expr {
            for outer in &subquery.outer_ref_columns {
                if let Expr::OuterReferenceColumn(_, column) = outer {
                    columns.insert(column.clone());
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    columns
}

/// An expression over a node's output as one over its input.
pub(super) fn through(expr: Expr, schema: &DFSchema, outputs: &[Expr]) -> Result<Expr> {
    let columns = schema.columns();
    let replaced = expr.transform_up(|expr| {
        Ok(match &expr {
            Expr::Column(column) => match columns.iter().position(|known| known == column) {
                Some(at) => Transformed::yes(outputs[at].clone().unalias()),
                None => Transformed::no(expr),
            },
            _ => Transformed::no(expr),
        })
    })?;
    Ok(replaced.data)
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
