//! Lists that are read page by page: `conversations_page` and `sales_page`.

use datafusion::common::ScalarValue;
use datafusion::physical_plan::displayable;
use proptest::prelude::*;
use rstest::rstest;

use super::sample::*;
use crate::lake::TableId;
use crate::session::{Session, Stored};
use rapport_zones::Tz;

/// Opens a session over four conversations that differ in all columns that can be filtered by.
async fn conversations() -> Session {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    sources
        .add(
            CONVERSATIONS,
            "SELECT 'acme' AS account_id, column1 AS conversation_id, column2 AS channel, 'live' AS mode, \
                    column3 AS status, column4 AS procedures, column5 AS tags, column6 AS messages, \
                    column7 AS link_clicks, column8 AS escalated_at, column9 AS escalation_reason, \
                    column10 AS escalation_procedure, column11 AS first_question, DATE '2026-01-10' AS started_on, \
                    CAST(column12 AS TIMESTAMP) AS started_at, CAST(column13 AS TIMESTAMP) AS last_updated \
             FROM (VALUES \
                ('c1', 'sms', 'resolved', make_array('Returns'), make_array('Returns', 'vip'), 4, 0, NULL, NULL, NULL, \
                 'where IS my order?', '2026-01-10T08:00:00', '2026-01-11T00:00:00'), \
                ('c2', 'sms', 'routed', make_array('Returns', 'Refunds'), make_array('Refunds', 'Returns', 'angry'), 9, 2, \
                 TIMESTAMP '2026-01-10T09:30:00', 'angry', 'Refunds', \
                 'money back', '2026-01-10T09:00:00', '2026-01-10T10:00:00'), \
                ('c3', 'email', 'routed', CAST(make_array() AS VARCHAR[]), make_array('angry'), 9, 0, \
                 TIMESTAMP '2026-01-10T07:30:00', 'angry', NULL, \
                 '10 % off', '2026-01-10T07:00:00', '2026-01-10T10:00:00'), \
                ('c4', 'web_chat', 'open', CAST(make_array() AS VARCHAR[]), CAST(make_array() AS VARCHAR[]), 1, 1, NULL, \
                 NULL, NULL, NULL, '2026-01-10T11:00:00', '2026-01-10T11:00:00'))",
        )
        .await;
    acme(sources).await
}

#[rstest]
#[case::newest_first("", &["c1", "c4", "c2", "c3"])]
#[case::ascending_is_exactly_the_reverse("ascending => true", &["c3", "c2", "c4", "c1"])]
#[case::by_start("sort => 'started_at'", &["c4", "c2", "c1", "c3"])]
#[case::by_messages("sort => 'messages'", &["c2", "c3", "c1", "c4"])]
#[case::fewest_messages_first("sort => 'messages', ascending => true", &["c4", "c1", "c3", "c2"])]
#[case::by_channels("channel => 'sms,email'", &["c1", "c2", "c3"])]
#[case::by_statuses("status => 'open,resolved'", &["c1", "c4"])]
#[case::by_text("search => 'WHERE is'", &["c1"])]
#[case::by_text_without_wildcards("search => '%'", &["c3"])]
#[case::by_procedure("procedure => 'Returns'", &["c1", "c2"])]
#[case::by_a_part_of_a_procedure("procedure => 'Return'", &[])]
#[case::without_a_procedure("unassigned => true", &["c4", "c3"])]
#[case::with_any_procedure("unassigned => false", &["c1", "c2"])]
#[case::by_tag("tag => 'angry'", &["c2", "c3"])]
#[case::escalated("escalated => true", &["c2", "c3"])]
#[case::not_escalated("escalated => false", &["c1", "c4"])]
#[case::m6_escalated_by_this_procedure("escalated => true, procedure => 'Refunds'", &["c2"])]
#[case::m6_escalated_by_another("escalated => true, procedure => 'Returns'", &[])]
#[case::m6_not_escalated_by_this_procedure("escalated => false, procedure => 'Returns'", &["c1", "c2"])]
#[case::m6_escalated_without_a_procedure("escalated => true, unassigned => true", &["c3"])]
#[case::by_reason("reason => 'angry', channel => 'sms'", &["c2"])]
#[case::clicked("clicked => true", &["c4", "c2"])]
#[case::not_clicked("clicked => false", &["c1", "c3"])]
#[case::all_at_once("status => 'routed', tag => 'Returns', clicked => true, sort => 'messages'", &["c2"])]
#[case::after_a_row("after_key => 1768042800000000, after_id => 'c4'", &["c2", "c3"])]
#[case::after_a_row_of_a_tie("after_key => 1768039200000000, after_id => 'c2'", &["c3"])]
#[case::after_the_last("after_key => 1768039200000000, after_id => 'c3'", &[])]
#[case::after_a_key_whatever_the_row("after_key => 1768042800000000", &["c2", "c3"])]
#[case::an_id_without_a_key_is_no_place("after_id => 'c9'", &["c1", "c4", "c2", "c3"])]
#[case::after_so_many_messages("sort => 'messages', after_key => 9, after_id => 'c2'", &["c3", "c1", "c4"])]
#[case::ascending_after_a_row_of_a_tie("ascending => true, after_key => 1768039200000000, after_id => 'c3'", &["c2", "c4", "c1"])]
#[tokio::test]
async fn a_page_of_conversations_lists(#[case] arguments: &str, #[case] expected: &[&str]) {
    let range = "'2026-01-10', '2026-01-10'";
    let arguments = [range, arguments].join(if arguments.is_empty() { "" } else { ", " });
    let sql = format!("SELECT conversation_id FROM conversations_page({arguments})");
    assert_eq!(
        column(&conversations().await, &sql).await,
        expected,
        "{sql}"
    );
}

