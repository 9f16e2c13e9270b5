//! Resident columns change the cost of a statement, but no number (SPEC M7).

use std::sync::Arc;

use super::lake::{CLICK, STARTED, Shop};
use super::sample::{NOW, instant, table};
use crate::lake::ResidentColumns;
use crate::session::{Identity, LakeSources, Session, Sessions, SessionsOptions};
use crate::settings::SettingsFiles;

const QUERIES: [&str; 5] = [
    "SELECT * FROM headline_metrics('2026-01-01', '2026-01-31')",
    "SELECT * FROM conversations_page('2026-01-01', '2026-01-31') LIMIT 2",
    "SELECT * FROM procedures_table('2026-01-01', '2026-01-31')",
    "SELECT * FROM conversations ORDER BY conversation_id",
    "SELECT count(*) FROM conversations WHERE conversation_id = 'c1'",
];

/// Opens a session whose resident columns may take so many bytes.
pub async fn session(shop: &Shop, bytes: u64) -> (Session, Arc<ResidentColumns>) {
    let options = SessionsOptions {
        runtime: Arc::clone(shop.engine.runtime()),
        threads: 2,
        now: Some(instant(NOW)),
        ..SessionsOptions::default()
    };
    let resident = ResidentColumns::new(bytes).unwrap();
    let lake = shop.engine.lake().clone();
    let files = SettingsFiles::new(lake.clone());
    let sources = LakeSources::new(lake, files, Arc::clone(&resident));
    let sessions = Sessions::new(options, Arc::new(sources)).await.unwrap();
    let session = sessions.open(Identity::of_account("ann", "acme")).unwrap();
    (session, resident)
}

/// Lands events of some conversations, each with a procedure, in two months.
async fn land(shop: &Shop, conversations: std::ops::Range<usize>) {
    for n in conversations {
        let event = |text: &str| {
            text.replace("2026-01", ["2025-12", "2026-01"][n % 2])
                .replace("\"c1\"", &format!("\"c{n}\""))
                .replace("\"e1\"", &format!("\"start {n}\""))
                .replace("\"e2\"", &format!("\"click {n}\""))
        };
        let started = event(STARTED);
        let procedure = started
            .replace("conversation_started", "procedure_started")
            .replace("start ", "procedure ")
            .replace("\"channel\": \"sms\"", "\"procedure\": \"Returns\"");
        shop.land(&[&started, &procedure, &event(CLICK)]).await;
    }
    shop.derive().await;
}

#[tokio::test]
async fn resident_columns_change_no_number() {
    let shop = Shop::open().await;
    land(&shop, 0..7).await;
    let (plain, nothing) = session(&shop, 0).await;
    let (scarce, few) = session(&shop, 40_000).await;
    let (ample, all) = session(&shop, 8 << 20).await;
    for round in 0..3 {
        for sql in QUERIES {
            let expected = table(&plain, sql).await;
            assert_eq!(table(&scarce, sql).await, expected, "{sql}");
            assert_eq!(table(&ample, sql).await, expected, "{sql}");
            // Now the session reads columns that it has decoded before.
            assert_eq!(table(&ample, sql).await, expected, "{sql}");
            assert!(few.bytes() <= 40_000, "{few:?}");
        }
        // Deriving writes new files; no column of the old ones may be read.
        land(&shop, 7 + round..8 + round).await;
    }
    assert_eq!(nothing.bytes(), 0);
    assert!(
        all.bytes() > few.bytes() && all.bytes() <= 8 << 20,
        "{all:?}"
    );
}

#[tokio::test]
async fn a_lookup_of_one_row_makes_no_column_resident() {
    let shop = Shop::open().await;
    land(&shop, 0..2).await;
    let (session, resident) = session(&shop, 8 << 20).await;
    let [.., all, one] = QUERIES;
    for (sql, is_resident) in [(one, false), (all, true)] {
        let plan = table(&session, &format!("EXPLAIN {sql}")).await;
        assert_eq!(plan.contains("ResidentExec"), is_resident, "{plan}");
        table(&session, sql).await;
        assert_eq!(resident.bytes() > 0, is_resident, "{sql}");
    }
}

/// Concurrent statements that read the same column get the same values.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_statements_share_one_decoded_column() {
    let shop = Shop::open().await;
    land(&shop, 0..4).await;
    let (session, resident) = session(&shop, 8 << 20).await;
    let sql = QUERIES[3];
    let frames = futures::future::join_all((0..16).map(|_| session.sql(sql))).await;
    let rows = frames.into_iter().map(|frame| frame.unwrap().collect());
    for batches in futures::future::join_all(rows).await {
        let rows: usize = batches.unwrap().iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(rows, 4);
    }
    let once = resident.bytes();
    table(&session, sql).await;
    assert_eq!(resident.bytes(), once);
    assert!(once > 0);
}
