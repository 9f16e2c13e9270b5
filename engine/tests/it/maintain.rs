//! Maintenance changes no answer, and deletes the files that no reader can need.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use rapport_engine::lake::TableId;
use rapport_engine::maintain::MaintainReport;
use rapport_engine::{Engine, LandSource, NoProgress};

use crate::support::{TestLake, files, rows, tables};

const RAW: [TableId; 3] = [
    TableId::ConversationEvents,
    TableId::OrderEvents,
    TableId::TouchEvents,
];

fn now() -> DateTime<Utc> {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

/// Returns the events of the `n`th hour: a message of one conversation, a touch, and an order.
fn hour(n: usize) -> Vec<String> {
    let at = format!("2026-03-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24);
    let line = |kind: &str, fields: &str| {
        format!(
            r#"{{"event_id": "{kind}{n}", "account_id": "acme", "occurred_at": "{at}", {fields}}}"#
        )
    };
    vec![
        line(
            "s",
            &format!(
                r#""type": "conversation_started", "conversation_id": "c{}", "channel": "sms", "profile_id": "p{}""#,
                n % 5,
                n % 5
            ),
        ),
        line(
            "m",
            &format!(
                r#""type": "message_sent", "conversation_id": "c{}", "sender": "agent", "text": "hour {n}""#,
                n % 7
            ),
        ),
        line(
            "o",
            &format!(
                r#""type": "order_placed", "order_id": "o{n}", "value": {n}, "profile_id": "p{}""#,
                n % 5
            ),
        ),
        line(
            "t",
            &format!(
                r#""type": "touch", "profile_id": "p{}", "channel": "sms", "kind": "clicked", "message_id": "m{n}""#,
                n % 6
            ),
        ),
    ]
}

/// Lands and derives the events of some hours, hour by hour.
async fn fill(lake: &TestLake, hours: std::ops::Range<usize>) {
    for n in hours {
        lake.land(&hour(n)).await;
    }
    lake.derive().await;
}

async fn maintain(engine: &Engine) -> MaintainReport {
    let keep = TimeDelta::days(7);
    engine.maintain(keep, &NoProgress).await.unwrap()
}

async fn all(engine: &Engine) -> Vec<Vec<String>> {
    engine.lake().refresh().await.unwrap();
    let mut all: Vec<Vec<String>> = tables(engine).await.into_values().collect();
    for id in RAW {
        all.push(rows(engine, id).await);
    }
    all
}

/// Makes all files of a lake ten days older.
fn age(lake: &TestLake) {
    let then = SystemTime::now() - Duration::from_secs(10 * 86_400);
    for path in files(lake.folder.path()) {
        let file = std::fs::File::options().append(true).open(path).unwrap();
        file.set_modified(then).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_changes_no_answer_and_a_second_run_does_nothing() {
    let lake = TestLake::new(now()).await;
    fill(&lake, 0..30).await;
    let before = all(&lake.engine).await;
    let report = maintain(&lake.engine).await;
    let table = &report.tables[0];
    // Two dates of one account.
    assert_eq!((table.compacted, table.into), (30, 2), "{report:?}");
    assert_eq!((table.deleted, table.log_entries), (0, 0));
    assert_eq!(all(&lake.engine).await, before);
    let reopened = lake.reopened().await;
    assert_eq!(all(&reopened).await, before);
    assert!(maintain(&reopened).await.is_clean());
    // The rows are no new ones.
    assert!(lake.derive().await.is_clean());
    assert_eq!(all(&lake.engine).await, before);
    // Identities are known as before (E1).
    let again = lake.land(&hour(3)).await;
    assert_eq!((again.landed, again.duplicates), (0, 4));
}

/// Counts the files of the derived tables of conversations and orders.
async fn derived_files(engine: &Engine) -> [usize; 3] {
    let lake = engine.lake().refresh().await.unwrap();
    [
        TableId::Conversations,
        TableId::Orders,
        TableId::AttributedOrders,
    ]
    .map(|id| lake.get(id).all_files().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_no_longer_move_share_a_file_of_their_month() {
    // Four days are derived while they are new: each in a file of its own.
    let lake = TestLake::new("2026-03-04T23:30:00Z".parse().unwrap()).await;
    for day in 0..4 {
        let lines: Vec<String> = (day * 24..(day + 1) * 24).flat_map(hour).collect();
        lake.land(&lines).await;
        lake.derive().await;
    }
    assert_eq!(derived_files(&lake.engine).await, [1, 4, 4]);
    maintain(&lake.engine).await;
    assert_eq!(derived_files(&lake.engine).await, [1, 4, 4]);
    let before = tables(&lake.engine).await;

    let two_days_later = lake.at("2026-03-06T12:00:00Z".parse().unwrap()).await;
    maintain(&two_days_later).await;
    assert_eq!(derived_files(&two_days_later).await, [1, 3, 3]);
    let later = lake.at(now()).await;
    maintain(&later).await;
    assert_eq!(derived_files(&later).await, [1, 1, 1]);
    assert_eq!(tables(&later).await, before);
    assert!(maintain(&later).await.is_clean());
    assert!(later.derive(&NoProgress).await.unwrap().is_clean());

    // What comes late to such a day is derived as if it had come in time.
    let late = hour(30)[3].replace("t30", "late").replace("p0", "p1");
    let source = LandSource::bytes("late", late.clone());
    let landed = later.land(vec![source], &NoProgress).await;
    assert_eq!(landed.unwrap().landed, 1);
    later.derive(&NoProgress).await.unwrap();
    let whole = TestLake::new(now()).await;
    whole
        .land(&(0..96).flat_map(hour).chain([late]).collect::<Vec<_>>())
        .await;
    whole.derive().await;
    assert_eq!(tables(&later).await, whole.tables().await);
}

/// Settings of the account that differ in their zone.
fn zone(zone: &str) -> [String; 1] {
    [format!(
        r#"{{"account_id": "acme", "timezone": "{zone}", "name": "In {zone}"}}"#
    )]
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_settings_share_a_file_and_each_version_stays() {
    let id = TableId::Accounts;
    let lake = TestLake::new(now()).await;
    lake.put(&zone("Europe/Paris")).await;
    lake.put(&zone("Asia/Tokyo")).await;
    lake.put(&zone("Europe/Rome")).await;
    fill(&lake, 0..30).await;
    lake.put(&zone("America/New_York")).await;
    let before = rows(&lake.engine, id).await;
    assert_eq!(before.len(), 4);

    // Another process has the last one from the log alone, and knows that nothing is derived with it.
    let other = lake.reopened().await;
    let report = maintain(&other).await;
    let table = report.tables.iter().find(|table| table.table == id.name());
    let table = table.unwrap();
    assert_eq!((table.compacted, table.into), (3, 1), "{report:?}");
    assert_eq!(other.lake().current().get(id).all_files().len(), 2);
    assert_eq!(rows(&other, id).await, before);
    assert!(maintain(&other).await.is_clean());
    assert!(maintain(&lake.reopened().await).await.is_clean());

    // The settings are applied as if nothing had been put together.
    assert!(!lake.derive().await.is_clean());
    let whole = TestLake::new(now()).await;
    whole.put(&zone("America/New_York")).await;
    fill(&whole, 0..30).await;
    assert_eq!(tables(&lake.engine).await, whole.tables().await);
    assert!(lake.derive().await.is_clean());
    maintain(&lake.engine).await;
    lake.engine.lake().refresh().await.unwrap();
    assert_eq!(rows(&lake.engine, id).await, before);
    assert_eq!(rows(&lake.reopened().await, id).await, before);
    assert!(lake.derive().await.is_clean());
    let accounts = lake.engine.accounts().await.unwrap();
    assert_eq!(accounts, lake.reopened().await.accounts().await.unwrap());
    assert_eq!(accounts[0].0.timezone.name(), "America/New_York");
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_rejected_lines_of_days_that_have_ended_share_a_file() {
    let id = TableId::RejectedEvents;
    let lake = TestLake::new(now()).await;
    let lines = ["bad", "worse", "worst"].map(|line| vec![line.to_owned()]);
    for line in &lines {
        lake.land(line).await;
    }
    let before = rows(&lake.engine, id).await;
    assert_eq!(before.len(), 3);
    assert!(maintain(&lake.engine).await.is_clean());

    let tomorrow = lake.at(now() + TimeDelta::days(1)).await;
    assert!(!maintain(&tomorrow).await.is_clean());
    assert_eq!(tomorrow.lake().current().get(id).all_files().len(), 1);
    assert_eq!(rows(&tomorrow, id).await, before);
    assert!(maintain(&tomorrow).await.is_clean());
    for line in &lines {
        assert_eq!(lake.land(line).await.rejected, 1);
    }
    lake.engine.lake().refresh().await.unwrap();
    assert_eq!(rows(&lake.engine, id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_files_that_no_version_names_are_deleted() {
    let lake = TestLake::new(now()).await;
    fill(&lake, 0..55).await;
    maintain(&lake.engine).await;
    lake.derive().await;
    let before = all(&lake.engine).await;
    let table = lake.folder.path().join("lake/order_events");
    // A file that a killed landing left, and one that is not the lake's.
    let (stray, notes) = (table.join("part-1.parquet"), table.join("notes.txt"));
    std::fs::write(&stray, "x").unwrap();
    std::fs::write(&notes, "x").unwrap();
    assert!(maintain(&lake.engine).await.is_clean());
    age(&lake);
    let young = table.join("part-2.parquet");
    std::fs::write(&young, "x").unwrap();

    let report = maintain(&lake.engine).await;
    assert!(!stray.exists() && notes.exists() && young.exists());
    for table in &report.tables[..3] {
        let stray = usize::from(table.table == "order_events");
        assert_eq!(table.deleted, 55 + stray, "{report:?}");
        assert_eq!(table.log_entries, 50, "{report:?}");
    }
    assert_eq!(all(&lake.engine).await, before);
    let reopened = lake.reopened().await;
    assert_eq!(all(&reopened).await, before);
    assert!(maintain(&reopened).await.is_clean());
    // A version names each file that is left, and landing and deriving still work.
    let left = files(&table)
        .iter()
        .filter(|path| path.extension() == Some("parquet".as_ref()))
        .count();
    let named = reopened
        .lake()
        .current()
        .get(TableId::OrderEvents)
        .all_files()
        .len();
    assert_eq!(left, named + 1 + 1, "with the young one and a checkpoint");
    fill(&lake, 40..60).await;
    let whole = TestLake::new(now()).await;
    fill(&whole, 0..60).await;
    assert_eq!(all(&lake.reopened().await).await, all(&whole.engine).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_compacted_does_not_stop_the_others() {
    let lake = TestLake::new(now()).await;
    fill(&lake, 0..30).await;
    let folder = lake.folder.path().join("lake/conversation_events");
    let day = "account_id=acme/event_date=2026-03-01";
    std::fs::remove_file(&files(&folder.join(day))[0]).unwrap();
    let stray = folder.join("part-1.parquet");
    std::fs::write(&stray, "x").unwrap();
    age(&lake);

    let report = maintain(&lake.engine).await;
    let [conversations, orders, ..] = &report.tables[..] else {
        panic!("{report:?}");
    };
    assert_eq!(report.failed(), 1, "{report:?}");
    let failed = &conversations.failed[0];
    let place = format!("conversation_events/{day}/: ");
    assert!(failed.starts_with(&place), "{failed}");
    // The files of the other date and of the other tables are compacted.
    assert_eq!((conversations.compacted, conversations.into), (6, 1));
    assert_eq!((orders.compacted, orders.into), (30, 2));
    assert!(!stray.exists());

    let again = maintain(&lake.engine).await;
    assert_eq!((again.failed(), again.tables[0].compacted), (1, 0));
    assert!(!again.is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_not_derived_yet_are_not_compacted() {
    let lake = TestLake::new(now()).await;
    fill(&lake, 0..10).await;
    for n in 10..20 {
        lake.land(&hour(n)).await;
    }
    let report = maintain(&lake.engine).await;
    assert_eq!((report.tables[0].compacted, report.tables[0].into), (10, 1));
    age(&lake);
    maintain(&lake.engine).await;
    lake.derive().await;
    let whole = TestLake::new(now()).await;
    fill(&whole, 0..20).await;
    assert_eq!(all(&lake.engine).await, all(&whole.engine).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn landing_and_deriving_can_run_during_maintenance() {
    let lake = TestLake::new(now()).await;
    fill(&lake, 0..10).await;
    let other = lake.reopened().await;
    let over = Cell::new(false);
    let landing = async {
        for n in 5..30 {
            lake.land(&hour(n)).await;
            if n % 5 == 0 {
                lake.derive().await;
            }
        }
        over.set(true);
    };
    let maintaining = async {
        let mut compacted = 0;
        while !over.get() {
            compacted += maintain(&other).await.tables[0].compacted;
        }
        compacted
    };
    let ((), compacted) = tokio::join!(landing, maintaining);
    assert!(compacted > 10);
    lake.derive().await;
    maintain(&lake.engine).await;
    let whole = TestLake::new(now()).await;
    fill(&whole, 0..30).await;
    assert_eq!(all(&lake.engine).await, all(&whole.engine).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_compacted_events_are_served_only_with_tables_that_rest_on_them() {
    let lake = TestLake::new(now()).await;
    fill(&lake, 0..3).await;
    let other = lake.reopened().await;
    let id = TableId::ConversationEvents;
    let served = || other.lake().served().get(id).version();
    let before = served();
    fill(&lake, 3..6).await;
    maintain(&lake.engine).await;
    // The process reads the compacted events before the tables that were derived from them.
    let newest = other.lake().refresh_table(id).await.unwrap().version();
    assert_eq!((newest, served()), (before + 4, before));
    other.lake().refresh().await.unwrap();
    assert_eq!(served(), newest);
}

#[tokio::test]
async fn files_younger_than_a_day_cannot_be_deleted() {
    let lake = TestLake::new(now()).await;
    let error = lake
        .engine
        .maintain(TimeDelta::hours(23), &NoProgress)
        .await;
    let says = error.unwrap_err().to_string();
    assert!(says.contains("expected 1 day or more"), "{says}");
}
