//! The saved query `freshness`: how far landing and deriving have come with each account.

use chrono::TimeDelta;
use rstest::rstest;

use super::lake::{CLICK, STARTED, Shop};
use super::sample::{NOW, column, table};
use crate::lake::{ALL_DATES, TableId};
use crate::session::Identity;
use crate::{Engine, LandSource, NoProgress};

const WAITING: &str = "SELECT waiting_events FROM freshness()";
const INSTANTS: &str =
    "SELECT concat_ws(' ', newest_event_at, landed_at, derived_at) FROM freshness()";

#[tokio::test]
async fn events_wait_from_their_landing_to_their_deriving() {
    let shop = Shop::open().await;
    assert_eq!(column(&shop.session, WAITING).await, [""; 0]);
    shop.land(&[STARTED, CLICK]).await;
    let seen = "SELECT concat_ws(' ', waiting_events, newest_event_at, landed_at IS NULL, derived_at IS NULL, \
                open_conversations, coalesce(CAST(oldest_open_on AS VARCHAR), 'none')) FROM freshness()";
    let landed = "2 2026-01-15T03:30:00Z false true 0 none";
    assert_eq!(column(&shop.session, seen).await, [landed]);
    shop.derive().await;
    let derived = "0 2026-01-15T03:30:00Z false false 1 2026-01-15";
    assert_eq!(column(&shop.session, seen).await, [derived]);
    let order = "SELECT landed_at <= derived_at FROM freshness()";
    assert_eq!(column(&shop.session, order).await, ["true"]);
    // An order and a touch wait as well, and what was derived stays so meanwhile.
    let order = r#""event_id": "o1", "type": "order_placed", "occurred_at": "2026-01-16T03:00:00Z", "order_id": "o", "value": 1"#;
    let touch = r#""event_id": "t1", "type": "touch", "occurred_at": "2026-01-16T04:00:00Z", "profile_id": "p", "channel": "sms", "kind": "clicked", "message_id": "m""#;
    shop.land(&[order, touch]).await;
    let waiting = "2 2026-01-16T04:00:00Z false false 1 2026-01-15";
    assert_eq!(column(&shop.session, seen).await, [waiting]);
    shop.derive().await;
    assert_eq!(column(&shop.session, WAITING).await, ["0"]);
}

#[tokio::test]
async fn freshness_is_the_same_after_compaction_and_in_another_process() {
    let shop = Shop::open().await;
    for n in 0..4 {
        let event = STARTED
            .replace("e1", &format!("s{n}"))
            .replace("c1", &format!("c{n}"));
        shop.land(&[&event]).await;
        shop.derive().await;
    }
    let before = column(&shop.session, INSTANTS).await;
    assert_eq!(before[0].matches('T').count(), 3, "{before:?}");
    let files = |engine: &Engine| {
        let events = engine.lake().current();
        let events = events.get(TableId::ConversationEvents);
        events.files(Some("acme"), ALL_DATES).len()
    };
    assert_eq!(files(&shop.engine), 4);
    let keep = TimeDelta::days(1);
    shop.engine.maintain(keep, &NoProgress).await.unwrap();
    assert_eq!(files(&shop.engine), 1);
    assert_eq!(column(&shop.session, INSTANTS).await, before);
    shop.land(&[CLICK]).await;
    let now = column(&shop.session, INSTANTS).await;
    let waiting = column(&shop.session, WAITING).await;
    let other = shop.reopened().await;
    let session = other.session(Identity::of_account("ann", "acme")).await;
    let session = session.unwrap();
    assert_eq!(column(&session, INSTANTS).await, now);
    assert_eq!(
        (column(&session, WAITING).await, waiting),
        (vec!["1".into()], vec!["1".into()])
    );
}

/// Freshness shows a shop nothing of other accounts (SPEC 8).
#[tokio::test]
async fn events_of_other_accounts_do_not_change_freshness() {
    let shop = Shop::open().await;
    shop.land(&[STARTED, CLICK]).await;
    shop.derive().await;
    let before = column(&shop.session, INSTANTS).await;
    for derives in [false, true] {
        land_globex(&shop).await;
        if derives {
            shop.derive().await;
        }
        assert_eq!(column(&shop.session, INSTANTS).await, before);
        assert_eq!(column(&shop.session, WAITING).await, ["0"]);
    }
}

async fn land_globex(shop: &Shop) {
    let event = format!("{{\"account_id\": \"globex\", {STARTED}}}");
    let source = LandSource::bytes("test", event);
    shop.engine.land(vec![source], &NoProgress).await.unwrap();
}

