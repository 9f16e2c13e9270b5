//! The files of a team's saved queries, and the errors of wrong ones (SPEC 7).

use std::sync::Arc;

use rstest::rstest;

use super::sample::*;
use crate::session::{Identity, SessionError, Sessions, SessionsOptions};

async fn with_files(files: &[(&str, &str)]) -> Result<Sessions, SessionError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let options = SessionsOptions {
        now: Some(instant(NOW)),
        queries_dir: Some(folder.path().to_owned()),
        ..SessionsOptions::default()
    };
    Sessions::new(options, Arc::new(two_shops().await)).await
}

#[tokio::test]
async fn a_teams_files_add_and_replace() {
    let sessions = with_files(&[
        (
            "busy.sql",
            "-- Accounts with much to do,\n-- in one number.\n-- param least integer = 1 : how many conversations\n\
             --   are much\n-- param kind one of open, resolved = 'resolved' : which\n\
             -- column account_id : the account\n\n\
             SELECT account_id, count(*) AS n FROM conversations\nWHERE status = $kind\n\
             GROUP BY account_id HAVING count(*) >= $least; -- $not_a_parameter\n",
        ),
        ("escalations.sql", "-- Ours.\nSELECT 'ours' AS whose\n"),
        ("nested.sql", "-- Calls another.\nSELECT * FROM busy(1, 'resolved')\n"),
        ("notes.txt", "not a query"),
    ])
    .await
    .unwrap();
    let busy = sessions
        .saved_queries()
        .iter()
        .find(|q| q.name == "busy")
        .unwrap();
    assert_eq!(busy.purpose, "Accounts with much to do,\nin one number.");
    assert_eq!(
        busy.parameters[0].description,
        "how many conversations are much"
    );
    let acme = sessions.open(Identity::of_account("ann", "acme")).unwrap();
    for (call, found) in [
        ("busy()", "acme"),
        ("busy(1)", "acme"),
        ("busy('1', 'resolved')", "acme"),
        ("nested()", "acme"),
        ("escalations()", "ours"),
    ] {
        let rows = table(&acme, &format!("SELECT * FROM {call}")).await;
        assert!(rows.contains(found), "{call}: {rows}");
    }
    let rows = table(&acme, "SELECT * FROM busy(2)").await;
    assert!(!rows.contains("acme"), "{rows}");
    let message = error(&acme, "SELECT * FROM busy(1, 'shut')").await;
    assert!(
        message.contains("parameter \"kind\" is 'shut'; expected one of open, resolved"),
        "{message}"
    );
    let message = error(&acme, "SELECT * FROM busy(1.5)").await;
    assert!(
        message.contains("parameter \"least\" is 1.5 (Float64); expected a whole number"),
        "{message}"
    );
}

#[tokio::test]
async fn only_operators_can_call_a_query_over_operator_relations() {
    let file = (
        "refused.sql",
        "-- Why lines were refused.\nSELECT reason, count(*) AS n FROM rejected_events GROUP BY 1\n",
    );
    let sessions = with_files(&[file]).await.unwrap();
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    let rows = table(&operator, "SELECT * FROM refused()").await;
    assert!(rows.contains("not JSON"), "{rows}");
    let acme = sessions.open(Identity::of_account("ann", "acme")).unwrap();
    let message = error(&acme, "SELECT * FROM refused()").await;
    assert!(
        message.contains("table function 'refused' not found"),
        "{message}"
    );
    assert!(!acme.saved_queries().any(|q| q.name == "refused"));
}

#[rstest]
#[case(
    "x.sql",
    "SELECT 1",
    "x.sql:1: no purpose; expected it as the first comment line"
)]
#[case(
    "x.sql",
    "-- P.\n-- param from day = 1 : x\nSELECT 1",
    "x.sql:2: \"from day = 1 : x\"; expected `param NAME KIND = DEFAULT"
)]
#[case(
    "x.sql",
    "-- P.\n-- param from date = 'soon' : x\nSELECT 1",
    "x.sql:2: "
)]
#[case(
    "x.sql",
    "-- P.\n-- param a text = null : x\n-- param a text = null : x\nSELECT 1",
    "x.sql:3: parameter \"a\" is there twice"
)]
#[case(
    "x.sql",
    "-- P.\n-- param From date = null : x\nSELECT 1",
    "x.sql:2: parameter \"From\"; expected a name of a-z and _"
)]
#[case(
    "x.sql",
    "-- P.\n-- column n\nSELECT 1 AS n",
    "x.sql:2: \"column n\"; expected `column NAME : what it is`"
)]
#[case(
    "x.sql",
    "-- P.\n-- column m : x\nSELECT 1 AS n",
    "x.sql:2: the query has no column \"m\""
)]
#[case(
    "x.sql",
    "-- P.\n-- param a text = null : x\nSELECT\n  $b AS n",
    "x.sql:4: unknown parameter $b; expected one of $a"
)]
#[case(
    "x.sql",
    "-- P.\nSELECT\n  'open",
    "x.sql:3: Unterminated string literal"
)]
#[case(
    "x.sql",
    "-- P.\n",
    "x.sql:2: no query; expected one SELECT after the header"
)]
#[case("x.sql", "-- P.\nSELECT * FROM nowhere", "x.sql:2: ")]
#[case(
    "x.sql",
    "-- P.\nSELECT * FROM headline_metrics('2026-01-01')",
    "parameter \"to\" is left out"
)]
#[case("x.sql", "-- P.\nCREATE TABLE t AS SELECT 1", "x.sql:2: ")]
#[case("x.sql", "-- P.\nEXPLAIN SELECT 1", "x.sql:2: ")]
#[case("x.sql", "-- P.\nSELECT * FROM x()", "x.sql:2: ")]
#[case(
    "X-1.sql",
    "-- P.\nSELECT 1",
    "X-1.sql:1: the name \"X-1\" cannot be called; expected a-z, 0-9 and _, a letter first"
)]
#[case(
    "orders.sql",
    "-- P.\nSELECT 1",
    "orders.sql:1: the name \"orders\" is taken; expected another"
)]
#[case(
    "channel_days.sql",
    "-- P.\nSELECT 1",
    "channel_days.sql:1: the name \"channel_days\" is taken"
)]
#[tokio::test]
async fn a_wrong_file_is_named_with_its_line(
    #[case] name: &str,
    #[case] text: &str,
    #[case] says: &str,
) {
    let message = with_files(&[(name, text)]).await.unwrap_err().to_string();
    assert!(message.contains(says), "{message}");
}
