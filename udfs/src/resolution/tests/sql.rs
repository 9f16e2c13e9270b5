//! The aggregates in SQL: grouped over several partitions, filtered, over windows, and with wrong arguments.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext, col};
use rstest::rstest;

use super::model::{Columns, Event, Shape, fold, read};
use crate::testing::{collect, sql, sql_error, text_of};

const FOLD: &str = "conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender, first_message, text,
    procedure, tag, tags, reason, category, is_bot, rating)";

/// Generates conversations of several kinds, their events in no order.
fn events(conversations: usize) -> Vec<(usize, Event)> {
    let mut events = vec![];
    for c in 0..conversations {
        let kinds = [
            "conversation_started",
            "message_sent",
            "message_sent",
            "procedure_started",
            "conversation_resolved",
            "link_clicked",
            "conversation_closed",
            "message_sent",
            "profile_linked",
            "tag_added",
        ];
        for (i, kind) in kinds.iter().enumerate().take(3 + c % 8) {
            events.push((
                c,
                Event {
                    id: format!("e{}", (i * 7 + c) % 10),
                    kind,
                    at: ((i + c) % 4) as i64,
                    channel: Some(["sms", "email"][c % 2]),
                    profile: Some(["p1", "p2"][i % 2]),
                    sender: Some(["shopper", "agent", "human"][(i + c / 7) % 3]),
                    text: Some(["where is my order?", "", "thanks"][(i + c) % 3]),
                    procedure: [None, Some("Returns")][c % 2],
                    tags: Some(vec!["vip"]),
                    tag: Some("late"),
                    is_bot: [None, Some(true)][c % 2],
                    ..Event::default()
                },
            ));
        }
    }
    let rows = events.len();
    (0..rows).map(|i| events[i * 61 % rows].clone()).collect()
}

fn table(rows: &[(usize, Event)], shape: Shape, partitions: usize) -> MemTable {
    let batches: Vec<_> = rows
        .chunks(50)
        .map(|rows| {
            let events: Vec<_> = rows.iter().map(|(_, event)| event.clone()).collect();
            let ids: StringViewArray = rows
                .iter()
                .map(|(c, _)| Some(format!("conversation {c:06}")))
                .collect();
            let names = [
                "type",
                "occurred_at",
                "event_id",
                "profile_id",
                "channel",
                "mode",
                "sender",
                "first_message",
                "text",
                "procedure",
                "tag",
                "tags",
                "reason",
                "category",
                "is_bot",
                "rating",
            ];
            let columns = Columns {
                events: &events,
                shape,
            }
            .fold();
            let named = std::iter::once(("conversation_id", Arc::new(ids) as ArrayRef))
                .chain(names.into_iter().zip(columns));
            RecordBatch::try_from_iter_with_nullable(
                named.map(|(name, column)| (name, column, true)),
            )
            .unwrap()
        })
        .collect();
    let schema = batches[0].schema();
    let mut parts = vec![vec![]; partitions];
    for (i, batch) in batches.into_iter().enumerate() {
        parts[i % partitions].push(batch);
    }
    MemTable::try_new(schema, parts).unwrap()
}

fn context(
    rows: &[(usize, Event)],
    shape: Shape,
    partitions: usize,
    skip_partial: bool,
) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(32);
    let options = &mut config.options_mut().execution;
    if skip_partial {
        // From the second batch on, the partial phase converts rows to states (`convert_to_state`).
        options.skip_partial_aggregation_probe_rows_threshold = 1;
        options.skip_partial_aggregation_probe_ratio_threshold = 0.0;
    }
    let context = SessionContext::new_with_config(config);
    crate::register(&context);
    context
        .register_table("events", Arc::new(table(rows, shape, partitions)))
        .unwrap();
    context
}

#[rstest]
#[tokio::test]
async fn grouped_queries_match_the_model(
    #[values(1, 4)] partitions: usize,
    #[values(Shape::Utf8View, Shape::Dictionary)] shape: Shape,
    #[values(false, true)] skip_partial: bool,
) {
    let rows = events(97);
    let context = context(&rows, shape, partitions, skip_partial);
    let query = format!(
        "SELECT conversation_id, {FOLD} AS c, conversation_status(type, sender, occurred_at, event_id) AS status
         FROM events GROUP BY conversation_id ORDER BY conversation_id"
    );
    let mut conversation = 0;
    for batch in collect(&context, &query).await {
        for row in 0..batch.num_rows() {
            let of_it: Vec<_> = rows
                .iter()
                .filter(|(c, _)| *c == conversation)
                .map(|(_, e)| e.clone())
                .collect();
            let expected = fold(&of_it);
            assert_eq!(read(batch.column(1), row), expected);
            let status = text_of(&[batch.slice(row, 1).project(&[2]).unwrap()]);
            assert_eq!(Some(&status[0]), expected.unwrap().status.as_ref());
            conversation += 1;
        }
    }
    assert_eq!(conversation, 97);
}

