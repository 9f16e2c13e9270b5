//! The stored column that a column of a result is: its table and its place there, as RowDescription tells clients.
//!
//! Drivers ask the catalog by them for what a result does not say: the table's name, whether there can be nulls. As in
//! PostgreSQL a column has an origin where it is a table's column as it is, through subqueries, joins and groups; what is
//! computed, or comes of a UNION or a function, has none.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};

use crate::encode::Origin;

/// The tables and views of a session, by the object ids that its catalog has them under.
pub trait StoredTables: fmt::Debug + Send + Sync {
    /// The object id of a table with these columns; one without a schema is looked for in `public`.
    fn find(&self, reference: &TableReference, columns: &[&str]) -> Option<i32>;
}

/// The tables of a session, as an extension of its configuration.
#[derive(Debug)]
pub struct SessionTables(pub Arc<dyn StoredTables>);

/// The origins of a plan's columns. The plan is one that is not analysed yet, in which tables have their names.
pub fn origins(plan: &LogicalPlan, tables: &dyn StoredTables) -> Vec<Option<Origin>> {
    let columns = 0..plan.schema().fields().len();
    columns.map(|at| origin(plan, at, tables)).collect()
}

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
        // The name of a function in FROM; what it is made of is its own affair.
        LogicalPlan::SubqueryAlias(node) if node.alias.table().ends_with("()") => None,
        LogicalPlan::SubqueryAlias(node) => {
            let fields = node.schema.fields().iter();
            let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
            match tables.find(&node.alias, &names) {
                Some(table) => place(table, at),
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
            place(tables.find(&scan.table_name, &names)?, at)
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

fn place(table: i32, at: usize) -> Option<Origin> {
    let column = i16::try_from(at + 1).ok()?;
    Some(Origin { table, column })
}

/// The column that an expression is, whatever name it is given.
fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column(&alias.expr),
        _ => None,
    }
}
