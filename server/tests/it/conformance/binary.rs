//! The cases through the binary, as a user would run it.

use std::path::Path;

use super::case::{Case, RELATIONS};
use super::compare::{check_call, check_relation};
use super::process::parse;
use super::wire;
use crate::program::Program;

/// Puts settings, lands, derives, and asks on the command line and over the wire.
pub async fn run(case: &Case) {
    let home = tempfile::tempdir().unwrap();
    let mut program = Program::new(&home.path().join("lake"));
    if let Some(now) = case.now {
        program = program.now(now);
    }
    let accounts = case.folder.join("accounts.ndjson");
    program.ok(&["accounts", "put", text(&accounts)]);
    let events = case.folder.join("events.ndjson");
    let landed = program.json(&["land", text(&events), "--format", "json"]);
    let expected = &case.expected.landing;
    assert_eq!(landed["landed"], expected.landed);
    assert_eq!(landed["duplicates"], expected.duplicates);
    assert_eq!(landed["rejected"], expected.rejected.len());
    let derived = program.json(&["derive", "--format", "json"]);
    assert_eq!(derived["orphans"], expected.orphans);

    let rejected = program.json(&[
        "query",
        "--format",
        "json",
        "--sql",
        "SELECT source, line FROM rejected_events ORDER BY line",
    ]);
    let rejected: Vec<Option<u64>> = rejected
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["line"].as_u64())
        .collect();
    let lines: Vec<Option<u64>> = expected
        .rejected
        .iter()
        .map(|refused| Some(refused.line))
        .collect();
    assert_eq!(rejected, lines);

    // A process a statement: one relation and one call here; the wire has them all.
    let turn = case.events.len();
    let (relation, _) = RELATIONS[turn % RELATIONS.len()];
    let sql = format!("SELECT * FROM {relation}");
    let output = program.ok(&["query", "--sql", &sql, "--format", "json"]);
    check_relation(case, "query --sql", relation, None, parse(&output));
    let call = &case.expected.queries[turn % case.expected.queries.len()];
    let mut args = vec!["query", call.query.as_str()];
    args.extend(call.args.iter().map(|arg| arg.as_deref().unwrap_or("null")));
    args.extend(["--account", &call.account_id, "--format", "json"]);
    check_call(case, "query", call, parse(&program.ok(&args)));
    wire::check(case, &program).await;
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
