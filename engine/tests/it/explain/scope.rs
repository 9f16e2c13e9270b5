//! Explanations show nothing of other accounts.

use chrono::Duration;
use rapport_engine::session::Identity;
use serde_json::json;

use super::rows;
use super::stream::{ACCOUNTS, now, start};
use crate::support::{TestLake, block_on};

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

/// SPEC 7 and C2: another account's order or conversation, a preview, and one that does not exist all look the same.
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
