//! Tests of what only Arrow rows have: column types, and rows as JSON. The rules shared with lines are tested in the tests of
//! lines; `tests/contract/columnar.rs` tests that they are shared.

mod types;

use super::*;
use crate::table::RawTable;
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal32Array, Decimal64Array, Decimal128Array,
    Decimal256Array, DictionaryArray, Float64Array, Int8Array, Int32Array, Int64Array, ListArray,
    NullArray, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Field as ArrowField, Int32Type, TimestampMicrosecondType, i256,
};
use rstest::rstest;
use std::sync::Arc;

fn now() -> DateTime<Utc> {
    "2026-02-01T12:00:00Z".parse().unwrap()
}

fn texts(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![text]))
}

/// Builds one valid order, with these columns replaced or added.
fn order(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let own = [
        ("event_id", texts("e1")),
        ("account_id", texts("acme")),
        ("type", texts("order_placed")),
        ("occurred_at", texts("2026-01-10T12:00:00Z")),
        ("order_id", texts("o1")),
        ("value", texts("1.50")),
    ];
    let kept = own
        .into_iter()
        .filter(|(name, _)| columns.iter().all(|(other, _)| other != name));
    let all: Vec<_> = kept
        .chain(columns.clone())
        .map(|(name, array)| (name, array, true))
        .collect();
    RecordBatch::try_from_iter_with_nullable(all).unwrap()
}

fn accepted(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let parsed = check_batch(&order(columns), 1, now()).unwrap();
    assert_eq!(parsed.rejected, []);
    parsed.table(RawTable::OrderEvents).unwrap().clone()
}

fn rejected(columns: Vec<(&str, ArrayRef)>) -> Rejected {
    let parsed = check_batch(&order(columns), 7, now()).unwrap();
    assert_eq!((parsed.accepted(), parsed.lines), (0, 1));
    parsed.rejected[0].clone()
}

fn dictionary(text: Option<&str>) -> ArrayRef {
    Arc::new(DictionaryArray::<Int32Type>::new(
        vec![0].into(),
        Arc::new(StringArray::from(vec![text])),
    ))
}

#[test]
fn a_column_twice_is_refused() {
    let column = || ("note", texts("x"), true);
    let batch = RecordBatch::try_from_iter_with_nullable([column(), column()]).unwrap();
    let error = check_batch(&batch, 1, now()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column note is there twice; accepted: each column once"
    );
}

#[rstest]
#[case(texts("1.5"))]
#[case(Arc::new(StringViewArray::from(vec!["1.5000"])))]
#[case(dictionary(Some("15e-1")))]
#[case(Arc::new(Decimal32Array::from(vec![15]).with_precision_and_scale(5, 1).unwrap()))]
#[case(Arc::new(Decimal64Array::from(vec![15_000]).with_precision_and_scale(15, 4).unwrap()))]
#[case(Arc::new(Decimal128Array::from(vec![1_500_000]).with_precision_and_scale(38, 6).unwrap()))]
#[case(Arc::new(Decimal256Array::from(vec![i256::from_i128(15) * i256::from_i128(10_i128.pow(37)) * i256::from_i128(1_000_000)]).with_precision_and_scale(76, 44).unwrap()))]
fn money_in_any_column_that_is_exact(#[case] value: ArrayRef) {
    let batch = accepted(vec![("value", value)]);
    assert_eq!(
        batch["value"].as_primitive::<Decimal128Type>().value(0),
        15_000
    );
}

#[rstest]
#[case(Arc::new(Int8Array::from(vec![2])), 20_000)]
#[case(Arc::new(UInt64Array::from(vec![99_999_999_999_999])), 999_999_999_999_990_000)]
fn money_in_whole_numbers(#[case] value: ArrayRef, #[case] steps: i128) {
    let batch = accepted(vec![("value", value)]);
    assert_eq!(
        batch["value"].as_primitive::<Decimal128Type>().value(0),
        steps
    );
}

