//! The rules of a user's session change what the user writes, and never a number of the engine's (SPEC M7).

use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::expr_rewriter::{FunctionRewrite, NamePreserver};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use rstest::rstest;

use super::sample::*;
use crate::session::{Identity, QueryDialect, Session, Sessions, SessionsOptions};

/// Replaces what the engine's relations and saved queries are made of: comparisons, quotients, CASE, `nullif`, constants.
fn replace(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let op = match op {
                Operator::Eq => Operator::NotEq,
                Operator::LtEq => Operator::Gt,
                Operator::Divide => Operator::Multiply,
                other => {
                    return Transformed::no(Expr::BinaryExpr(BinaryExpr {
                        left,
                        op: other,
                        right,
                    }));
                }
            };
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Case(case) if case.else_expr.is_some() => {
            Transformed::yes(*case.else_expr.unwrap_or_default())
        }
        Expr::ScalarFunction(call) if ["nullif", "coalesce"].contains(&call.name()) => {
            Transformed::yes(call.args.into_iter().next().unwrap_or_default())
        }
        Expr::Literal(ScalarValue::Int64(Some(_)), _) => Transformed::yes(lit(7_i64)),
        other => Transformed::no(other),
    }
}

#[derive(Debug)]
struct Replacing;

impl AnalyzerRule for Replacing {
    fn name(&self) -> &str {
        "replacing"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let replaced = plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            let node = node.map_expressions(|expr| {
                let name = names.save(&expr);
                let expr = expr.transform_up(|expr| Ok(replace(expr)))?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })?;
            node.data.recompute_schema().map(Transformed::yes)
        })?;
        Ok(replaced.data)
    }
}

impl FunctionRewrite for Replacing {
    fn name(&self) -> &str {
        "replacing"
    }

    fn rewrite(
        &self,
        expr: Expr,
        _schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        Ok(replace(expr))
    }
}

