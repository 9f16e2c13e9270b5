//! How the Parquet files of different writers land.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rstest::rstest;

use super::inputs::{NOON, counts};
use super::*;

/// Writes rows to a Parquet file in memory.
pub(super) fn file(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

#[rstest]
#[case::strings(DataType::Utf8)]
#[case::large_strings(DataType::LargeUtf8)]
#[case::dictionaries(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))]
#[case::large_dictionaries(DataType::Dictionary(
    Box::new(DataType::Int8),
    Box::new(DataType::LargeUtf8)
))]
#[tokio::test(flavor = "multi_thread")]
async fn parquet_text_of_any_arrow_type_lands(#[case] form: DataType) {
    let texts = [
        ("event_id", ["e1", "e2"]),
        ("account_id", ["acme", "acme"]),
        ("type", ["message_sent", "message_sent"]),
        ("occurred_at", [NOON, NOON]),
        ("conversation_id", ["c", "c"]),
        ("sender", ["agent", "shopper"]),
    ];
    let column = |texts: [&str; 2]| {
        let plain = StringArray::from(texts.to_vec());
        arrow::compute::cast(&plain, &form).unwrap()
    };
    let batch = RecordBatch::try_from_iter(texts.map(|(name, texts)| (name, column(texts))));
    let batch = batch.unwrap();
    let shop = Shop::open().await;
    let report = shop
        .try_land(vec![LandSource::bytes("texts", file(&batch))])
        .await;
    assert_eq!(counts(&report.unwrap()), (2, 0, 0));
    let rows = shop.rows(TableId::ConversationEvents).await;
    assert!(rows[0].contains("sender=agent"), "{rows:?}");
    assert!(rows[1].contains("sender=shopper"), "{rows:?}");
}

/// Lands Parquet from a pipe, with a spill folder.
async fn land_piped(spill_dir: &Path) -> Result<LandReport, EngineError> {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.parquet");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let texts = [
        ("event_id", "e1"),
        ("account_id", "acme"),
        ("type", "message_sent"),
        ("occurred_at", NOON),
        ("conversation_id", "c"),
        ("sender", "agent"),
    ];
    let columns = texts.map(|(name, text)| {
        let column = StringArray::from(vec![text]);
        (name, Arc::new(column) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let bytes = file(&batch);
    let writing = {
        let pipe = pipe.clone();
        // Nobody reads it to its end where it cannot be copied.
        std::thread::spawn(move || drop(std::fs::write(pipe, bytes)))
    };
    let mut shop = Shop::open().await;
    shop.spill_dir = Some(spill_dir.to_owned());
    let landed = shop.try_land(vec![LandSource::path(&pipe)]).await;
    writing.join().unwrap();
    landed
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_from_a_pipe_is_copied_where_rows_are_spilled() {
    let spill = tempfile::tempdir().unwrap();
    let landed = land_piped(spill.path()).await.unwrap();
    assert_eq!(counts(&landed), (1, 0, 0));
    let missing = spill.path().join("missing");
    let error = land_piped(&missing).await.unwrap_err().to_string();
    assert!(error.contains("temporary space in"), "{error}");
    assert!(error.contains(missing.to_str().unwrap()), "{error}");
}

/// Writes a file of one order as Spark does, with instants in INT96 and no Arrow schema; with an ENUM and a UUID as DuckDB
/// writes them.
fn file_of_int96(metadata: Option<Vec<KeyValue>>) -> Vec<u8> {
    let schema = "message spark_schema {
        required binary event_id (STRING);
        required binary account_id (STRING);
        required binary type (ENUM);
        required int96 occurred_at;
        required binary order_id (STRING);
        required int64 value (DECIMAL(18, 2));
        required fixed_len_byte_array(16) profile_id (UUID);
        required int96 seen_at;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_key_value_metadata(metadata);
    let properties = Arc::new(properties.build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let text = |text: &str| ByteArray::from(text);
    // 2026-01-10T12:00:00.123456789Z: the nanoseconds of the day, and the day as astronomers count it.
    let nanos: u64 = 43_200_123_456_789;
    let instant = Int96::from(vec![nanos as u32, (nanos >> 32) as u32, 2_461_051]);
    let uuid: Vec<u8> = (0..16).collect();
    let mut texts = ["e1", "acme", "order_placed", "o1"].into_iter();
    while let Some(mut column) = group.next_column().unwrap() {
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(column) => {
                let text = text(texts.next().unwrap());
                column.write_batch(&[text], None, None).unwrap()
            }
            ColumnWriter::Int96ColumnWriter(column) => {
                column.write_batch(&[instant], None, None).unwrap()
            }
            ColumnWriter::Int64ColumnWriter(column) => {
                column.write_batch(&[1050], None, None).unwrap()
            }
            ColumnWriter::FixedLenByteArrayColumnWriter(column) => {
                let uuid = FixedLenByteArray::from(uuid.clone());
                column.write_batch(&[uuid], None, None).unwrap()
            }
            _ => panic!("a column that the schema does not have"),
        };
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_an_int96_is_an_instant_of_utc() {
    let shop = Shop::open().await;
    let source = LandSource::bytes("spark", file_of_int96(None));
    assert_eq!(
        counts(&shop.try_land(vec![source]).await.unwrap()),
        (1, 0, 0)
    );
    let rows = shop.rows(TableId::OrderEvents).await;
    for value in [
        "occurred_at=2026-01-10T12:00:00.123456Z",
        "value=10.5000",
        "profile_id=00010203-0405-0607-0809-0a0b0c0d0e0f",
        r#"properties={"seen_at":"2026-01-10T12:00:00.123456Z"}"#,
    ] {
        assert!(rows[0].contains(value), "{value}: {rows:?}");
    }
}

/// If the Arrow schema of a file says that its timestamps have no zone, they are no instants.
#[tokio::test(flavor = "multi_thread")]
async fn t1_an_int96_without_a_zone_by_its_arrow_schema_is_refused() {
    let fields: Vec<Field> = ["event_id", "account_id", "type"]
        .map(|name| Field::new(name, DataType::Utf8, false))
        .into_iter()
        .chain([Field::new(
            "occurred_at",
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            false,
        )])
        .chain([Field::new("order_id", DataType::Utf8, false)])
        .chain([Field::new("value", DataType::Decimal128(18, 2), false)])
        .chain([Field::new(
            "profile_id",
            DataType::FixedSizeBinary(16),
            false,
        )])
        .chain([Field::new(
            "seen_at",
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            false,
        )])
        .collect();
    let schema = parquet::arrow::encode_arrow_schema(&Schema::new(fields));
    let metadata = KeyValue::new(parquet::arrow::ARROW_SCHEMA_META_KEY.to_owned(), schema);
    let shop = Shop::open().await;
    let source = LandSource::bytes("naive", file_of_int96(Some(vec![metadata])));
    let error = shop.try_land(vec![source]).await.unwrap_err().to_string();
    let says = "naive: column occurred_at is Timestamp(ns); accepted: timestamps with a time zone (Spark: TIMESTAMP, not TIMESTAMP_NTZ)";
    assert!(error.contains(says), "{error}");
}
