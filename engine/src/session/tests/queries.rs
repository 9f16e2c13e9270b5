//! The built-in saved queries (SPEC 5, 6, 7).

use std::collections::BTreeSet;

use rstest::rstest;

use super::sample::*;
use crate::session::{Identity, Session};
use rapport_zones::Tz;

/// One order in another currency is attributed in email and in sms, another in sms and web_chat: the stored rows of the
/// later channels say which channels count it before.
async fn other_currencies() -> Session {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            DAILY,
            "SELECT 'acme' AS account_id, DATE '2026-01-10' AS date, column1 AS channel, column2 AS counted_before, \
                    column3 AS other_currency_orders \
             FROM (VALUES ('email', CAST(make_array() AS VARCHAR[]), 1), \
                          ('sms', CAST(make_array() AS VARCHAR[]), 1), \
                          ('sms', make_array('email'), 1), \
                          ('web_chat', make_array('sms'), 1))",
        )
        .await;
    acme(sources).await
}

#[rstest]
#[case("NULL", 2)]
#[case("'email'", 1)]
#[case("'sms'", 2)]
#[case("'web_chat'", 1)]
#[case("'email,sms'", 2)]
#[case("'email,web_chat'", 2)]
#[case("'sms,web_chat'", 2)]
#[case("'email,sms,web_chat,whatsapp'", 2)]
#[case("'whatsapp'", 0)]
#[tokio::test]
async fn orders_in_other_currencies_are_distinct_for_any_channels(
    #[case] channel: &str,
    #[case] orders: i64,
) {
    let session = other_currencies().await;
    for query in ["headline_metrics", "daily_series"] {
        let sql = format!(
            "SELECT sum(other_currency_orders) AS n FROM {query}('2026-01-10', '2026-01-10', {channel})"
        );
        let rows = table(&session, &sql).await;
        assert!(
            rows.contains(&format!("| {orders} ")),
            "A10: {query}: {rows}"
        );
    }
}

#[tokio::test]
async fn channels_may_sum_to_more_orders_than_there_are() {
    let session = other_currencies().await;
    let sql = "SELECT channel, other_currency_orders FROM daily_metrics ORDER BY channel";
    insta::assert_snapshot!(table(&session, sql).await);
}

#[tokio::test]
async fn credits_are_exact_and_rounded_once() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    // Three thirds are one order, not 0.999999999 of one.
    sources
        .add(
            DAILY,
            "SELECT 'acme' AS account_id, DATE '2026-01-01' + column1 AS date, 'sms' AS channel, \
             arrow_cast('0.333333333333333333333333', 'Decimal128(38, 24)') AS credits, 33.3333 AS sales \
             FROM (VALUES (0), (1), (2))",
        )
        .await;
    sources
        .add(
            ATTRIBUTED,
            "SELECT 'acme' AS account_id, 'sms' AS channel, DATE '2026-01-01' + column1 AS ordered_on, \
             'USD' AS currency, 3 AS units, 33.3333 AS attributed_value FROM (VALUES (0), (1), (2))",
        )
        .await;
    let session = acme(sources).await;
    let range = "('2026-01-01', '2026-01-31')";
    for sql in [
        format!(
            "SELECT attributed_orders = 1.0 AS same, avg_order_value FROM headline_metrics{range}"
        ),
        format!(
            "SELECT attributed_orders = 1.0 AS same, sales AS avg_order_value FROM sales_by_currency{range}"
        ),
    ] {
        let rows = table(&session, &sql).await;
        assert!(rows.contains("| true | 99.9999 "), "A7: {rows}");
    }
}

#[tokio::test]
async fn the_headline_has_a_row_for_each_account_in_sight() {
    let mut sources = two_shops().await;
    sources.account("silent", Tz::UTC).await;
    let sessions = sessions(sources).await;
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    insta::assert_snapshot!(table(&operator, "SELECT * FROM headline_metrics()").await);
    let silent = sessions
        .open(Identity::of_account("sue", "silent"))
        .unwrap();
    let rows = table(&silent, "SELECT * FROM headline_metrics()").await;
    assert!(rows.contains("silent") && !rows.contains("acme"), "{rows}");
}

#[tokio::test]
async fn the_series_has_every_day_of_the_range() {
    let sessions = sessions(two_shops().await).await;
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    let sql = "SELECT account_id, date, conversations, resolved_rate, ai_generated_sales, attributed_orders \
               FROM daily_series('2026-01-14', '2026-01-16')";
    insta::assert_snapshot!(table(&operator, sql).await);
}

#[tokio::test]
async fn the_comparison_is_with_as_many_days_before() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            DAILY,
            "SELECT 'acme' AS account_id, DATE '2026-01-01' + column1 AS date, 'sms' AS channel, column2 AS conversations, \
             column2 AS resolved, 0.1 AS credits, 10 AS sales \
             FROM (VALUES (0, 100), (1, 1), (2, 1), (3, 2), (4, 3), (5, 100))",
        )
        .await;
    let session = acme(sources).await;
    let sql = "SELECT conversations, previous_conversations, conversations_change, resolved_rate_change, \
               attributed_orders_change, avg_order_value_change FROM headline_comparison('2026-01-04', '2026-01-05')";
    insta::assert_snapshot!(table(&session, sql).await);
}

