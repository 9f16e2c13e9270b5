//! Events are read back as they were written, however their lines are cut into chunks.

use crate::events::{Event, INSTANT, events, lines, money};
use crate::now;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int8Type, Int64Type, TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use rapport_data::{EventType, Parsed, RawTable, parse_ndjson};
use serde_json::Value;

/// Converts a landed row back to an event.
fn event(table: RawTable, batch: &RecordBatch, row: usize) -> Event {
    let mut event = Event::new();
    for (column, array) in batch.schema().fields().iter().zip(batch.columns()) {
        match column.name().as_str() {
            "properties" if array.is_valid(row) => {
                let properties: Event =
                    serde_json::from_str(array.as_string::<i32>().value(row)).unwrap();
                event.extend(properties);
            }
            "event_date" => {
                let date = array
                    .as_primitive::<Date32Type>()
                    .value_as_date(row)
                    .unwrap();
                assert!(
                    batch["occurred_at"]
                        .as_primitive::<TimestampMicrosecondType>()
                        .value_as_datetime(row)
                        .unwrap()
                        .date()
                        == date
                );
            }
            name if array.is_valid(row) => {
                event.insert(name.to_owned(), value(array, row));
            }
            _ => {}
        }
    }
    if table == RawTable::TouchEvents {
        event.insert("type".to_owned(), EventType::Touch.name().into());
    }
    event
}

fn value(array: &ArrayRef, row: usize) -> Value {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Dictionary(_, _) => array
            .as_dictionary::<Int8Type>()
            .downcast_dict::<StringArray>()
            .unwrap()
            .into_iter()
            .nth(row)
            .unwrap()
            .into(),
        DataType::List(_) => array
            .as_list::<i32>()
            .value(row)
            .as_string::<i32>()
            .iter()
            .map(|text| text.unwrap().to_owned())
            .collect(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Decimal128(18, 4) => money(
            array
                .as_primitive::<Decimal128Type>()
                .value(row)
                .try_into()
                .unwrap(),
        ),
        DataType::Timestamp(_, _) => {
            let instant = array
                .as_primitive::<TimestampMicrosecondType>()
                .value_as_datetime(row)
                .unwrap();
            instant.and_utc().format(INSTANT).to_string().into()
        }
        other => panic!("a column of {other}"),
    }
}

/// Joins the results of the parts of one input.
fn together(parts: Vec<Parsed>) -> Parsed {
    let mut all = Parsed::default();
    for table in RawTable::ALL {
        let batches: Vec<&RecordBatch> =
            parts.iter().filter_map(|part| part.table(table)).collect();
        if !batches.is_empty() {
            all.tables[table as usize] =
                Some(concat_batches(&table.landing_schema(), batches).unwrap());
        }
    }
    for part in parts {
        all.rejected.extend(part.rejected);
        all.lines += part.lines;
    }
    all
}

proptest! {
    #[test]
    fn events_are_read_back_as_written(written in events(false)) {
        let parsed = parse_ndjson(lines(&written).concat().as_bytes(), 1, now());
        prop_assert_eq!(&parsed.rejected, &[]);
        prop_assert_eq!(parsed.lines, written.len() as u64);
        for table in RawTable::ALL {
            let in_table = |event: &&Event| {
                EventType::from_name(event["type"].as_str().unwrap()).unwrap().table() == table
            };
            let expected: Vec<Event> = written.iter().filter(in_table).cloned().collect();
            let found: Vec<Event> = parsed.table(table).map_or(vec![], |batch| {
                assert_eq!(batch.schema(), table.landing_schema());
                (0..batch.num_rows()).map(|row| event(table, batch, row)).collect()
            });
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn cutting_into_chunks_changes_nothing(written in events(true), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let lines = lines(&written);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(lines.len() + 1)).chain([0, lines.len()]).collect();
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| parse_ndjson(lines[cut[0]..cut[1]].concat().as_bytes(), cut[0] as u64 + 1, now()));
        let (parts, whole) = (together(chunks.collect()), parse_ndjson(lines.concat().as_bytes(), 1, now()));
        prop_assert_eq!(parts.tables, whole.tables);
        prop_assert_eq!(parts.rejected, whole.rejected);
        prop_assert_eq!(parts.lines, whole.lines);
    }
}
