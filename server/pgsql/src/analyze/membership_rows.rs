//! The rows of a subquery that values are looked for among.

use datafusion::error::Result;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, LogicalPlanBuilder, Subquery, ident};

use super::correlation::through;
use crate::error::PgError;
use crate::functions::raise;

/// The function that several values are written as one by.
const ROW: &str = "struct";

/// The values of a row.
pub(super) fn values_of(expr: Expr) -> Vec<Expr> {
    match expr.unalias() {
        Expr::ScalarFunction(row) if row.name() == ROW => row.args,
        single => vec![single],
    }
}

/// The rows of a subquery, what they are chosen by, and the values of each.
pub(super) struct Set {
    pub(super) rows: LogicalPlan,
    conditions: Vec<Expr>,
    pub(super) values: Vec<Expr>,
}

impl Set {
    /// A subquery's, of so many values each.
    ///
    /// # Errors
    /// If it has another number of columns.
    pub(super) fn of(subquery: &Subquery, width: usize) -> Result<Set> {
        let mut rows = subquery.subquery.as_ref();
        let mut value = Expr::Column(rows.schema().columns().remove(0));
        // Neither the order of the rows nor how often there is one tells whether there is one.
        loop {
            match rows {
                LogicalPlan::Sort(sort) if sort.fetch.is_none() => rows = &sort.input,
                LogicalPlan::Distinct(Distinct::All(input)) => rows = input,
                LogicalPlan::SubqueryAlias(alias) => {
                    let columns = alias.input.schema().columns();
                    let columns: Vec<Expr> = columns.into_iter().map(Expr::Column).collect();
                    value = through(value, &alias.schema, &columns)?;
                    rows = &alias.input;
                }
                LogicalPlan::Projection(node) if !node.expr.iter().any(Expr::is_volatile) => {
                    value = through(value, &node.schema, &node.expr)?;
                    rows = &node.input;
                }
                _ => break,
            }
        }
        // What ties the rows must stand in one place with what they are compared with.
        let mut conditions = Vec::new();
        while let LogicalPlan::Filter(filter) = rows {
            conditions.append(&mut split_conjunction_owned(filter.predicate.clone()));
            rows = &filter.input;
        }
        let values = values_of(value);
        if values.len() != width {
            let few = if values.len() < width { "few" } else { "many" };
            let error = PgError::syntax(format!("subquery has too {few} columns"));
            return Err(raise(error));
        }
        let mut set = Set {
            rows: rows.clone(),
            conditions,
            values,
        };
        if !set.values.iter().all(is_column) {
            set.name_values()?;
        }
        Ok(set)
    }

    /// Only columns can be what a subquery is joined by.
    fn name_values(&mut self) -> Result<()> {
        let name = |at: usize| format!("\u{1f}value{at}");
        let columns = (0..self.values.len()).map(|at| ident(name(at))).collect();
        let values = std::mem::replace(&mut self.values, columns);
        let named = values.into_iter().enumerate();
        let named = named.map(|(at, value)| value.alias(name(at)));
        let all = self.rows.schema().columns().into_iter().map(Expr::Column);
        self.rows = LogicalPlanBuilder::from(self.rows.clone())
            .project(all.chain(named))?
            .build()?;
        Ok(())
    }

    /// Those of its rows that meet one more condition.
    pub(super) fn rows(&self, condition: Option<Expr>) -> Result<LogicalPlanBuilder> {
        let rows = LogicalPlanBuilder::from(self.rows.clone());
        match conjunction(self.conditions.iter().cloned().chain(condition)) {
            Some(all) => rows.filter(all),
            None => Ok(rows),
        }
    }
}

fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Cast(cast) => matches!(*cast.expr, Expr::Column(_)),
        _ => false,
    }
}