#[tokio::test]
async fn procedures_come_most_conversations_first_then_bytewise_with_null_last() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    let rows = [
        (
            "sms",
            counted("'apples'", [1, 1, 0]),
            counted("'Pears'", [1, 1, 0]),
        ),
        (
            "email",
            counted("'apples'", [1, 0, 0]),
            counted("'Été'", [1, 0, 1]),
        ),
        (
            "web_chat",
            counted("'Pears'", [1, 0, 1]),
            counted("CAST(NULL AS VARCHAR)", [1, 0, 0]),
        ),
    ];
    for (channel, one, other) in rows {
        let sql = format!(
            "SELECT 'acme' AS account_id, DATE '2026-01-10' AS date, '{channel}' AS channel, \
             2 AS conversations, make_array({one}, {other}) AS procedures"
        );
        sources.add(DAILY, &sql).await;
    }
    let session = acme(sources).await;
    insta::assert_snapshot!(
        table(
            &session,
            "SELECT * FROM procedures_performance('2026-01-10', '2026-01-10')"
        )
        .await
    );
}

#[rstest]
#[case::newest_first("'2026-01-01', '2026-01-31'", &["c3", "c1", "c2"])]
#[case::by_status("status => 'open,closed', \"from\" => '2026-01-01'", &["c3", "c1"])]
#[case::search_ignores_case("search => 'WHERE is', \"from\" => '2026-01-01'", &["c1"])]
#[case::search_takes_no_wildcards("search => '%', \"from\" => '2026-01-01'", &["c2"])]
#[case::search_in_tags("search => 'vip', \"from\" => '2026-01-01'", &["c3"])]
#[tokio::test]
async fn the_table_lists(#[case] arguments: &str, #[case] expected: &[&str]) {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            CONVERSATIONS,
            "SELECT 'acme' AS account_id, column1 AS conversation_id, 'sms' AS channel, 'live' AS mode, \
                    column2 AS status, column3 AS first_question, make_array(column4) AS tags, \
                    DATE '2026-01-10' AS started_on, CAST(column5 AS TIMESTAMP) AS last_updated \
             FROM (VALUES ('c1', 'open', 'where IS my order?', 'x', '2026-01-11T00:00:00'), \
                          ('c2', 'routed', '10 % off', 'y', '2026-01-11T00:00:00'), \
                          ('c3', 'closed', NULL, 'VIP', '2026-01-12T00:00:00'))",
        )
        .await;
    let session = acme(sources).await;
    let frame = session
        .sql(&format!("SELECT * FROM conversations_table({arguments})"))
        .await
        .unwrap();
    let rows = frame.collect().await.unwrap();
    let ids: Vec<String> = rows
        .iter()
        .flat_map(|batch| {
            let ids =
                arrow::compute::cast(batch.column(1), &arrow::datatypes::DataType::Utf8).unwrap();
            let ids = arrow::array::AsArray::as_string::<i32>(&ids).clone();
            ids.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn opportunities_and_escalations_show_their_evidence() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            CONVERSATIONS,
            "SELECT 'acme' AS account_id, concat('c', n) AS conversation_id, 'sms' AS channel, 'live' AS mode, \
                    CASE WHEN n % 5 = 0 THEN 'resolved' ELSE 'routed' END AS status, \
                    make_array(CASE WHEN n = 0 THEN 'Gift''s' ELSE 'Returns' END) AS procedures, \
                    DATE '2026-01-10' AS started_on, \
                    CASE WHEN n % 2 = 1 THEN TIMESTAMP '2026-01-10' END AS escalated_at, \
                    CASE WHEN n % 2 = 1 THEN 'angry' END AS escalation_reason, \
                    CASE WHEN n % 2 = 1 THEN 'Returns' END AS escalation_procedure \
             FROM (SELECT unnest(generate_series(0, 199)) AS n)",
        )
        .await;
    sources
        .add(
            DAILY,
            &format!(
                "SELECT 'acme' AS account_id, DATE '2026-01-10' AS date, 'sms' AS channel, 200 AS conversations, \
                 3 AS link_clicks, 1.5 AS credits, make_array({}, {}) AS procedures",
                counted("'Gift''s'", [1, 1, 0]),
                counted("'Returns'", [199, 39, 100])
            ),
        )
        .await;
    let session = acme(sources).await;
    let range = "('2026-01-10', '2026-01-10')";
    insta::assert_snapshot!(
        "opportunities",
        table(&session, &format!("SELECT * FROM opportunities{range}")).await
    );
    insta::assert_snapshot!(
        "escalations",
        table(&session, &format!("SELECT * FROM escalations{range}")).await
    );
    let look = session
        .sql(&format!("SELECT look_at FROM opportunities{range}"))
        .await
        .unwrap();
    for batch in look.collect().await.unwrap() {
        let queries =
            arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
        for query in arrow::array::AsArray::as_string::<i32>(&queries)
            .iter()
            .flatten()
        {
            table(&session, query).await;
        }
    }
}

