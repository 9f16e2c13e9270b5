//! `attribute` in SQL: one and several partitions, all string types, nulls, errors.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::pretty::pretty_format_batches;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use rstest::rstest;

use super::partial::arguments;
use super::properties::many;
use crate::attribution::attribute_udaf;
use crate::attribution::rules::Model;

/// Shoppers: p1 in web chat, p2 in SMS, p3 whose order marketing takes, p4 who never orders, and an order without a profile
/// that names a conversation.
const ROWS: &str = "
    (VALUES
      ('p1', 'o1', '2026-01-10T18:00:00Z', NULL, 12.5, NULL, NULL, NULL),
      ('p1', NULL, '2026-01-10T17:00:00Z', 'e1', NULL, 'web_chat', 'w1', true),
      ('p1', NULL, '2026-01-10T17:30:00Z', 'e2', NULL, 'email_clicked', 'm1', false),
      ('p2', 'o2', '2026-01-10T18:00:00Z', NULL, 100, NULL, NULL, NULL),
      ('p2', NULL, '2026-01-10T16:00:00Z', 'e3', NULL, 'email_clicked', 'm2', false),
      ('p2', NULL, '2026-01-10T17:00:00Z', 'e4', NULL, 'sms_clicked', 's2', true),
      ('p3', 'o3', '2026-01-10T18:00:00Z', NULL, 7, NULL, NULL, NULL),
      ('p3', NULL, '2026-01-10T16:00:00Z', 'e5', NULL, 'sms_clicked', 's3', true),
      ('p3', NULL, '2026-01-10T17:00:00Z', 'e6', NULL, 'email_clicked', 'm3', false),
      ('p4', NULL, '2026-01-10T17:00:00Z', 'e7', NULL, 'web_chat', 'w4', true),
      ('order o5', 'o5', '2026-01-10T18:00:00Z', NULL, 1, NULL, NULL, NULL),
      ('order o5', 'o5', '2026-01-09T18:00:00Z', 'e8', NULL, 'web_chat', 'w5', NULL)
    ) AS rows(profile_id, order_id, occurred_at, event_id, value, touch_class, unit, is_agent)";

const COLUMNS: &str = "profile_id, order_id, occurred_at::timestamptz AS occurred_at, event_id, \
     value::decimal(10,2) AS value, touch_class, unit, is_agent";

const CALL: &str = "order_id, occurred_at, event_id, value, touch_class, unit, is_agent";

fn session(partitions: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(2);
    let context = SessionContext::new_with_config(config);
    context.register_udaf(attribute_udaf().as_ref().clone());
    context
}

async fn run(context: &SessionContext, sql: &str) -> Result<String> {
    let batches = context.sql(sql).await?.collect().await?;
    Ok(pretty_format_batches(&batches)?.to_string())
}

/// Runs a query and returns its rows as they are printed, without the frame.
async fn lines(context: &SessionContext, sql: &str) -> Vec<String> {
    let printed = run(context, sql).await.unwrap();
    let rows = printed.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
    });
    cells.map(|cells| cells.join(" | ")).collect()
}

