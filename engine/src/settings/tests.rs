//! Settings as the lake keeps them (SPEC S1).

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::lake::{Lake, files};
use crate::{EngineOptions, LandSource, NoProgress};

async fn open(now: i64) -> Engine {
    Engine::open(EngineOptions {
        lake: "memory:///".into(),
        create: true,
        now: DateTime::from_timestamp_micros(now),
        ..EngineOptions::default()
    })
    .await
    .unwrap()
}

fn settings(line: &str) -> Settings {
    Settings::from_json_line(line).unwrap()
}

async fn kept(engine: &Engine) -> Vec<(i64, String)> {
    let files = engine.lake().current().get(TableId::Accounts).all_files();
    let read = engine.settings_files().read(&files).await.unwrap();
    let mut kept: Vec<_> = read
        .iter()
        .flat_map(|versions| versions.iter())
        .map(|version| {
            let version = version.read().unwrap();
            let zone = version.settings.timezone.name().to_owned();
            (version.changed_at.timestamp_micros(), zone)
        })
        .collect();
    kept.sort();
    kept
}

/// Deletes the files of settings that a lake has.
async fn lose_files(lake: &Lake) {
    for file in lake.current().get(TableId::Accounts).all_files() {
        files::discard(lake, TableId::Accounts, &file.path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_is_read_once() {
    let engine = open(5_000).await;
    for zone in ["Europe/Paris", "Europe/Rome"] {
        let line = format!(r#"{{"account_id": "acme", "timezone": "{zone}"}}"#);
        engine.put_accounts(vec![settings(&line)]).await.unwrap();
    }
    let before = engine.accounts().await.unwrap();
    // What is needed of them from here on has been read.
    lose_files(engine.lake()).await;
    assert_eq!(engine.accounts().await.unwrap(), before);
    engine.derive(&NoProgress).await.unwrap();
    let session = engine.session(crate::session::Identity::of_account("ann", "acme"));
    let session = session.await.unwrap();
    let _frame = session.sql("SELECT * FROM accounts").await.unwrap();
    let beta = settings(r#"{"account_id": "beta"}"#);
    assert_eq!(engine.put_accounts(vec![beta]).await.unwrap(), 1);
    let _frame = session.sql("SELECT * FROM accounts").await.unwrap();
    assert_eq!(engine.accounts().await.unwrap().len(), 2);
    // Whoever has not read them cannot.
    let other = SettingsFiles::new(engine.lake().clone());
    let files = engine.lake().current().get(TableId::Accounts).all_files();
    assert!(other.in_force(&files).await.is_err());
}

#[tokio::test]
async fn s1_every_version_is_kept_and_the_last_is_in_force() {
    let engine = open(5_000).await;
    let (utc, paris) = (
        settings(r#"{"account_id": "acme"}"#),
        settings(r#"{"account_id": "acme", "timezone": "Europe/Paris"}"#),
    );
    assert_eq!(engine.put_accounts(vec![utc.clone()]).await.unwrap(), 1);
    assert_eq!(engine.put_accounts(vec![utc.clone()]).await.unwrap(), 0);
    assert_eq!(engine.put_accounts(vec![paris.clone()]).await.unwrap(), 1);
    // Both at once, and back again: versions of one instant would have no order.
    let both = vec![utc.clone(), utc.clone(), paris.clone()];
    assert_eq!(engine.put_accounts(both).await.unwrap(), 2);
    let expected = [
        (5_000, "UTC"),
        (5_001, "Europe/Paris"),
        (5_002, "UTC"),
        (5_003, "Europe/Paris"),
    ];
    assert_eq!(
        kept(&engine).await,
        expected.map(|(at, zone)| (at, zone.to_owned()))
    );
    let accounts = engine.accounts().await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].0, paris);
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_an_account_with_events_alone_has_the_defaults() {
    let engine = open(1_770_000_000_000_000).await;
    let event = r#"{"event_id": "e", "account_id": "landed", "type": "order_cancelled", "occurred_at": "2026-01-10T12:00:00Z", "order_id": "o"}"#;
    engine
        .land(vec![LandSource::bytes("test", event)], &NoProgress)
        .await
        .unwrap();
    engine
        .put_accounts(vec![settings(
            r#"{"account_id": "configured", "currency": "EUR"}"#,
        )])
        .await
        .unwrap();
    let accounts = engine.accounts().await.unwrap();
    let states: Vec<_> = accounts
        .iter()
        .map(|(settings, state)| (settings.account_id(), matches!(state, AccountState::Landed)))
        .collect();
    assert_eq!(states, [("configured", false), ("landed", true)]);
    assert_eq!(accounts[1].0, Settings::defaults("landed").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_are_all_kept() {
    let engine = open(7_000).await;
    let puts = (0..4).map(|n| {
        let line = format!(r#"{{"account_id": "acme", "name": "shop {n}"}}"#);
        engine.put_accounts(vec![settings(&line)])
    });
    let changed: usize = futures::future::join_all(puts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    assert_eq!(changed, 4);
    let times: Vec<i64> = kept(&engine).await.into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [7_000, 7_001, 7_002, 7_003]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_edits_at_once_are_all_in_force() {
    let engine = open(7_000).await;
    let edits = [
        ("timezone", "Europe/Paris"),
        ("currency", "EUR"),
        ("idle_timeout", "2 days"),
        ("windows.sms_clicked", "36 hours"),
    ];
    let edits = edits.map(|(key, value)| engine.edit_account("acme", move |s| s.set(key, value)));
    for changed in futures::future::join_all(edits).await {
        assert!(changed.unwrap());
    }
    let expected = settings(
        r#"{"account_id": "acme", "timezone": "Europe/Paris", "currency": "EUR", "idle_timeout": "2 days", "windows": {"sms_clicked": "36 hours"}}"#,
    );
    assert_eq!(engine.accounts().await.unwrap()[0].0, expected);
    let again = engine.edit_account("acme", |s| s.set("currency", "EUR"));
    assert!(!again.await.unwrap());
    let wrong = engine.edit_account("acme", |s| s.set("currency", "euro"));
    assert!(wrong.await.unwrap_err().to_string().contains("ISO 4217"));
}

/// Keeps a version as another release may have written it.
async fn keep(engine: &Engine, account: &str, at: i64, text: &str) {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![account])),
        Arc::new(TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC")),
        Arc::new(StringArray::from(vec![text])),
    ];
    let table = TableId::Accounts;
    let rows = RecordBatch::try_new(table.file_schema(), columns).unwrap();
    let lake = engine.lake();
    let (partition, rows) = (Partition::default(), [rows]);
    let file = lake.write(table, &partition, &rows, Freshness::Moving);
    let change = Change {
        adds: vec![file.await.unwrap()],
        ..Change::new(Operation::Settings)
    };
    let base = lake.refresh_table(table).await.unwrap();
    assert_eq!(
        lake.commit(&base, change).await.unwrap(),
        crate::lake::Committed::Ours
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_can_no_longer_be_read_matter_only_while_they_are_in_force() {
    let engine = open(1_770_000_000_000_000).await;
    let event = r#"{"event_id": "e", "account_id": "acme", "type": "order_placed", "occurred_at": "2026-01-10T12:00:00Z", "order_id": "o", "value": 1}"#;
    let source = LandSource::bytes("test", event);
    engine.land(vec![source], &NoProgress).await.unwrap();
    let gone = r#"{"account_id": "acme", "timezone": "Mars/Olympus"}"#;
    keep(&engine, "acme", 5_000, gone).await;
    keep(&engine, "acme", 5_001, "none at all").await;

    let session = engine.session(crate::session::Identity::of_account("ann", "acme"));
    let session = session.await.unwrap();
    let query = "SELECT * FROM accounts";
    let edit = engine.edit_account("acme", |s| s.set("currency", "EUR"));
    let errors = [
        engine.accounts().await.unwrap_err().to_string(),
        engine.derive(&NoProgress).await.unwrap_err().to_string(),
        edit.await.unwrap_err().to_string(),
        session.sql(query).await.unwrap_err().to_string(),
    ];
    for error in errors {
        assert!(error.contains("\"acme\""), "{error}");
    }
    // Others' can be put, and so can these.
    for account in ["beta", "acme"] {
        let line = format!(r#"{{"account_id": "{account}", "currency": "EUR"}}"#);
        let put = engine.put_accounts(vec![settings(&line)]).await;
        assert_eq!(put.unwrap(), 1);
    }
    assert_eq!(engine.accounts().await.unwrap().len(), 2);
    for _ in 0..2 {
        let _frame = session.sql(query).await.unwrap();
        engine.derive(&NoProgress).await.unwrap();
    }
}
