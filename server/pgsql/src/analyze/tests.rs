//! Plans before and after a pass.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast;

use super::{PASSES, PlanPass, resolve_calls};
use crate::dialect;
use crate::parse::{Statement, parse};

/// Plans a query of `t (a int, b text, c int NOT NULL, d text[])`, and writes the plan before a pass and after it; of a
/// query that the pass refuses, the error.
pub(super) async fn plans(pass: &PlanPass, sql: &str) -> String {
    let schema = Schema::new(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::Utf8, true),
        Field::new("c", DataType::Int32, false),
        Field::new("d", DataType::new_list(DataType::Utf8, true), true),
    ]);
    let context = SessionContext::new();
    let rows = RecordBatch::new_empty(Arc::new(schema));
    context.register_batch("t", rows).unwrap();
    dialect::install(&context).unwrap();
    let state = context.state();
    let Some(Statement::Query(query)) = parse(sql).unwrap().pop() else {
        unreachable!("{sql} is no query");
    };
    let mut query = Box::new(query.ast.as_ref().clone());
    resolve_calls(&state, &mut query).unwrap();
    let parsed = Parsed::Statement(Box::new(ast::Statement::Query(query)));
    let before = state.statement_to_plan(parsed).await.unwrap();
    let after = match (pass.run)(before.clone(), &state) {
        Ok(after) => after.display_indent().to_string(),
        Err(error) => error.to_string(),
    };
    // Columns that passes make have a mark in their names that nobody writes.
    format!("{}\n--\n{after}", before.display_indent()).replace('\u{1f}', "")
}

#[tokio::test]
async fn a_pass_leaves_what_it_does_not_bridge_as_it_is() {
    for pass in PASSES {
        let plans = plans(pass, "SELECT a, b FROM t WHERE a > 1 ORDER BY c").await;
        let (before, after) = plans.split_once("\n--\n").unwrap();
        assert_eq!(before, after, "{}", pass.name);
    }
}
