//! The relations of SPEC 7: their columns, and the rules that apply when they are read.

use rstest::rstest;

use super::sample::*;
use crate::session::{Identity, Stored};
use rapport_zones::Tz;

/// SPEC 7: names, order and types, as PostgreSQL names the types.
const COLUMNS: &[(&str, &str)] = &[
    (
        "conversations",
        "account_id text, conversation_id text, profile_id text, channel text, status text, first_question text, \
         procedures text[], tags text[], messages int8, link_clicks int8, cart_adds int8, started_at timestamptz, \
         started_on date, last_updated timestamptz, resolved_at timestamptz, escalated_at timestamptz, \
         escalation_reason text, escalation_category text, escalation_procedure text, reopened bool, rating int8, rated_at timestamptz, \
         human_replied_at timestamptz",
    ),
    (
        "orders",
        "account_id text, order_id text, profile_id text, conversation_id text, ordered_at timestamptz, ordered_on date, \
         value numeric(18,4), currency text, refunded_value numeric(18,4), cancelled bool, product_ids text[]",
    ),
    (
        "attributed_orders",
        "account_id text, order_id text, conversation_id text, channel text, profile_id text, ordered_at timestamptz, \
         ordered_on date, value numeric(18,4), currency text, touch_class text, touched_at timestamptz, \
         seconds_to_order int8, credit float8, attributed_value numeric(18,4), net_value numeric(18,4)",
    ),
    (
        "link_clicks",
        "account_id text, event_id text, conversation_id text, channel text, profile_id text, clicked_at timestamptz, \
         clicked_on date, url text",
    ),
    (
        "cart_adds",
        "account_id text, event_id text, conversation_id text, channel text, profile_id text, added_at timestamptz, \
         added_on date, product_id text, quantity int8",
    ),
    (
        "recommendations",
        "account_id text, event_id text, conversation_id text, channel text, profile_id text, recommended_at timestamptz, \
         recommended_on date, product_ids text[]",
    ),
    (
        "conversation_procedures",
        "account_id text, conversation_id text, procedure text, channel text, status text, started_on date, escalated bool",
    ),
    (
        "daily_metrics",
        "account_id text, date date, channel text, conversations int8, resolved int8, routed int8, closed int8, open int8, \
         link_clicks int8, cart_adds int8, attributed_orders float8, sales numeric(28,4), other_currency_orders int8",
    ),
    (
        "accounts",
        "account_id text, name text, timezone text, currency text, idle_timeout text, attribution_model text, \
         exclude_bot_clicks bool, exclude_machine_opens bool, exclude_transactional bool, email_clicked text, \
         email_opened text, sms_clicked text, sms_opened text, sms_delivered text, whatsapp_clicked text, \
         whatsapp_opened text, push_opened text",
    ),
    (
        "rejected_events",
        "landed_at timestamptz, source text, line int8, reason text, raw text",
    ),
    (
        "headline_metrics()",
        "account_id text, conversations int8, resolved_by_ai int8, resolved_rate float8, ai_generated_sales numeric(28,4), \
         attributed_orders float8, avg_order_value numeric(38,4), add_to_carts int8, link_clicks int8, \
         other_currency_orders int8",
    ),
    (
        "daily_series()",
        "account_id text, date date, conversations int8, resolved_by_ai int8, resolved_rate float8, \
         ai_generated_sales numeric(28,4), attributed_orders float8, avg_order_value numeric(38,4), add_to_carts int8, \
         link_clicks int8, other_currency_orders int8",
    ),
    (
        "procedures_performance()",
        "account_id text, procedure text, conversations int8, share float8, resolved int8, resolution_rate float8, \
         escalated int8, escalation_rate float8",
    ),
    (
        "daily_statuses()",
        "account_id text, date date, conversations int8, resolved int8, routed int8, closed int8, open int8",
    ),
    (
        "status_counts()",
        "account_id text, conversations int8, resolved int8, routed int8, closed int8, open int8",
    ),
    (
        "channel_counts()",
        "account_id text, channel text, conversations int8",
    ),
    (
        "procedures_table()",
        "account_id text, procedure text, conversations int8, share float8, resolved int8, resolution_rate float8, \
         escalated int8, escalation_rate float8, resolution_low float8, resolution_high float8",
    ),
    (
        "tag_counts()",
        "account_id text, tag text, conversations int8",
    ),
    (
        "conversations_page()",
        "account_id text, conversation_id text, profile_id text, channel text, status text, first_question text, \
         procedures text[], tags text[], messages int8, link_clicks int8, cart_adds int8, started_at timestamptz, \
         last_updated timestamptz, resolved_at timestamptz, escalated_at timestamptz, escalation_reason text, key int8",
    ),
    (
        "sales_page()",
        "account_id text, order_id text, conversation_id text, first_question text, channel text, profile_id text, \
         ordered_at timestamptz, value numeric(18,4), currency text, in_account_currency bool, touch_class text, \
         touched_at timestamptz, seconds_to_order int8, credit float8, attributed_value numeric(18,4), \
         net_value numeric(18,4), refunded_value numeric(18,4), cancelled bool, key int8, row_id text",
    ),
    (
        "sales_summary()",
        "account_id text, currency text, in_account_currency bool, sales numeric(28,4), net_sales numeric(28,4), \
         attributed_orders float8",
    ),
    (
        "freshness()",
        "account_id text, as_of timestamptz, newest_event_at timestamptz, landed_at timestamptz, derived_at timestamptz, \
         waiting_events int8, window_days int8, open_conversations int8, oldest_open_on date, idle_timeout text, \
         changes_from date",
    ),
    (
        "coverage()",
        "account_id text, type text, events int8, first_at timestamptz, last_at timestamptz",
    ),
    (
        "activity_span()",
        "account_id text, first_on date, last_on date, last_updated timestamptz",
    ),
    (
        "service_quality()",
        "account_id text, conversations int8, contained int8, containment_rate float8, resolved int8, \
         resolved_rate float8, reopened int8, recontacted int8, recontact_rate float8, rated int8, satisfied int8, \
         csat float8, average_rating float8, median_seconds_to_resolution float8, escalated int8, human_replied int8, \
         median_seconds_to_human float8",
    ),
    (
        "commerce()",
        "account_id text, conversations int8, converted int8, conversion_rate float8, sales numeric(28,4), \
         net_sales numeric(28,4), attributed_orders float8, avg_order_value numeric(38,4), \
         revenue_per_conversation numeric(38,4), median_seconds_to_order float8, all_orders int8, \
         all_sales numeric(28,4), sales_share float8",
    ),
    (
        "recommendation_results()",
        "account_id text, product_id text, recommended int8, conversations int8, bought int8, bought_conversations int8, \
         purchase_rate float8",
    ),
    (
        "attribution_comparison()",
        "account_id text, sales numeric(28,4), compared_sales numeric(28,4), sales_change numeric(28,4), \
         attributed_orders float8, compared_orders float8, only_in_force int8, only_compared int8",
    ),
    (
        "savings()",
        "account_id text, resolved int8, cost_saved numeric(28,4), hours_saved float8",
    ),
    (
        "sales_by_currency()",
        "account_id text, currency text, sales numeric(28,4), attributed_orders float8",
    ),
];

