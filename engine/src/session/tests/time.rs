//! `now()` is the engine's clock, and `current_date` is a day of the account's time zone (SPEC T2, T3).

use std::sync::Arc;

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
