//! EXCEPT ALL and INTERSECT ALL, which count rows: of two rows that are the same, the first is matched with the first of
//! the other side, and the second with its second.
//!
//! DataFusion makes a semi or anti join of them, in which one row of the right side matches any number on the left. With
//! the rows that are the same numbered on both sides, and the numbers compared too, each matches one.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, Join, LogicalPlan, LogicalPlanBuilder, WindowFunctionDefinition, ident,
};

use super::PlanPass;

pub(super) const PASS: PlanPass = PlanPass {
    name: "counted-set-operations",
    bridges: "DataFusion's EXCEPT ALL and INTERSECT ALL match one row of the right side with any number on the left",
    run: |plan, _| count_rows(plan),
};

/// Makes the set operations of a plan count rows.
fn count_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) if is_of_all(&join) => numbered(join).map(Transformed::yes),
        node => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

/// Only set operations compare nulls as equal; those of distinct rows have a left side that is distinct.
fn is_of_all(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.filter.is_none()
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
}

fn numbered(join: Join) -> Result<LogicalPlan> {
    const LEFT: &str = "\u{1f}nth_left";
    const RIGHT: &str = "\u{1f}nth_right";
    let columns = join.left.schema().columns();
    let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
    for (left, right) in &join.on {
        if let (Expr::Column(left), Expr::Column(right)) = (left, right) {
            left_keys.push(left.clone());
            right_keys.push(right.clone());
        }
    }
    let left = with_numbers(&join.left, LEFT)?;
    let right = with_numbers(&join.right, RIGHT)?;
    left_keys.push(Column::from_name(LEFT));
    right_keys.push(Column::from_name(RIGHT));
    LogicalPlanBuilder::from(left)
        .join_detailed(
            right,
            join.join_type,
            (left_keys, right_keys),
            None,
            NullEquality::NullEqualsNull,
        )?
        .project(columns.into_iter().map(Expr::Column))?
        .build()
}

/// Rows with the number of each among those that are the same.
fn with_numbers(plan: &Arc<LogicalPlan>, name: &str) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let mut number = WindowFunction::new(
        WindowFunctionDefinition::WindowUDF(row_number_udwf()),
        vec![],
    );
    number.params.partition_by.clone_from(&columns);
    let number = Expr::from(number);
    let number_name = number.schema_name().to_string();
    let numbered = ident(number_name).alias(name);
    LogicalPlanBuilder::from(plan.as_ref().clone())
        .window(vec![number])?
        .project(columns.into_iter().chain([numbered]))?
        .build()
}