/// Plans `-` as `+` and `=` as `<>`; the defaults of parameters have a `-`.
impl ExprPlanner for Replacing {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let op = match expr.op {
            BinaryOperator::Minus => Operator::Plus,
            BinaryOperator::Eq => Operator::NotEq,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let (left, right) = (Box::new(expr.left), Box::new(expr.right));
        let planned = Expr::BinaryExpr(BinaryExpr { left, op, right });
        Ok(PlannerResult::Planned(planned))
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    AnalyzerRule,
    FunctionRewrite,
    ExprPlanner,
}

fn install(kind: Kind, context: &SessionContext) {
    let state = context.state_ref();
    let mut state = state.write();
    match kind {
        Kind::AnalyzerRule => {
            state.add_analyzer_rule(Arc::new(Replacing));
        }
        Kind::FunctionRewrite => state
            .register_function_rewrite(Arc::new(Replacing))
            .unwrap(),
        Kind::ExprPlanner => {
            let mut planners = SessionStateBuilder::new_from_existing(state.clone());
            planners
                .expr_planners()
                .get_or_insert_default()
                .insert(0, Arc::new(Replacing));
            *state = planners.build();
        }
    }
}

/// A user's statement that a rule of each kind changes: all of acme's conversations are by sms.
const OWN: &str = "SELECT count(*) FROM conversations WHERE channel = 'sms'";

const ENGINES: [&str; 12] = [
    "SELECT * FROM headline_metrics()",
    "SELECT * FROM headline_metrics('2026-01-01', '2026-01-31', 'sms')",
    "SELECT * FROM headline_comparison('2026-01-10', '2026-01-31')",
    "SELECT * FROM daily_series()",
    "SELECT * FROM procedures_performance('2026-01-01', '2026-01-31')",
    "SELECT * FROM conversations_page('2026-01-01', '2026-01-31')",
    "SELECT * FROM explain_conversation('acme-c1')",
    "SELECT * FROM conversations",
    "SELECT * FROM attributed_orders",
    "SELECT * FROM link_clicks",
    "SELECT * FROM conversation_procedures",
    "SELECT * FROM daily_metrics",
];

async fn prepared(session: &Session) -> String {
    let sql = "SELECT * FROM headline_metrics($1, $2, channel => $3)";
    let text = |value: &str| ScalarValue::Utf8(Some(value.to_owned()));
    let values = vec![text("2026-01-01"), text("2026-01-31"), text("sms")];
    let frame = session.sql(sql).await.unwrap();
    let rows = frame.with_param_values(values).unwrap().collect().await;
    pretty_format_batches(&rows.unwrap()).unwrap().to_string()
}

/// The rules would change these numbers, if they saw how they are computed.
#[tokio::test]
async fn the_rules_of_these_tests_change_what_they_see() {
    let session = acme(two_shops().await).await;
    for sql in [ENGINES[1], "SELECT * FROM conversations"] {
        let state = session.statement_state().await.unwrap();
        let plan = state.create_logical_plan(sql).await.unwrap();
        let bodies = state.optimize(&plan).unwrap();
        let changed = Replacing.analyze(bodies, state.config_options()).unwrap();
        let rows = DataFrame::new(state, changed).collect().await.unwrap();
        let rows = pretty_format_batches(&rows).unwrap().to_string();
        assert_ne!(rows, table(&session, sql).await, "{sql}");
    }
}

#[rstest]
#[case(Kind::AnalyzerRule)]
#[case(Kind::FunctionRewrite)]
#[case(Kind::ExprPlanner)]
#[tokio::test]
async fn a_sessions_rules_change_no_relation_and_no_saved_query(#[case] kind: Kind) {
    let sessions = sessions(two_shops().await).await;
    let open = || sessions.open(Identity::of_account("ann", "acme")).unwrap();
    let (plain, ruled) = (open(), open());
    install(kind, ruled.context());
    assert_eq!(column(&plain, OWN).await, ["1"]);
    assert_eq!(column(&ruled, OWN).await, ["0"], "the rule is applied");
    for sql in ENGINES {
        let expected = table(&plain, sql).await;
        assert_eq!(table(&ruled, sql).await, expected, "M7: {kind:?}: {sql}");
    }
    let expected = table(&plain, ENGINES[1]).await;
    assert_eq!(prepared(&ruled).await, expected, "M7: {kind:?}: prepared");
}

/// A dialect with one rule.
#[derive(Debug)]
struct Ruled(Kind);

#[async_trait]
impl QueryDialect for Ruled {
    fn install(&self, context: &SessionContext) -> Result<()> {
        install(self.0, context);
        Ok(())
    }

    async fn plan(
        &self,
        state: &SessionState,
        sql: &str,
        _parameters: &[DataType],
    ) -> Result<LogicalPlan> {
        state.create_logical_plan(sql).await
    }
}

/// A team's own query means what its dialect says, whoever calls it; what it calls means what the engine says.
#[rstest]
#[case(Kind::AnalyzerRule)]
#[case(Kind::FunctionRewrite)]
#[case(Kind::ExprPlanner)]
#[tokio::test]
async fn a_dialects_rules_change_a_teams_own_query_alone(#[case] kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let own = format!("-- Theirs.\n{OWN}\n");
    std::fs::write(folder.path().join("own.sql"), own).unwrap();
    let nested =
        "-- The engine's.\nSELECT * FROM headline_metrics('2026-01-01', '2026-01-31', 'sms')\n";
    std::fs::write(folder.path().join("nested.sql"), nested).unwrap();
    let options = SessionsOptions {
        now: Some(instant(NOW)),
        queries_dir: Some(folder.path().to_owned()),
        dialect: Some(Arc::new(Ruled(kind))),
        ..SessionsOptions::default()
    };
    let sessions = Sessions::new(options, Arc::new(two_shops().await)).await;
    let sessions = sessions.unwrap();
    let open = || sessions.open(Identity::of_account("ann", "acme")).unwrap();
    let (plain, ruled) = (open(), open());
    install(kind, ruled.context());
    let expected = table(&plain, ENGINES[1]).await;
    for session in [&plain, &ruled] {
        assert_eq!(
            column(session, "SELECT * FROM own()").await,
            ["0"],
            "{kind:?}"
        );
        let rows = table(session, "SELECT * FROM nested()").await;
        assert_eq!(rows, expected, "M7: {kind:?}");
    }
}
