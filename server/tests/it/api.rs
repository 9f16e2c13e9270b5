//! The HTTP API through the binary: what comes out, in which forms, to whom, and what happens when it cannot.

mod access;
mod events;
mod exports;
mod failures;
mod openapi;
mod streams;

use std::path::PathBuf;
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::json;
use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::http::Http;
use crate::program::{Program, Served};
use crate::support::{PASSWORD, connect};

/// What shoppers ask, beside what all ask; each is the first question of a conversation.
const QUESTIONS: [&str; 14] = [
    "Where is my order?",
    "=cmd|'/c calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1",
    "\r=1",
    "＝1",
    "=1,\"2\"\n3",
    "'=1",
    " =1",
    "<script>alert(1)</script>",
    "\u{202e}desrever",
    "5",
];

/// Queries of a team's own.
const QUERIES: [(&str, &str); 4] = [
    (
        "values",
        "-- Values that begin like formulas and are none.\n\
         SELECT account_id, -5 AS whole, CAST(-5.5 AS DECIMAL(10, 2)) AS money, CAST(-0.5 AS DOUBLE) AS rate,\n\
         '=x' AS \"=x\", CAST(NULL AS TEXT) AS nothing, '' AS empty, make_array('=x', NULL) AS list FROM accounts",
    ),
    (
        "many",
        "-- As many thousands of rows as are asked for.\n\
         -- param thousands integer = 1 : how many\n\
         SELECT account_id, n, repeat('x', 1000) AS text\n\
         FROM (SELECT account_id, unnest(range(0, $thousands)) AS n FROM accounts)\n\
         CROSS JOIN (SELECT unnest(range(0, 1000)) AS m)",
    ),
    (
        "breaking",
        "-- Breaks after many rows.\n\
         SELECT account_id, n, 1 / (100000 - n) AS x, repeat('x', 100) AS text\n\
         FROM (SELECT account_id, unnest(range(0, 200000)) AS n FROM accounts)",
    ),
    (
        "endless",
        "-- Does not end before it is stopped.\n\
         SELECT count(*) AS n FROM (SELECT unnest(range(0, 1000000)) AS a) CROSS JOIN (SELECT unnest(range(0, 1000000)) AS b)\n\
         WHERE a * b % 7 = 3",
    ),
];

/// Two shops, served.
struct Shops {
    folder: TempDir,
    program: Program,
    served: Served,
    /// The tokens of acme, of the other shop, and of all.
    acme: String,
    other: String,
    all: String,
}

impl Shops {
    async fn start() -> Shops {
        Shops::with(&[]).await
    }

    /// With variables of the environment for the server.
    async fn with(environment: &[(&str, &str)]) -> Shops {
        let folder = tempfile::tempdir().unwrap();
        let now: DateTime<Utc> = "2026-01-20T12:00:00Z".parse().unwrap();
        let program = Program::new(&folder.path().join("lake")).now(now);
        let accounts = "{\"account_id\": \"acme\", \"timezone\": \"Asia/Kolkata\"}\n{\"account_id\": \"other\"}\n";
        program.ok_with_input(&["accounts", "put", "-"], accounts);
        program.ok_with_input(&["land", "-"], &events());
        program.ok(&["derive"]);
        for (name, role, account) in [("ann", "owner", Some("acme")), ("ops", "operator", None)] {
            let mut arguments = vec!["users", "add", name, "--role", role, "--password-stdin"];
            arguments.extend(account.iter().flat_map(|account| ["--account", account]));
            program.ok_with_input(&arguments, PASSWORD);
        }
        let queries = folder.path().join("queries");
        std::fs::create_dir(&queries).unwrap();
        for (name, text) in QUERIES {
            std::fs::write(queries.join(format!("{name}.sql")), text).unwrap();
        }
        let tokens = [
            ["acme", "--account=acme"],
            ["other", "--account=other"],
            ["all", "--all-accounts"],
        ];
        let [acme, other, all] = tokens.map(|[name, reach]| add_token(&program, name, reach));
        let mut command: Command =
            program.command(&["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.env("RAPPORT_QUERIES", &queries);
        command.envs(environment.iter().copied());
        Shops {
            folder,
            program,
            served: Served::start(command),
            acme,
            other,
            all,
        }
    }

    /// The folder of the team's own queries.
    fn queries(&self) -> PathBuf {
        self.folder.path().join("queries")
    }

    /// A client that bears a token.
    fn bearing(&self, token: &str) -> Http {
        Http::bearing(self.served.http, token)
    }

    /// A client of the Postgres endpoint.
    async fn client(&self, user: &str) -> Client {
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

fn add_token(program: &Program, name: &str, reach: &str) -> String {
    let token = program.ok(&["tokens", "add", name, reach]);
    String::from_utf8(token).unwrap().trim_end().to_owned()
}

/// A conversation of acme for each question, and a conversation and an order of each shop.
fn events() -> String {
    let question = |(number, text): (usize, &&str)| {
        json!({
            "event_id": format!("q{number:02}"), "account_id": "acme", "type": "conversation_started",
            "occurred_at": format!("2026-01-10T11:{number:02}:00Z"), "conversation_id": format!("c{number:02}"),
            "channel": "web_chat", "profile_id": "p1", "first_message": text,
        })
    };
    let mut events: Vec<_> = QUESTIONS.iter().enumerate().map(question).collect();
    for account in ["acme", "other"] {
        events.push(json!({
            "event_id": "s", "account_id": account, "type": "conversation_started", "occurred_at": "2026-01-11T10:00:00Z",
            "conversation_id": "c-sms", "channel": "sms", "profile_id": "p2", "first_message": format!("I am of {account}"),
        }));
        events.push(json!({
            "event_id": "m", "account_id": account, "type": "message_sent", "occurred_at": "2026-01-11T10:01:00Z",
            "conversation_id": "c-sms", "sender": "agent", "text": "Hello",
        }));
        events.push(json!({
            "event_id": "o", "account_id": account, "type": "order_placed", "occurred_at": "2026-01-11T11:00:00Z",
            "order_id": "o1", "value": "10.25", "profile_id": "p2",
        }));
    }
    events.iter().map(|event| format!("{event}\n")).collect()
}
