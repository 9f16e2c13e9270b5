//! The cases posted over HTTP, one event a request, then all of them in one.

use rapport_engine::{Engine, EngineOptions, NoProgress};

use super::case::Case;
use super::process::check;
use crate::http::Http;
use crate::program::{Program, Served};

/// Posts the events, derives in this process, and asks for everything.
pub async fn run(case: &Case) {
    let home = tempfile::tempdir().unwrap();
    let lake = home.path().join("lake");
    let mut program = Program::new(&lake);
    if let Some(now) = case.now {
        program = program.now(now);
    }
    let accounts = case.folder.join("accounts.ndjson");
    program.ok(&["accounts", "put", accounts.to_str().unwrap()]);
    let token = program.ok(&["tokens", "add", "t", "--all-accounts", "--rights", "write"]);
    let mut command = program.command(&[
        "serve",
        "--derive",
        "off",
        "--pg",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
    ]);
    command.env("RAPPORT_LIMITS_COMMIT_DELAY", "off");
    let served = Served::start(command);
    let http = Http::bearing(served.http, std::str::from_utf8(&token).unwrap().trim())
        .saying("content-type", "application/x-ndjson");
    let post = async |lines: &[u8]| {
        let reply = http.post(lines.to_vec()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let told = reply.json();
        ["landed", "duplicates", "rejected"].map(|name| told[name].as_u64().unwrap())
    };
    let mut all = [0; 3];
    for line in case.lines() {
        let told = post(line).await;
        all = std::array::from_fn(|number| all[number] + told[number]);
    }
    let expected = &case.expected.landing;
    let rejected = expected.rejected.len() as u64;
    assert_eq!(all, [expected.landed, expected.duplicates, rejected]);
    // Sent again, in one request, all are duplicates (E1).
    let again = post(&case.events).await;
    assert_eq!(again, [0, expected.landed + expected.duplicates, rejected]);
    drop(served);

    let engine = Engine::open(EngineOptions {
        lake: lake.to_str().unwrap().to_owned(),
        now: case.now,
        ..EngineOptions::default()
    });
    let engine = engine.await.unwrap();
    let derived = engine.derive(&NoProgress).await.unwrap();
    assert_eq!(derived.orphans, expected.orphans);
    check(case, "posted", &engine).await;
}
