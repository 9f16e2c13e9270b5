//! `now()` is the engine's clock, and `current_date` is a day of the account's time zone (SPEC T2, T3).

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Volatility};
use rapport_zones::Tz;
use rstest::rstest;

use super::sample::*;
use crate::session::{Identity, Sessions, SessionsOptions};

async fn at(now: &str, zone: Tz) -> (Sessions, crate::session::Session) {
    let mut sources = MemSources::default();
    sources.account("acme", zone).await;
    let options = SessionsOptions {
        threads: 2,
        now: Some(instant(now)),
        ..SessionsOptions::default()
    };
    let sessions = Sessions::new(options, Arc::new(sources)).await.unwrap();
    let session = sessions.open(Identity::of_account("ann", "acme")).unwrap();
    (sessions, session)
}

#[tokio::test]
async fn now_is_the_engines_and_stands_still() {
    let (_, session) = at("2026-03-08T06:30:00.000001Z", Tz::UTC).await;
    let sql = "SELECT now() AS a, current_timestamp AS b, (SELECT now()) AS c, now() = current_timestamp AS same, \
               to_char(now(), '%Y-%m-%d') AS day";
    insta::assert_snapshot!(table(&session, sql).await);
}

#[rstest]
// The clocks of New York go forward at 07:00 UTC.
#[case("2026-03-08T04:59:59.999999Z", Tz::named("America/New_York").unwrap(), "2026-03-07")]
#[case("2026-03-08T05:00:00Z", Tz::named("America/New_York").unwrap(), "2026-03-08")]
#[case("2026-03-09T03:59:59Z", Tz::named("America/New_York").unwrap(), "2026-03-08")]
#[case("2026-03-09T04:00:00Z", Tz::named("America/New_York").unwrap(), "2026-03-09")]
#[case("2026-11-02T04:59:59Z", Tz::named("America/New_York").unwrap(), "2026-11-01")]
#[case("2026-11-02T05:00:00Z", Tz::named("America/New_York").unwrap(), "2026-11-02")]
#[case("2026-01-20T15:00:00Z", Tz::named("Asia/Tokyo").unwrap(), "2026-01-21")]
#[tokio::test]
async fn today_is_the_accounts(#[case] now: &str, #[case] zone: Tz, #[case] today: &str) {
    let (sessions, session) = at(now, zone).await;
    for sql in [
        "SELECT current_date AS d",
        "SELECT today() AS d",
        "SELECT max(date) AS d FROM daily_series()",
        "SELECT max(date) AS d FROM daily_series(current_date, current_date)",
        "SELECT min(date) + 6 AS d FROM daily_series()",
    ] {
        let rows = table(&session, sql).await;
        assert!(rows.contains(&format!("| {today} ")), "T2: {sql}: {rows}");
    }
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    let rows = table(&operator, "SELECT max(date) AS d FROM daily_series()").await;
    assert!(rows.contains(&now[..10]), "UTC: {rows}");
}

/// A team's saved query is planned before any account is known; its days are those of who calls it.
#[tokio::test]
async fn t2_today_in_a_teams_query_is_the_callers() {
    let folder = tempfile::tempdir().unwrap();
    let today = "-- Today.\nSELECT current_date AS d\n";
    std::fs::write(folder.path().join("today_here.sql"), today).unwrap();
    let nested =
        "-- Today's row.\nSELECT date AS d FROM daily_series(current_date, current_date, NULL)\n";
    std::fs::write(folder.path().join("nested_today.sql"), nested).unwrap();
    let options = SessionsOptions {
        now: Some(instant("2026-01-20T15:00:00Z")),
        queries_dir: Some(folder.path().to_owned()),
        ..SessionsOptions::default()
    };
    let sessions = Sessions::new(options, Arc::new(two_shops().await)).await;
    let sessions = sessions.unwrap();
    for (account, today) in [("acme", "2026-01-20"), ("globex", "2026-01-21")] {
        let session = sessions.open(Identity::of_account("ann", account)).unwrap();
        for query in ["today_here", "nested_today"] {
            let days = column(&session, &format!("SELECT d FROM {query}()")).await;
            assert_eq!(days, [today], "{account}: {query}");
        }
    }
}

/// Whoever keeps a plan learns from the functions in it how long it holds, behind barriers too.
#[tokio::test]
async fn a_plan_shows_that_a_relation_reads_the_clock() {
    let (_, session) = at(NOW, Tz::UTC).await;
    let is_immutable = async |sql: &str| {
        let frame = session.sql(sql).await.unwrap();
        let mut immutable = true;
        let plan = frame.logical_plan();
        let visited = plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                immutable &= !expr.exists(|e| {
                    Ok(matches!(e, Expr::ScalarFunction(call)
                        if call.func.signature().volatility != Volatility::Immutable))
                })?;
                Ok(TreeNodeRecursion::Continue)
            })
        });
        visited.unwrap();
        immutable
    };
    assert!(!is_immutable("SELECT * FROM conversations").await);
    assert!(!is_immutable("SELECT * FROM freshness()").await);
    assert!(is_immutable("SELECT * FROM orders").await);
}

/// A plan that was made on one day, with its default range, is not taken for one of the next day.
#[tokio::test]
async fn the_function_of_today_is_another_on_another_day() {
    let today = async |now: &str| {
        let (_, session) = at(now, Tz::named("Asia/Tokyo").unwrap()).await;
        let state = session.statement_state().await.unwrap();
        Arc::clone(&state.scalar_functions()["current_date"])
    };
    let evening = today("2026-01-20T14:59:59Z").await;
    assert_eq!(evening, today("2026-01-20T00:00:00Z").await);
    assert_ne!(evening, today("2026-01-20T15:00:00Z").await);
}

#[tokio::test]
async fn the_default_range_is_seven_days_with_today() {
    let (_, session) = at(
        "2026-03-08T12:00:00Z",
        Tz::named("America/New_York").unwrap(),
    )
    .await;
    let rows = table(
        &session,
        "SELECT count(*) AS n, min(date) AS first FROM daily_series()",
    )
    .await;
    assert!(rows.contains("| 7 | 2026-03-02 "), "T3: {rows}");
}

#[tokio::test]
async fn without_a_fixed_now_the_clock_goes_on() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    let sessions = Sessions::new(SessionsOptions::default(), Arc::new(sources))
        .await
        .unwrap();
    let session = sessions.open(Identity::operator("olga")).unwrap();
    let before = chrono::Utc::now();
    let state = session.statement_state().await.unwrap();
    let start = state.execution_props().query_execution_start_time.unwrap();
    assert!(start >= before);
}
