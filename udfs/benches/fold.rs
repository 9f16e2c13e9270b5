//! Events per second of the folding aggregates, grouped by a text id and with DataFusion's hashing.

#![allow(
    clippy::unwrap_used,
    reason = "a bench may stop at what a test would find"
)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, ListBuilder, RecordBatch,
    StringBuilder, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int8Type;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;

const CONVERSATIONS: usize = 100_000;
const BATCH: usize = 8_192;

/// What a conversation does, one letter an event.
const TALK: &[u8] = b"SsapsaclsaR";

struct Event {
    conversation: usize,
    place: usize,
    at: i64,
}

/// About 1.1 million events in 100 thousand conversations: by conversation and time, as files are, or shuffled.
fn events(sorted: bool) -> Vec<Event> {
    let mut random = SmallRng::seed_from_u64(7);
    let mut events: Vec<_> = (0..CONVERSATIONS)
        .flat_map(|conversation| {
            let start = random.random_range(0..90 * 86_400_000_000_i64);
            (0..TALK.len()).map(move |place| Event {
                conversation,
                place,
                at: start + place as i64 * 7_000_000,
            })
        })
        .collect();
    if !sorted {
        events.shuffle(&mut random);
    }
    events
}

fn talk(event: &Event) -> u8 {
    TALK[event.place]
}

fn dictionary(events: &[Event], value: fn(&Event) -> Option<&'static str>) -> ArrayRef {
    Arc::new(
        events
            .iter()
            .map(value)
            .collect::<DictionaryArray<Int8Type>>(),
    )
}

fn views(events: &[Event], value: impl Fn(&Event) -> Option<String>) -> ArrayRef {
    Arc::new(events.iter().map(value).collect::<StringViewArray>())
}

fn when<T>(condition: bool, value: T) -> Option<T> {
    condition.then_some(value)
}

fn batch(events: &[Event]) -> RecordBatch {
    let mut tags = ListBuilder::new(StringBuilder::new());
    for event in events {
        if talk(event) == b'R' {
            tags.append_value([Some("delivery")]);
        } else {
            tags.append_null();
        }
    }
    let at = TimestampMicrosecondArray::from_iter_values(events.iter().map(|e| e.at));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "conversation_id",
            views(events, |e| {
                Some(format!(
                    "conversation-{:08}",
                    e.conversation * 7919 % CONVERSATIONS
                ))
            }),
        ),
        (
            "type",
            dictionary(events, |e| {
                Some(match talk(e) {
                    b'S' => "conversation_started",
                    b's' | b'a' => "message_sent",
                    b'p' => "procedure_started",
                    b'c' => "added_to_cart",
                    b'l' => "link_clicked",
                    _ => "conversation_resolved",
                })
            }),
        ),
        ("occurred_at", Arc::new(at.with_timezone("UTC"))),
        (
            "event_id",
            views(events, |e| {
                Some(format!(
                    "01890a5d-ac96-774b-{:04x}-{:012x}",
                    e.place, e.conversation
                ))
            }),
        ),
        (
            "profile_id",
            views(events, |e| {
                when(
                    talk(e) == b'S',
                    format!("profile-{:08}", e.conversation % 60_000),
                )
            }),
        ),
        (
            "channel",
            dictionary(events, |e| {
                when(
                    talk(e) == b'S',
                    ["web_chat", "email", "sms", "whatsapp"][e.conversation % 4],
                )
            }),
        ),
        ("mode", dictionary(events, |_| None)),
        (
            "sender",
            dictionary(events, |e| match talk(e) {
                b's' => Some("shopper"),
                b'a' => Some("agent"),
                _ => None,
            }),
        ),
        (
            "first_message",
            views(events, |e| {
                when(
                    talk(e) == b'S',
                    "Hello, where is my order? It should have come.".to_owned(),
                )
            }),
        ),
        (
            "text",
            views(events, |e| {
                when(
                    b"sa".contains(&talk(e)),
                    format!("A message of usual length, number {} of these", e.place),
                )
            }),
        ),
        (
            "procedure",
            views(events, |e| {
                when(b"pR".contains(&talk(e)), "Order status".to_owned())
            }),
        ),
        ("tag", views(events, |_| None)),
        ("tags", Arc::new(tags.finish())),
        ("reason", views(events, |_| None)),
        ("category", views(events, |_| None)),
        (
            "is_bot",
            Arc::new(
                events
                    .iter()
                    .map(|e| when(talk(e) == b'l', e.place % 2 == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "value",
            Arc::new(
                events
                    .iter()
                    .map(|e| Some(e.at as i128 % 1_000_000))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(18, 4)
                    .unwrap(),
            ),
        ),
        (
            "order_type",
            dictionary(events, |e| {
                Some(if e.place == 0 {
                    "order_placed"
                } else {
                    "order_refunded"
                })
            }),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn context(sorted: bool, partitions: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(BATCH);
    let context = SessionContext::new_with_config(config);
    rapport_udfs::register(&context);
    let batches: Vec<_> = events(sorted).chunks(BATCH).map(batch).collect();
    let schema = batches[0].schema();
    let mut parts = vec![vec![]; partitions];
    for (i, batch) in batches.into_iter().enumerate() {
        parts[i % partitions].push(batch);
    }
    context
        .register_table(
            "events",
            Arc::new(MemTable::try_new(schema, parts).unwrap()),
        )
        .unwrap();
    context
}

const QUERIES: [(&str, &str); 4] = [
    ("hashing alone", "SELECT conversation_id, count(*) FROM events GROUP BY conversation_id"),
    (
        "conversation_status",
        "SELECT conversation_id, conversation_status(type, sender, occurred_at, event_id) FROM events GROUP BY conversation_id",
    ),
    (
        "conversation_fold",
        "SELECT conversation_id, conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender,
            first_message, text, procedure, tag, tags, reason, category, is_bot, NULL) FROM events GROUP BY conversation_id",
    ),
    (
        "order_fold",
        "SELECT conversation_id, order_fold(order_type, occurred_at, event_id, profile_id, tag, value, category)
            FROM events GROUP BY conversation_id",
    ),
];

fn fold(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for (sorted, partitions) in [(true, 1), (false, 1), (false, 2)] {
        let context = context(sorted, partitions);
        let order = if sorted { "sorted" } else { "shuffled" };
        let mut group = criterion.benchmark_group(format!("{order}, {partitions} partitions"));
        group.sample_size(10);
        group.throughput(Throughput::Elements((CONVERSATIONS * TALK.len()) as u64));
        for (name, query) in QUERIES {
            group.bench_with_input(
                BenchmarkId::from_parameter(name),
                query,
                |bencher, query| {
                    bencher.iter(|| {
                        runtime.block_on(async {
                            context
                                .sql(query)
                                .await
                                .unwrap()
                                .collect()
                                .await
                                .unwrap()
                                .len()
                        })
                    });
                },
            );
        }
        group.finish();
    }
}

criterion_group!(benches, fold);
criterion_main!(benches);