#[rstest]
#[case("value", Arc::new(Decimal128Array::from(vec![-1]).with_precision_and_scale(18, 4).unwrap()), "malformed_field: value is negative")]
#[case("value", Arc::new(Decimal128Array::from(vec![15_001]).with_precision_and_scale(18, 5).unwrap()), "malformed_field: value has more than 4 decimals")]
#[case("value", Arc::new(Decimal256Array::from(vec![i256::MAX]).with_precision_and_scale(76, 0).unwrap()), "malformed_field: value is too large (at most 99999999999999.9999)")]
#[case("value", Arc::new(Decimal256Array::from(vec![i256::MIN]).with_precision_and_scale(76, 0).unwrap()), "malformed_field: value is negative")]
#[case("value", Arc::new(UInt64Array::from(vec![u64::MAX])), "malformed_field: value is too large (at most 99999999999999.9999)")]
#[case("value", Arc::new(Int32Array::from(vec![-1])), "malformed_field: value is negative")]
#[case("value", Arc::new(Int32Array::from(vec![None])), "missing_field: value")]
#[case("order_id", Arc::new(NullArray::new(1)), "missing_field: order_id")]
#[case("order_id", dictionary(None), "missing_field: order_id")]
#[case("order_id", texts(""), "missing_field: order_id")]
#[case(
    "type",
    texts("order_lost"),
    "unknown_type: \"order_lost\" is none of conversation_started, "
)]
#[case(
    "currency",
    dictionary(Some("usd")),
    "malformed_field: currency is not three capitals (ISO 4217)"
)]
#[case("occurred_at", Arc::new(TimestampSecondArray::from(vec![i64::MAX]).with_timezone("UTC")), "out_of_range: occurred_at is over 24 h in the future")]
#[case("occurred_at", Arc::new(TimestampMillisecondArray::from(vec![i64::MIN]).with_timezone("UTC")), "out_of_range: occurred_at is before 2000-01-01T00:00:00Z")]
#[case(
    "occurred_at",
    texts("2026-01-10"),
    "malformed_field: occurred_at is not an RFC 3339 instant with an offset"
)]
fn values_that_are_refused(#[case] column: &str, #[case] array: ArrayRef, #[case] expected: &str) {
    let rejected = rejected(vec![(column, array)]);
    assert!(rejected.reason.starts_with(expected), "{}", rejected.reason);
    assert_eq!(rejected.line, 7);
}

#[test]
fn quantities_beyond_64_bits_are_refused() {
    let cart = |quantity: ArrayRef| {
        order(vec![
            ("type", texts("added_to_cart")),
            ("conversation_id", texts("c")),
            ("quantity", quantity),
        ])
    };
    let most = check_batch(
        &cart(Arc::new(UInt64Array::from(vec![i64::MAX as u64]))),
        1,
        now(),
    )
    .unwrap();
    assert_eq!(most.accepted(), 1);
    let more = check_batch(
        &cart(Arc::new(UInt64Array::from(vec![i64::MAX as u64 + 1]))),
        1,
        now(),
    )
    .unwrap();
    assert!(
        more.rejected[0]
            .reason
            .starts_with("malformed_field: quantity is not a whole number")
    );
}

#[rstest]
#[case(Arc::new(TimestampSecondArray::from(vec![1_768_046_400]).with_timezone("America/New_York")), 1_768_046_400_000_000)]
#[case(Arc::new(TimestampMillisecondArray::from(vec![1_768_046_400_001]).with_timezone("UTC")), 1_768_046_400_001_000)]
#[case(Arc::new(TimestampMicrosecondArray::from(vec![1_768_046_400_000_001]).with_timezone("+05:45")), 1_768_046_400_000_001)]
#[case(Arc::new(TimestampNanosecondArray::from(vec![1_768_046_400_000_001_999]).with_timezone("Etc/GMT+5")), 1_768_046_400_000_001)]
#[case(dictionary(Some("2026-01-10T13:00:00+01:00")), 1_768_046_400_000_000)]
fn instants_in_any_unit_and_zone(#[case] instant: ArrayRef, #[case] micros: i64) {
    let batch = accepted(vec![("occurred_at", instant)]);
    assert_eq!(
        batch["occurred_at"]
            .as_primitive::<TimestampMicrosecondType>()
            .value(0),
        micros
    );
}

/// SPEC E4: values that the type does not list go to `properties`; a rejected row is kept whole.
#[test]
fn other_columns_are_properties() {
    let point: ArrayRef = Arc::new(StructArray::from(vec![
        (
            Arc::new(ArrowField::new("x", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![1])) as ArrayRef,
        ),
        (
            Arc::new(ArrowField::new("y", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![None])) as ArrayRef,
        ),
    ]));
    let columns = || {
        vec![
            ("say \"hi\"", texts("\u{1}é")),
            ("point", point.clone()),
            ("nothing", Arc::new(NullArray::new(1)) as ArrayRef),
            ("unsaid", dictionary(None)),
            ("sender", texts("agent")),
            ("currency", texts("EUR")),
            (
                "seen_at",
                Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("Nowhere/Land"))
                    as ArrayRef,
            ),
            (
                "price",
                Arc::new(
                    Decimal128Array::from(vec![150])
                        .with_precision_and_scale(9, 2)
                        .unwrap(),
                ) as ArrayRef,
            ),
        ]
    };
    let properties = r#""say \"hi\"":"\u0001é","point":{"x":1},"sender":"agent""#;
    let last = r#""seen_at":"1970-01-01T00:00:00Z","price":1.50"#;
    let batch = accepted(columns());
    assert_eq!(
        batch["properties"].as_string::<i32>().value(0),
        format!("{{{properties},{last}}}")
    );
    let bad = rejected([columns(), vec![("value", texts("-1"))]].concat());
    assert_eq!(
        String::from_utf8(bad.raw).unwrap(),
        format!(
            r#"{{"event_id":"e1","account_id":"acme","type":"order_placed","occurred_at":"2026-01-10T12:00:00Z","order_id":"o1",{properties},"currency":"EUR",{last},"value":"-1"}}"#
        )
    );
}