/// Registers the rows as table `events`, in several partitions, with texts of one Arrow type.
async fn register(context: &SessionContext, partitions: usize, texts: &DataType) {
    let sql = format!("SELECT {COLUMNS} FROM {ROWS}");
    let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
    let mut parts = vec![Vec::new(); partitions];
    let mut schema = None;
    for (i, batch) in batches.iter().enumerate() {
        let columns = batch.schema().fields().clone();
        let columns = columns.iter().zip(batch.columns()).map(|(field, column)| {
            let column: ArrayRef = match field.data_type() {
                DataType::Utf8 | DataType::Utf8View => cast(column, texts).unwrap(),
                _ => Arc::clone(column),
            };
            (field.name().clone(), column, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        schema = Some(batch.schema());
        parts[i % partitions].push(batch);
    }
    let table = MemTable::try_new(schema.unwrap(), parts).unwrap();
    context.register_table("events", Arc::new(table)).unwrap();
}

fn dictionary(keys: DataType, values: DataType) -> DataType {
    DataType::Dictionary(Box::new(keys), Box::new(values))
}

#[rstest]
#[tokio::test]
async fn last_touch(
    #[values(1, 4)] partitions: usize,
    #[values(
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        dictionary(DataType::Int8, DataType::Utf8),
        dictionary(DataType::UInt16, DataType::Utf8View)
    )]
    texts: DataType,
) {
    let context = session(partitions);
    register(&context, partitions, &texts).await;
    let sql = format!(
        "SELECT profile_id, unnest(credited) FROM (
           SELECT profile_id, attribute('last_touch', 'sms_clicked=5 days,email_clicked=5 days', {CALL}) AS credited
           FROM events GROUP BY profile_id)
         ORDER BY profile_id"
    );
    assert_eq!(
        lines(&context, &sql).await,
        [
            "order o5 | {order_id: o5, unit: w5, touch_class: web_chat, touched_at: 2026-01-09T18:00:00Z, units: 1, attributed_value: 1.0000}",
            "p1 | {order_id: o1, unit: w1, touch_class: web_chat, touched_at: 2026-01-10T17:00:00Z, units: 1, attributed_value: 12.5000}",
            "p2 | {order_id: o2, unit: s2, touch_class: sms_clicked, touched_at: 2026-01-10T17:00:00Z, units: 1, attributed_value: 100.0000}",
        ]
    );
}

#[rstest]
#[tokio::test]
async fn linear_and_a_what_if(#[values(1, 4)] partitions: usize) {
    let context = session(partitions);
    register(&context, partitions, &DataType::Utf8View).await;
    let total = |model: &str, windows: &str| {
        format!(
            "SELECT sum(credited['attributed_value']) AS sales, count(*) AS rows FROM (
               SELECT unnest(attribute('{model}', '{windows}', {CALL})) AS credited FROM events GROUP BY profile_id)"
        )
    };
    let linear = total("linear", "sms_clicked=5 days,email_clicked=5 days");
    assert_eq!(lines(&context, &linear).await, ["67.0000 | 4"]);
    let shorter = total(
        "linear",
        "sms_clicked=90 minutes,email_clicked=5 days,web_chat=1 hour",
    );
    assert_eq!(lines(&context, &shorter).await, ["62.5000 | 2"]);
}

/// Model and windows may be columns; rows where they are null are skipped.
#[rstest]
#[tokio::test]
async fn rules_by_group(#[values(1, 4)] partitions: usize) {
    let context = session(partitions);
    register(&context, partitions, &DataType::Utf8View).await;
    let sql = format!(
        "SELECT profile_id, unnest(attribute(
           CASE WHEN profile_id = 'p2' THEN 'linear' ELSE 'last_touch' END,
           CASE WHEN touch_class IS NULL THEN CASE profile_id WHEN 'p3' THEN 'sms_clicked=5 days'
             ELSE 'sms_clicked=5 days,email_clicked=5 days' END END, {CALL}))['unit'] AS unit
         FROM events GROUP BY profile_id ORDER BY profile_id"
    );
    assert_eq!(
        lines(&context, &sql).await,
        ["order o5 | w5", "p1 | w1", "p2 | s2", "p3 | s3"]
    );
}

#[rstest]
#[case::no_rows("FROM events WHERE false")]
#[case::no_rows_by_group("FROM events WHERE false GROUP BY profile_id")]
#[case::no_orders("FROM events WHERE touch_class IS NOT NULL")]
#[case::no_touches("FROM events WHERE touch_class IS NULL")]
#[case::filter("FROM events WHERE profile_id = 'p4' GROUP BY profile_id")]
#[tokio::test]
async fn nothing_to_attribute(#[case] from: &str, #[values(1, 4)] partitions: usize) {
    let context = session(partitions);
    register(&context, partitions, &DataType::Utf8View).await;
    let sql = format!(
        "SELECT coalesce(sum(cardinality(credited)), 0) AS rows FROM (SELECT attribute('linear', '', {CALL}) AS credited {from})"
    );
    let rows = run(&context, &sql).await.unwrap();
    assert!(rows.contains("| 0    |"), "{rows}");
}

