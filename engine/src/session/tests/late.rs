//! Late materialisation: a list with a limit has the rows and the order that it has without.

use std::sync::Arc;

use datafusion::physical_plan::displayable;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::lake::Shop;
use super::resident::session;
use super::sample::{column, table};
use crate::lake::ResidentColumns;
use crate::session::Session;

/// Each conversation has two lines: a start, and something else.
const CONVERSATIONS: usize = 160;
/// Enough for the columns that a list is sorted by, but not for the others of a month: those are read row by row.
const FEW_BYTES: u64 = 16_000;

/// Lands conversations of four months with ties, nulls and lists, and derives them: several files.
async fn shop() -> Shop {
    let shop = Shop::open().await;
    let mut events = vec![];
    for n in 0..CONVERSATIONS {
        // A fixed shuffle, so that neither time nor id follows the other.
        let mixed = n * 67 % CONVERSATIONS;
        let month = ["2025-10", "2025-11", "2025-12", "2026-01"][mixed % 4];
        let at = format!("{month}-{:02}T{:02}:00:00Z", 1 + mixed % 9, mixed % 5);
        let channel = ["sms", "email", "web_chat"][mixed % 3];
        let profile = ["", r#", "profile_id": "p""#][mixed % 2];
        events.push(format!(
            r#""event_id": "s{n}", "type": "conversation_started", "occurred_at": "{at}", "conversation_id": "c{n:03}", "channel": "{channel}", "first_message": "question {mixed}"{profile}"#
        ));
        events.push(match mixed % 4 {
            0 => format!(
                r#""event_id": "x{n}", "type": "conversation_escalated", "occurred_at": "{at}", "conversation_id": "c{n:03}", "reason": "reason {}", "tags": ["t{}"]"#,
                mixed % 7,
                mixed % 3
            ),
            1 => format!(
                r#""event_id": "x{n}", "type": "procedure_started", "occurred_at": "{at}", "conversation_id": "c{n:03}", "procedure": "Returns""#
            ),
            _ => format!(
                r#""event_id": "x{n}", "type": "message_sent", "occurred_at": "{at}", "conversation_id": "c{n:03}", "sender": "shopper", "text": "again""#
            ),
        });
    }
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    shop.land(&events).await;
    shop.derive().await;
    shop
}

/// Returns the physical plan of a statement, without the names of files.
async fn plan(session: &Session, sql: &str) -> String {
    let frame = session.sql(sql).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    let lines = plan.lines().map(|line| {
        let files = line.split_once("file_groups={");
        let cut = files.and_then(|(start, rest)| Some((start, rest.split_once("]]}, ")?.1)));
        cut.map_or_else(|| line.to_owned(), |(start, end)| [start, end].concat())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_list_with_a_limit_reads_only_the_rows_that_it_shows() {
    let shop = shop().await;
    let (session, _) = session(&shop, 8 << 20).await;
    let routed =
        "SELECT * FROM conversations WHERE status = 'routed' ORDER BY last_updated DESC LIMIT 5";
    insta::assert_snapshot!("late_columns", plan(&session, routed).await);
    let page = "SELECT * FROM conversations_page('2025-10-01', '2026-01-31') LIMIT 5";
    assert!(plan(&session, page).await.contains("LateColumnsExec"));
    for sql in [
        "SELECT messages, last_updated FROM conversations ORDER BY last_updated LIMIT 5",
        "SELECT * FROM conversations ORDER BY last_updated LIMIT 100",
        "SELECT * FROM conversations ORDER BY last_updated",
        "SELECT * FROM conversations WHERE random() < 2 ORDER BY last_updated LIMIT 5",
    ] {
        let plan = plan(&session, sql).await;
        assert!(!plan.contains("LateColumnsExec"), "{sql}: {plan}");
    }
}

/// The newest files come first, and those that are too old for the limit are not read.
#[tokio::test]
async fn a_list_with_a_limit_skips_files_that_are_too_old() {
    let shop = Shop::open().await;
    let orders: Vec<String> = (0..80)
        .map(|n| {
            let (month, day) = (1 + n % 4, 1 + n / 4);
            format!(
                r#""event_id": "e{n}", "type": "order_placed", "occurred_at": "2025-{month:02}-{day:02}T00:00:00Z", "order_id": "o{n}", "value": "1""#
            )
        })
        .collect();
    let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
    shop.land(&orders).await;
    shop.derive().await;
    let (session, resident) = session(&shop, 8 << 20).await;
    let list = |order: &str| format!("SELECT * FROM orders ORDER BY ordered_at {order} LIMIT 5");
    let analyzed = table(&session, &format!("EXPLAIN ANALYZE {}", list("DESC"))).await;
    assert!(analyzed.contains("files_skipped=3"), "{analyzed}");
    let newest = resident.bytes();
    table(&session, &list("DESC")).await;
    assert_eq!(resident.bytes(), newest, "it reads nothing else");
    table(&session, &list("ASC")).await;
    assert!(resident.bytes() > newest, "the oldest are in another file");
}

/// A list as people ask for it.
#[derive(Debug, Clone)]
struct List {
    columns: &'static str,
    filter: &'static str,
    key: &'static str,
    direction: &'static str,
    limit: usize,
    offset: usize,
}

fn lists() -> impl Strategy<Value = List> {
    let columns = prop::sample::select(vec![
        "*",
        "conversation_id, tags, upper(first_question) AS question, account_id",
        "account_id, started_on, procedures, escalation_reason, channel, tags",
    ]);
    let filter = prop::sample::select(vec![
        "true",
        "status = 'routed'",
        "channel <> 'sms' AND messages > 0",
        "started_on BETWEEN '2025-11-03' AND '2026-01-05' AND profile_id IS NOT NULL",
        "array_has(tags, 't1') OR first_question LIKE '%7%'",
        "status = 'none'",
    ]);
    let key = prop::sample::select(vec![
        "last_updated",
        "messages",
        "profile_id",
        "escalation_reason",
        "channel",
        "lower(first_question)",
    ]);
    let direction = prop::sample::select(vec!["ASC", "DESC", "ASC NULLS FIRST", "DESC NULLS LAST"]);
    (columns, filter, key, direction, 0..24_usize, 0..12_usize).prop_map(
        |(columns, filter, key, direction, limit, offset)| List {
            columns,
            filter,
            key,
            direction,
            limit,
            offset,
        },
    )
}

#[test]
fn lists_are_the_same_with_and_without_late_columns() {
    let runtime = Runtime::new().unwrap();
    let open = async {
        let shop = shop().await;
        let (without, _) = session(&shop, 0).await;
        let (few, few_columns) = session(&shop, FEW_BYTES).await;
        let (all, _) = session(&shop, 8 << 20).await;
        (shop, without, few, few_columns, all)
    };
    let (_shop, without, few, few_columns, all): (
        Shop,
        Session,
        Session,
        Arc<ResidentColumns>,
        Session,
    ) = runtime.block_on(open);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 96,
        ..ProptestConfig::default()
    });
    let late = std::cell::Cell::new((0, 0));
    let result = runner.run(&lists(), |list| {
        let (limit, offset) = (list.limit, list.offset);
        let ordered = format!(
            "FROM conversations WHERE {} ORDER BY {} {}",
            list.filter, list.key, list.direction
        );
        // With the id every row has its place; without it, rows of one key may come in any order.
        let unique = format!(
            "SELECT {} {ordered}, conversation_id DESC LIMIT {limit} OFFSET {offset}",
            list.columns
        );
        let tied = format!(
            "SELECT concat('=', key) FROM (SELECT *, {} AS key {ordered} LIMIT {limit} OFFSET {offset})",
            list.key
        );
        runtime.block_on(async {
            let (expected, keys) = (table(&without, &unique).await, column(&without, &tied).await);
            for session in [&few, &all] {
                prop_assert_eq!(&table(session, &unique).await, &expected, "{}", unique);
                prop_assert_eq!(&column(session, &tied).await, &keys, "{}", tied);
            }
            prop_assert!(few_columns.bytes() <= FEW_BYTES);
            let is_late = async |session| {
                usize::from(plan(session, &unique).await.contains("LateColumnsExec"))
            };
            let (some, most) = late.get();
            late.set((some + is_late(&few).await, most + is_late(&all).await));
            Ok(())
        })
    });
    result.unwrap();
    let (some, most) = late.get();
    assert!(some > 10 && most >= some, "{some} and {most} were late");
}
