//! The cases in this process, over a lake in memory.

use std::collections::HashMap;

use chrono::NaiveDate;
use futures::StreamExt;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rapport::output::{Formulas, ResultForm, writer};
use rapport_engine::session::Identity;
use rapport_engine::{DeriveReport, Engine, EngineOptions, LandReport, LandSource, NoProgress};
use serde_json::Value;

use super::case::{Case, RELATIONS, Row};
use super::compare::{check_call, check_relation};

/// How many orders and splits are tried.
const SHUFFLES: u64 = 2;

async fn open(case: &Case) -> Engine {
    Engine::open(EngineOptions {
        lake: "memory:///".into(),
        create: true,
        now: case.now,
        ..EngineOptions::default()
    })
    .await
    .unwrap()
}

async fn land(engine: &Engine, lines: Vec<u8>) -> LandReport {
    let source = LandSource::bytes("events.ndjson", lines);
    engine.land(vec![source], &NoProgress).await.unwrap()
}

async fn derive(engine: &Engine) -> DeriveReport {
    engine.derive(&NoProgress).await.unwrap()
}

/// The rows of a statement, by way of the JSON that the command line prints.
async fn rows(engine: &Engine, who: Identity, sql: &str) -> Vec<Row> {
    let session = engine.session(who).await.unwrap();
    let frame = session
        .sql(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut batches = frame.execute_stream().await.unwrap();
    let text = Shared::default();
    let mut out = writer(
        ResultForm::Json,
        text.clone(),
        batches.schema(),
        Formulas::Kept,
    )
    .unwrap();
    while let Some(batch) = batches.next().await {
        let batch = batch.unwrap_or_else(|e| panic!("{sql}: {e}"));
        out.write(&batch).unwrap();
    }
    out.finish().unwrap();
    parse(&text.0.lock().unwrap())
}

/// Rows from JSON.
pub fn parse(json: &[u8]) -> Vec<Row> {
    let Value::Array(rows) = serde_json::from_slice(json).unwrap() else {
        panic!("not an array: {}", String::from_utf8_lossy(json));
    };
    rows.into_iter()
        .map(|row| match row {
            Value::Object(row) => row,
            other => panic!("no row: {other}"),
        })
        .collect()
}

#[derive(Clone, Default)]
struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Checks every relation and every call, each as the users that see it.
pub async fn check(case: &Case, way: &str, engine: &Engine) {
    check_as_operator(case, way, engine, 0).await;
    for account in case.accounts_in_calls() {
        for (relation, _) in RELATIONS {
            let who = Identity::of_account("test", account);
            let own = rows(engine, who, &format!("SELECT * FROM {relation}")).await;
            check_relation(case, way, relation, Some(account), own);
        }
    }
    for call in case.some_calls(1) {
        let who = Identity::of_account("test", &call.account_id);
        check_call(case, way, call, rows(engine, who, &call.sql()).await);
    }
}

/// Checks every relation and every call as an operator, who sees all accounts in one statement.
async fn check_as_operator(case: &Case, way: &str, engine: &Engine, calls: usize) {
    let operator = || Identity::operator("test");
    for (relation, _) in RELATIONS {
        let all = rows(engine, operator(), &format!("SELECT * FROM {relation}")).await;
        check_relation(case, way, relation, None, all);
    }
    let mut answers: HashMap<String, Vec<Row>> = HashMap::new();
    for call in case.some_calls(calls) {
        let sql = call.sql();
        if !answers.contains_key(&sql) {
            let all = rows(engine, operator(), &sql).await;
            answers.insert(sql.clone(), all);
        }
        let mut own = answers[&sql].clone();
        own.retain(|row| row["account_id"] == call.account_id.as_str());
        check_call(case, way, call, own);
    }
}

/// As the folder has it; then derived again, all of it.
pub async fn as_given(case: &Case) {
    let engine = open(case).await;
    engine.put_accounts(case.accounts.clone()).await.unwrap();
    let landed = land(&engine, case.events.clone()).await;
    let derived = derive(&engine).await;
    let expected = &case.expected.landing;
    assert_eq!(
        (landed.landed, landed.duplicates, derived.orphans),
        (expected.landed, expected.duplicates, expected.orphans)
    );
    let sql = "SELECT source, line FROM rejected_events ORDER BY line";
    let rejected: Vec<(Value, Value)> = rows(&engine, Identity::operator("test"), sql)
        .await
        .iter()
        .map(|row| (row["source"].clone(), row["line"].clone()))
        .collect();
    let lines: Vec<(Value, Value)> = expected
        .rejected
        .iter()
        .map(|refused| ("events.ndjson".into(), refused.line.into()))
        .collect();
    assert_eq!(rejected, lines);
    check(case, "as given", &engine).await;

    let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    let again = engine
        .backfill(day(2000), day(2030), &[], &NoProgress)
        .await
        .unwrap();
    assert_eq!(again.orphans, expected.orphans);
    check_as_operator(case, "after a backfill", &engine, 2).await;

    // Landing the same again changes nothing (E1).
    let again = land(&engine, case.events.clone()).await;
    assert_eq!(again.landed, 0);
    derive(&engine).await;
    check_as_operator(case, "landed twice", &engine, 3).await;
}

/// In other orders and in parts, with a derive after each part, and settings that come somewhere between.
pub async fn shuffled_and_split(case: &Case) {
    for seed in 0..SHUFFLES {
        let way = format!("shuffled with seed {seed}");
        let mut random = SmallRng::seed_from_u64(seed);
        let lines = shuffled(&case.lines(), &mut random);
        let parts = random.random_range(2..=4).min(lines.len().max(1));
        let settings_before = random.random_range(0..=parts);
        let engine = open(case).await;
        let (mut landed, mut duplicates, mut rejected) = (0, 0, 0);
        for (number, part) in lines.chunks(lines.len().div_ceil(parts).max(1)).enumerate() {
            if number == settings_before {
                engine.put_accounts(case.accounts.clone()).await.unwrap();
            }
            let report = land(&engine, part.concat()).await;
            landed += report.landed;
            duplicates += report.duplicates;
            rejected += report.rejected;
            derive(&engine).await;
        }
        engine.put_accounts(case.accounts.clone()).await.unwrap();
        let derived = derive(&engine).await;
        let expected = &case.expected.landing;
        assert_eq!(
            (landed, duplicates, rejected, derived.orphans),
            (
                expected.landed,
                expected.duplicates,
                expected.rejected.len() as u64,
                expected.orphans
            ),
            "{way}"
        );
        check_as_operator(case, &way, &engine, 4).await;
    }
}

/// The lines in another order, but those of one identity among themselves in the one they had: the first to land wins
/// (SPEC E1), so among them order matters.
fn shuffled(lines: &[&[u8]], random: &mut SmallRng) -> Vec<Vec<u8>> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.shuffle(random);
    let mut places: HashMap<Value, Vec<usize>> = HashMap::new();
    for (place, line) in order.iter().enumerate() {
        places
            .entry(identity(lines[*line]))
            .or_default()
            .push(place);
    }
    for places in places.values() {
        let mut own: Vec<usize> = places.iter().map(|place| order[*place]).collect();
        own.sort_unstable();
        for (place, line) in places.iter().zip(own) {
            order[*place] = line;
        }
    }
    order
        .into_iter()
        .map(|line| {
            let mut line = lines[line].to_vec();
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            line
        })
        .collect()
}

/// What lines of one identity have in common. Coarser than the real one (without date and table), which only keeps more
/// lines in order than need be. A line that is no object has none, and all of those keep their order.
fn identity(line: &[u8]) -> Value {
    let parsed: Value = serde_json::from_slice(line).unwrap_or_default();
    Value::Array(vec![
        parsed["account_id"].clone(),
        parsed["event_id"].clone(),
    ])
}