fn postgres_type(data_type: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::{DataType, TimeUnit};
    match data_type {
        DataType::Utf8View => "text".into(),
        DataType::Int64 => "int8".into(),
        DataType::Float64 => "float8".into(),
        DataType::Boolean => "bool".into(),
        DataType::Date32 => "date".into(),
        DataType::Decimal128(precision, scale) => format!("numeric({precision},{scale})"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
            "timestamptz".into()
        }
        DataType::List(item) => format!("{}[]", postgres_type(item.data_type())),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn columns_are_those_of_spec_7() {
    let sessions = sessions(two_shops().await).await;
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    for (relation, columns) in COLUMNS {
        let frame = operator
            .sql(&format!("SELECT * FROM {relation}"))
            .await
            .unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let schema = plan.schema();
        let fields = schema.fields().iter();
        let found: Vec<_> = fields
            .map(|f| format!("{} {}", f.name(), postgres_type(f.data_type())))
            .collect();
        assert_eq!(found.join(", "), *columns, "{relation}");
    }
}

#[tokio::test]
async fn preview_conversations_are_in_no_relation() {
    let mut sources = two_shops().await;
    sources
        .add(
            CONVERSATIONS,
            "SELECT 'acme' AS account_id, 'trial' AS conversation_id, 'web_chat' AS channel, 'preview' AS mode, \
             'open' AS status, TIMESTAMP '2026-01-01T00:00:00Z' AS idle_at, make_array('Returns') AS procedures",
        )
        .await;
    sources
        .add(
            Stored::ConsumedEvents,
            "SELECT 'acme' AS account_id, 'trial-click' AS event_id, 'link_clicked' AS type, 'trial' AS conversation_id",
        )
        .await;
    let session = acme(sources).await;
    for relation in ["conversations", "conversation_procedures", "link_clicks"] {
        let rows = table(&session, &format!("SELECT conversation_id FROM {relation}")).await;
        assert!(
            !rows.contains("trial") && rows.contains("acme-c1"),
            "C2: {rows}"
        );
    }
    let rows = table(&session, "SELECT channel FROM daily_metrics").await;
    assert!(!rows.contains("web_chat"), "C2: {rows}");
}

#[rstest]
#[case::at_the_instant("2026-01-20T12:00:00Z", "closed", 1, 0)]
#[case::a_microsecond_before("2026-01-20T12:00:00.000001Z", "open", 0, 1)]
#[case::far_beyond_nanoseconds("2400-01-01T00:00:00Z", "open", 0, 1)]
#[tokio::test]
async fn idle_conversations_are_closed_when_read(
    #[case] idle_at: &str,
    #[case] status: &str,
    #[case] closed: i64,
    #[case] open: i64,
) {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            CONVERSATIONS,
            &format!(
                "SELECT 'acme' AS account_id, 'c1' AS conversation_id, 'sms' AS channel, 'live' AS mode, 'open' AS status, \
                 arrow_cast('{idle_at}', 'Timestamp(Microsecond, Some(\"UTC\"))') AS idle_at, \
                 DATE '2026-01-10' AS started_on"
            ),
        )
        .await;
    sources
        .add(
            DAILY,
            "SELECT 'acme' AS account_id, DATE '2026-01-10' AS date, 'sms' AS channel, 1 AS conversations, 1 AS open",
        )
        .await;
    let session = acme(sources).await;
    let rows = table(&session, "SELECT status FROM conversations").await;
    assert!(rows.contains(&format!("| {status} ")), "C3: {rows}");
    let rows = table(
        &session,
        "SELECT concat(closed, '/', open) AS daily FROM daily_metrics",
    )
    .await;
    assert!(
        rows.contains(&format!("| {closed}/{open} ")),
        "C3, M7: {rows}"
    );
}

#[tokio::test]
async fn procedures_have_a_row_each_and_null_has_those_without() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            CONVERSATIONS,
            "SELECT 'acme' AS account_id, column1 AS conversation_id, 'sms' AS channel, 'live' AS mode, \
                    'routed' AS status, column2 AS procedures, column3 AS escalated_at, column4 AS escalation_procedure \
             FROM (VALUES ('c1', make_array('Returns', 'Refunds'), TIMESTAMP '2026-01-01', 'Refunds'), \
                          ('c2', make_array('Returns'), TIMESTAMP '2026-01-01', NULL), \
                          ('c3', CAST(make_array() AS VARCHAR[]), TIMESTAMP '2026-01-01', NULL), \
                          ('c4', CAST(make_array() AS VARCHAR[]), NULL, NULL))",
        )
        .await;
    let session = acme(sources).await;
    let sql =
        "SELECT conversation_id, procedure, escalated FROM conversation_procedures ORDER BY 1, 2";
    insta::assert_snapshot!(table(&session, sql).await);
}

