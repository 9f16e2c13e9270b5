//! The lake that the page shows: shops that differ in zone, money, model, size and manners, at one fixed time.
//!
//! It is late on 15 November 2026 in New York, and in Kolkata past midnight already, so that today's date differs.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rapport_synth::{Events, SynthOptions, accounts};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use super::hostile;
use crate::program::{Program, Served};
use crate::support::{PASSWORD, connect};

/// The largest invented shop, in New York and US dollars.
pub const LARGE: &str = "aurora-outdoors";
/// In Berlin and euros, with an idle timeout.
pub const EUROS: &str = "fjord-and-fern";
/// In Adelaide, its orders shared out by the linear model.
pub const LINEAR: &str = "saltbush-skin";
/// In New York, with conversations around the days on which the clocks change.
pub const CLOCKS: &str = "clock-tower";
/// In Kolkata and rupees.
pub const EAST: &str = "monsoon-tea";
/// Has settings and no events.
pub const EMPTY: &str = "new-shop";
/// Whose shoppers and producers mean no good.
pub const HOSTILE: &str = "trouble";
/// Sees all accounts.
pub const OPERATOR: &str = "operator";

/// Every account with its role, which is the name of its user too.
pub const ACCOUNTS: [(&str, &str); 7] = [
    (LARGE, "owner"),
    (EUROS, "admin"),
    (LINEAR, "manager"),
    (CLOCKS, "analyst"),
    (EAST, "analyst"),
    (EMPTY, "owner"),
    (HOSTILE, "analyst"),
];

/// What time it is.
pub fn now() -> DateTime<Utc> {
    instant("2026-11-15T20:30:00Z")
}

/// A served lake.
pub struct World {
    _folder: TempDir,
    pub program: Program,
    pub served: Served,
}

impl World {
    /// Serves a copy of the lake, which is made once for all tests of a build.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&made(), folder.path());
        let program = program(folder.path());
        let served = program.serve();
        Self {
            _folder: folder,
            program,
            served,
        }
    }

    /// Where the page is.
    pub fn origin(&self) -> String {
        format!("http://{}", self.served.http)
    }

    /// What a user asks through the Postgres endpoint.
    pub async fn client(&self, user: &str) -> Client {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.served.pg.port())
            .user(user)
            .password(PASSWORD)
            .dbname("rapport");
        connect(&config).await.unwrap()
    }
}

fn program(folder: &Path) -> Program {
    Program::new(&folder.join("lake")).now(now())
}

/// The folder with the lake of this build: tests run in processes of their own, and the first that comes makes it.
fn made() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&all).unwrap();
    let lock = File::create(all.join("lock")).unwrap();
    lock.lock().unwrap();
    let build: String = [
        PathBuf::from(env!("CARGO_BIN_EXE_rapport")),
        std::env::current_exe().unwrap(),
    ]
    .iter()
    .map(|program| program.metadata().unwrap().modified().unwrap())
    .map(|built| format!("-{}", DateTime::<Utc>::from(built).timestamp_micros()))
    .collect();
    let (folder, making) = (all.join(format!("lake{build}")), all.join("making"));
    if !folder.exists() {
        for old in std::fs::read_dir(&all).unwrap().map(Result::unwrap) {
            if old.file_type().unwrap().is_dir() {
                std::fs::remove_dir_all(old.path()).unwrap();
            }
        }
        std::fs::create_dir(&making).unwrap();
        fill(&making);
        std::fs::rename(&making, &folder).unwrap();
    }
    folder
}

