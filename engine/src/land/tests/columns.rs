//! What Parquet files as their writers make them land as.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use rstest::rstest;

use super::inputs::{NOON, counts};
use super::*;

/// A file of these rows.
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
async fn text_of_parquet_comes_in_any_form(#[case] form: DataType) {
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

/// What comes of landing Parquet from a pipe, where rows are spilled in some folder.
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
