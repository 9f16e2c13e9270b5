//! The inputs that can be landed, and the errors of broken ones: no event is lost, and nothing lands in part.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use object_store::ObjectStoreExt;
use rstest::rstest;

use super::*;

pub(super) const NOON: &str = "2026-01-10T12:00:00Z";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Appends zeros, as a log has at its end that was rotated during a crash.
fn padded(mut content: Vec<u8>, zeros: usize) -> Vec<u8> {
    content.resize(content.len() + zeros, 0);
    content
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|i| message("acme", &format!("e{i:05}"), NOON, &format!("c{}", i % 7)))
        .collect()
}

pub(super) fn counts(report: &LandReport) -> (u64, u64, u64) {
    (report.landed, report.duplicates, report.rejected)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_input_lands_nothing() {
    let shop = Shop::open().await;
    let report = shop.land("").await;
    assert_eq!(counts(&report), (0, 0, 0));
    let snapshot = shop.lake.refresh().await.unwrap();
    assert_eq!(snapshot.get(TableId::ConversationEvents).version(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_identity_is_by_account_table_and_date() {
    let shop = Shop::open().await;
    let first = [
        message("acme", "e", "2026-01-10T23:59:59.999999Z", "c1"),
        message("acme", "e", "2026-01-11T00:00:00Z", "c1"),
        message("acme", "e", "2026-01-11T01:00:00+02:00", "c9"),
        message("beta", "e", "2026-01-10T23:00:00Z", "c1"),
        order("acme", "e", "2026-01-10T23:00:00Z", "o1"),
    ];
    assert_eq!(counts(&shop.land(first.concat()).await), (4, 1, 0));
    let rows = shop.rows(TableId::ConversationEvents).await;
    assert_eq!(rows.len(), 3);
    // The third line was on the date of the first, and later.
    assert!(rows.iter().all(|row| !row.contains("conversation_id=c9")));
    // The first to land wins, whatever a later one says.
    let again = [
        message("acme", "e", "2026-01-10T00:00:00Z", "c5"),
        message("acme", "f", "2026-01-10T00:00:00Z", "c5"),
    ];
    assert_eq!(counts(&shop.land(again.concat()).await), (1, 1, 0));
    let rows = shop.rows(TableId::ConversationEvents).await;
    assert_eq!(rows.len(), 4);
    assert!(rows[0].contains("event_id=e ") && rows[0].contains("conversation_id=c1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_rejected_lines_are_kept_once_and_whole() {
    let shop = Shop::open().await;
    let mut input = message("acme", "e1", NOON, "c1").into_bytes();
    input.extend(b"\n{\"half\": \nnot \xff\0 text\n");
    input.extend(message("acme", "e2", NOON, "c1").bytes());
    input.extend(b"no newline at the\0end");
    for round in 0..2 {
        let report = shop.land(input.clone()).await;
        assert_eq!(report.rejected, 3, "round {round}");
        assert_eq!((report.landed, report.duplicates), [(2, 0), (0, 2)][round]);
        assert_eq!(report.lines, 6);
        let rows = shop.rows(TableId::RejectedEvents).await;
        assert_eq!(rows.len(), 3, "{rows:#?}");
        assert!(rows[0].contains("source=test line=3"), "{}", rows[0]);
        assert!(rows[1].contains("source=test line=4"), "{}", rows[1]);
        assert!(rows[1].contains("raw=not \u{fffd}\u{fffd} text raw_bytes=6e6f7420ff002074657874"));
        assert!(rows[2].contains("line=6") && rows[2].contains("raw=no newline at the\u{fffd}end"));
    }
    // The same line of another source is another rejected line.
    let other = LandSource::bytes("other", b"\n\n{\"half\": \n".to_vec());
    shop.try_land(vec![other]).await.unwrap();
    assert_eq!(shop.rows(TableId::RejectedEvents).await.len(), 4);
}

/// Returns the only file of rejected lines.
async fn rejected_file(shop: &Shop) -> std::sync::Arc<crate::lake::DataFile> {
    let snapshot = shop.lake.refresh_table(TableId::RejectedEvents).await;
    let [file]: [_; 1] = snapshot.unwrap().all_files().try_into().unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_only_files_that_may_have_a_rejected_line_are_read() {
    let shop = Shop::open().await;
    let land = |name: &str, text: &str| {
        let source = LandSource::bytes(name, text.to_owned());
        shop.try_land(vec![source])
    };
    land("b", "\nbad\n").await.unwrap();
    // Reading the file fails from here on.
    let first = rejected_file(&shop).await;
    let path = object_store::path::Path::from(format!("rejected_events/{}", first.path));
    shop.lake.store().delete(&path).await.unwrap();
    land("a", "\nbad\n").await.unwrap();
    land("c", "\nbad\n").await.unwrap();
    land("b", "bad\n").await.unwrap();
    land("b", "\n\nbad\n").await.unwrap();
    assert!(land("b", "bad\nbad\n").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_rejected_lines_of_a_file_without_statistics_are_known() {
    let shop = Shop::open().await;
    shop.land("bad\n").await;
    let (table, file) = (TableId::RejectedEvents, rejected_file(&shop).await);
    let rows: Vec<RecordBatch> = files::read(&shop.lake, table, &file.path, file.size, None)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let freshness = crate::lake::Freshness::Moving;
    let written = shop.lake.write(table, &file.partition, &rows, freshness);
    let mut bare = written.await.unwrap();
    bare.statistics = Default::default();
    let change = crate::lake::Change {
        adds: vec![bare],
        removes: vec![file],
        ..crate::lake::Change::new(crate::lake::Operation::Compact)
    };
    let base = shop.lake.refresh_table(table).await.unwrap();
    assert_eq!(
        shop.lake.commit(&base, change).await.unwrap(),
        crate::lake::Committed::Ours
    );
    shop.land("bad\n").await;
    assert_eq!(shop.rows(table).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_path_twice_is_the_same_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    std::fs::write(&path, format!("bad\n{}", lines(3))).unwrap();
    let shop = Shop::open().await;
    let sources = vec![LandSource::path(&path), LandSource::path(&path)];
    let report = shop.try_land(sources).await.unwrap();
    assert_eq!(counts(&report), (3, 3, 2));
    assert_eq!(shop.rows(TableId::RejectedEvents).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_e3_a_path_spelt_otherwise_is_the_same_input() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.ndjson"), "bad\n").unwrap();
    let shop = Shop::open().await;
    for spelt in [
        "events.ndjson",
        "./events.ndjson",
        ".//./events.ndjson",
        ".",
    ] {
        let path = format!("{}/{spelt}", folder.path().display());
        let report = shop.try_land(vec![LandSource::path(path)]).await.unwrap();
        assert_eq!(report.rejected, 1, "{spelt}");
    }
    let rows = shop.rows(TableId::RejectedEvents).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let up = LandSource::path(folder.path().join("sub/../events.ndjson"));
    assert!(up.label().ends_with("sub/../events.ndjson"));
    for (spelt, label) in [
        ("./a.ndjson", "a.ndjson"),
        ("./", "."),
        ("./-", "./-"),
        ("/a//b/", "/a/b"),
    ] {
        assert_eq!(LandSource::path(spelt).label(), label);
    }
}

#[rstest]
#[case::plain("e.ndjson", lines(5000).into_bytes())]
#[case::gzip("e.ndjson.gz", gzip(&lines(5000)))]
#[case::gzip_members("e.gz", [gzip(&lines(3000)), gzip(&lines(5000))].concat())]
#[case::zstd("e.jsonl.zst", zstd::encode_all(lines(5000).as_bytes(), 3).unwrap())]
#[case::padded_gzip("e.gz", padded(gzip(&lines(5000)), 600_000))]
#[case::padded_gzip_members("e.gz", [padded(gzip(&lines(3000)), 1), padded(gzip(&lines(5000)), 511)].concat())]
#[case::padded_zstd("e.zst", padded(zstd::encode_all(lines(5000).as_bytes(), 3).unwrap(), 4096))]
#[case::zstd_frames("e.zst", [zstd::encode_all(lines(3000).as_bytes(), 3).unwrap(), zstd::encode_all(lines(5000).as_bytes(), 3).unwrap()].concat())]
#[case::no_ending("events", lines(5000).into_bytes())]
#[case::told_by_content("events.json", gzip(&lines(5000)))]
#[tokio::test(flavor = "multi_thread")]
async fn forms(#[case] name: &str, #[case] content: Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let shop = Shop::open().await;
    let report = shop.try_land(vec![LandSource::path(&path)]).await.unwrap();
    assert_eq!((report.landed, report.rejected), (5000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_landed_by_name_and_without_what_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    put("b.ndjson", message("acme", "e", NOON, "second").as_bytes());
    put("a/z.jsonl.gz", &gzip(&message("acme", "e", NOON, "first")));
    put("accounts.ndjson", b"{\"account_id\": \"acme\"}\n");
    put("README.md", b"# events\n");
    put(".hidden.ndjson", b"{}\n");
    put(".git/c.ndjson", b"{}\n");
    for name in ["a/0.log.gz", "c.zst", "d.parquet", "e.ndjson"] {
        put(name, b"");
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up")).unwrap();
    let shop = Shop::open().await;
    let report = shop
        .try_land(vec![LandSource::path(folder.path())])
        .await
        .unwrap();
    assert_eq!(counts(&report), (1, 1, 0));
    assert!(shop.rows(TableId::ConversationEvents).await[0].contains("conversation_id=first"));
    let skipped: Vec<(&str, &str)> = report
        .skipped
        .iter()
        .map(|skipped| {
            let name = Path::new(&skipped.path).file_name().unwrap();
            (name.to_str().unwrap(), skipped.reason)
        })
        .collect();
    assert_eq!(
        skipped,
        [
            (".git", "hidden by its name"),
            (".hidden.ndjson", "hidden by its name"),
            ("README.md", "not a file of events by its name"),
            ("0.log.gz", "it is empty"),
            ("up", "a link back to a folder above"),
            ("accounts.ndjson", "not a file of events by its name"),
            ("c.zst", "it is empty"),
            ("d.parquet", "it is empty"),
        ]
    );
}

fn cut(mut content: Vec<u8>) -> Vec<u8> {
    content.truncate(content.len() / 2);
    content
}

fn parquet_of_wrong_type() -> Vec<u8> {
    use arrow::array::{Int64Array, StringArray};
    let column =
        |v: &str| std::sync::Arc::new(StringArray::from(vec![v])) as arrow::array::ArrayRef;
    let batch = RecordBatch::try_from_iter([
        (
            "event_id",
            std::sync::Arc::new(Int64Array::from(vec![7])) as arrow::array::ArrayRef,
        ),
        ("account_id", column("acme")),
        ("type", column("message_sent")),
        ("occurred_at", column(NOON)),
    ])
    .unwrap();
    columns::file(&batch)
}

#[rstest]
#[case::missing("missing.ndjson", None, "cannot open")]
#[case::cut_gzip("cut.ndjson.gz", Some(cut(gzip(&lines(9000)))), "it is cut off")]
#[case::cut_zstd("cut.zst", Some(cut(zstd::encode_all(lines(9000).as_bytes(), 3).unwrap())), "it is cut off")]
#[case::more_after_gzip("more.gz", Some([padded(gzip(&lines(3)), 9), b"more than a header".to_vec()].concat()), "invalid gzip header")]
#[case::cut_after_zeros("more.gz", Some([padded(gzip(&lines(3)), 9), vec![0x1f, 0x8b, 8]].concat()), "it is cut off")]
#[case::no_gzip("plain.gz", Some(lines(3).into_bytes()), "so it is no gzip file as its name says")]
#[case::no_parquet("plain.parquet", Some(lines(3).into_bytes()), "no Parquet file")]
#[case::cut_parquet("cut.parquet", Some(cut(parquet_of_wrong_type())), "as Parquet")]
#[case::wrong_types(
    "wrong.parquet",
    Some(parquet_of_wrong_type()),
    "column event_id is Int64"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_input_is_named_and_nothing_lands(
    #[case] name: &str,
    #[case] content: Option<Vec<u8>>,
    #[case] says: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    if let Some(content) = content {
        std::fs::write(&path, content).unwrap();
    }
    let good = LandSource::bytes("good", format!("bad line\n{}", lines(3)));
    let shop = Shop::open().await;
    let error = shop
        .try_land(vec![good, LandSource::path(&path)])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(error.contains(says), "{error}");
    assert!(shop.all_rows().await.iter().all(Vec::is_empty));
    // No file is left in the folders of the tables.
    let names: Vec<_> = futures::TryStreamExt::try_collect::<Vec<_>>(shop.lake.store().list(None))
        .await
        .unwrap()
        .into_iter()
        .map(|object| object.location.to_string())
        .filter(|name| name.ends_with(".parquet"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sorted_as_the_table_says() {
    let shop = Shop::open().await;
    let input = [
        message("acme", "e2", "2026-01-10T12:00:00Z", "c2"),
        message("acme", "e3", "2026-01-10T12:00:00Z", "c1"),
        message("acme", "e1", "2026-01-10T12:00:00Z", "c1"),
        message("acme", "e0", "2026-01-10T13:00:00Z", "c1"),
        message("acme", "e9", "2026-01-10T11:00:00Z", "c2"),
    ];
    shop.land(input.concat()).await;
    let snapshot = shop.lake.refresh().await.unwrap();
    let file = &snapshot.get(TableId::ConversationEvents).all_files()[0];
    let batches: Vec<RecordBatch> = files::read(
        &shop.lake,
        TableId::ConversationEvents,
        &file.path,
        file.size,
        Some(&["event_id"]),
    )
    .await
    .unwrap()
    .try_collect()
    .await
    .unwrap();
    let ids: Vec<String> = (0..5).map(|row| text(&batches[0], row)).collect();
    assert_eq!(
        ids,
        [
            "event_id=e1",
            "event_id=e3",
            "event_id=e0",
            "event_id=e9",
            "event_id=e2"
        ]
    );
    assert_eq!(
        TableId::ConversationEvents.sort_columns()[1..],
        ["occurred_at", "event_id"]
    );
}
