//! Random events of two accounts that share all ids, their settings, and the touches that an order of them may have.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

pub const ACCOUNTS: [&str; 2] = ["acme", "globex"];
pub const PROFILES: [&str; 3] = ["p0", "p1", "p2"];
pub const ORDERS: usize = 5;
/// The conversations, the last of which never starts.
pub const CONVERSATIONS: usize = 7;

pub fn start() -> DateTime<Utc> {
    "2026-01-30T12:00:00Z".parse().unwrap()
}

pub fn now() -> DateTime<Utc> {
    "2026-02-12T12:00:00Z".parse().unwrap()
}

/// Generates events of few hours, shoppers and conversations, so that many tie; the two accounts share all ids.
pub struct Stream {
    random: SmallRng,
    pub lines: Vec<Value>,
}

impl Stream {
    pub fn new(seed: u64) -> Self {
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

    pub fn account(&mut self, account: &str) {
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

/// Returns the settings of a number below 32: each combination of model, preset and exclusions has one.
pub fn settings(account: &str, number: usize) -> String {
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

/// Returns the ids of the events that can be touches of an order, directly by the rules.
pub fn considered(lines: &[Value], account: &str, order: &str) -> BTreeSet<String> {
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
    // C2, C5: live conversations, with their channel and profile.
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