#[rstest]
#[case(
    "sort => 'status'",
    "parameter \"sort\" is 'status'; expected one of last_updated, started_at, messages"
)]
#[case(
    "ascending => 'up'",
    "parameter \"ascending\" is 'up'; expected true or false"
)]
#[case(
    "after_key => 'x'",
    "parameter \"after_key\" is 'x'; expected a whole number"
)]
#[tokio::test]
async fn a_page_is_refused(#[case] arguments: &str, #[case] says: &str) {
    let sql = format!("SELECT * FROM conversations_page({arguments})");
    let message = error(&conversations().await, &sql).await;
    assert!(message.contains(says), "{message}");
}

/// Returns the physical plan of a statement.
async fn plan(session: &Session, sql: &str) -> String {
    let frame = session.sql(sql).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The parameters are evaluated when the statement is planned: rows are filtered and sorted by plain columns, and no more
/// rows are kept than the limit.
#[rstest]
#[case::first_page("first_page", "")]
#[case::next_page("next_page", ", after_key => 1768039200000000, after_id => 'c2'")]
#[case::ascending(
    "next_page_ascending",
    ", sort => 'messages', ascending => true, after_key => 9, after_id => 'c2'"
)]
#[case::filtered(
    "filtered_page",
    ", channel => 'sms,email', status => 'routed', procedure => 'Returns', escalated => true, clicked => false, \
     sort => 'started_at'"
)]
#[tokio::test]
async fn a_page_keeps_no_more_rows_than_asked(#[case] name: &str, #[case] arguments: &str) {
    let sql = format!(
        "SELECT conversation_id, first_question, key FROM conversations_page('2026-01-01', '2026-01-31'{arguments}) LIMIT 51"
    );
    let session = conversations().await;
    insta::assert_snapshot!(name, plan(&session, &sql).await);
}

#[tokio::test]
async fn a_page_of_sales_keeps_no_more_rows_than_asked() {
    let session = acme(two_shops().await).await;
    for (arguments, keys) in [
        ("", "ordered_at@2 DESC, row_id@3 ASC NULLS LAST"),
        (
            "ascending => true, after_key => 0, after_id => 'o'",
            "ordered_at@2 ASC NULLS LAST, row_id@3 DESC",
        ),
    ] {
        let sql = format!("SELECT order_id FROM sales_page({arguments}) LIMIT 51");
        let plan = plan(&session, &sql).await;
        let sort = format!("TopK(fetch=51), expr=[{keys}");
        assert!(plan.contains(&sort) && !plan.contains("CASE"), "{plan}");
    }
}

/// The parameters of a prepared statement are evaluated when it is planned with values.
#[tokio::test]
async fn a_prepared_page_is_planned_as_a_page_of_literals() {
    let columns = "SELECT conversation_id, first_question, key";
    let session = conversations().await;
    let prepared = format!(
        "{columns} FROM conversations_page($1, $2, status => $3, sort => $4, ascending => $5, after_key => $6, after_id => $7) \
         LIMIT 51"
    );
    let text = |value: &str| ScalarValue::Utf8(Some(value.to_owned()));
    let values = vec![
        text("2026-01-01"),
        text("2026-01-31"),
        text("open,routed"),
        text("started_at"),
        ScalarValue::Boolean(Some(true)),
        ScalarValue::Int64(Some(9)),
        text("c2"),
    ];
    let frame = session.sql(&prepared).await.unwrap();
    let frame = frame.with_param_values(values).unwrap();
    let prepared = frame.create_physical_plan().await.unwrap();
    let prepared = displayable(prepared.as_ref()).indent(false).to_string();
    let literals = format!(
        "{columns} FROM conversations_page('2026-01-01', '2026-01-31', status => 'open,routed', sort => 'started_at', \
         ascending => true, after_key => 9, after_id => 'c2') LIMIT 51"
    );
    assert_eq!(prepared, plan(&session, &literals).await);
}

/// Reads all pages of a list, and returns their rows as keys and ids.
async fn pages(session: &Session, call: &str, id: &str, size: usize) -> Vec<String> {
    let mut rows = vec![];
    let mut after = String::new();
    loop {
        let sql = format!("SELECT concat(key, '~', {id}) FROM {call}{after}) LIMIT {size}");
        let page = column(session, &sql).await;
        if let Some((key, id)) = page.last().and_then(|last| last.split_once('~')) {
            after = format!(", after_key => {key}, after_id => '{id}'");
        }
        let ended = page.len() < size;
        rows.extend(page);
        if ended {
            return rows;
        }
    }
}

