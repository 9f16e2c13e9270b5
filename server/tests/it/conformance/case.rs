//! A case as its folder has it.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use rapport_data::Settings;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A row: its columns by name.
pub type Row = Map<String, Value>;

/// The relations that a case lists, each with its key.
pub const RELATIONS: [(&str, &[&str]); 8] = [
    ("conversations", &["conversation_id"]),
    ("orders", &["order_id"]),
    ("attributed_orders", &["order_id", "conversation_id"]),
    ("link_clicks", &["event_id", "clicked_at"]),
    ("cart_adds", &["event_id", "added_at"]),
    ("recommendations", &["event_id", "recommended_at"]),
    ("conversation_procedures", &["conversation_id", "procedure"]),
    ("daily_metrics", &["date", "channel"]),
];

/// The queries whose rows have an order.
pub const ORDERED: [&str; 3] = [
    "daily_series",
    "procedures_performance",
    "recommendation_results",
];

/// The columns that a case lists only if it says that it has more.
pub const MORE_COLUMNS: [(&str, &[&str]); 2] = [
    ("conversations", &["rating", "rated_at", "human_replied_at"]),
    ("orders", &["product_ids"]),
];

#[derive(Debug, Deserialize)]
struct About {
    title: String,
    now: Option<DateTime<Utc>>,
    #[serde(default)]
    more: bool,
}

/// A line that must be rejected.
#[derive(Debug, Deserialize)]
pub struct Refused {
    /// Its number, from 1.
    pub line: u64,
}

/// What landing must count.
#[derive(Debug, Deserialize)]
pub struct Landing {
    pub landed: u64,
    pub duplicates: u64,
    pub orphans: u64,
    pub rejected: Vec<Refused>,
}

/// A call of a saved query, and what it must give.
#[derive(Debug, Deserialize)]
pub struct Call {
    pub query: String,
    pub account_id: String,
    /// From, to, channel; of `attribution_comparison` also preset and model.
    pub args: Vec<Option<String>>,
    pub rows: Vec<Row>,
}

impl Call {
    /// The statement of the call.
    pub fn sql(&self) -> String {
        let literals: Vec<String> = self
            .args
            .iter()
            .map(|arg| match arg {
                Some(text) => format!("'{text}'"),
                None => "NULL".to_owned(),
            })
            .collect();
        format!("SELECT * FROM {}({})", self.query, literals.join(", "))
    }

    pub fn name(&self) -> String {
        format!("{} as {}", self.sql(), self.account_id)
    }
}

#[derive(Debug, Deserialize)]
pub struct Expected {
    pub landing: Landing,
    pub relations: HashMap<String, Vec<Row>>,
    pub queries: Vec<Call>,
}

/// A case.
#[derive(Debug)]
pub struct Case {
    pub folder: PathBuf,
    pub title: String,
    pub now: Option<DateTime<Utc>>,
    /// Whether its relations have [`MORE_COLUMNS`] too.
    pub more: bool,
    pub accounts: Vec<Settings>,
    pub events: Vec<u8>,
    pub expected: Expected,
}

/// The folder of all cases.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

impl Case {
    pub fn load(name: &str) -> Self {
        let folder = folder().join(name);
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
        let about: About = serde_json::from_slice(&read("case.json")).unwrap();
        let accounts = String::from_utf8(read("accounts.ndjson")).unwrap();
        Self {
            title: about.title,
            now: about.now,
            more: about.more,
            accounts: accounts
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(|line| Settings::from_json_line(line).unwrap())
                .collect(),
            events: read("events.ndjson"),
            expected: serde_json::from_slice(&read("expected.json")).unwrap(),
            folder,
        }
    }

    /// The calls, but of those that attribute orders again, which take a debug build long to plan, one in six of a large case:
    /// others for each `way`.
    pub fn some_calls(&self, way: usize) -> impl Iterator<Item = &Call> {
        let all = self.expected.queries.len() < 100;
        let calls = self.expected.queries.iter().enumerate();
        let some = calls.filter(move |(at, call)| {
            all || at % 6 == way || call.query != "attribution_comparison"
        });
        some.map(|(_, call)| call)
    }

    /// The accounts that its calls are made as.
    pub fn accounts_in_calls(&self) -> Vec<&str> {
        let mut accounts: Vec<&str> = self
            .expected
            .queries
            .iter()
            .map(|call| call.account_id.as_str())
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    /// Its lines, with their newlines; the last may lack one.
    pub fn lines(&self) -> Vec<&[u8]> {
        self.events.split_inclusive(|byte| *byte == b'\n').collect()
    }
}
