//! The arguments of saved queries, and the errors of wrong ones (SPEC 7).

use datafusion::common::ScalarValue;
use rstest::rstest;

use super::sample::*;
use crate::session::Session;
use rapport_zones::Tz;

async fn session() -> Session {
    let mut sources = MemSources::default();
    // Tokyo: at NOW the 20th is still on; at 15:00 UTC the 21st begins.
    sources
        .account("acme", Tz::named("Asia/Tokyo").unwrap())
        .await;
    sources
        .add(
            DAILY,
            "SELECT 'acme' AS account_id, DATE '2026-01-01' + column1 AS date, column2 AS channel, 1 AS conversations \
             FROM (VALUES (0, 'sms'), (0, 'email'), (12, 'sms'), (13, 'sms'), (14, 'web_chat'), (19, 'sms'))",
        )
        .await;
    acme(sources).await
}

#[rstest]
#[case::defaults_are_the_last_seven_days("headline_metrics()", 3)]
#[case::texts("headline_metrics('2026-01-01', '2026-01-31', 'sms')", 4)]
#[case::dates("headline_metrics(DATE '2026-01-01', DATE '2026-01-01')", 2)]
#[case::date_arithmetic("headline_metrics(current_date - 7, current_date)", 4)]
#[case::intervals(
    "headline_metrics(current_date - interval '7 days', current_date - interval '1 day')",
    3
)]
#[case::casts("headline_metrics('2026-01-01'::date, '2026-01-01'::text)", 2)]
#[case::concatenation("headline_metrics('2026-01-' || '01')", 6)]
#[case::null_is_the_default("headline_metrics(NULL, NULL, NULL)", 3)]
#[case::null_from("headline_metrics(NULL, '2026-01-31', 'web_chat')", 1)]
#[case::a_list_with_spaces("headline_metrics('2026-01-01', '2026-01-31', ' sms , web_chat')", 5)]
#[case::a_list_in_any_order("headline_metrics('2026-01-01', '2026-01-31', 'web_chat,sms,sms')", 5)]
#[case::an_array(
    "headline_metrics('2026-01-01', '2026-01-31', array['sms', 'email'])",
    5
)]
#[case::by_name("headline_metrics(channel => 'sms')", 2)]
#[case::by_name_after_position("headline_metrics('2026-01-01', channel => 'email')", 1)]
#[case::by_name_in_any_order("headline_metrics(channel => 'sms', \"from\" => '2026-01-01')", 4)]
#[case::from_by_name("headline_metrics(from => '2026-01-01', channel => 'email')", 1)]
#[case::with_its_schema("public.headline_metrics('2026-01-01')", 6)]
#[case::in_capitals("HEADLINE_METRICS('2026-01-01')", 6)]
#[case::in_quotes("\"headline_metrics\"('2026-01-01')", 6)]
#[tokio::test]
async fn a_call_takes(#[case] call: &str, #[case] conversations: i64) {
    let sql = format!("SELECT conversations FROM {call}");
    let rows = table(&session().await, &sql).await;
    assert!(rows.contains(&format!("| {conversations} ")), "{rows}");
}

#[rstest]
#[case(
    "headline_metrics('2026-13-01')",
    "parameter \"from\" is '2026-13-01'; expected a date as YYYY-MM-DD"
)]
#[case(
    "headline_metrics('1/2/2026')",
    "parameter \"from\" is '1/2/2026'; expected a date as YYYY-MM-DD"
)]
#[case(
    "headline_metrics('2026-1-2')",
    "parameter \"from\" is '2026-1-2'; expected a date"
)]
#[case("headline_metrics('')", "parameter \"from\" is ''; expected a date")]
#[case(
    "headline_metrics('2026-01-01', 5)",
    "parameter \"to\" is 5 (Int64); expected a date"
)]
#[case("headline_metrics(now())", "parameter \"from\" is")]
#[case(
    "headline_metrics('2026-02-01', '2026-01-01')",
    "parameter \"from\" is '2026-02-01' and \"to\" is '2026-01-01'; expected \"from\" on or before \"to\""
)]
#[case(
    "headline_metrics(NULL, NULL, 'fax')",
    "headline_metrics: parameter \"channel\" has 'fax'; expected null for all, or a list such as 'web_chat,email' of \
     web_chat, email, sms, whatsapp"
)]
#[case(
    "headline_metrics(NULL, NULL, 'sms,')",
    "parameter \"channel\" has ''; expected null for all"
)]
#[case(
    "headline_metrics(NULL, NULL, '')",
    "parameter \"channel\" is ''; expected null for all"
)]
#[case(
    "headline_metrics(NULL, NULL, 'SMS')",
    "parameter \"channel\" has 'SMS'"
)]
#[case(
    "headline_metrics(NULL, NULL, 1)",
    "parameter \"channel\" is 1 (Int64)"
)]
#[case(
    "headline_metrics(NULL, NULL, NULL, 'x')",
    "4 arguments; expected at most 3: from, to, channel"
)]
#[case(
    "headline_metrics(chanel => 'sms')",
    "no parameter \"chanel\"; expected one of from, to, channel"
)]
#[case(
    "headline_metrics(channel => 'sms', channel => 'sms')",
    "parameter \"channel\" is given twice"
)]
#[case("headline_metrics(channel => 'sms', '2026-01-01')", "has no name")]
#[case(
    "conversations_table(status => 'gone')",
    "parameter \"status\" has 'gone'; expected null for all, or a list such as 'open,closed'"
)]
#[case(
    "conversations_table(search => 5)",
    "parameter \"search\" is 5 (Int64); expected text"
)]
#[case(
    "channel_days('2026-01-01', '2026-01-02', NULL)",
    "table function 'channel_days' not found"
)]
#[tokio::test]
async fn a_call_refuses(#[case] call: &str, #[case] says: &str) {
    let message = error(&session().await, &format!("SELECT * FROM {call}")).await;
    assert!(message.contains(says), "{message}");
}

