//! Rows per second of `attribute`: 3 million touches and half a million orders of a million shoppers, most of whom
//! never order, in any order, grouped by a text key.

#![allow(
    clippy::unwrap_used,
    reason = "a bench may stop at what a test would find"
)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Int8Type;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rapport_udfs::attribution::attribute_udaf;
use tokio::runtime::Runtime;

const SHOPPERS: u32 = 1_000_000;
const TOUCHES: usize = 3_000_000;
const ORDERS: usize = 500_000;
const BATCH: usize = 8_192;
const DAYS: i64 = 90 * 86_400_000_000;

const WINDOWS: &str = "email_clicked=5 days,email_opened=5 days,sms_clicked=5 days,sms_opened=1 day,\
                       sms_delivered=12 hours,whatsapp_clicked=5 days,whatsapp_opened=12 hours,push_opened=24 hours";

/// The agent's classes and marketing's.
const CLASSES: [(&str, bool); 8] = [
    ("web_chat", true),
    ("sms_delivered", true),
    ("email_clicked", true),
    ("email_opened", false),
    ("email_opened", false),
    ("email_clicked", false),
    ("sms_clicked", false),
    ("push_opened", false),
];

struct Row {
    number: usize,
    shopper: u32,
    at: i64,
    /// None for an order.
    class: Option<usize>,
}

fn rows() -> Vec<Row> {
    let mut random = SmallRng::seed_from_u64(11);
    let row = |number: usize| {
        let order = random.random_range(0..TOUCHES + ORDERS) < ORDERS;
        // A third of the shoppers have all the orders.
        let shoppers = if order { SHOPPERS / 3 } else { SHOPPERS };
        Row {
            number,
            shopper: random.random_range(0..shoppers),
            at: random.random_range(0..DAYS),
            class: (!order).then(|| random.random_range(0..CLASSES.len())),
        }
    };
    (0..TOUCHES + ORDERS).map(row).collect()
}

fn texts(rows: &[Row], text: impl Fn(&Row) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(text).collect::<StringViewArray>())
}

fn batch(rows: &[Row]) -> RecordBatch {
    let class = |row: &Row| row.class.map(|class| CLASSES[class]);
    let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.at));
    let values = rows.iter().map(|row| match row.class {
        None => Some(row.number as i128 % 2_000_000),
        Some(_) => None,
    });
    let values: Decimal128Array = values.collect();
    let classes: DictionaryArray<Int8Type> = rows.iter().map(|row| Some(class(row)?.0)).collect();
    let agents: BooleanArray = rows.iter().map(|row| Some(class(row)?.1)).collect();
    RecordBatch::try_from_iter_with_nullable(vec![
        (
            "profile_id",
            texts(rows, |row| Some(format!("profile-{:012}", row.shopper))),
            false,
        ),
        (
            "order_id",
            texts(rows, |row| {
                row.class
                    .is_none()
                    .then(|| format!("order-{:014}", row.number))
            }),
            true,
        ),
        (
            "occurred_at",
            Arc::new(at.with_timezone("UTC")) as ArrayRef,
            false,
        ),
        (
            "event_id",
            texts(rows, |row| {
                Some(format!("01890a5d-ac96-774b-8c{:018x}", row.number))
            }),
            false,
        ),
        (
            "value",
            Arc::new(values.with_precision_and_scale(18, 4).unwrap()) as ArrayRef,
            true,
        ),
        ("touch_class", Arc::new(classes) as ArrayRef, true),
        (
            "unit",
            texts(rows, |row| {
                row.class
                    .map(|_| format!("conversation-{:07}", row.number / 3))
            }),
            true,
        ),
        ("is_agent", Arc::new(agents) as ArrayRef, true),
    ])
    .unwrap()
}

fn attribution(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let rows = rows();
    let batches: Vec<_> = rows.chunks(BATCH).map(batch).collect();
    let mut group = criterion.benchmark_group("attribution");
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.sample_size(10);
    for partitions in [1, 2] {
        let config = SessionConfig::new().with_target_partitions(partitions);
        let context = SessionContext::new_with_config(config);
        context.register_udaf(attribute_udaf().as_ref().clone());
        let parts = batches.chunks(batches.len().div_ceil(partitions));
        let parts = parts.map(<[RecordBatch]>::to_vec).collect();
        let table = MemTable::try_new(batches[0].schema(), parts).unwrap();
        context.register_table("events", Arc::new(table)).unwrap();
        for (name, value) in [
            // What grouping alone costs.
            ("count", "count(event_id)".to_owned()),
            ("last_touch", call("last_touch")),
            ("linear", call("linear")),
        ] {
            let sql =
                format!("SELECT sum(n) FROM (SELECT {value} AS n FROM events GROUP BY profile_id)");
            group.bench_function(BenchmarkId::new(name, partitions), |bencher| {
                bencher.iter(|| {
                    runtime.block_on(async {
                        context.sql(&sql).await.unwrap().collect().await.unwrap()
                    })
                });
            });
        }
    }
    group.finish();
}

fn call(model: &str) -> String {
    format!(
        "cardinality(attribute('{model}', '{WINDOWS}', order_id, occurred_at, event_id, value, touch_class, unit, is_agent))"
    )
}

criterion_group!(benches, attribution);
criterion_main!(benches);
