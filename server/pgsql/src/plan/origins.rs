//! Finds the stored column behind each column of a result: its table and column number, for RowDescription.
//!
//! Drivers look these up in the catalog to learn what a result does not say, such as the table's name or whether a column
//! is nullable. As in PostgreSQL, a column has an origin if it is a table's column unchanged, also through subqueries,
//! joins and GROUP BY. A computed column, or one of a UNION or a function, has none.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};

use crate::encode::Origin;

/// Maps the tables and views of a session to their object ids in its catalog.
pub trait StoredTables: fmt::Debug + Send + Sync {
    /// Returns the object id of a table with these columns. A reference without a schema means `public`.
    fn find(&self, reference: &TableReference, columns: &[&str]) -> Option<i32>;
}

/// Holds the tables of a session, as an extension of its configuration.
#[derive(Debug)]
pub struct SessionTables(pub Arc<dyn StoredTables>);

/// Returns the origin of each of a plan's columns. The plan must not be analysed yet, for analysis removes the tables'
/// names.
pub fn origins(plan: &LogicalPlan, tables: &dyn StoredTables) -> Vec<Option<Origin>> {
    let columns = 0..plan.schema().fields().len();
    columns.map(|at| origin(plan, at, tables)).collect()
}

/// Returns the origin of the column at this position of a plan's schema.
fn origin(plan: &LogicalPlan, at: usize, tables: &dyn StoredTables) -> Option<Origin> {
    let of_expr = |expr: Option<&Expr>, input: &LogicalPlan| {
        let at = input.schema().maybe_index_of_column(column(expr?)?)?;
        origin(input, at, tables)
    };
    match plan {
        LogicalPlan::Projection(node) => of_expr(node.expr.get(at), &node.input),
        LogicalPlan::Aggregate(node) => of_expr(node.group_expr.get(at), &node.input),
        LogicalPlan::Distinct(Distinct::On(node)) => of_expr(node.select_expr.get(at), &node.input),
        LogicalPlan::Join(node) => {
            let left = node.left.schema().fields().len();
            match (at.checked_sub(left), node.join_type) {
                (_, JoinType::RightSemi | JoinType::RightAnti) => origin(&node.right, at, tables),
                (None, _) => origin(&node.left, at, tables),
                (Some(_), JoinType::LeftMark | JoinType::RightMark) => None,
                (Some(at), _) => origin(&node.right, at, tables),
            }
        }
        // A table function in FROM: its columns have no origin, even if it reads a table.
        LogicalPlan::SubqueryAlias(node) if node.alias.table().ends_with("()") => None,
        LogicalPlan::SubqueryAlias(node) => {
            let fields = node.schema.fields().iter();
            let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
            match tables.find(&node.alias, &names) {
                Some(table) => column_origin(table, at),
                None => origin(&node.input, at, tables),
            }
        }
        LogicalPlan::TableScan(scan) => {
            let stored = scan.source.schema();
            let names: Vec<&str> = stored
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            let name = scan.projected_schema.field(at).name();
            let at = names.iter().position(|known| known == name)?;
            column_origin(tables.find(&scan.table_name, &names)?, at)
        }
        LogicalPlan::Window(node) if at < node.input.schema().fields().len() => {
            origin(&node.input, at, tables)
        }
        LogicalPlan::Filter(node) => origin(&node.input, at, tables),
        LogicalPlan::Sort(node) => origin(&node.input, at, tables),
        LogicalPlan::Limit(node) => origin(&node.input, at, tables),
        LogicalPlan::Distinct(Distinct::All(input)) => origin(input, at, tables),
        LogicalPlan::Subquery(node) => origin(&node.subquery, at, tables),
        _ => None,
    }
}

/// Returns the origin for a table's column at this position, counted from zero.
fn column_origin(table: i32, at: usize) -> Option<Origin> {
    let column = i16::try_from(at + 1).ok()?;
    Some(Origin { table, column })
}

/// Returns the column that an expression is, under whatever alias.
fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column(&alias.expr),
        _ => None,
    }
}
