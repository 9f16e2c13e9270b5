//! Several batches in one landing: one commit, and each is told its own numbers (SPEC E1).

use super::*;
use crate::land::Rejection;
use crate::land::report::count_duplicates;
use crate::land::source::Inputs;

fn batch(lines: &[String]) -> Vec<LandSource> {
    vec![LandSource::lines("test", lines.concat(), None)]
}

fn events(account: &str, ids: &[&str]) -> Vec<String> {
    let event = |id: &&str| message(account, id, "2026-01-10T12:00:00Z", "c");
    ids.iter().map(event).collect()
}

fn numbers(reports: &[LandReport]) -> Vec<(u64, u64, u64)> {
    let told = |report: &LandReport| (report.landed, report.duplicates, report.rejected);
    reports.iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_equal_events_the_first_batch_lands_its_own() {
    let shop = Shop::open().await;
    let before = shop
        .lake
        .current()
        .get(TableId::ConversationEvents)
        .version();
    let batches = vec![
        batch(&events("acme", &["a", "b"])),
        batch(&events("acme", &["b", "c", "c"])),
        batch(&[
            "nothing\n".to_owned(),
            order("acme", "a", "2026-01-10T12:00:00Z", "o"),
        ]),
        batch(&[]),
    ];
    let reports = shop.try_land_batches(batches).await.unwrap();
    assert_eq!(
        numbers(&reports),
        [(2, 0, 0), (1, 2, 0), (1, 0, 1), (0, 0, 0)]
    );
    let [
        Rejection {
            source,
            line: 1,
            reason,
        },
    ] = &reports[2].rejections[..]
    else {
        panic!("{reports:?}");
    };
    assert_eq!(source, "test");
    assert!(reason.starts_with("not_json: "), "{reason}");
    let after = shop
        .lake
        .current()
        .get(TableId::ConversationEvents)
        .version();
    assert_eq!(after, before + 1);
}

/// Others land some of the events between the writing of the files and their commit, twice.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_others_landed_first_are_duplicates_of_their_own_batches() {
    let shop = Shop::open().await;
    let landing = shop.landing();
    let batches = [
        events("acme", &["a", "d", "g"]),
        events("acme", &["b", "e"]),
        events("acme", &["c", "f", "a"]),
    ];
    let found = batches
        .iter()
        .map(|lines| Inputs::find(batch(lines)).unwrap());
    let mut written = Vec::new();
    let prepared = landing.prepare(found.collect(), &mut written, &NoProgress);
    let mut reports = prepared.await.unwrap();
    assert_eq!(
        shop.land(events("acme", &["b", "c", "x"]).concat())
            .await
            .landed,
        3
    );
    assert_eq!(shop.land(events("acme", &["d"]).concat()).await.landed, 1);
    landing.commit(&mut written).await.unwrap();
    count_duplicates(&mut reports, &written);
    assert_eq!(numbers(&reports), [(2, 1, 0), (1, 1, 0), (1, 2, 0)]);
    assert_eq!(shop.rows(TableId::ConversationEvents).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_lines_whatever_they_begin_with() {
    let shop = Shop::open().await;
    for (start, id) in [
        (&b"PAR1"[..], "parquet"),
        (&[0x1f, 0x8b], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    ] {
        let lines = [start, b"\n", events("acme", &[id]).concat().as_bytes()].concat();
        let source = LandSource::lines("test", lines, None);
        let reports = shop.try_land_batches(vec![vec![source]]).await.unwrap();
        assert_eq!(numbers(&reports), [(1, 0, 1)], "{id}");
    }
}
