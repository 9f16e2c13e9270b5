//! A shop's session sees its own account and cannot learn that there are others (SPEC 7, 8).

use rstest::rstest;

use super::sample::*;
use crate::session::Identity;

const RELATIONS: &[&str] = &[
    "conversations",
    "orders",
    "attributed_orders",
    "link_clicks",
    "cart_adds",
    "recommendations",
    "conversation_procedures",
    "daily_metrics",
    "accounts",
    "raw.conversation_events",
    "raw.order_events",
    "raw.touch_events",
    "headline_metrics()",
    "headline_comparison()",
    "daily_series()",
    "procedures_performance()",
    "conversations_table()",
    "escalations()",
    "sales_by_currency()",
    "opportunities()",
    "daily_statuses()",
    "status_counts()",
    "channel_counts()",
    "procedures_table()",
    "tag_counts()",
    "conversations_page()",
    "sales_page()",
    "sales_summary()",
    "freshness()",
    "coverage()",
    "activity_span()",
    "service_quality()",
    "commerce()",
    "recommendation_results()",
    "attribution_comparison()",
    "savings()",
];

#[tokio::test]
async fn no_relation_shows_another_account() {
    let sessions = sessions(two_shops().await).await;
    let acme = sessions.open(Identity::of_account("ann", "acme")).unwrap();
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    for relation in RELATIONS {
        for sql in [
            format!("SELECT * FROM {relation}"),
            format!("SELECT * FROM {relation} WHERE account_id = 'globex'"),
            format!(
                "WITH x AS (SELECT * FROM {relation}) SELECT max(account_id), count(distinct account_id) FROM x"
            ),
            format!(
                "SELECT * FROM {relation} AS a LEFT JOIN accounts AS b ON b.account_id <> a.account_id"
            ),
            format!("EXPLAIN VERBOSE SELECT * FROM {relation}"),
        ] {
            let rows = table(&acme, &sql).await;
            assert!(!rows.contains("globex"), "{sql}: {rows}");
        }
        if ["escalations()", "opportunities()"].contains(relation) {
            continue;
        }
        let rows = table(&operator, &format!("SELECT * FROM {relation}")).await;
        assert!(
            rows.contains("globex") && rows.contains("acme"),
            "{relation}: {rows}"
        );
    }
}

#[tokio::test]
async fn the_information_schema_is_that_of_the_session() {
    let session = acme(two_shops().await).await;
    let sql = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
               WHERE table_schema <> 'information_schema' ORDER BY 1, 2";
    insta::assert_snapshot!(table(&session, sql).await);
    for view in ["tables", "columns", "views", "schemata"] {
        let rows = table(
            &session,
            &format!("SELECT * FROM information_schema.{view}"),
        )
        .await;
        assert!(!rows.contains("stored"), "{view}: {rows}");
    }
    for view in [
        "tables",
        "columns",
        "views",
        "schemata",
        "routines",
        "parameters",
    ] {
        let rows = table(
            &session,
            &format!("SELECT * FROM information_schema.{view}"),
        )
        .await;
        for hidden in ["globex", "rejected_events", "channel_days"] {
            assert!(!rows.contains(hidden), "{view} shows {hidden}");
        }
    }
}

#[rstest]
#[case::rejected_lines(
    "SELECT * FROM rejected_events",
    "'rapport.public.rejected_events' not found"
)]
#[case::stored_tables(
    "SELECT * FROM stored.conversations",
    "'rapport.stored.conversations' not found"
)]
#[case::another_catalog(
    "SELECT * FROM lake.public.conversations",
    "'lake.public.conversations' not found"
)]
#[case::files("SELECT * FROM '/etc/passwd'", "not found")]
#[case::file_functions(
    "SELECT * FROM read_parquet('/lake/x.parquet')",
    "table function 'read_parquet' not found"
)]
#[case::internal_functions(
    "SELECT * FROM channel_days('2026-01-01', '2026-01-02', NULL)",
    "not found"
)]
#[tokio::test]
async fn what_a_session_does_not_have_is_not_found(#[case] sql: &str, #[case] says: &str) {
    let message = error(&acme(two_shops().await).await, sql).await;
    assert!(
        message.contains(says) && !message.contains("globex"),
        "{message}"
    );
}

#[rstest]
#[case("CREATE TABLE t AS SELECT 1")]
#[case("CREATE VIEW v AS SELECT 1")]
#[case("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/tmp'")]
#[case("DROP VIEW conversations")]
#[case("INSERT INTO orders VALUES (1)")]
#[case("DELETE FROM orders")]
#[case("UPDATE orders SET value = 0")]
#[case("COPY orders TO '/tmp/orders.parquet'")]
#[case("SET datafusion.runtime.memory_limit = '1K'")]
#[case("PREPARE p AS SELECT 1")]
#[case("EXPLAIN ANALYZE INSERT INTO orders VALUES (1)")]
#[case("SELECT 1; SELECT 2")]
#[tokio::test]
async fn a_statement_only_reads(#[case] sql: &str) {
    error(&acme(two_shops().await).await, sql).await;
}

#[tokio::test]
async fn operators_see_rejected_lines() {
    let sessions = sessions(two_shops().await).await;
    let operator = sessions.open(Identity::operator("olga")).unwrap();
    let rows = table(&operator, "SELECT * FROM rejected_events").await;
    assert!(rows.contains("globex.ndjson"), "E3: {rows}");
}

#[tokio::test]
async fn an_account_that_does_not_exist_has_nothing() {
    let sessions = sessions(two_shops().await).await;
    let nobody = sessions
        .open(Identity::of_account("ned", "nowhere"))
        .unwrap();
    let rows = table(&nobody, "SELECT count(*) AS n FROM headline_metrics()").await;
    assert!(rows.contains("| 0 "), "{rows}");
}

#[tokio::test]
async fn series_and_lists_can_be_made_in_sql() {
    let session = acme(two_shops().await).await;
    for sql in [
        "SELECT count(*) AS n FROM generate_series(1, 5)",
        "SELECT count(*) AS n FROM unnest(array[1, 2, 3, 4, 5])",
        "SELECT count(*) AS n FROM (SELECT unnest(generate_series(DATE '2026-01-01', DATE '2026-01-05', INTERVAL '1 day')))",
    ] {
        let rows = table(&session, sql).await;
        assert!(rows.contains("| 5 "), "{sql}: {rows}");
    }
}

#[tokio::test]
async fn sessions_do_not_share_what_one_registers() {
    let sessions = sessions(two_shops().await).await;
    let one = sessions.open(Identity::of_account("ann", "acme")).unwrap();
    let other = sessions.open(Identity::of_account("amy", "acme")).unwrap();
    let catalog = one.context().catalog("rapport").unwrap();
    let schema = datafusion::catalog::MemorySchemaProvider::new();
    catalog
        .register_schema("pg_catalog", std::sync::Arc::new(schema))
        .unwrap();
    let names = other.context().catalog("rapport").unwrap().schema_names();
    assert!(!names.contains(&"pg_catalog".to_owned()), "{names:?}");
}
