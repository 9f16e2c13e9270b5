//! A campaign of faults: processes that land, derive, backfill and maintain one lake at once, over a store that fails requests,
//! and that are killed at any request. Whatever happened, the tables are in the end those of a run without faults.
//!
//! Each run has a seed, which is printed where it fails. `RAPPORT_FAULT_RUNS` sets how many runs there are, and
//! `RAPPORT_FAULT_SEED` the first seed.

mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use object_store::ObjectStore;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rapport_data::Settings;
use rapport_engine::lake::{StoreLayer, TableId};
use rapport_engine::{Engine, EngineError, EngineOptions, Include, LandSource, NoProgress};
use rapport_synth::{Events, SynthOptions};
use tokio::runtime::Builder;

use crate::support::{rows, tables};
use store::FaultyStore;

/// How many runs there are, unless more are asked for.
const RUNS: u64 = 12;
/// How many batches the events land in.
const BATCHES: usize = 6;
/// How many processes there are.
const PROCESSES: usize = 3;

type Tables = BTreeMap<&'static str, Vec<String>>;

fn now() -> DateTime<Utc> {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

fn shops() -> SynthOptions {
    SynthOptions {
        accounts: 3,
        days: 4,
        conversations: 24,
        end: now(),
        ..SynthOptions::default()
    }
}

/// Returns the batches that land: events of four days of three shops, some of them late, repeated and stray.
fn batches() -> Vec<String> {
    let mut lines = Vec::new();
    Events::new(&shops()).write_ndjson(&mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    let batches = lines.chunks(lines.len().div_ceil(BATCHES));
    batches.map(|lines| lines.join("\n")).collect()
}

#[derive(Debug)]
struct Over(Arc<FaultyStore>);

impl StoreLayer for Over {
    fn wrap(&self, _store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.0) as Arc<dyn ObjectStore>
    }
}

async fn open(store: &Arc<FaultyStore>) -> Result<Engine, EngineError> {
    Engine::open(EngineOptions {
        lake: "memory:///lake".to_owned(),
        create: true,
        threads: 2,
        round_events: 1,
        now: Some(now()),
        store_layer: Some(Arc::new(Over(Arc::clone(store)))),
        ..EngineOptions::default()
    })
    .await
}

/// Creates the lake with the shops' settings.
async fn create(store: &Arc<FaultyStore>) -> Engine {
    let engine = open(store).await.unwrap();
    let settings = rapport_synth::accounts(&shops());
    let settings = settings
        .iter()
        .map(|line| Settings::from_json_line(line).unwrap());
    engine.put_accounts(settings.collect()).await.unwrap();
    engine
}

async fn land(engine: &Engine, batch: &str) -> Result<(), EngineError> {
    let source = LandSource::bytes("batch", batch.to_owned());
    engine.land(vec![source], &NoProgress).await.map(drop)
}

/// The number of landed events, which tells that each is there once.
async fn landed(engine: &Engine) -> Vec<usize> {
    engine.lake().refresh().await.unwrap();
    let mut counts = Vec::new();
    for id in [
        TableId::ConversationEvents,
        TableId::OrderEvents,
        TableId::TouchEvents,
    ] {
        counts.push(rows(engine, id).await.len());
    }
    counts
}

/// The number of commits of all tables.
fn versions(engine: &Engine) -> i64 {
    let lake = engine.lake().current();
    TableId::ALL.iter().map(|id| lake.get(*id).version()).sum()
}

/// Does a random piece of work that a process may do.
async fn work(engine: &Engine, dice: &mut StdRng, batches: &[String]) -> Result<(), EngineError> {
    match dice.random_range(0..10) {
        0..4 => land(engine, batches.choose(dice).unwrap()).await,
        4..6 => engine.derive(&NoProgress).await.map(drop),
        6..8 => {
            let fresh = Include {
                failed: false,
                pending: false,
            };
            engine.derive_including(fresh, &NoProgress).await.map(drop)
        }
        8 => {
            let day = |text: &str| text.parse::<NaiveDate>().unwrap();
            let (from, to) = (day("2026-03-17"), day("2026-03-19"));
            engine.backfill(from, to, &[], &NoProgress).await.map(drop)
        }
        _ => engine
            .maintain(TimeDelta::days(1), &NoProgress)
            .await
            .map(drop),
    }
}

/// Does a process's work, one piece after the other. An error ends the piece; the next may be in a new process.
async fn process(store: &Arc<FaultyStore>, seed: u64, batches: &[String]) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut engine = None;
    for _ in 0..6 {
        if engine.is_none() || dice.random_bool(0.2) {
            engine = open(store).await.ok();
        }
        if let Some(engine) = &engine {
            // What fails is done again by a later piece, or at the end.
            let _ = work(engine, &mut dice, batches).await;
        }
    }
}

async fn run(seed: u64, batches: &[String], expected: &(Vec<usize>, Tables)) {
    let store = FaultyStore::new(seed);
    let mut dice = StdRng::seed_from_u64(seed);
    create(&store).await;
    store.set_faulty(true);
    for _ in 0..3 {
        store.count_down(dice.random_range(50..1_500));
        let processes =
            (0..PROCESSES).map(|n| process(&store, dice.random::<u64>() ^ n as u64, batches));
        // All are killed at once, wherever they are.
        tokio::select! {
            _ = futures::future::join_all(processes) => {}
            () = store.reached.notified() => {}
        }
    }
    store.set_faulty(false);
    let last = open(&store).await.unwrap();
    for batch in batches {
        land(&last, batch).await.unwrap();
    }
    last.derive(&NoProgress).await.unwrap();
    let faults = store.faults.load(Ordering::SeqCst);
    println!("seed {seed}: {faults} faults, {} versions", versions(&last));
    assert_eq!(
        landed(&last).await,
        expected.0,
        "seed {seed}, {faults} faults"
    );
    let found = tables(&last).await;
    for (table, rows) in &expected.1 {
        assert_eq!(
            found.get(table),
            Some(rows),
            "{table}, seed {seed}, {faults} faults"
        );
    }
    assert!(
        last.derive(&NoProgress).await.unwrap().is_clean(),
        "seed {seed}"
    );
    // Another process reads the same from the log.
    assert_eq!(
        tables(&open(&store).await.unwrap()).await,
        found,
        "seed {seed}"
    );
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    }
}

#[test]
fn whatever_fails_the_tables_are_in_the_end_those_of_a_run_without_faults() {
    // One thread, so that a seed decides the order of requests.
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let batches = batches();
    let expected = runtime().block_on(async {
        let engine = create(&FaultyStore::new(0)).await;
        for batch in &batches {
            land(&engine, batch).await.unwrap();
        }
        engine.derive(&NoProgress).await.unwrap();
        (landed(&engine).await, tables(&engine).await)
    });
    let first = number("RAPPORT_FAULT_SEED", 1);
    for seed in first..first + number("RAPPORT_FAULT_RUNS", RUNS) {
        runtime().block_on(run(seed, &batches, &expected));
    }
}