/// Named arguments, `FILTER`, no `GROUP BY`, as a window function.
#[rstest]
#[case::named(
    "SELECT cardinality(attribute(model => 'last_touch', windows => '', order_id => order_id, occurred_at => occurred_at,
       event_id => event_id, value => value, touch_class => touch_class, unit => unit, is_agent => is_agent))
     FROM events WHERE profile_id = 'p1'"
)]
#[case::filter(
    "SELECT cardinality(attribute('last_touch', '', CALL) FILTER (WHERE profile_id = 'p1')) FROM events"
)]
#[case::over_a_window(
    "SELECT max(n) FROM (SELECT cardinality(attribute('last_touch', '', CALL)
       OVER (PARTITION BY profile_id ORDER BY occurred_at)) AS n FROM events)"
)]
#[case::integers("SELECT cardinality(attribute('last_touch', '', order_id, occurred_at, event_id, value::int, touch_class,
       unit, is_agent)) FROM events WHERE profile_id = 'p1'")]
#[case::naive_instants("SELECT cardinality(attribute('last_touch', '', order_id, occurred_at::timestamp, event_id, value,
       touch_class, unit, is_agent)) FROM events WHERE profile_id = 'p1'")]
#[tokio::test]
async fn one_row(#[case] sql: &str, #[values(1, 4)] partitions: usize) {
    let context = session(partitions);
    register(&context, partitions, &DataType::Utf8View).await;
    let rows = run(&context, &sql.replace("CALL", CALL)).await.unwrap();
    assert!(rows.lines().nth(3).unwrap().starts_with("| 1 "), "{rows}");
}

