//! Which column types can hold a field, covering the types that Parquet writers produce.

use super::*;
use arrow::array::{Array, Date32Array, FixedSizeListArray, ListViewArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Int64Type;

#[rstest]
#[case("value", Arc::new(Float64Array::from(vec![1.5])), "column value is Float64; accepted: decimals, integers, or strings of decimal numbers (never floats)")]
#[case("value", Arc::new(BooleanArray::from(vec![true])), "column value is Boolean; accepted: decimals, integers, or strings of decimal numbers (never floats)")]
#[case("occurred_at", Arc::new(TimestampMicrosecondArray::from(vec![0])), "column occurred_at is Timestamp(µs); accepted: timestamps with a time zone (Spark: TIMESTAMP, not TIMESTAMP_NTZ), or strings in RFC 3339 with an offset")]
#[case("occurred_at", Arc::new(Int64Array::from(vec![0])), "column occurred_at is Int64; accepted: timestamps with a time zone (Spark: TIMESTAMP, not TIMESTAMP_NTZ), or strings in RFC 3339 with an offset")]
#[case("order_id", Arc::new(Int64Array::from(vec![7])), "column order_id is Int64; accepted: strings (Utf8, LargeUtf8, Utf8View, or a dictionary of them)")]
#[case("is_bot", texts("true"), "column is_bot is Utf8; accepted: booleans")]
#[case("occurred_at", Arc::new(Date32Array::from(vec![20_463])), "column occurred_at is Date32; accepted: timestamps with a time zone (Spark: TIMESTAMP, not TIMESTAMP_NTZ), or strings in RFC 3339 with an offset")]
#[case(
    "quantity",
    texts("1"),
    "column quantity is Utf8; accepted: integers, or floats that are whole"
)]
#[case(
    "tags",
    texts("a,b"),
    "column tags is Utf8; accepted: lists (List, LargeList) of strings"
)]
#[case("product_ids", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])])), "column product_ids is List(Int32); accepted: lists (List, LargeList) of strings")]
fn columns_that_cannot_hold_their_field(
    #[case] column: &str,
    #[case] array: ArrayRef,
    #[case] expected: &str,
) {
    let error = check_batch(&order(vec![(column, array)]), 1, now()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

/// Writers give a column of nulls any type: floats, dates, nulls.
#[rstest]
#[case(Arc::new(NullArray::new(1)))]
#[case(Arc::new(Float64Array::from(vec![None])))]
#[case(Arc::new(Int32Array::from(vec![None])))]
#[case(Arc::new(Date32Array::from(vec![None])))]
#[case(Arc::new(TimestampMicrosecondArray::from(vec![None])))]
#[case(dictionary(None))]
fn a_column_of_nulls_may_have_any_type(#[case] nulls: ArrayRef) {
    for column in ["profile_id", "currency", "conversation_id"] {
        let batch = accepted(vec![(column, nulls.clone())]);
        assert_eq!(batch[column].null_count(), 1, "{column}");
    }
    for column in ["value", "occurred_at", "order_id"] {
        let reason = rejected(vec![(column, nulls.clone())]).reason;
        assert_eq!(reason, format!("missing_field: {column}"));
    }
}

/// Reads one `added_to_cart` event with a quantity column, and returns the quantity or the reason of its rejection.
fn quantity(quantity: ArrayRef) -> Result<i64, String> {
    let rows = order(vec![
        ("type", texts("added_to_cart")),
        ("conversation_id", texts("c")),
        ("quantity", quantity),
    ]);
    let parsed = check_batch(&rows, 1, now()).unwrap();
    match parsed.rejected.first() {
        Some(rejected) => Err(rejected.reason.clone()),
        None => Ok(parsed.tables[0].as_ref().unwrap()["quantity"]
            .as_primitive::<Int64Type>()
            .value(0)),
    }
}

/// Programs whose integers have no null write them as floats.
#[rstest]
#[case(2.0, Some(2))]
#[case(-0.0, Some(0))]
#[case(9_007_199_254_740_991.0, Some(9_007_199_254_740_991))]
#[case::may_have_been_the_next(9_007_199_254_740_992.0, None)]
#[case(2.5, None)]
#[case(-1.0, None)]
#[case(f64::NAN, None)]
#[case(f64::INFINITY, None)]
fn a_quantity_may_be_a_whole_float(#[case] number: f64, #[case] expected: Option<i64>) {
    let malformed = "malformed_field: quantity is not a whole number from 0 to 9223372036854775807";
    let found = quantity(Arc::new(Float64Array::from(vec![number])));
    assert_eq!(found, expected.ok_or(malformed.to_owned()));
}

#[test]
fn a_dictionary_holds_what_its_values_are() {
    let keys = || Int8Array::from(vec![0]);
    let numbers = DictionaryArray::new(keys(), Arc::new(Int32Array::from(vec![7])));
    assert_eq!(quantity(Arc::new(numbers)), Ok(7));
    let instants =
        TimestampNanosecondArray::from(vec![1_768_046_400_000_000_999]).with_timezone("UTC");
    let batch = accepted(vec![(
        "occurred_at",
        Arc::new(DictionaryArray::new(keys(), Arc::new(instants))) as ArrayRef,
    )]);
    let found = batch["occurred_at"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(found.value(0), 1_768_046_400_000_000);
}

/// Empty lists of every list type, and lists whose element type is null.
#[test]
fn lists_of_any_type_that_hold_texts_or_nothing() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let item = |kind| Arc::new(ArrowField::new("element", kind, true));
    let nulls = |count| Arc::new(NullArray::new(count)) as ArrayRef;
    let offsets = |ends: [i32; 2]| OffsetBuffer::new(ends.to_vec().into());
    let fixed = FixedSizeListArray::new(item(DataType::Utf8), 2, texts.clone(), None);
    let view = ListViewArray::new(
        item(DataType::Utf8),
        vec![0].into(),
        vec![2].into(),
        texts,
        None,
    );
    let empty = ListArray::new(item(DataType::Null), offsets([0, 0]), nulls(0), None);
    let null = ListArray::new(item(DataType::Null), offsets([0, 1]), nulls(1), None);
    let tags = |list: ArrayRef| {
        let rows = order(vec![
            ("type", self::texts("conversation_resolved")),
            ("conversation_id", self::texts("c")),
            ("tags", list),
        ]);
        let parsed = check_batch(&rows, 1, now()).unwrap();
        match parsed.rejected.first() {
            Some(rejected) => rejected.reason.clone(),
            None => {
                let list = parsed.tables[0].as_ref().unwrap()["tags"]
                    .as_list::<i32>()
                    .value(0);
                list.as_string::<i32>().iter().flatten().collect()
            }
        }
    };
    assert_eq!(tags(Arc::new(fixed)), "ab");
    assert_eq!(tags(Arc::new(view)), "ab");
    assert_eq!(tags(Arc::new(empty)), "");
    assert_eq!(
        tags(Arc::new(null)),
        "malformed_field: tags is not a list of strings"
    );
}
