//! Explanations agree with the relations: `explain_order` with `attributed_orders` (SPEC A1 to A8), and
//! `explain_conversation` with `conversations` (C3), for all settings, and while events and settings wait to be derived (M7).

mod reasons;
mod scope;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Utc};
use rapport_engine::session::{Identity, Session};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::{TestLake, block_on};
use stream::{ACCOUNTS, CONVERSATIONS, ORDERS, Stream, considered, now, settings};

async fn rows(session: &Session, sql: &str) -> Vec<Map<String, Value>> {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer
        .write_batches(&batches.iter().collect::<Vec<_>>())
        .unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(writer.into_inner()).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

/// The columns that identify an attributed row and that `explain_order` has too.
const CREDITED: [&str; 10] = [
    "account_id",
    "order_id",
    "conversation_id",
    "touch_class",
    "touched_at",
    "seconds_to_order",
    "credit",
    "attributed_value",
    "ordered_at",
    "value",
];

fn credited(row: &Map<String, Value>) -> String {
    let cells = CREDITED.map(|column| row.get(column).cloned().unwrap_or(Value::Null));
    json!(cells).to_string()
}

/// The rows of `explain_order`, by order.
type Explained = BTreeMap<String, Vec<Map<String, Value>>>;

async fn explained(session: &Session) -> Explained {
    let mut explained = BTreeMap::new();
    for order in 0..ORDERS {
        let sql = format!("SELECT * FROM explain_order('o{order}')");
        explained.insert(format!("o{order}"), rows(session, &sql).await);
    }
    explained
}

/// Tells whether the reason of a touch fits its outcome.
fn reason_fits_outcome(row: &Map<String, Value>) -> bool {
    let reason = row["reason"].as_str().unwrap();
    let known = [
        "outside_window",
        "no_window",
        "bot",
        "machine_open",
        "transactional",
    ];
    match row["outcome"].as_str().unwrap() {
        "left_out" => known.contains(&reason),
        _ => !known.contains(&reason),
    }
}

/// Compares `explain_order` with the relation `attributed_orders`.
async fn orders_agree(session: &Session, explained: &Explained, context: &str) {
    let mut attributed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(session, "SELECT * FROM attributed_orders").await {
        let order = row["order_id"].as_str().unwrap().to_owned();
        assert!(attributed.entry(order).or_default().insert(credited(&row)));
    }
    for (order, rows) in explained {
        let won = rows.iter().filter(|row| row["outcome"] == "won");
        let won: Vec<String> = won.map(credited).collect();
        let distinct: BTreeSet<String> = won.iter().cloned().collect();
        assert_eq!(won.len(), distinct.len(), "{context}, {order}");
        assert_eq!(
            distinct,
            attributed.remove(order).unwrap_or_default(),
            "{context}, {order}"
        );
        assert!(
            rows.iter().all(reason_fits_outcome),
            "{context}, {order}: {rows:?}"
        );
        let rank = |row: &Map<String, Value>| {
            let outcome = row["outcome"].as_str().unwrap();
            let place = ["won", "lost", "left_out"]
                .iter()
                .position(|known| *known == outcome);
            let touched: DateTime<Utc> = row["touched_at"].as_str().unwrap().parse().unwrap();
            (
                row["account_id"].to_string(),
                place,
                std::cmp::Reverse(touched),
            )
        };
        assert!(rows.is_sorted_by_key(rank), "{context}, {order}");
    }
}

/// Compares `explain_conversation` with the relation `conversations`.
async fn statuses_agree(session: &Session, context: &str) {
    for conversation in 0..CONVERSATIONS {
        let of = |relation: &str| {
            format!(
                "SELECT * FROM {relation} WHERE conversation_id = 'c{conversation}' ORDER BY account_id"
            )
        };
        let relation = rows(session, &of("conversations")).await;
        let explained = rows(
            session,
            &of(&format!("explain_conversation('c{conversation}')")),
        )
        .await;
        assert_eq!(
            relation.len(),
            explained.len(),
            "{context}, c{conversation}"
        );
        for (row, explained) in relation.iter().zip(&explained) {
            for (column, value) in row {
                assert_eq!(
                    explained.get(column),
                    Some(value),
                    "{context}, c{conversation}, {column}"
                );
            }
            let expected: &[i64] = match row["status"].as_str().unwrap() {
                "routed" => &[1],
                "resolved" => &[2],
                "closed" => &[3, 4],
                _ => &[5],
            };
            let rule = explained["rule"].as_i64().unwrap();
            assert!(
                expected.contains(&rule),
                "{context}, c{conversation}: {explained:?}"
            );
            assert_eq!(
                explained.contains_key("decided_by"),
                rule < 4,
                "{context}: {explained:?}"
            );
            assert_eq!(
                explained.contains_key("decided_at"),
                rule < 5,
                "{context}: {explained:?}"
            );
        }
    }
}

/// Each stream has four of the 32 settings: two accounts, each before and after a change.
#[rstest]
fn explanations_agree_with_what_they_explain(#[values(0, 1, 2, 3, 4, 5, 6, 7)] number: usize) {
    block_on(async move {
        let context = format!("settings {number}");
        let lake = TestLake::new(now()).await;
        lake.put(&[settings("acme", number), settings("globex", number + 16)])
            .await;
        let mut stream = Stream::new(number as u64);
        for account in ACCOUNTS {
            stream.account(account);
        }
        let lines = stream.lines.iter().map(Value::to_string).enumerate();
        let (first, rest): (Vec<_>, Vec<_>) = lines.partition(|(i, _)| i % 5 != 0);
        let texts = |lines: Vec<(usize, String)>| -> Vec<String> {
            lines.into_iter().map(|(_, line)| line).collect()
        };
        lake.land(&texts(first)).await;
        lake.derive().await;
        let operator = Identity::operator("olga");
        let session = lake.engine.session(operator).await.unwrap();
        let before = explained(&session).await;
        orders_agree(&session, &before, &context).await;
        statuses_agree(&session, &context).await;

        // These events and settings wait to be derived.
        lake.land(&texts(rest)).await;
        lake.put(&[
            settings("acme", number + 8),
            settings("globex", number + 24),
        ])
        .await;
        let waiting = explained(&session).await;
        assert_eq!(waiting, before, "{context}, while events wait");
        lake.derive().await;
        let after = explained(&session).await;
        orders_agree(&session, &after, &format!("{context}, changed")).await;
        for (order, rows) in &after {
            for account in ACCOUNTS {
                let own = rows.iter().filter(|row| row["account_id"] == account);
                let told: Vec<&str> = own.map(|row| row["event_id"].as_str().unwrap()).collect();
                let expected = considered(&stream.lines, account, order);
                assert_eq!(told.len(), expected.len(), "{context}, {account}, {order}");
                let told: BTreeSet<String> = told.into_iter().map(str::to_owned).collect();
                assert_eq!(told, expected, "{context}, {account}, {order}");
            }
        }
    });
}
