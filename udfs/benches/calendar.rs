//! Rows per second of the calendar functions, and what a zone's table costs to build.

#![allow(
    clippy::unwrap_used,
    reason = "a bench may stop at what a test would find"
)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rapport_udfs::all_udfs;
use rapport_udfs::calendar::Zone;

const ROWS: usize = 8_192;
const YEAR: i64 = 365 * 86_400_000_000;

fn arguments(instants: &ArrayRef, zone: &ColumnarValue) -> ScalarFunctionArgs {
    let field = |data_type| Arc::new(Field::new("", data_type, true));
    ScalarFunctionArgs {
        arg_fields: vec![field(instants.data_type().clone()), field(zone.data_type())],
        args: vec![ColumnarValue::Array(Arc::clone(instants)), zone.clone()],
        number_rows: ROWS,
        return_field: field(DataType::Date32),
        config_options: Arc::new(ConfigOptions::default()),
    }
}

fn calendar(criterion: &mut Criterion) {
    let functions = all_udfs();
    let function = functions
        .iter()
        .find(|function| function.name() == "local_date")
        .unwrap();
    let mut random = SmallRng::seed_from_u64(7);
    let mut instants: Vec<i64> = (0..ROWS)
        .map(|_| random.random_range(55 * YEAR..57 * YEAR))
        .collect();
    let shuffled: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(instants.clone()).with_timezone("UTC"));
    instants.sort_unstable();
    let sorted: ArrayRef = Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"));
    let names = ["America/New_York", "Europe/Berlin", "Asia/Tokyo", "UTC"];
    let by_row = |run: usize| -> ColumnarValue {
        ColumnarValue::Array(Arc::new(
            (0..ROWS)
                .map(|row| Some(names[row / run % 4]))
                .collect::<StringViewArray>(),
        ))
    };
    let constant = ColumnarValue::Scalar(ScalarValue::from("America/New_York"));
    let mut group = criterion.benchmark_group("local_date");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, instants, zone) in [
        ("sorted, one zone", &sorted, constant.clone()),
        ("shuffled, one zone", &shuffled, constant),
        ("shuffled, zones in runs", &shuffled, by_row(100)),
        ("shuffled, another zone each row", &shuffled, by_row(1)),
    ] {
        let arguments = arguments(instants, &zone);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                function
                    .invoke_with_args(black_box(arguments.clone()))
                    .unwrap()
            });
        });
    }
    group.finish();

    // Each zone is built once a process, so only the first of these builds.
    let start = std::time::Instant::now();
    for zone in [
        "America/New_York",
        "Africa/Casablanca",
        "Asia/Gaza",
        "Europe/Dublin",
    ] {
        black_box(Zone::named(zone).unwrap());
    }
    println!("building four zones: {:?}", start.elapsed());
}

criterion_group!(benches, calendar);
criterion_main!(benches);