/// Over sorted input, groups are emitted as soon as their id has passed.
#[tokio::test]
async fn sorted_input_gives_the_same_rows() {
    let mut rows = events(97);
    let unsorted = context(&rows, Shape::Utf8, 1, false);
    rows.sort_by_key(|(conversation, _)| *conversation);
    let sorted = context(&rows, Shape::Utf8, 1, false);
    let by_id = vec![vec![col("conversation_id").sort(true, true)]];
    let table = table(&rows, Shape::Utf8, 1).with_sort_order(by_id);
    sorted.deregister_table("events").unwrap();
    sorted.register_table("events", Arc::new(table)).unwrap();
    let query = format!(
        "SELECT conversation_id, {FOLD} AS c FROM events GROUP BY conversation_id ORDER BY conversation_id"
    );
    let plan = text_of(&collect(&sorted, &format!("EXPLAIN {query}")).await).join("\n");
    assert!(plan.contains("ordering_mode=Sorted"), "{plan}");
    assert_eq!(
        text_of(&collect(&sorted, &query).await),
        text_of(&collect(&unsorted, &query).await)
    );
}

#[tokio::test]
async fn fields_of_the_struct_and_filters() {
    let rows = events(3);
    let context = context(&rows, Shape::Utf8View, 2, false);
    let query = format!(
        "SELECT conversation_id, c['status'] = 'routed' AS routed, c['messages'] AS messages, before IS NULL AS none_before
         FROM (SELECT conversation_id, {FOLD} AS c, {FOLD} FILTER (WHERE occurred_at < TIMESTAMP '1970-01-01') AS before
               FROM events GROUP BY conversation_id) ORDER BY conversation_id"
    );
    let rows = text_of(&collect(&context, &query).await);
    assert_eq!(
        rows,
        [
            "conversation 000000|true|2|true",
            "conversation 000001|true|2|true",
            "conversation 000002|true|2|true"
        ]
    );
}

const HISTORY: &str = "(VALUES
    (1, 'message_sent', 'shopper', TIMESTAMP '2026-01-05T10:00:00Z', 'a'),
    (1, 'conversation_resolved', NULL, TIMESTAMP '2026-01-05T11:00:00Z', 'b'),
    (1, 'message_sent', 'shopper', TIMESTAMP '2026-01-05T12:00:00Z', 'c'),
    (1, 'conversation_closed', NULL, TIMESTAMP '2026-01-05T13:00:00Z', 'd'),
    (1, 'conversation_escalated', NULL, TIMESTAMP '2026-01-05T14:00:00Z', 'e'),
    (2, 'touch', NULL, TIMESTAMP '2026-01-05T10:00:00Z', 'f'),
    (2, 'message_sent', 'agent', NULL, 'g')) AS history(c, type, sender, at, id)";

#[tokio::test]
async fn as_a_window_function() {
    let query = format!(
        "SELECT conversation_status(type, sender, at, id) OVER (PARTITION BY c ORDER BY at) FROM {HISTORY} ORDER BY c, at, id"
    );
    assert_eq!(
        text_of(&sql(&query, 2).await),
        ["open", "resolved", "open", "closed", "routed", "", ""]
    );
}

#[rstest]
#[case("SELECT conversation_status(type, sender, at, id) FROM {}", "routed")]
#[case(
    "SELECT conversation_status(type, sender, at, id) FILTER (WHERE type <> 'conversation_escalated') FROM {}",
    "closed"
)]
#[case(
    "SELECT conversation_status(sender => sender, type => type, event_id => id, occurred_at => at) FROM {}",
    "routed"
)]
// Events of other types, and events without an instant, are ignored.
#[case(
    "SELECT conversation_status(type, sender, at, id) FROM {} WHERE c = 2",
    ""
)]
#[case(
    "SELECT conversation_status(type, sender, at, id) FROM {} WHERE c = 3",
    ""
)]
#[case(
    "SELECT conversation_status(type, NULL, at, NULL) FROM {} WHERE c = 1 AND id < 'e'",
    "resolved"
)]
#[case(
    "SELECT conversation_fold(type, at, id, NULL, NULL, NULL, sender, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)['messages'] FROM {}",
    "2"
)]
#[case(
    "SELECT conversation_fold(type, at, id, NULL, NULL, NULL, sender, NULL, NULL, NULL, NULL, ['x', type], NULL, NULL, false, NULL)['tags'] FROM {}",
    "[conversation_escalated, conversation_resolved, x]"
)]
#[case(
    "SELECT conversation_fold(type, at, id, NULL, NULL, NULL, sender, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) FROM {} WHERE c = 2",
    ""
)]
// SQL reads the fields of a null struct without checking the struct, so they must be null too.
#[case("SELECT f['status'] IS NULL AND f['events'] IS NULL AND f['tags'] IS NULL AND f['reopened'] IS NULL AND f['mode'] IS NULL FROM
    (SELECT conversation_fold(type, at, id, NULL, NULL, NULL, sender, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS f FROM {} WHERE c = 2)",
    "true")]
#[tokio::test]
async fn without_groups(#[case] query: &str, #[case] expected: &str) {
    for partitions in [1, 4] {
        assert_eq!(
            text_of(&sql(&query.replace("{}", HISTORY), partitions).await),
            [expected]
        );
    }
}

#[rstest]
#[case(
    "conversation_status(type, sender, at)",
    "conversation_status takes 4 arguments (type, sender, occurred_at, event_id), got 3"
)]
#[case(
    "conversation_status(type, sender, c, id)",
    "conversation_status: occurred_at must be a timestamp, got Int64"
)]
#[case(
    "conversation_status(DISTINCT type, sender, at, id)",
    "conversation_status does not take DISTINCT"
)]
#[tokio::test]
async fn errors(#[case] call: &str, #[case] expected: &str) {
    let error = sql_error(&format!("SELECT {call} FROM {HISTORY}")).await;
    assert!(error.contains(expected), "{error}");
}
