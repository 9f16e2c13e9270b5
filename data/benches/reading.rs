//! How fast events are read and checked, on one core: lines of JSON, and batches of Arrow.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rapport_data::{LineChunker, check_batch, parse_ndjson};
use rapport_synth::{Events, SynthOptions};
use std::hint::black_box;

/// What the engine lands at once.
const CHUNK_BYTES: usize = 4 << 20;
const BATCH_ROWS: usize = 8_192;

fn reading(criterion: &mut Criterion) {
    let options = SynthOptions {
        conversations: 5_000,
        ..SynthOptions::default()
    };
    let now = options.end;
    let mut lines = Vec::new();
    let Ok(written) = Events::new(&options).write_ndjson(&mut lines) else {
        return;
    };
    let chunks: Vec<_> = LineChunker::new(lines.as_slice(), CHUNK_BYTES)
        .flatten()
        .collect();
    let mut events = Events::new(&options);
    let batches: Vec<_> =
        std::iter::from_fn(|| events.next_batch(BATCH_ROWS).ok().flatten()).collect();

    let mut group = criterion.benchmark_group("reading");
    group.throughput(Throughput::Elements(written));
    group.bench_function("parse_ndjson", |bencher| {
        bencher.iter(|| {
            for chunk in &chunks {
                black_box(parse_ndjson(&chunk.bytes, chunk.first_line, now));
            }
        });
    });
    group.bench_function("check_batch", |bencher| {
        bencher.iter(|| {
            for batch in &batches {
                let _ = black_box(check_batch(batch, 1, now));
            }
        });
    });
    group.throughput(Throughput::Bytes(lines.len() as u64));
    group.bench_function("chunks", |bencher| {
        bencher.iter(|| LineChunker::new(black_box(lines.as_slice()), CHUNK_BYTES).count());
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