/// The headline reads the stored days and the accounts, and no event, conversation or order (a small query, fast).
#[tokio::test]
async fn the_headline_reads_the_stored_days_only() {
    let session = acme(two_shops().await).await;
    let sql = "SELECT * FROM headline_metrics('2026-01-01', '2026-01-31', 'sms,email')";
    let frame = session.sql(sql).await.unwrap();
    let plan = frame.into_optimized_plan().unwrap();
    let plan = plan.display_indent().to_string();
    let scans: Vec<&str> = plan
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("TableScan: "))
        .filter_map(|scan| scan.split(' ').next())
        .collect();
    assert_eq!(scans, ["stored.daily_metrics", "stored.accounts"], "{plan}");
    for folded in ["2026-01-01", "2026-01-31", "email", "sms"] {
        assert!(plan.contains(folded), "{plan}");
    }
}

#[tokio::test]
async fn savings_are_null_where_a_cost_is_not_known() {
    let session = acme(two_shops().await).await;
    for (given, saved) in [
        ("", "1 null null"),
        (", human_cost => 6.5", "1 null null"),
        (", human_cost => 6.5, ai_cost => 0.99", "1 5.5100 null"),
        (", human_minutes => 12", "1 null 0.2"),
    ] {
        let sql = format!(
            "SELECT concat_ws(' ', resolved, coalesce(CAST(cost_saved AS VARCHAR), 'null'), \
             coalesce(CAST(hours_saved AS VARCHAR), 'null')) FROM savings('2026-01-14', '2026-01-16'{given})"
        );
        assert_eq!(column(&session, &sql).await, [saved], "{given}");
    }
}

#[tokio::test]
async fn every_saved_query_documents_itself() {
    let sessions = sessions(two_shops().await).await;
    let names: BTreeSet<_> = sessions
        .saved_queries()
        .iter()
        .map(|q| q.name.as_str())
        .collect();
    let expected = [
        "activity_span",
        "attribution_comparison",
        "channel_counts",
        "commerce",
        "conversation_events",
        "conversation_orders",
        "conversations_page",
        "conversations_table",
        "coverage",
        "daily_series",
        "daily_statuses",
        "escalations",
        "explain_conversation",
        "explain_order",
        "freshness",
        "headline_comparison",
        "headline_metrics",
        "opportunities",
        "procedures_performance",
        "procedures_table",
        "recommendation_results",
        "sales_by_currency",
        "sales_page",
        "sales_summary",
        "savings",
        "service_quality",
        "status_counts",
        "tag_counts",
    ];
    assert_eq!(names, expected.into());
    for query in sessions.saved_queries() {
        assert!(!query.purpose.is_empty(), "{}", query.name);
        for parameter in &query.parameters {
            assert!(
                !parameter.description.is_empty(),
                "{} {}",
                query.name,
                parameter.name
            );
        }
        for column in &query.columns {
            assert!(
                !column.description.is_empty(),
                "{} {}",
                query.name,
                column.name
            );
        }
    }
}

#[rstest]
#[case(&[], "SELECT * FROM headline_metrics()")]
#[case(&["2026-01-01", "2026-01-31"], "SELECT * FROM headline_metrics('2026-01-01', '2026-01-31')")]
#[case(&["channel=sms,email"], "SELECT * FROM headline_metrics(NULL, NULL, 'sms,email')")]
#[case(&["2026-01-01", "channel=o'hara"], "SELECT * FROM headline_metrics('2026-01-01', NULL, 'o''hara')")]
#[case(&["null", "to=NULL"], "SELECT * FROM headline_metrics(NULL, NULL)")]
#[tokio::test]
async fn a_call_is_written_from_texts(#[case] arguments: &[&str], #[case] sql: &str) {
    let sessions = sessions(two_shops().await).await;
    let query = sessions
        .saved_queries()
        .iter()
        .find(|q| q.name == "headline_metrics")
        .unwrap();
    assert_eq!(query.call_sql(arguments).unwrap(), sql);
}

#[rstest]
#[case(&["chanel=sms"], "no parameter \"chanel\"; expected one of from, to, channel")]
#[case(&["from=2026-01-01", "from=2026-01-01"], "parameter \"from\" is given twice")]
#[case(&["a", "b", "c", "d"], "4 arguments; expected at most 3: from, to, channel")]
#[tokio::test]
async fn a_call_of_texts_is_refused(#[case] arguments: &[&str], #[case] says: &str) {
    let sessions = sessions(two_shops().await).await;
    let query = sessions
        .saved_queries()
        .iter()
        .find(|q| q.name == "headline_metrics")
        .unwrap();
    let message = query.call_sql(arguments).unwrap_err().to_string();
    assert!(message.contains(says), "{message}");
}
