//! Derives that commit in rounds: ended early, gone on with, and beside each other.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::NaiveDate;
use rstest::rstest;
use tokio::sync::Notify;

use super::*;
use crate::{Include, Progress};

const SHOPS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const FRESH: Include = Include {
    failed: false,
    pending: false,
};

/// Opens a lake whose derives commit each account by itself.
async fn open_small_rounds(lake: &tempfile::TempDir, threads: usize) -> Engine {
    let options = open(lake).await.options().clone();
    Engine::open(EngineOptions {
        threads,
        round_events: 1,
        ..options
    })
    .await
    .unwrap()
}

fn events_of_all() -> Vec<String> {
    SHOPS.iter().flat_map(|shop| of(&bulk(), shop)).collect()
}

/// A click of an SMS before a shop's orders of 1 February, which attributes them.
fn touch(shop: &str, id: &str) -> Vec<String> {
    let order = r#""type": "order_placed", "order_id": "t1", "value": 5, "profile_id": "p""#;
    let touch = r#""type": "touch", "profile_id": "p", "channel": "sms", "kind": "clicked", "message_id": "m""#;
    let lines = [
        event(&format!("t{id}"), "2026-02-01", touch),
        event(&format!("o{id}"), "2026-02-02", order),
    ];
    of(&lines, shop)
}

async fn from_scratch(lines: &[Vec<String>]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    for lines in lines {
        land(&engine, lines).await;
    }
    engine.derive(&NoProgress).await.unwrap();
    all_rows(&engine).await
}

/// Notifies once so many accounts are derived.
struct After {
    accounts: AtomicU64,
    reached: Notify,
}

impl Progress for After {
    fn begin(&self, _step: &str, _unit: &'static str, _total: Option<u64>) {}

    fn advance(&self, _units: u64) {
        if self.accounts.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.reached.notify_one();
        }
    }

    fn end(&self) {}
}

/// Drops a derive after so many accounts, as if its process were killed.
async fn killed<T>(accounts: u64, derive: impl AsyncFnOnce(&After) -> T) {
    let after = After {
        accounts: AtomicU64::new(accounts),
        reached: Notify::new(),
    };
    tokio::select! {
        biased;
        () = after.reached.notified() => {}
        _ = derive(&after) => panic!("it has ended before {accounts} accounts"),
    }
}

