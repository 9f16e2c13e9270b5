//! What an explanation shows of what is not the session's, and what it reads.

use chrono::Duration;
use rapport_engine::session::Identity;
use serde_json::{Value, json};

use super::stream::{ACCOUNTS, now, start};
use super::{block_on, rows};
use crate::support::TestLake;

/// An account's shopper who asked in web chat, ordered, and was sent a preview of something else.
fn shop(account: &str) -> Vec<String> {
    let at = |hours| start() + Duration::hours(hours);
    let events = [
        json!({"type": "conversation_started", "conversation_id": format!("{account}-c"), "channel": "web_chat",
               "profile_id": "p", "occurred_at": at(0)}),
        json!({"type": "message_sent", "conversation_id": format!("{account}-c"), "sender": "agent", "occurred_at": at(1)}),
        json!({"type": "order_placed", "order_id": format!("{account}-o"), "profile_id": "p", "value": "10",
               "occurred_at": at(2)}),
        json!({"type": "conversation_started", "conversation_id": format!("{account}-preview"), "channel": "web_chat",
               "profile_id": "p", "mode": "preview", "occurred_at": at(1)}),
        json!({"type": "message_sent", "conversation_id": format!("{account}-preview"), "sender": "agent",
               "occurred_at": at(1)}),
        json!({"type": "order_placed", "order_id": format!("{account}-other"), "value": "10", "occurred_at": at(2),
               "conversation_id": format!("{account}-preview")}),
    ];
    let numbered = events.into_iter().enumerate().map(|(i, mut event)| {
        event["event_id"] = json!(format!("e{i}"));
        event["account_id"] = json!(account);
        event.to_string()
    });
    numbered.collect()
}

/// SPEC 7 and C2: what is another account's, a preview, or not there at all, looks the same.
#[test]
fn what_an_account_does_not_have_gives_no_rows() {
    block_on(async {
        let lake = TestLake::new(now()).await;
        for account in ACCOUNTS {
            lake.land(&shop(account)).await;
        }
        lake.derive().await;
        let acme = lake
            .engine
            .session(Identity::of_account("ann", "acme"))
            .await
            .unwrap();
        let operator = lake
            .engine
            .session(Identity::operator("olga"))
            .await
            .unwrap();
        for (query, id, count) in [
            ("explain_order", "o", 1),
            ("explain_conversation", "c", 1),
            ("conversation_events", "c", 2),
            ("conversation_orders", "c", 1),
        ] {
            let call = |id: String| format!("SELECT * FROM {query}({id})");
            let own = rows(&acme, &call(format!("'acme-{id}'"))).await;
            assert_eq!(own.len(), count, "{query}");
            assert!(own.iter().all(|row| row["account_id"] == "acme"), "{query}");
            for nothing in [
                format!("'globex-{id}'"),
                format!("'no-{id}'"),
                "'acme-preview'".into(),
                "''".into(),
                "NULL".into(),
            ] {
                assert_eq!(
                    rows(&acme, &call(nothing.clone())).await,
                    [],
                    "{query}({nothing})"
                );
            }
            let others = rows(&operator, &call(format!("'globex-{id}'"))).await;
            assert_eq!(others.len(), count, "{query}");
        }
        // An order that nothing touched has no touches to explain.
        assert_eq!(
            rows(&acme, "SELECT * FROM explain_order('acme-other')").await,
            []
        );
    });
}

/// A statement over one conversation or order reads the days that it reaches, and no others.
#[test]
fn explanations_read_the_days_that_they_reach() {
    block_on(async {
        let lake = TestLake::new(now()).await;
        let mut lines = shop("acme");
        for day in 1..60 {
            let event = |fields: Value| {
                let mut event = json!({"account_id": "acme", "event_id": "e", "occurred_at": start() - Duration::days(day)});
                event
                    .as_object_mut()
                    .unwrap()
                    .extend(fields.as_object().unwrap().clone());
                event.to_string()
            };
            lines.push(event(
                json!({"type": "link_clicked", "conversation_id": format!("c-{day}")}),
            ));
            lines.push(event(json!({"type": "touch", "profile_id": "p", "channel": "sms", "kind": "clicked", "message_id": "m"})));
        }
        lake.land(&lines).await;
        lake.derive().await;
        let acme = lake
            .engine
            .session(Identity::of_account("ann", "acme"))
            .await
            .unwrap();
        // Files of days that were chosen, a sum over the scans of each raw table.
        for (query, events, touches) in [
            ("explain_order('acme-o')", 8, 16),
            ("conversation_events('acme-c')", 1, 0),
            ("explain_conversation('acme-c')", 1, 0),
        ] {
            let plan = rows(&acme, &format!("EXPLAIN ANALYZE SELECT * FROM {query}")).await;
            let plan = plan[0]["plan"].as_str().unwrap();
            let chosen = |table: &str| -> usize {
                let scans = plan
                    .lines()
                    .filter(|line| line.contains(&format!("/{table}/account_id")));
                let matched = scans.map(|line| {
                    let (_, rest) = line.split_once("files_ranges_pruned_statistics=").unwrap();
                    let (_, rest) = rest.split_once("→ ").unwrap();
                    rest.split_once(" matched")
                        .unwrap()
                        .0
                        .parse::<usize>()
                        .unwrap()
                });
                matched.sum()
            };
            assert_eq!(
                (chosen("conversation_events"), chosen("touch_events")),
                (events, touches),
                "{query}: {plan}"
            );
        }
    });
}
