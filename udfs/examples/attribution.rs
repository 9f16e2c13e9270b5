//! Attributes a few orders to the conversations that brought them: a plain DataFusion program with Rapport's functions.
//!
//! ```sh
//! cargo run -p rapport-udfs --example attribution
//! ```
//!
//! The tables `orders` and `touches` are made here; in a program of yours they are Parquet
//! (`context.register_parquet("orders", "orders.parquet", Default::default())`), or whatever DataFusion reads. The shopper
//! `p-1` clicked in the SMS conversation `c-1` and was answered in the web chat `c-2`; `p-2` was written to in the SMS
//! conversation `c-3`. Both clicked in an email of marketing's too, and a bot in another.

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

const ORDERS: &str = "
    CREATE TABLE orders AS SELECT profile_id, order_id, ordered_at::timestamptz AS ordered_at, value::decimal(18,4) AS value
    FROM (VALUES
      ('p-1', 'o-1', '2026-01-08T18:00:00Z', 40.00),
      ('p-1', 'o-2', '2026-01-10T18:00:00Z', 100.00),
      ('p-2', 'o-3', '2026-01-10T20:00:00Z', 25.00)
    ) AS t(profile_id, order_id, ordered_at, value)";

/// A touch's unit is the conversation of an agent's, and the message of a marketing one.
const TOUCHES: &str = "
    CREATE TABLE touches AS SELECT profile_id, event_id, touched_at::timestamptz AS touched_at, channel, kind, unit, is_agent, is_bot
    FROM (VALUES
      ('p-1', 'e-1', '2026-01-07T18:00:00Z', 'sms', 'clicked', 'c-1', true, false),
      ('p-1', 'e-2', '2026-01-10T09:00:00Z', 'web_chat', 'delivered', 'c-2', true, false),
      ('p-1', 'e-3', '2026-01-10T12:00:00Z', 'email', 'clicked', 'm-1', false, false),
      ('p-2', 'e-4', '2026-01-10T13:00:00Z', 'sms', 'delivered', 'c-3', true, false),
      ('p-2', 'e-5', '2026-01-10T14:00:00Z', 'email', 'clicked', 'm-2', false, false),
      ('p-2', 'e-6', '2026-01-10T15:00:00Z', 'email', 'clicked', 'm-3', false, true)
    ) AS t(profile_id, event_id, touched_at, channel, kind, unit, is_agent, is_bot)";

/// Touches with their class and what leaves them out (A1, A2 of docs/rules.md).
const CLASSED: &str = "
    CREATE VIEW classed AS SELECT *, touch_class(channel, kind) AS touch_class,
      touch_exclusion(kind, is_bot, false, false, true, true, true) AS left_out FROM touches";

/// How long a touch of each class counts (A3).
const WINDOWS: &str =
    "web_chat=24 hours,sms_clicked=5 days,sms_delivered=12 hours,email_clicked=5 days";

/// Orders and touches of one shopper meet in one group of `attribute`, in which a row without a class is an order.
fn credits(model: &str) -> String {
    format!(
        "SELECT credited['order_id'] AS order_id, credited['unit'] AS conversation, credited['touch_class'] AS touch_class,
           credited['units'] AS units, credited['attributed_value'] AS attributed_value
         FROM (
           SELECT unnest(attribute('{model}', '{WINDOWS}', order_id, at, event_id, value, touch_class, unit, is_agent)) AS credited
           FROM (
             SELECT profile_id, order_id, ordered_at AS at, NULL AS event_id, value, NULL AS touch_class, NULL AS unit,
               NULL AS is_agent FROM orders
             UNION ALL
             SELECT profile_id, NULL, touched_at, event_id, NULL, touch_class, unit, is_agent FROM classed
             WHERE left_out IS NULL
           ) GROUP BY profile_id
         ) ORDER BY order_id, conversation"
    )
}

/// What became of each touch of each order, and why.
fn reasons(model: &str) -> String {
    format!(
        "SELECT order_id, event_id, touch_class, t['outcome'] AS outcome, t['reason'] AS reason FROM (
           SELECT o.order_id, c.event_id, c.touch_class, touch_outcome('{model}', '{WINDOWS}', o.ordered_at, o.value,
             c.touched_at, c.event_id, c.touch_class, c.unit, c.is_agent, c.left_out) OVER (PARTITION BY o.order_id) AS t
           FROM orders o JOIN classed c USING (profile_id)
         ) ORDER BY order_id, event_id"
    )
}

#[tokio::main]
async fn main() -> Result<()> {
    let context = SessionContext::new();
    rapport_udfs::register(&context);
    for table in [ORDERS, TOUCHES, CLASSED] {
        context.sql(table).await?;
    }
    for model in ["last_touch", "linear"] {
        println!("{model}: who is credited, and with what");
        context.sql(&credits(model)).await?.show().await?;
    }
    println!("last_touch: why");
    context.sql(&reasons("last_touch")).await?.show().await
}
