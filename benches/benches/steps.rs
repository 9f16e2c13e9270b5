//! Landing and deriving a small lake from nothing, and deriving what a few late events change.

#![allow(
    clippy::expect_used,
    reason = "a bench that cannot set itself up has nothing to measure"
)]
#![allow(
    missing_docs,
    reason = "the macros of Criterion make items without any"
)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rapport_engine::{Engine, EngineOptions, LandSource, NoProgress};
use rapport_synth::{Events, SynthOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn events() -> (Vec<u8>, u64) {
    let mut text = Vec::new();
    let options = SynthOptions::default();
    let count = Events::new(&options)
        .write_ndjson(&mut text)
        .expect("memory takes everything");
    (text, count)
}

async fn lake(events: &[u8]) -> (Engine, TempDir) {
    let folder = TempDir::new().expect("a temporary folder");
    let options = EngineOptions {
        lake: folder.path().join("lake").display().to_string(),
        create: true,
        now: Some(SynthOptions::default().end),
        ..EngineOptions::default()
    };
    let engine = Engine::open(options).await.expect("a lake");
    land(&engine, events).await;
    (engine, folder)
}

async fn land(engine: &Engine, events: &[u8]) {
    let source = LandSource::bytes("bench.ndjson", events.to_vec());
    engine
        .land(vec![source], &NoProgress)
        .await
        .expect("events land");
}

async fn derive(engine: &Engine) {
    engine.derive(&NoProgress).await.expect("a derive");
}

fn steps(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (events, count) = events();
    let mut group = criterion.benchmark_group("steps");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(count));
    group.bench_function("land", |bencher| {
        bencher.iter(|| runtime.block_on(lake(&events)));
    });
    group.bench_function("derive from nothing", |bencher| {
        bencher.iter_batched(
            || runtime.block_on(lake(&events)),
            |(engine, folder)| {
                runtime.block_on(derive(&engine));
                folder
            },
            BatchSize::PerIteration,
        );
    });
    // The last thousand lines come late.
    let mut cut = events.len();
    for _ in 0..1_000 {
        cut = events[..cut - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
    }
    let (before, late) = events.split_at(cut);
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("derive a thousand late events", |bencher| {
        bencher.iter_batched(
            || {
                runtime.block_on(async {
                    let (engine, folder) = lake(before).await;
                    derive(&engine).await;
                    land(&engine, late).await;
                    (engine, folder)
                })
            },
            |(engine, folder)| {
                runtime.block_on(derive(&engine));
                folder
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
