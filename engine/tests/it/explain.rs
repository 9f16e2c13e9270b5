//! The queries that explain agree with what they explain: `explain_order` with `attributed_orders` (SPEC A1 to A8), and
//! `explain_conversation` with `conversations` (C3), whatever the settings, and while events and settings wait (M7).

use std::collections::{BTreeMap, BTreeSet};

use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Duration, Utc};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rapport_engine::session::{Identity, Session};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::TestLake;

const ACCOUNTS: [&str; 2] = ["acme", "globex"];
const PROFILES: [&str; 3] = ["p0", "p1", "p2"];
const ORDERS: usize = 5;
/// The conversations, the last of which never starts.
const CONVERSATIONS: usize = 7;

fn start() -> DateTime<Utc> {
    "2026-01-30T12:00:00Z".parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-02-12T12:00:00Z".parse().unwrap()
}

/// Events of few hours, shoppers and conversations, so that much ties and meets; the two accounts share all ids.
struct Stream {
    random: SmallRng,
    lines: Vec<Value>,
}

impl Stream {
    fn new(seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        Self {
            random,
            lines: vec![],
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.choose(&mut self.random).unwrap()
    }

    fn maybe(&mut self, percent: u32, of: &[&str]) -> Value {
        match self.chance(percent) {
            true => json!(self.one(of)),
            false => Value::Null,
        }
    }

    fn conversation(&mut self) -> String {
        format!("c{}", self.random.random_range(0..CONVERSATIONS))
    }

    fn push(&mut self, account: &str, kind: &str, fields: Value) {
        let hours = self.random.random_range(0..220);
        let id = self.random.random_range(0..1_000);
        let mut event = json!({
            "event_id": format!("{id}-{}", self.lines.len()),
            "account_id": account,
            "type": kind,
            "occurred_at": start() + Duration::hours(hours),
        });
        let fields = fields.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(fields);
        self.lines.push(event);
    }

    fn account(&mut self, account: &str) {
        for conversation in 0..CONVERSATIONS - 1 {
            let fields = json!({
                "conversation_id": format!("c{conversation}"),
                "channel": self.one(&["web_chat", "email", "sms", "whatsapp"]),
                "profile_id": self.maybe(70, &PROFILES),
                "mode": if self.chance(15) { "preview" } else { "live" },
            });
            self.push(account, "conversation_started", fields);
        }
        for _ in 0..30 {
            let conversation_id = self.conversation();
            let (kind, fields) = match self.random.random_range(0..10) {
                0..5 => (
                    "message_sent",
                    json!({"sender": self.one(&["agent", "agent", "agent", "shopper", "human"])}),
                ),
                5..8 => ("link_clicked", json!({"is_bot": self.chance(30)})),
                8 => ("profile_linked", json!({"profile_id": self.one(&PROFILES)})),
                _ => (
                    self.one(&[
                        "conversation_resolved",
                        "conversation_closed",
                        "conversation_escalated",
                    ]),
                    json!({}),
                ),
            };
            let mut fields = fields;
            fields["conversation_id"] = json!(conversation_id);
            self.push(account, kind, fields);
        }
        for _ in 0..25 {
            let names = self.chance(25);
            let fields = json!({
                "profile_id": self.one(&PROFILES),
                "channel": self.one(&["email", "sms", "whatsapp", "push"]),
                "kind": self.one(&["delivered", "opened", "clicked"]),
                "message_id": self.one(&["m0", "m1", "m2", "m3"]),
                "conversation_id": if names { json!(self.conversation()) } else { Value::Null },
                "is_bot": self.chance(20),
                "is_machine_open": self.chance(20),
                "is_transactional": self.chance(20),
            });
            self.push(account, "touch", fields);
        }
        for order in 0..ORDERS {
            let names = self.chance(30);
            let fields = json!({
                "order_id": format!("o{order}"),
                "value": self.random.random_range(0..1_000_000_i64) as f64 / 10_000.0,
                "profile_id": self.maybe(85, &PROFILES),
                "conversation_id": if names { json!(self.conversation()) } else { Value::Null },
            });
            self.push(account, "order_placed", fields);
        }
    }
}

/// Settings by number: every model, preset and choice of exclusions has one below 32.
fn settings(account: &str, number: usize) -> String {
    let is = |bit: usize| number >> bit & 1 == 1;
    let settings = json!({
        "account_id": account,
        "attribution_model": if is(0) { "linear" } else { "last_touch" },
        "attribution_preset": if is(1) { "legacy" } else { "current" },
        "exclude_bot_clicks": is(2),
        "exclude_machine_opens": is(3),
        "exclude_transactional": is(4),
        "idle_timeout": if is(0) { json!("4 days") } else { Value::Null },
    });
    settings.to_string()
}

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

/// The parts of an attributed row that explain_order has too, which tell it from all others.
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

/// What explain_order says, order by order.
async fn explained(session: &Session) -> BTreeMap<String, Vec<Map<String, Value>>> {
    let mut explained = BTreeMap::new();
    for order in 0..ORDERS {
        let sql = format!("SELECT * FROM explain_order('o{order}')");
        explained.insert(format!("o{order}"), rows(session, &sql).await);
    }
    explained
}

/// The events that an order's touches can be, straight from the rules: of each its id.
fn considered(lines: &[Value], account: &str, order: &str) -> BTreeSet<String> {
    let own: Vec<&Value> = lines
        .iter()
        .filter(|event| event["account_id"] == account)
        .collect();
    let of = |kind: &'static str| {
        own.iter()
            .copied()
            .filter(move |event| event["type"] == kind)
    };
    let at = |event: &Value| {
        event["occurred_at"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap()
    };
    let later = |event: &&Value| (at(event), event["event_id"].as_str().unwrap().to_owned());
    let order = of("order_placed")
        .find(|event| event["order_id"] == order)
        .unwrap();
    let in_reach = |event: &Value| {
        let before = at(order) - at(event);
        (Duration::zero()..=Duration::days(7)).contains(&before)
    };
    // C2: live ones, with their channel and C5's profile.
    let live: BTreeMap<&str, (&str, Option<&Value>)> = of("conversation_started")
        .filter(|start| start["mode"] == "live")
        .map(|start| {
            let id = start["conversation_id"].as_str().unwrap();
            let said = own.iter().copied().filter(|event| {
                ["conversation_started", "profile_linked"]
                    .contains(&event["type"].as_str().unwrap())
                    && event["conversation_id"] == id
                    && event["profile_id"].is_string()
            });
            let profile = said.max_by_key(later).map(|event| &event["profile_id"]);
            (id, (start["channel"].as_str().unwrap(), profile))
        })
        .collect();
    let live_of = |event: &Value| {
        event["conversation_id"]
            .as_str()
            .and_then(|id| live.get(id))
    };
    let profile = Some(&order["profile_id"]).filter(|profile| profile.is_string());
    // A1, A4
    let is_the_orders = |event: &Value| {
        live_of(event).is_some_and(|(_, of_it)| {
            event["conversation_id"] == order["conversation_id"]
                || profile.is_some() && *of_it == profile
        })
    };
    let agents = own
        .iter()
        .copied()
        .filter(|event| match event["type"].as_str().unwrap() {
            "message_sent" => event["sender"] == "agent",
            "link_clicked" => live_of(event).is_some_and(|(channel, _)| *channel != "web_chat"),
            "touch" => true,
            _ => false,
        });
    let agents = agents.filter(|event| is_the_orders(event));
    let marketing = of("touch").filter(|touch| {
        live_of(touch).is_none() && profile.is_some() && Some(&touch["profile_id"]) == profile
    });
    let all = agents.chain(marketing).filter(|event| in_reach(event));
    all.map(|event| event["event_id"].as_str().unwrap().to_owned())
        .collect()
}

fn left_out_as_told(row: &Map<String, Value>) -> bool {
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

/// Holds the explanations to the relations that they explain.
async fn agree(session: &Session, context: &str) {
    let mut attributed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(session, "SELECT * FROM attributed_orders").await {
        let order = row["order_id"].as_str().unwrap().to_owned();
        assert!(attributed.entry(order).or_default().insert(credited(&row)));
    }
    for (order, rows) in explained(session).await {
        let won = rows.iter().filter(|row| row["outcome"] == "won");
        let won: Vec<String> = won.map(credited).collect();
        let distinct: BTreeSet<String> = won.iter().cloned().collect();
        assert_eq!(won.len(), distinct.len(), "{context}, {order}");
        assert_eq!(
            distinct,
            attributed.remove(&order).unwrap_or_default(),
            "{context}, {order}"
        );
        assert!(
            rows.iter().all(left_out_as_told),
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

fn block_on<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

#[rstest]
fn explanations_agree_with_what_they_explain(#[values(0, 1, 2, 3)] part: usize) {
    block_on(async move {
        for number in part * 4..part * 4 + 4 {
            let context = format!("settings {number} and {}", number + 16);
            let lake = TestLake::new(now()).await;
            lake.put(&[settings("acme", number), settings("globex", number + 16)])
                .await;
            let mut stream = Stream::new(number as u64);
            for account in ACCOUNTS {
                stream.account(account);
            }
            let lines: Vec<String> = stream.lines.iter().map(Value::to_string).collect();
            let (first, rest): (Vec<_>, Vec<_>) =
                lines.into_iter().enumerate().partition(|(i, _)| i % 5 != 0);
            let texts = |lines: Vec<(usize, String)>| -> Vec<String> {
                lines.into_iter().map(|(_, line)| line).collect()
            };
            lake.land(&texts(first)).await;
            lake.derive().await;
            let session = lake
                .engine
                .session(Identity::operator("olga"))
                .await
                .unwrap();
            agree(&session, &context).await;

            // What comes now waits to be derived, and so do the settings.
            let before = explained(&session).await;
            lake.land(&texts(rest)).await;
            lake.put(&[
                settings("acme", number ^ 0b11111),
                settings("globex", number),
            ])
            .await;
            assert_eq!(
                explained(&session).await,
                before,
                "{context}, while events wait"
            );
            lake.derive().await;
            agree(&session, &format!("{context}, changed")).await;

            for account in ACCOUNTS {
                let session = lake
                    .engine
                    .session(Identity::of_account("ann", account))
                    .await
                    .unwrap();
                for (order, rows) in explained(&session).await {
                    assert!(rows.iter().all(|row| row["account_id"] == account));
                    let told: Vec<_> = rows
                        .iter()
                        .map(|row| row["event_id"].as_str().unwrap().to_owned())
                        .collect();
                    let distinct: BTreeSet<String> = told.iter().cloned().collect();
                    assert_eq!(told.len(), distinct.len(), "{context}, {account}, {order}");
                    assert_eq!(
                        distinct,
                        considered(&stream.lines, account, &order),
                        "{context}, {account}, {order}"
                    );
                }
            }
        }
    });
}