/// SPEC E7. JSON writes the character as an escape, which any text can hold.
#[test]
fn nul_in_columns() {
    let bad = rejected(vec![("profile_id", texts("p\0")), ("note", texts("a\0b"))]);
    assert_eq!(
        bad.reason,
        "malformed_field: profile_id has U+0000, which no PostgreSQL text can hold"
    );
    let raw = String::from_utf8(bad.raw).unwrap();
    assert!(
        raw.ends_with(r#""profile_id":"p\u0000","note":"a\u0000b"}"#),
        "{raw}"
    );
    let batch = accepted(vec![("note", texts("a\0b")), ("b\0", texts("c"))]);
    assert_eq!(
        batch["properties"].as_string::<i32>().value(0),
        r#"{"note":"a\u0000b","b\u0000":"c"}"#
    );
}

#[test]
fn a_row_of_nulls_is_an_empty_object() {
    let batch = RecordBatch::try_from_iter_with_nullable([(
        "event_id",
        Arc::new(NullArray::new(2)) as ArrayRef,
        true,
    )]);
    let parsed = check_batch(&batch.unwrap(), 10, now()).unwrap();
    let rejected: Vec<_> = parsed
        .rejected
        .iter()
        .map(|row| (row.line, row.reason.as_str(), row.raw.as_slice()))
        .collect();
    let reason = "missing_field: event_id";
    assert_eq!(
        rejected,
        [
            (10, reason, b"{}".as_slice()),
            (11, reason, b"{}".as_slice())
        ]
    );
}

#[test]
fn a_slice_of_a_batch_is_read_from_its_offset() {
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "event_id",
            Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef,
            true,
        ),
        (
            "account_id",
            Arc::new(StringArray::from(vec!["acme"; 3])) as ArrayRef,
            true,
        ),
        (
            "type",
            Arc::new(StringArray::from(vec!["order_cancelled"; 3])) as ArrayRef,
            true,
        ),
        (
            "occurred_at",
            Arc::new(StringArray::from(vec!["2026-01-10T12:00:00Z"; 3])) as ArrayRef,
            true,
        ),
        (
            "order_id",
            Arc::new(StringArray::from(vec![Some("1"), None, Some("3")])) as ArrayRef,
            true,
        ),
        (
            "note",
            Arc::new(StringArray::from(vec![None, None, Some("n")])) as ArrayRef,
            true,
        ),
    ]);
    let parsed = check_batch(&batch.unwrap().slice(1, 2), 2, now()).unwrap();
    assert_eq!(
        parsed
            .rejected
            .iter()
            .map(|row| row.line)
            .collect::<Vec<_>>(),
        [2]
    );
    let orders = parsed.table(RawTable::OrderEvents).unwrap();
    assert_eq!(orders["order_id"].as_string::<i32>().value(0), "3");
    assert_eq!(
        orders["properties"].as_string::<i32>().value(0),
        r#"{"note":"n"}"#
    );
}

/// Within a partition, the first event of an identity must stay the first (SPEC E1).
#[test]
fn rows_of_a_partition_stand_together_in_the_order_of_arrival() {
    let texts = |texts: [&'static str; 6]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let (first, second) = ("2026-01-10T23:59:59Z", "2026-01-11T00:00:00Z");
    let batch = RecordBatch::try_from_iter([
        ("event_id", texts(["1", "2", "3", "4", "5", "6"])),
        ("account_id", texts(["b", "a", "b", "a", "b", "a"])),
        ("type", texts(["order_placed"; 6])),
        (
            "occurred_at",
            texts([second, first, first, first, second, first]),
        ),
        ("order_id", texts(["o"; 6])),
        ("value", texts(["1", "1", "1", "1", "1", "x"])),
        (
            "note",
            texts(["of 1", "of 2", "of 3", "of 4", "of 5", "of 6"]),
        ),
    ])
    .unwrap();
    let parsed = check_batch(&batch, 1, now()).unwrap();
    let rows = parsed.table(RawTable::OrderEvents).unwrap();
    let column = |name: &str| -> Vec<_> {
        let texts = rows[name].as_string::<i32>();
        texts.iter().map(|text| text.unwrap().to_owned()).collect()
    };
    assert_eq!(column("account_id"), ["b", "b", "b", "a", "a"]);
    assert_eq!(column("event_id"), ["3", "1", "5", "2", "4"]);
    let notes = ["3", "1", "5", "2", "4"].map(|id| format!("{{\"note\":\"of {id}\"}}"));
    assert_eq!(column("properties"), notes);
    assert_eq!(parsed.rejected[0].line, 6);
}