#[rstest]
#[case::model(
    "'first_touch', ''",
    CALL,
    "model 'first_touch' is unknown; expected 'last_touch' or 'linear'"
)]
#[case::windows(
    "'linear', 'sms_clicked=5'",
    CALL,
    "windows 'sms_clicked=5': '5' of sms_clicked is no duration"
)]
#[case::no_model("NULL, ''", CALL, "model is null in all rows of the group of order")]
#[case::no_windows(
    "'linear', NULL",
    CALL,
    "windows is null in all rows of the group of order"
)]
#[case::model_differs(
    "CASE WHEN unit IS NULL THEN 'linear' ELSE 'last_touch' END, ''",
    CALL,
    "model differs within a group"
)]
#[case::windows_differ(
    "'linear', coalesce(unit, 'x') || '=1 day'",
    CALL,
    "windows differ within a group"
)]
#[case::no_order_id(
    "'linear', ''",
    "NULL, occurred_at, event_id, value, touch_class, unit, is_agent",
    "order_id is null in an order"
)]
#[case::no_instant(
    "'linear', ''",
    "order_id, NULL, event_id, value, touch_class, unit, is_agent",
    "occurred_at is null in"
)]
#[case::no_event_id(
    "'linear', ''",
    "order_id, occurred_at, NULL, value, touch_class, unit, is_agent",
    "event_id is null in a touch"
)]
#[case::no_value(
    "'linear', ''",
    "order_id, occurred_at, event_id, NULL, touch_class, unit, is_agent",
    "value is null in order 'o1'"
)]
#[case::no_unit(
    "'linear', ''",
    "order_id, occurred_at, event_id, value, touch_class, NULL, is_agent",
    "unit is null in touch 'e1'"
)]
#[case::not_whose(
    "'linear', 'email_clicked=1 day'",
    "order_id, occurred_at, event_id, value, touch_class, unit, NULL",
    "is_agent is null in touch 'e2'"
)]
#[case::float(
    "'linear', ''",
    "order_id, occurred_at, event_id, value::double, touch_class, unit, is_agent",
    "value must be a decimal of at most 4 decimals or an integer, never a float, got Float64"
)]
#[case::scale(
    "'linear', ''",
    "order_id, occurred_at, event_id, value::decimal(20, 5), touch_class, unit, is_agent",
    "value must be a decimal of at most 4 decimals"
)]
#[case::instant_as_text(
    "'linear', ''",
    "order_id, 'today', event_id, value, touch_class, unit, is_agent",
    "occurred_at must be a timestamp, got Utf8"
)]
#[case::agent_as_text(
    "'linear', ''",
    "order_id, occurred_at, event_id, value, touch_class, unit, 'yes'",
    "is_agent must be a boolean"
)]
#[case::class_as_number(
    "'linear', ''",
    "order_id, occurred_at, event_id, value, 1, unit, is_agent",
    "touch_class must be a string"
)]
#[case::too_few("'linear'", "order_id", "takes 9 arguments")]
#[tokio::test]
async fn errors(#[case] rules: &str, #[case] rest: &str, #[case] expected: &str) {
    let context = session(1);
    register(&context, 1, &DataType::Utf8View).await;
    let sql = format!("SELECT attribute({rules}, {rest}) FROM events WHERE profile_id = 'p1'");
    let error = run(&context, &sql).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn distinct_is_refused() {
    let context = session(1);
    register(&context, 1, &DataType::Utf8View).await;
    let sql = format!("SELECT attribute(DISTINCT 'linear', '', {CALL}) FROM events");
    let error = run(&context, &sql).await.unwrap_err().to_string();
    assert!(
        error.contains("attribute does not take DISTINCT"),
        "{error}"
    );
}

/// The collected rows count against the memory pool. With too little memory the aggregation spills, with the same result.
#[tokio::test]
async fn spills_within_a_memory_pool() {
    let touches = many(20_000);
    let touches: Vec<_> = touches.iter().collect();
    let columns = arguments(Model::LastTouch, "", &touches, false);
    let names = [
        "model",
        "windows",
        "order_id",
        "occurred_at",
        "event_id",
        "value",
        "touch_class",
        "unit",
        "is_agent",
    ];
    let columns = names
        .iter()
        .zip(columns)
        .map(|(name, column)| (*name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let (mut answers, mut spilled) = (Vec::new(), Vec::new());
    for limit in [100 << 20, 6 << 20] {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(limit, 1.0)
            .build_arc()
            .unwrap();
        let config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(512);
        let context = SessionContext::new_with_config_rt(config, runtime);
        context.register_udaf(attribute_udaf().as_ref().clone());
        let parts = (0..20).map(|i| batch.slice(i * 1_000, 1_000)).collect();
        let table = MemTable::try_new(batch.schema(), vec![parts]).unwrap();
        context.register_table("touches", Arc::new(table)).unwrap();
        let sql = format!(
            "SELECT count(*), sum(cardinality(credited)) FROM (
               SELECT attribute('last_touch', 'sms_clicked=5 days', {CALL}) AS credited FROM (
                 SELECT {CALL} FROM touches UNION ALL
                 SELECT 'order ' || event_id, occurred_at, event_id, 1, NULL, NULL, NULL FROM touches)
               GROUP BY event_id)"
        );
        answers.push(lines(&context, &sql).await);
        let analyzed = run(&context, &format!("EXPLAIN ANALYZE {sql}"))
            .await
            .unwrap();
        let none = analyzed.matches("spill_count=0").count();
        spilled.push(none < analyzed.matches("spill_count=").count());
    }
    assert_eq!(answers, [["20000 | 20000"], ["20000 | 20000"]]);
    assert_eq!(spilled, [false, true]);
}

/// SPEC 2 limits only `event_id`. Longer texts are attributed like any other (A6), from rows and from partial states.
#[rstest]
#[tokio::test]
async fn long_texts(#[values(1, 4)] partitions: usize) {
    let context = session(partitions);
    register(&context, partitions, &DataType::Utf8View).await;
    let long = |name: &str| format!("{name} || repeat('x', 70000) AS {name}");
    let sql = format!(
        "SELECT left(c['order_id'], 3), length(c['order_id']), left(c['unit'], 3), length(c['unit']), c['touch_class']
         FROM (SELECT unnest(attribute('last_touch', 'sms_clicked=5 days,email_clicked=5 days', {CALL})) AS c
               FROM (SELECT profile_id, occurred_at, value, touch_class, is_agent, {}, {}, {} FROM events)
               GROUP BY profile_id)
         ORDER BY 1",
        long("order_id"),
        long("event_id"),
        long("unit"),
    );
    assert_eq!(
        lines(&context, &sql).await,
        [
            "o1x | 70002 | w1x | 70002 | web_chat",
            "o2x | 70002 | s2x | 70002 | sms_clicked",
            "o5x | 70002 | w5x | 70002 | web_chat",
        ]
    );
}