#[tokio::test]
async fn clicks_of_bots_count_by_the_settings_of_each_account() {
    let mut sources = MemSources::default();
    for (account, exclude) in [("strict", true), ("loose", false)] {
        sources
            .add(
                Stored::AppliedAccounts,
                &format!(
                    "SELECT '{account}' AS account_id, 'America/New_York' AS timezone, {exclude} AS exclude_bot_clicks"
                ),
            )
            .await;
        sources
            .add(
                CONVERSATIONS,
                &format!(
                    "SELECT '{account}' AS account_id, 'c1' AS conversation_id, 'sms' AS channel, 'live' AS mode, \
                     'open' AS status"
                ),
            )
            .await;
        sources
            .add(
                Stored::ConsumedEvents,
                &format!(
                    "SELECT '{account}' AS account_id, column1 AS event_id, 'link_clicked' AS type, \
                     'c1' AS conversation_id, column2 AS is_bot, \
                     arrow_cast('2026-03-09T03:59:59.999999Z', 'Timestamp(Microsecond, Some(\"UTC\"))') AS occurred_at \
                     FROM (VALUES ('bot', true), ('human', false), ('unsaid', NULL))"
                ),
            )
            .await;
    }
    let sessions = sessions(sources).await;
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    let sql = "SELECT account_id, event_id, clicked_on FROM link_clicks ORDER BY 1, 2";
    insta::assert_snapshot!(table(&operator, sql).await);
}

#[tokio::test]
async fn a_day_with_nothing_that_counts_has_no_row() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            DAILY,
            "SELECT 'acme' AS account_id, DATE '2026-01-01' + column1 AS date, 'sms' AS channel, \
             column2 AS conversations, column3 AS credits, column4 AS other_currency_orders \
             FROM (VALUES (0, 0, 0.0, 0), (1, 1, 0.0, 0), (2, 0, 0.5, 0), (3, 0, 0.0, 1))",
        )
        .await;
    let session = acme(sources).await;
    let sql = "SELECT date, conversations, attributed_orders, sales, other_currency_orders FROM daily_metrics ORDER BY 1";
    insta::assert_snapshot!(table(&session, sql).await);
}