#[tokio::test]
async fn an_argument_may_not_depend_on_rows() {
    let sql = "SELECT * FROM conversations AS c, LATERAL headline_metrics(c.started_on)";
    error(&session().await, sql).await;
}

fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

fn day(days: i32) -> ScalarValue {
    ScalarValue::Date32(Some(days))
}

async fn prepared(call: &str, values: Vec<ScalarValue>) -> Result<String, String> {
    let session = session().await;
    let sql = format!("SELECT conversations FROM {call}");
    let run = async {
        let frame = session.sql(&sql).await?.with_param_values(values)?;
        let rows = frame.collect().await?;
        Ok(arrow::util::pretty::pretty_format_batches(&rows)?.to_string())
    };
    run.await
        .map_err(|e: datafusion::error::DataFusionError| e.strip_backtrace())
}

// 2026-01-01 is day 20454.
#[rstest]
#[case::texts("headline_metrics($1, $2, $3)", vec![text("2026-01-01"), text("2026-01-31"), text("sms")], 4)]
#[case::dates("headline_metrics($1, $2)", vec![day(20454), day(20454)], 2)]
#[case::casts("headline_metrics($1::date, $2::date)", vec![text("2026-01-01"), text("2026-01-01")], 2)]
#[case::arithmetic("headline_metrics($1::date - 1, $1)", vec![day(20454)], 2)]
#[case::nulls("headline_metrics($1, $2, $3)", vec![ScalarValue::Null, ScalarValue::Date32(None), ScalarValue::Utf8(None)], 3)]
#[case::one_of_them("headline_metrics('2026-01-01', current_date, $1)", vec![text("sms, email")], 5)]
#[case::by_name("headline_metrics(channel => $1)", vec![text("sms")], 2)]
#[tokio::test]
async fn a_prepared_call_takes(
    #[case] call: &str,
    #[case] values: Vec<ScalarValue>,
    #[case] conversations: i64,
) {
    let rows = prepared(call, values).await.unwrap();
    assert!(rows.contains(&format!("| {conversations} ")), "{rows}");
}

#[rstest]
#[case("headline_metrics($1)", vec![text("soon")], "parameter \"from\" is 'soon'; expected a date")]
#[case("headline_metrics(channel => $1)", vec![text("fax")], "parameter \"channel\" has 'fax'; expected null for all")]
#[case("headline_metrics($1, $2)", vec![text("2026-02-01"), text("2026-01-01")], "expected \"from\" on or before \"to\"")]
#[case("headline_metrics('2026-02-01', $1)", vec![text("2026-01-01")], "expected \"from\" on or before \"to\"")]
#[tokio::test]
async fn a_prepared_call_refuses(
    #[case] call: &str,
    #[case] values: Vec<ScalarValue>,
    #[case] says: &str,
) {
    let message = prepared(call, values).await.unwrap_err();
    assert!(message.contains(says), "{message}");
}

#[tokio::test]
async fn a_prepared_call_tells_the_types_of_its_parameters() {
    let session = session().await;
    let frame = session
        .sql("SELECT * FROM headline_metrics($1, $2, $3)")
        .await
        .unwrap();
    let types = frame.logical_plan().get_parameter_types().unwrap();
    let mut types: Vec<_> = types
        .into_iter()
        .map(|(id, t)| format!("{id} {}", t.unwrap()))
        .collect();
    types.sort();
    assert_eq!(types, ["$1 Date32", "$2 Date32", "$3 Utf8"]);
}
