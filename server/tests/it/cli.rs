//! The command line: what it prints, what it refuses, and with which exit code.

mod dialect;
mod landing;
mod people;
mod query;
mod serving;
mod usage;
mod watching;
mod zones;

use std::process::Output;

use tempfile::TempDir;

use crate::program::Program;

const EVENTS: &str = concat!(
    r#"{"event_id": "e1", "account_id": "acme", "type": "conversation_started", "occurred_at": "2026-01-10T11:00:00Z", "conversation_id": "c1", "channel": "web_chat", "profile_id": "p1"}"#,
    "\n",
    r#"{"event_id": "e2", "account_id": "acme", "type": "message_sent", "occurred_at": "2026-01-10T12:00:00Z", "conversation_id": "c1", "sender": "agent", "text": "Hello, \"you\""}"#,
    "\n",
    r#"{"event_id": "e3", "account_id": "acme", "type": "order_placed", "occurred_at": "2026-01-10T13:00:00Z", "order_id": "o1", "value": 10.25, "profile_id": "p1"}"#,
    "\nnot an event\n",
);

/// A folder with a lake that is not there yet, and a file of events.
pub struct Home {
    folder: TempDir,
    program: Program,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("events.ndjson"), EVENTS).unwrap();
        Self {
            program: Program::new(&folder.path().join("lake")),
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, content: &str) -> String {
        std::fs::write(self.folder.path().join(name), content).unwrap();
        self.path(name)
    }

    /// Landed and derived.
    fn filled() -> Self {
        let home = Self::new();
        home.program.ok(&["land", &home.path("events.ndjson")]);
        home.program.ok(&["derive"]);
        home
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, says: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in says {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}
