//! Both outputs tell the same story, landing takes all of it, and folders hold it whole.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rstest::rstest;
use serde_json::{Map, json};

use super::super::spell::{Field, Shape};
use super::super::*;
use super::{ndjson, objects, options};

#[test]
fn batches_hold_what_the_lines_hold() {
    let options = options(3, 12, 400, 5);
    let expected = objects(&options);
    let mut events = Events::new(&options);
    let mut row = 0;
    while let Some(batch) = events.next_batch(777).unwrap() {
        assert_eq!(batch.schema(), event_schema());
        for place in 0..batch.num_rows() {
            let mut object = Map::new();
            for ((name, shape), column) in Field::ALL.iter().zip(batch.columns()) {
                if column.is_null(place) {
                    continue;
                }
                let value = match shape {
                    Shape::Text => json!(column.as_string::<i32>().value(place)),
                    Shape::Texts => {
                        let list = column.as_list::<i32>().value(place);
                        json!(list.as_string::<i32>().iter().collect::<Vec<_>>())
                    }
                    Shape::Instant => {
                        let micros = column
                            .as_primitive::<TimestampMicrosecondType>()
                            .value(place);
                        let instant = DateTime::from_timestamp_micros(micros).unwrap();
                        json!(instant.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
                    }
                    Shape::Flag => json!(column.as_boolean().value(place)),
                    Shape::Integer => json!(column.as_primitive::<Int64Type>().value(place)),
                    Shape::Money => {
                        let value = column.as_primitive::<Decimal128Type>().value(place);
                        assert_eq!(value % 100, 0, "values have two decimals");
                        json!((value / 100) as f64 / 100.0)
                    }
                };
                object.insert((*name).to_owned(), value);
            }
            assert_eq!(object, expected[row]);
            row += 1;
        }
    }
    assert_eq!(row, expected.len());
}

/// Nothing that landing would reject, in either form (SPEC E3), and as many rows in each.
#[test]
fn landing_takes_every_event() {
    let options = options(5, 30, 3000, 11);
    let (mut from_lines, mut from_batches) = (0, 0);
    let lines = ndjson(&options);
    let parsed = rapport_data::parse_ndjson(&lines, 1, options.end);
    assert_eq!(parsed.rejected, []);
    from_lines += parsed.accepted();
    let mut events = Events::new(&options);
    let mut row = 1;
    while let Some(batch) = events.next_batch(5000).unwrap() {
        let parsed = rapport_data::check_batch(&batch, row, options.end).unwrap();
        assert_eq!(parsed.rejected, []);
        row += batch.num_rows() as u64;
        from_batches += parsed.accepted();
    }
    assert_eq!(from_lines, from_batches);
    assert_eq!(from_lines as u64, row - 1);
}

/// Settings are taken as they stand (SPEC 3).
#[test]
fn settings_of_every_shop_are_taken() {
    for line in accounts(&options(200, 1, 1, 5)) {
        rapport_data::Settings::from_json_line(&line)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[rstest]
#[case::lines(SynthFormat::Ndjson)]
#[case::columns(SynthFormat::Parquet)]
fn a_folder_holds_all_events_in_files_of_bounded_size(#[case] format: SynthFormat) {
    let options = options(3, 14, 200, 7);
    let all = Events::new(&options).count() as u64;
    let folder = tempfile::tempdir().unwrap();
    let mut told = 0;
    let report = write_dir(&options, folder.path(), format, 1000, &mut |report| {
        told = report.events
    })
    .unwrap();
    assert_eq!(report.events, all);
    assert_eq!(
        report.events,
        report.conversation_events + report.order_events + report.touch_events
    );
    assert_eq!(
        (report.accounts, report.files, report.hours),
        (3, all.div_ceil(1000), 14 * 24)
    );
    assert_eq!(told, all, "progress ends with all that was written");
    let extension = if format == SynthFormat::Ndjson {
        "ndjson"
    } else {
        "parquet"
    };
    let names: Vec<String> = (1..=report.files)
        .map(|file| format!("events-{file:04}.{extension}"))
        .collect();
    assert!(names.iter().all(|name| folder.path().join(name).exists()));
    if format == SynthFormat::Ndjson {
        let files = names
            .iter()
            .map(|name| std::fs::read(folder.path().join(name)).unwrap());
        assert!(
            files.flatten().eq(ndjson(&options)),
            "the files are the feed, cut"
        );
    } else {
        let read = names.iter().map(|name| {
            let file = std::fs::File::open(folder.path().join(name)).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                .unwrap()
                .build()
                .unwrap();
            reader
                .map(|batch| batch.unwrap().num_rows() as u64)
                .sum::<u64>()
        });
        assert_eq!(read.sum::<u64>(), all);
    }
    let refused = write_dir(&options, folder.path(), format, 1000, &mut |_| {}).unwrap_err();
    assert!(
        refused.to_string().contains("name an empty folder"),
        "{refused}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taken");
    std::fs::write(&file, "").unwrap();
    let refused = write_dir(
        &options(1, 1, 1, 1),
        &file,
        SynthFormat::Ndjson,
        1000,
        &mut |_| {},
    )
    .unwrap_err();
    assert!(refused.to_string().contains("taken"), "{refused}");
}

/// `sample/` is what its README says; `UPDATE_SAMPLE=1` in the environment makes it anew.
#[test]
fn the_sample_is_made_by_synth() {
    let options = options(3, 14, 200, 7);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample");
    let settings: String = accounts(&options)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    for (name, made) in [
        ("accounts.ndjson", settings.into_bytes()),
        ("events.ndjson", ndjson(&options)),
    ] {
        if std::env::var_os("UPDATE_SAMPLE").is_some() {
            std::fs::write(folder.join(name), &made).unwrap();
        }
        assert!(
            std::fs::read(folder.join(name)).unwrap() == made,
            "sample/{name} is not what synth makes"
        );
    }
}
