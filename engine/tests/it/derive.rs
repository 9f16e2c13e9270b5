//! Incremental deriving gives the same tables as deriving from nothing, in any order and any batches (SPEC E2, S1).

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rapport_engine::NoProgress;
use rapport_engine::lake::TableId;
use rapport_synth::{self as synth, SynthOptions};

use crate::support::{TestLake, block_on, tables};

fn end() -> DateTime<Utc> {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

fn options(seed: u64) -> SynthOptions {
    SynthOptions {
        accounts: 3,
        days: 40,
        conversations: 90,
        seed,
        end: end(),
    }
}

fn events(seed: u64) -> Vec<String> {
    let mut text = Vec::new();
    synth::Events::new(&options(seed))
        .write_ndjson(&mut text)
        .unwrap();
    String::from_utf8(text)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Splits events into a batch of most of them and several small ones, so that later derives are incremental.
fn batches(mut lines: Vec<String>, seed: u64) -> Vec<Vec<String>> {
    let mut random = SmallRng::seed_from_u64(seed);
    if random.random_bool(0.5) {
        lines.shuffle(&mut random);
    }
    let mut rest = lines.split_off(lines.len() * 3 / 4);
    let mut batches = vec![lines];
    while !rest.is_empty() {
        let size = random.random_range(1..=rest.len().min(60));
        let tail = rest.split_off(size);
        batches.push(std::mem::replace(&mut rest, tail));
        if batches.len() == 4 {
            batches.push(std::mem::take(&mut rest));
        }
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn any_split_and_order_gives_the_same_tables(seed in 0_u64..1_000) {
        block_on(async move {
            let accounts = synth::accounts(&options(seed));
            let lines = events(seed);
            let whole = TestLake::new(end()).await;
            whole.put(&accounts).await;
            whole.land(&lines).await;
            let at_once = whole.derive().await;
            let expected = whole.tables().await;

            let split = TestLake::new(end()).await;
            split.put(&accounts).await;
            let mut report = None;
            for batch in batches(lines, seed) {
                split.land(&batch).await;
                report = Some(split.derive().await);
            }
            let found = split.tables().await;
            for (table, rows) in &expected {
                assert_eq!(&found[table], rows, "{table}, seed {seed}");
            }
            assert_eq!(report.unwrap().orphans, at_once.orphans);

            let all = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
            let last = NaiveDate::from_ymd_opt(2026, 12, 31).unwrap();
            split.engine.backfill(all, last, &[], &NoProgress).await.unwrap();
            assert_eq!(split.tables().await, expected, "after a backfill, seed {seed}");
        });
    }
}

#[test]
fn a_second_derive_writes_nothing() {
    block_on(async {
        let lake = TestLake::new(end()).await;
        lake.land(&events(7)).await;
        assert!(!lake.derive().await.is_clean());
        let before = lake.engine.lake().current();
        assert!(lake.derive().await.is_clean());
        let after = lake.engine.lake().current();
        for id in TableId::ALL {
            assert_eq!(
                before.get(id).version(),
                after.get(id).version(),
                "{}",
                id.name()
            );
        }
    });
}

#[test]
fn another_process_sees_the_same_tables() {
    block_on(async {
        let lake = TestLake::new(end()).await;
        lake.land(&events(8)).await;
        lake.derive().await;
        let reopened = lake.reopened().await;
        assert_eq!(tables(&reopened).await, lake.tables().await);
        // The other process has nothing to derive.
        assert!(reopened.derive(&NoProgress).await.unwrap().is_clean());
    });
}

#[test]
fn settings_apply_to_the_whole_history() {
    // S1, T4: settings that come after the derive give what they would have given before it.
    block_on(async {
        let accounts = synth::accounts(&options(9));
        let before = TestLake::new(end()).await;
        before.put(&accounts).await;
        before.land(&events(9)).await;
        before.derive().await;
        let after = TestLake::new(end()).await;
        after.land(&events(9)).await;
        after.derive().await;
        assert_ne!(after.tables().await, before.tables().await);
        after.put(&accounts).await;
        after.derive().await;
        assert_eq!(after.tables().await, before.tables().await);
    });
}

#[test]
fn concurrent_derives_do_the_work_once() {
    block_on(async {
        let lake = TestLake::new(end()).await;
        lake.land(&events(10)).await;
        let other = lake.reopened().await;
        let (one, two) = tokio::join!(lake.engine.derive(&NoProgress), other.derive(&NoProgress));
        one.unwrap();
        two.unwrap();
        let alone = TestLake::new(end()).await;
        alone.land(&events(10)).await;
        alone.derive().await;
        let reopened = lake.reopened().await;
        assert_eq!(tables(&reopened).await, alone.tables().await);
    });
}

/// Writes an event as a line; `fields` are its type and further fields, as JSON without the braces.
fn event(id: &str, account: &str, at: &str, fields: &str) -> String {
    format!(r#"{{"event_id": "{id}", "account_id": "{account}", "occurred_at": "{at}", {fields}}}"#)
}

#[test]
fn a8_an_order_with_an_id_as_long_as_a_line_allows_is_attributed() {
    block_on(async {
        let lake = TestLake::new(end()).await;
        let long = "x".repeat(70_000);
        let order = |id: &str| {
            format!(
                r#""type": "order_placed", "order_id": "{id}", "value": 5, "conversation_id": "c{long}""#
            )
        };
        lake.land(&[
            event(
                "e1",
                "acme",
                "2026-03-01T10:00:00Z",
                &format!(r#""type": "conversation_started", "conversation_id": "c{long}", "channel": "web_chat""#),
            ),
            event(
                "e2",
                "acme",
                "2026-03-01T10:01:00Z",
                &format!(r#""type": "message_sent", "conversation_id": "c{long}", "sender": "agent""#),
            ),
            event("e3", "acme", "2026-03-01T10:02:00Z", &order(&long)),
            event("e4", "acme", "2026-03-01T10:03:00Z", &order("short")),
        ])
        .await;
        lake.derive().await;
        let attributed = &lake.tables().await["attributed_orders"];
        assert_eq!(attributed.len(), 2);
        assert!(
            attributed
                .iter()
                .any(|row| row.contains(&format!(r#""order_id":"{long}""#)))
        );
    });
}

#[test]
fn an_account_that_cannot_be_derived_is_named() {
    block_on(async {
        let lake = TestLake::new(end()).await;
        lake.land(&events(11)).await;
        let files = lake.engine.lake().current();
        let file = &files.get(TableId::ConversationEvents).all_files()[0];
        let path = lake.folder.path().join("lake/conversation_events");
        std::fs::remove_file(path.join(&file.path)).unwrap();
        let report = lake.engine.derive(&NoProgress).await.unwrap();
        let account = file.partition.account.clone().unwrap();
        let [failed] = report.failed.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!(
            (&*failed.account, failed.table),
            (&*account, "conversations")
        );
        let says = &failed.error;
        assert!(
            says.starts_with(&format!("account {account:?}, table conversations: ")),
            "{says}"
        );
    });
}