/// Lands and derives all events, and adds a user for each account and an operator.
fn fill(folder: &Path) {
    let program = program(folder);
    let synth = SynthOptions {
        accounts: 3,
        days: 45,
        conversations: 1_400,
        seed: 5,
        end: now(),
    };
    let settings = accounts(&synth).join("\n") + &own_settings();
    program.ok_with_input(&["accounts", "put", "-"], &settings);
    let events = folder.join("events.ndjson");
    write_events(&synth, &events);
    program.ok(&["land", "--strict", events.to_str().unwrap()]);
    program.ok(&["derive"]);
    add_user(&program, OPERATOR, "operator", None);
    for (account, role) in ACCOUNTS {
        add_user(&program, account, role, Some(account));
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// Adds a user with everybody's password.
pub fn add_user(program: &Program, name: &str, role: &str, account: Option<&str>) {
    let mut arguments = vec!["users", "add", name, "--role", role, "--password-stdin"];
    arguments.extend(account.iter().flat_map(|account| ["--account", account]));
    program.ok_with_input(&arguments, PASSWORD);
}

fn own_settings() -> String {
    let settings = [
        json!({"account_id": CLOCKS, "name": "Clock Tower", "timezone": "America/New_York"}),
        json!({"account_id": EAST, "name": "Monsoon Tea", "timezone": "Asia/Kolkata", "currency": "INR"}),
        json!({"account_id": EMPTY, "name": "New Shop", "timezone": "Europe/Paris", "currency": "EUR"}),
        json!({"account_id": HOSTILE, "name": hostile::NAME}),
    ];
    settings.iter().map(|line| format!("\n{line}")).collect()
}

fn write_events(synth: &SynthOptions, path: &Path) {
    let mut lines = Vec::new();
    Events::new(synth).write_ndjson(&mut lines).unwrap();
    let mut own = String::new();
    for event in half_hours(CLOCKS, "USD", "2026-03-07T05:00:00Z", 72)
        .chain(half_hours(CLOCKS, "USD", "2026-10-31T04:00:00Z", 74))
        .chain(half_hours(EAST, "INR", "2026-11-12T18:30:00Z", 73))
        .chain(hostile::events())
    {
        writeln!(own, "{event}").unwrap();
    }
    lines.extend(own.into_bytes());
    std::fs::write(path, lines).unwrap();
}

/// What a shop sees in so many hours: a conversation begins at each half hour, and among them are all channels, statuses,
/// ways of a procedure and kinds of orders.
fn half_hours(
    account: &'static str,
    currency: &'static str,
    from: &str,
    hours: usize,
) -> impl Iterator<Item = Value> {
    let from = instant(from);
    (0..hours * 2).flat_map(move |index| {
        let begin = from + TimeDelta::minutes(30) * i32::try_from(index).unwrap();
        conversation(account, currency, begin, index)
    })
}

fn conversation(account: &str, currency: &str, begin: DateTime<Utc>, index: usize) -> Vec<Value> {
    let id = begin.format("%m%d-%H%M").to_string();
    let channel = ["web_chat", "email", "sms", "whatsapp"][index % 4];
    let procedure = ["Order status", "Returns", "Sizing"][index / 4 % 3];
    let money = if index % 7 == 3 { "GBP" } else { currency };
    let (profile, order) = (format!("p-{id}"), format!("o-{id}"));
    let mut events = vec![
        json!({"type": "conversation_started", "channel": channel, "profile_id": profile}),
        json!({"type": "message_sent", "sender": "shopper", "text": format!("Question {id}?")}),
        json!({"type": "procedure_started", "procedure": procedure}),
        json!({"type": "message_sent", "sender": "agent", "text": "An answer."}),
    ];
    if index.is_multiple_of(3) {
        events.push(json!({"type": "link_clicked", "url": "https://shop.example/tea"}));
        events.push(json!({"type": "link_clicked", "is_bot": true}));
    }
    if index % 4 == 1 {
        events.push(json!({"type": "added_to_cart", "product_id": "tea", "quantity": 2}));
    }
    if index % 5 < 3 {
        let value = format!("{}.{:02}", 20 + index, index % 100);
        events.push(json!({"type": "order_placed", "order_id": order, "profile_id": profile, "value": value, "currency": money}));
    }
    if index % 10 == 1 {
        events.push(json!({"type": "order_refunded", "order_id": order, "value": "5.50"}));
    }
    match index % 6 {
        0 | 1 => {
            events.push(json!({"type": "conversation_resolved", "tags": ["vip", "repeat"]}));
        }
        2 => events.push(json!({"type": "conversation_escalated", "reason": "Asked for a person", "procedure": procedure})),
        3 => events.push(json!({"type": "conversation_closed", "reason": "inactive"})),
        _ => {}
    }
    stamped(
        account,
        &format!("c-{id}"),
        begin,
        TimeDelta::minutes(2),
        events,
    )
}

/// Gives events of a conversation their account, ids and times, one step after the other.
pub fn stamped(
    account: &str,
    conversation: &str,
    begin: DateTime<Utc>,
    step: TimeDelta,
    events: Vec<Value>,
) -> Vec<Value> {
    (0..)
        .zip(events)
        .map(|(number, mut event)| {
            let at = begin + step * number;
            event["account_id"] = json!(account);
            event["event_id"] = json!(format!("{}-{number}", begin.timestamp()));
            event["occurred_at"] = json!(at.to_rfc3339());
            // An order without a conversation's id belongs to one by its profile.
            if !event["type"].as_str().unwrap().starts_with("order_") {
                event["conversation_id"] = json!(conversation);
            }
            event
        })
        .collect()
}

pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