/// The paths of a shop's served files, by derived table.
fn served_files(engine: &Engine, shop: &str) -> Vec<BTreeSet<String>> {
    let served = engine.lake().served();
    let files = |id: TableId| served.get(id).files(Some(shop), ALL_DATES);
    let paths = |id| files(id).iter().map(|file| file.path.clone()).collect();
    TableId::DERIVED.map(paths).to_vec()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn m7_a_killed_derive_has_committed_whole_accounts_and_goes_on_after_them(
    #[values(2, 4, 6)] killed_after: u64,
    #[values(1, 2)] threads: usize,
) {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_small_rounds(&folder, threads).await;
    land(&engine, &events_of_all()).await;
    killed(killed_after, async |after| engine.derive(after).await).await;

    let other = open(&folder).await;
    let done: Vec<&str> = SHOPS
        .into_iter()
        .filter(|shop| conversations(&other, shop) > 0)
        .collect();
    // The round of the last account was under way.
    let least = usize::try_from(killed_after).unwrap() - 1;
    assert!(done.len() >= least, "{done:?}");
    let before: Vec<_> = done.iter().map(|shop| served_files(&other, shop)).collect();
    for (shop, files) in done.iter().zip(&before) {
        assert_eq!(conversations(&other, shop), 20);
        // Of orphans and attributed orders there are none.
        assert_eq!(
            files.iter().filter(|paths| !paths.is_empty()).count(),
            3,
            "{shop}"
        );
    }
    other.derive(&NoProgress).await.unwrap();
    let after: Vec<_> = done.iter().map(|shop| served_files(&other, shop)).collect();
    assert_eq!(after, before, "what was committed was derived again");
    assert_eq!(other.lake().marked_accounts(), Marked::default());
    assert_eq!(
        all_rows(&other).await,
        from_scratch(&[events_of_all()]).await
    );
    assert!(other.derive(&NoProgress).await.unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backfill_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_small_rounds(&folder, 1).await;
    land(&engine, &events_of_all()).await;
    engine.derive(&NoProgress).await.unwrap();
    let whole = all_rows(&engine).await;
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let (from, to) = (day("2026-01-30"), day("2026-02-03"));
    killed(4, async |after| engine.backfill(from, to, &[], after).await).await;

    let files = |engine: &Engine| SHOPS.map(|shop| served_files(engine, shop));
    let other = open_small_rounds(&folder, 1).await;
    assert_eq!(other.lake().marked_accounts().pending, 3);
    let killed_at = files(&other);
    let report = other.backfill(from, to, &[], &NoProgress).await.unwrap();
    assert_eq!(report.done_before, 3);
    assert_eq!(report.tables[0].accounts, 3);
    let after = files(&other);
    let moved = killed_at.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert_eq!(moved, 3);
    // It has ended: the same again is a new one.
    let report = other.backfill(from, to, &[], &NoProgress).await.unwrap();
    assert_eq!((report.done_before, report.tables[0].accounts), (0, 6));
    assert_eq!(all_rows(&other).await, whole);

    killed(3, async |after| other.backfill(from, to, &[], after).await).await;
    // Other accounts are another backfill, which does what is left of this one as well.
    let shops = [SHOPS[0].to_owned(), SHOPS[5].to_owned()];
    let report = engine
        .backfill(from, to, &shops, &NoProgress)
        .await
        .unwrap();
    assert_eq!(report.done_before, 0);
    assert_eq!(engine.lake().marked_accounts(), Marked::default());
    assert_eq!(all_rows(&engine).await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_keeps_what_another_has_derived_since() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    land(&engine, &events_of_all()).await;
    engine.derive(&NoProgress).await.unwrap();
    let before = SHOPS.map(|shop| served_files(&engine, shop));
    let request = Request {
        backfill: Some((20_480..=20_490, vec!["a".to_owned(), "b".to_owned()])),
        ..all()
    };
    let mut late = Run::prepare(&engine, &request).await.unwrap();
    let other = open(&folder).await;
    let (of_b, of_c) = (touch("b", "1"), touch("c", "1"));
    land(&other, &[of_b.clone(), of_c.clone()].concat()).await;
    other.derive_including(FRESH, &NoProgress).await.unwrap();
    let consumed = other.lake().current().get(TableId::Orders).consumed();

    let Derived { dropped, .. } = late
        .derive_tables(&TableId::DERIVED, &NoProgress)
        .await
        .unwrap();
    // The backfill of b rests on rows that are no longer there.
    assert_eq!(dropped, BTreeSet::from(["b".into()]));
    let last = open(&folder).await;
    assert_eq!(
        last.lake().current().get(TableId::Orders).consumed(),
        consumed
    );
    let after = SHOPS.map(|shop| served_files(&last, shop));
    let moved: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
    assert_eq!(moved, [true, true, true, false, false, false]);
    // The mark is for the days alone, and a derive of what is fresh leaves it to the backfill.
    assert_eq!(last.lake().marked_accounts().pending, 1);
    assert!(
        last.derive_including(FRESH, &NoProgress)
            .await
            .unwrap()
            .is_clean()
    );
    assert_eq!(last.lake().marked_accounts().pending, 1);
    assert_eq!(
        last.derive(&NoProgress).await.unwrap().tables[0].accounts,
        1
    );
    assert_eq!(
        all_rows(&last).await,
        from_scratch(&[events_of_all(), of_b, of_c]).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_derives_what_lands_while_a_backfill_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let backfiller = open_small_rounds(&folder, 2).await;
    land(&backfiller, &events_of_all()).await;
    let server = open_small_rounds(&folder, 2).await;
    let mut landed = vec![events_of_all()];
    let serve = async {
        for (n, shop) in SHOPS.iter().cycle().take(18).enumerate() {
            let lines = touch(shop, &n.to_string());
            land(&server, &lines).await;
            landed.push(lines);
            server.derive_including(FRESH, &NoProgress).await.unwrap();
            assert!(server.lake().served().agrees());
        }
    };
    let backfill = async {
        backfiller.derive(&NoProgress).await.unwrap();
        for _ in 0..3 {
            let day = |text: &str| text.parse::<NaiveDate>().unwrap();
            let (from, to) = (day("2026-01-01"), day("2026-03-20"));
            let report = backfiller
                .backfill(from, to, &[], &NoProgress)
                .await
                .unwrap();
            assert_eq!(report.failed, []);
        }
    };
    tokio::join!(serve, backfill);
    let last = open(&folder).await;
    last.derive(&NoProgress).await.unwrap();
    assert_eq!(last.lake().marked_accounts(), Marked::default());
    assert_eq!(all_rows(&last).await, from_scratch(&landed).await);
}
