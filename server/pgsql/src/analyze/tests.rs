//! Plans before and after a pass.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast;

use super::{
    PASSES, PlanPass, common_types, counted_sets, laterals, memberships, nullable_subqueries,
    resolve_calls, scalar_subqueries, type_check,
};
use crate::dialect;
use crate::parse::{Statement, parse};

/// Plans a query of `t (a int, b text, c int NOT NULL, d text[])`, and writes the plan before a pass and after it; of a
/// query that the pass refuses, the error.
async fn plans(pass: &PlanPass, sql: &str) -> String {
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

#[tokio::test]
async fn values_are_cast_to_the_type_that_they_have_in_common() {
    insta::assert_snapshot!(plans(&common_types::PASS, "SELECT CASE WHEN a > 1 THEN date '2026-01-01' ELSE now() END FROM t").await, @r#"
    Projection: CASE WHEN t.a > CAST(Int64(1) AS Int32) THEN pg_date(Utf8("2026-01-01")) ELSE now() END AS now
      TableScan: t
    --
    Projection: CASE WHEN t.a > CAST(Int64(1) AS Int32) THEN pg_timestamp(pg_date(Utf8("2026-01-01"))) ELSE pg_timestamp(now()) END AS now
      TableScan: t
    "#);
    insta::assert_snapshot!(plans(&common_types::PASS, "SELECT coalesce(a, '5') FROM t").await, @r#"
    Projection: pg_coalesce(t.a, Utf8("5")) AS coalesce
      TableScan: t
    --
    Projection: coalesce(t.a, CAST(Utf8("5") AS Int32)) AS coalesce
      TableScan: t
    "#);
    insta::assert_snapshot!(plans(&common_types::PASS, "SELECT a FROM t UNION ALL SELECT '7'").await, @r#"
    Union
      Projection: t.a
        TableScan: t
      Projection: Utf8("7") AS ?column?
        EmptyRelation: rows=1
    --
    Union
      Projection: t.a
        TableScan: t
      Projection: CAST(Utf8("7") AS Int32) AS ?column?
        Projection: Utf8("7") AS ?column?
          EmptyRelation: rows=1
    "#);
}

#[tokio::test]
async fn types_of_several_families_are_refused() {
    insta::assert_snapshot!(plans(&type_check::PASS, "SELECT CASE WHEN a > 1 THEN b ELSE a END FROM t").await, @r#"
    Projection: CASE WHEN t.a > CAST(Int64(1) AS Int32) THEN t.b ELSE t.a END AS a
      TableScan: t
    --
    External error: CASE types integer and text cannot be matched (42804)
    "#);
}

#[tokio::test]
async fn lateral_rows_are_computed_in_the_plan_beside_them() {
    insta::assert_snapshot!(plans(&laterals::PASS, "SELECT t.a, x FROM t, unnest(t.d) AS x").await, @r#"
    Projection: t.a, x.x
      Cross Join:
        TableScan: t
        SubqueryAlias: x
          Subquery:
            Projection: __unnest_placeholder(outer_ref(t.d),depth=1) AS UNNEST(outer_ref(t.d)) AS x
              Unnest: lists[__unnest_placeholder(outer_ref(t.d))|depth=1] structs[]
                Projection: outer_ref(t.d) AS __unnest_placeholder(outer_ref(t.d))
                  EmptyRelation: rows=1
    --
    Projection: t.a, x.x
      Projection: t.a, t.b, t.c, t.d, x AS x
        Projection: t.a, t.b, t.c, t.d, __unnest_placeholder(outer_ref(t.d),depth=1) AS UNNEST(outer_ref(t.d)) AS x
          Unnest: lists[__unnest_placeholder(outer_ref(t.d))|depth=1] structs[]
            Projection: t.a, t.b, t.c, t.d, t.d AS __unnest_placeholder(outer_ref(t.d))
              TableScan: t
    "#);
}

#[tokio::test]
async fn rows_that_are_the_same_are_numbered() {
    insta::assert_snapshot!(plans(&counted_sets::PASS, "SELECT a FROM t EXCEPT ALL SELECT c FROM t").await, @r#"
    LeftAnti Join: t.a = t.c
      Projection: t.a
        TableScan: t
      Projection: t.c
        TableScan: t
    --
    Projection: t.a
      LeftAnti Join: t.a = t.c, nth_left = nth_right
        Projection: t.a, row_number() PARTITION BY [t.a] ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING AS nth_left
          WindowAggr: windowExpr=[[row_number() PARTITION BY [t.a] ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING]]
            Projection: t.a
              TableScan: t
        Projection: t.c, row_number() PARTITION BY [t.c] ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING AS nth_right
          WindowAggr: windowExpr=[[row_number() PARTITION BY [t.c] ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING]]
            Projection: t.c
              TableScan: t
    "#);
}

#[tokio::test]
async fn memberships_are_true_false_or_unknown() {
    insta::assert_snapshot!(plans(&memberships::PASS, "SELECT a IN (SELECT c FROM t) FROM t").await, @r#"
    Projection: t.a IN (<subquery>) AS ?column?
      Subquery:
        Projection: t.c
          TableScan: t
      TableScan: t
    --
    Projection: CASE WHEN (<subquery>) > Int64(0) THEN Boolean(true) WHEN t.a IS NULL AND (<subquery>) > Int64(0) THEN Boolean(NULL) ELSE Boolean(false) END AS ?column?
      Subquery:
        Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
          Filter: outer_ref(t.a) = t.c
            TableScan: t
      Subquery:
        Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
          TableScan: t
      TableScan: t
    "#);
    insta::assert_snapshot!(plans(&memberships::PASS, "SELECT c FROM t WHERE a NOT IN (SELECT a FROM t)").await, @r#"
    Projection: t.c
      Filter: t.a NOT IN (<subquery>)
        Subquery:
          Projection: t.a
            TableScan: t
        TableScan: t
    --
    Projection: t.c
      Filter: NOT CASE WHEN (<subquery>) > Int64(0) THEN Boolean(true) WHEN (<subquery>) > Int64(0) OR t.a IS NULL AND (<subquery>) > Int64(0) THEN Boolean(NULL) ELSE Boolean(false) END
        Subquery:
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            Filter: outer_ref(t.a) = t.a
              TableScan: t
        Subquery:
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            Filter: t.a IS NULL
              TableScan: t
        Subquery:
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            TableScan: t
        TableScan: t
    "#);
}

#[tokio::test]
async fn correlated_values_are_aggregates() {
    insta::assert_snapshot!(plans(&scalar_subqueries::PASS, "SELECT (SELECT u.b FROM t u WHERE u.a = t.a) FROM t").await, @r#"
    Projection: (<subquery>) AS b
      Subquery:
        Projection: u.b
          Filter: u.a = outer_ref(t.a)
            SubqueryAlias: u
              TableScan: t
      TableScan: t
    --
    Projection: (<subquery>) AS b
      Subquery:
        Aggregate: groupBy=[[]], aggr=[[single_value(u.b) AS b]]
          Projection: u.b
            Filter: u.a = outer_ref(t.a)
              SubqueryAlias: u
                TableScan: t
      TableScan: t
    "#);
    insta::assert_snapshot!(plans(&scalar_subqueries::PASS, "SELECT (SELECT max(u.a) FROM t u WHERE u.a < t.a) FROM t").await, @r#"
    Projection: (<subquery>) AS max
      Subquery:
        Projection: max(u.a) AS max
          Aggregate: groupBy=[[]], aggr=[[max(u.a)]]
            Filter: u.a < outer_ref(t.a)
              SubqueryAlias: u
                TableScan: t
      TableScan: t
    --
    Projection: value0_1 AS max
      Aggregate: groupBy=[[t.a, t.b, t.c, t.d, row1]], aggr=[[max(column0_1) FILTER (WHERE is1 IS NOT NULL) AS value0_1]]
        Left Join:  Filter: column0_1 < t.a
          Projection: t.a, t.b, t.c, t.d, row_number() ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING AS row1
            WindowAggr: windowExpr=[[row_number() ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING]]
              TableScan: t
          Projection: u.a AS column0_1, Boolean(true) AS is1
            SubqueryAlias: u
              TableScan: t
    "#);
}

#[tokio::test]
async fn a_value_of_no_row_may_be_null() {
    insta::assert_snapshot!(plans(&nullable_subqueries::PASS, "SELECT (SELECT 1 WHERE false)").await, @r#"
    Projection: (<subquery>) AS ?column?
      Subquery:
        Projection: CAST(Int64(1) AS Int32) AS ?column?
          Filter: Boolean(false)
            EmptyRelation: rows=1
      EmptyRelation: rows=1
    --
    Projection: pg_perhaps((<subquery>)) AS ?column?
      Subquery:
        Projection: CAST(Int64(1) AS Int32) AS ?column?
          Filter: Boolean(false)
            EmptyRelation: rows=1
      EmptyRelation: rows=1
    "#);
    insta::assert_snapshot!(plans(&nullable_subqueries::PASS, "SELECT (SELECT max(a) FROM t)").await, @r#"
    Projection: (<subquery>) AS max
      Subquery:
        Projection: max(t.a) AS max
          Aggregate: groupBy=[[]], aggr=[[max(t.a)]]
            TableScan: t
      EmptyRelation: rows=1
    --
    Projection: (<subquery>) AS max
      Subquery:
        Projection: max(t.a) AS max
          Aggregate: groupBy=[[]], aggr=[[max(t.a)]]
            TableScan: t
      EmptyRelation: rows=1
    "#);
}