/// Checks that the pages of a list have the same rows in the same order as the whole list, ascending and descending.
async fn check_pages(session: &Session, call: &str, id: &str, size: usize) -> usize {
    let mut both = vec![];
    for ascending in [false, true] {
        let call = format!("{call}, ascending => {ascending}");
        let whole = format!("SELECT concat(key, '~', {id}) FROM {call})");
        let whole = column(session, &whole).await;
        assert_eq!(pages(session, &call, id, size).await, whole, "{call}");
        both.push(whole);
    }
    both[1].reverse();
    assert_eq!(both[0], both[1], "{call}: ascending is the reverse");
    both[0].len()
}

fn block_on<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// Writes rows as VALUES: an id, then the numbers.
fn values(rows: &[(u8, u8, u8)]) -> String {
    let row = |(n, (a, b, c)): (usize, &(u8, u8, u8))| format!("('id{n}', {a}, {b}, {c})");
    let rows: Vec<String> = rows.iter().enumerate().map(row).collect();
    format!("(VALUES {})", rows.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn pages_have_every_conversation_once_and_in_order(
        rows in prop::collection::vec((0..4_u8, 0..4_u8, 0..4_u8), 1..30),
        size in 1..12_usize,
    ) {
        block_on(async {
            let mut sources = MemSources::default();
            sources.account("acme", Tz::UTC).await;
            let sql = format!(
                "SELECT 'acme' AS account_id, column1 AS conversation_id, 'sms' AS channel, 'live' AS mode, 'open' AS status, \
                 column2 AS messages, DATE '2026-01-10' AS started_on, \
                 to_timestamp_micros(1768032000000000 + column3) AS started_at, \
                 to_timestamp_micros(1768035600000000 + column4) AS last_updated \
                 FROM {}",
                values(&rows)
            );
            sources.add(CONVERSATIONS, &sql).await;
            let session = acme(sources).await;
            for sort in ["last_updated", "started_at", "messages"] {
                let call = format!("conversations_page('2026-01-10', '2026-01-10', sort => '{sort}'");
                let read = check_pages(&session, &call, "conversation_id", size).await;
                assert_eq!(read, rows.len());
            }
        });
    }

    #[test]
    fn pages_have_every_sale_once_and_in_order(
        rows in prop::collection::vec((0..4_u8, 0..3_u8, 0..3_u8), 1..30),
        size in 1..12_usize,
    ) {
        block_on(async {
            let mut sources = MemSources::default();
            sources.account("acme", Tz::UTC).await;
            // Orders of few instants, some under several conversations.
            let sold = format!(
                "SELECT DISTINCT 'acme' AS account_id, concat('o', column2) AS order_id, column1 AS conversation_id, \
                 'sms' AS channel, 'live' AS mode, 'open' AS status, DATE '2026-01-10' AS ordered_on, 'USD' AS currency, \
                 to_timestamp_micros(1768032000000000 + column3) AS ordered_at FROM {}",
                values(&rows)
            );
            sources.add(ATTRIBUTED, &sold).await;
            sources.add(CONVERSATIONS, &sold).await;
            let orders = "SELECT 'acme' AS account_id, concat('o', column1) AS order_id, DATE '2026-01-10' AS ordered_on FROM (VALUES (0), (1), (2), (3))";
            sources.add(Stored::Table(TableId::Orders), orders).await;
            let session = acme(sources).await;
            let call = "sales_page('2026-01-10', '2026-01-10'";
            let read = check_pages(&session, call, "row_id", size).await;
            assert_eq!(read, rows.len());
        });
    }
}

/// Ids may hold any text, and two sales of one instant must have different row ids.
#[tokio::test]
async fn a_row_id_is_one_sales_alone() {
    let mut sources = MemSources::default();
    sources.account("acme", Tz::UTC).await;
    let sold = "SELECT 'acme' AS account_id, column1 AS order_id, column2 AS conversation_id, 'sms' AS channel, \
                'live' AS mode, 'open' AS status, DATE '2026-01-10' AS ordered_on, 'USD' AS currency \
                FROM (VALUES ('a~b', 'c'), ('a', 'b~c'), ('a', '~b~c'), ('a~', 'b~c'), ('a~b~c', '~1'), ('', 'a~b~c~~1'))";
    sources.add(ATTRIBUTED, sold).await;
    sources.add(CONVERSATIONS, sold).await;
    sources
        .add(
            Stored::Table(TableId::Orders),
            &format!("SELECT DISTINCT account_id, order_id, ordered_on FROM ({sold})"),
        )
        .await;
    let session = acme(sources).await;
    let sql = "SELECT count(distinct row_id) FROM sales_page('2026-01-10', '2026-01-10')";
    assert_eq!(column(&session, sql).await, ["6"]);
}