/// An account that could not be derived has waiting events, even after commits for other accounts consumed those versions.
#[tokio::test]
async fn all_events_of_an_account_that_is_behind_wait() {
    let shop = Shop::open().await;
    shop.land(&[STARTED, CLICK]).await;
    land_globex(&shop).await;
    let files = shop.engine.lake().current();
    let files = files.get(TableId::ConversationEvents);
    let path = &files.files(Some("acme"), ALL_DATES)[0].path;
    let file = shop
        .folder
        .path()
        .join("lake/conversation_events")
        .join(path);
    let hidden = shop.folder.path().join("hidden");
    std::fs::rename(&file, &hidden).unwrap();
    let report = shop.engine.derive(&NoProgress).await.unwrap();
    assert_eq!(report.failed.len(), 1);
    let operator = shop.engine.session(Identity::operator("olga")).await;
    let operator = operator.unwrap();
    let all = "SELECT concat(account_id, ' ', waiting_events) FROM freshness()";
    assert_eq!(column(&operator, all).await, ["acme 2", "globex 0"]);
    assert_eq!(column(&shop.session, all).await, ["acme 2"]);
    assert_eq!(column(&operator, all).await, ["acme 2", "globex 0"]);
    std::fs::rename(&hidden, &file).unwrap();
    shop.derive().await;
    assert_eq!(column(&operator, all).await, ["acme 0", "globex 0"]);
}

/// At NOW it is 21:00 of the 20th in Tokyo, and 01:00 of the 21st in Auckland.
#[rstest]
#[case::presets_longest("", "5 2026-01-16")]
#[case::legacy(r#", "attribution_preset": "legacy""#, "5 2026-01-16")]
#[case::rounded_up(r#", "windows": {"sms_opened": "121 hours"}"#, "6 2026-01-15")]
#[case::to_the_second(r#", "windows": {"sms_opened": "432001 seconds"}"#, "6 2026-01-15")]
#[case::web_chat_has_a_day(
    r#", "windows": {"email_clicked": "off", "email_opened": "1 hour", "sms_clicked": "off", "sms_opened": "off",
        "sms_delivered": "off", "whatsapp_clicked": "off", "whatsapp_opened": "off", "push_opened": "off"}"#,
    "1 2026-01-20"
)]
#[case::in_the_accounts_zone(r#", "timezone": "Pacific/Auckland""#, "5 2026-01-17")]
#[tokio::test]
async fn numbers_change_for_as_long_as_the_longest_window(
    #[case] settings: &str,
    #[case] expected: &str,
) {
    let shop = Shop::open().await;
    let settings = settings.replace('\n', " ");
    shop.set(&format!("{{\"account_id\": \"acme\"{settings}}}"))
        .await;
    let seen = "SELECT concat(window_days, ' ', changes_from) FROM freshness()";
    assert_eq!(column(&shop.session, seen).await, [expected]);
    let now = format!("SELECT as_of = TIMESTAMP '{NOW}' FROM freshness()");
    assert_eq!(column(&shop.session, &now).await, ["true"]);
}

#[tokio::test]
async fn idle_conversations_are_not_open() {
    let shop = Shop::open().await;
    // Two days and a half, and four and a half, before NOW.
    let late = STARTED
        .replace("e1", "e9")
        .replace("c1", "c9")
        .replace("2026-01-15T03", "2026-01-18T00");
    shop.land(&[STARTED, &late]).await;
    let seen = "SELECT concat_ws(' ', open_conversations, coalesce(CAST(oldest_open_on AS VARCHAR), 'none'), \
                coalesce(idle_timeout, 'never')) FROM freshness()";
    for (timeout, expected) in [
        ("null", "2 2026-01-15 never"),
        ("\"5 days\"", "1 2026-01-18 5 days"),
        ("\"60 hours\"", "0 none 60 hours"),
    ] {
        let settings = format!(r#"{{"account_id": "acme", "idle_timeout": {timeout}}}"#);
        shop.set(&settings).await;
        shop.derive().await;
        assert_eq!(column(&shop.session, seen).await, [expected], "C3, rule 4");
    }
}

#[tokio::test]
async fn freshness_reads_no_landed_events() {
    let shop = Shop::open().await;
    shop.land(&[STARTED, CLICK]).await;
    shop.derive().await;
    let plan = table(&shop.session, "EXPLAIN SELECT * FROM freshness()").await;
    assert!(plan.contains("daily_metrics/"), "{plan}");
    for unread in ["_events/", "conversations/", "orders/"] {
        assert!(!plan.contains(unread), "{unread}: {plan}");
    }
}
