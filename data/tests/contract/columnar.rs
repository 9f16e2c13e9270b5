//! Arrow rows and lines follow the same rules: the same events give the same batches and rejections in both formats.

use crate::events::{Event, events, lines};
use crate::now;
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Int64Array,
    LargeStringArray, ListBuilder, RecordBatch, StringArray, StringBuilder, StringViewArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt32Array,
};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, i256};
use proptest::prelude::*;
use rapport_data::{Field, Form, check_batch, parse_ndjson};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Builds the column of a field, in one of the Arrow types that can hold it; `choice` selects the type.
fn column(name: &str, events: &[Event], choice: usize) -> ArrayRef {
    let values: Vec<Option<&Value>> = events.iter().map(|event| event.get(name)).collect();
    let texts: Vec<Option<&str>> = values
        .iter()
        .map(|value| value.and_then(Value::as_str))
        .collect();
    match Field::from_name(name).map(Field::form) {
        Some(Form::Whole) => integers(&values),
        None if name == "tokens" => integers(&values),
        Some(Form::Flag) => flags(&values),
        None if name != "note" => flags(&values),
        Some(Form::TextList) => lists(&values, choice),
        Some(Form::Instant) => instants(&texts, choice).unwrap_or_else(|| strings(&texts, choice)),
        Some(Form::Money) => decimals(&texts, choice).unwrap_or_else(|| strings(&texts, choice)),
        Some(Form::Text) | None => strings(&texts, choice),
    }
}

fn integers(values: &[Option<&Value>]) -> ArrayRef {
    Arc::new(
        values
            .iter()
            .map(|value| value.and_then(Value::as_i64))
            .collect::<Int64Array>(),
    )
}

fn flags(values: &[Option<&Value>]) -> ArrayRef {
    Arc::new(
        values
            .iter()
            .map(|value| value.and_then(Value::as_bool))
            .collect::<BooleanArray>(),
    )
}

fn strings(texts: &[Option<&str>], choice: usize) -> ArrayRef {
    let plain: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8));
    match choice % 4 {
        0 => plain,
        1 => Arc::new(LargeStringArray::from(texts.to_vec())),
        2 => Arc::new(StringViewArray::from(texts.to_vec())),
        _ => cast(&plain, &dictionary).unwrap(),
    }
}

fn lists(values: &[Option<&Value>], choice: usize) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for value in values {
        let texts = value.and_then(Value::as_array);
        builder.append_option(
            texts.map(|list| list.iter().map(|text| text.as_str().map(str::to_owned))),
        );
    }
    let plain: ArrayRef = Arc::new(builder.finish());
    let item = |kind| Arc::new(arrow::datatypes::Field::new("element", kind, true));
    match choice % 3 {
        0 => plain,
        1 => cast(&plain, &DataType::LargeList(item(DataType::LargeUtf8))).unwrap(),
        _ => cast(&plain, &DataType::List(item(DataType::Utf8View))).unwrap(),
    }
}

/// Builds a timestamp column; none where a text is no instant.
fn instants(texts: &[Option<&str>], choice: usize) -> Option<ArrayRef> {
    let micros = |text: &str| {
        chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| at.timestamp_micros())
    };
    let micros: Vec<Option<i64>> = texts
        .iter()
        .map(|text| text.map(micros))
        .map(Option::transpose_if)
        .collect::<Option<_>>()?;
    let nanos = micros
        .iter()
        .map(|micros| micros.map(|micros| micros.saturating_mul(1_000)));
    match choice % 3 {
        0 => None,
        1 => Some(Arc::new(
            TimestampMicrosecondArray::from(micros).with_timezone("Asia/Kathmandu"),
        )),
        _ => Some(Arc::new(
            nanos
                .collect::<TimestampNanosecondArray>()
                .with_timezone("+00:00"),
        )),
    }
}

/// Builds a decimal column; none where a text is no amount, or has more than four decimals.
fn decimals(texts: &[Option<&str>], choice: usize) -> Option<ArrayRef> {
    let steps = |text: &str| {
        let (whole, decimals) = text.split_once('.')?;
        (decimals.len() == 4).then(|| format!("{whole}{decimals}").parse::<i128>().ok())?
    };
    let steps: Vec<Option<i128>> = texts
        .iter()
        .map(|text| text.map(steps))
        .map(Option::transpose_if)
        .collect::<Option<_>>()?;
    let fine = steps
        .iter()
        .map(|steps| steps.map(|steps| i256::from_i128(steps) * i256::from_i128(1_000_000)));
    match choice % 3 {
        0 => None,
        1 => Some(Arc::new(
            Decimal128Array::from(steps)
                .with_precision_and_scale(20, 4)
                .unwrap(),
        )),
        _ => Some(Arc::new(
            fine.collect::<Decimal256Array>()
                .with_precision_and_scale(50, 10)
                .unwrap(),
        )),
    }
}

/// Turns `Some(None)`, a value that the column cannot hold, into none for the whole column.
trait TransposeIf<T> {
    fn transpose_if(self) -> Option<Option<T>>;
}

impl<T> TransposeIf<T> for Option<Option<T>> {
    fn transpose_if(self) -> Option<Option<T>> {
        match self {
            Some(Some(value)) => Some(Some(value)),
            Some(None) => None,
            None => Some(None),
        }
    }
}

/// Groups rows by account in order of arrival, then by date, keeping the order within each group.
fn grouped(rows: &RecordBatch) -> RecordBatch {
    let accounts: Vec<&str> = rows["account_id"]
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    let dates = rows["event_date"].as_primitive::<Date32Type>().values();
    let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
    order.sort_by_key(|row| {
        let row = *row as usize;
        let first = accounts
            .iter()
            .position(|account| *account == accounts[row]);
        (first, dates[row])
    });
    take_record_batch(rows, &UInt32Array::from(order)).unwrap()
}

proptest! {
    #[test]
    fn rows_and_lines_give_the_same_results(events in events(true), choices in prop::collection::vec(0..12_usize, 40)) {
        // Both formats have the fields in the same order, which is that of `properties`.
        let names: BTreeSet<&String> = events.iter().flat_map(Event::keys).collect();
        let columns = names.iter().zip(choices).map(|(name, choice)| (*name, column(name, &events, choice), true));
        prop_assume!(!names.is_empty());
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let sorted: Vec<Event> = events.iter().map(|event| {
            let fields: std::collections::BTreeMap<_, _> = event.iter().collect();
            fields.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        }).collect();
        let by_line = parse_ndjson(lines(&sorted).concat().as_bytes(), 1, now());
        let by_row = check_batch(&batch, 1, now()).unwrap();
        let reasons = |parsed: &rapport_data::Parsed| -> Vec<_> {
            parsed.rejected.iter().map(|rejected| (rejected.line, rejected.reason.clone())).collect()
        };
        prop_assert_eq!(reasons(&by_row), reasons(&by_line));
        prop_assert_eq!(by_row.lines, by_line.lines);
        for rejected in &by_row.rejected {
            let raw: Event = serde_json::from_slice(&rejected.raw).unwrap();
            prop_assert_eq!(raw.len(), events[rejected.line as usize - 1].len());
        }
        for (by_row, by_line) in by_row.tables.iter().zip(&by_line.tables) {
            let by_line = by_line.as_ref().map(grouped);
            prop_assert_eq!(by_row, &by_line);
        }
    }
}
