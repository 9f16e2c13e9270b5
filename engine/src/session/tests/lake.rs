//! Sessions over a lake with events and settings that are not derived yet (SPEC M7).

use chrono::NaiveDate;
use rapport_data::Settings;

use super::sample::{NOW, instant, table};
use crate::session::{Identity, Session};
use crate::{Engine, EngineOptions, LandSource, NoProgress};

/// Holds a lake on disk, with Acme's events.
pub struct Shop {
    pub engine: Engine,
    pub session: Session,
    pub folder: tempfile::TempDir,
}

impl Shop {
    pub async fn open() -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder).await;
        let session = engine
            .session(Identity::of_account("ann", "acme"))
            .await
            .unwrap();
        Shop {
            engine,
            session,
            folder,
        }
    }

    /// Opens the same lake again, as another process would.
    pub async fn reopened(&self) -> Engine {
        open(&self.folder).await
    }

    pub async fn land(&self, events: &[&str]) {
        let lines = events
            .iter()
            .map(|event| format!("{{\"account_id\": \"acme\", {event}}}\n"));
        let source = LandSource::bytes("test", lines.collect::<String>());
        let report = self.engine.land(vec![source], &NoProgress).await.unwrap();
        assert_eq!(report.landed as usize, events.len());
    }

    pub async fn set(&self, settings: &str) {
        let settings = Settings::from_json_line(settings).unwrap();
        self.engine.put_accounts(vec![settings]).await.unwrap();
    }

    pub async fn derive(&self) {
        self.engine.derive(&NoProgress).await.unwrap();
    }

    pub async fn one(&self, sql: &str) -> String {
        let rows = table(&self.session, sql).await;
        rows.lines()
            .nth(3)
            .unwrap_or("none")
            .replace(['|', ' '], "")
    }
}

async fn open(folder: &tempfile::TempDir) -> Engine {
    let options = EngineOptions {
        lake: folder.path().join("lake").to_string_lossy().into_owned(),
        create: true,
        threads: 2,
        now: Some(instant(NOW)),
        ..EngineOptions::default()
    };
    Engine::open(options).await.unwrap()
}

pub const STARTED: &str = r#""event_id": "e1", "type": "conversation_started", "occurred_at": "2026-01-15T03:00:00Z", "conversation_id": "c1", "channel": "sms""#;
pub const CLICK: &str = r#""event_id": "e2", "type": "link_clicked", "occurred_at": "2026-01-15T03:30:00Z", "conversation_id": "c1""#;
const BOT: &str = r#""event_id": "e3", "type": "link_clicked", "occurred_at": "2026-01-15T03:31:00Z", "conversation_id": "c1", "is_bot": true"#;

#[tokio::test]
async fn relations_agree_while_events_wait_for_deriving() {
    let shop = Shop::open().await;
    assert_eq!(shop.one("SELECT count(*) FROM accounts").await, "0");
    shop.land(&[STARTED, CLICK]).await;
    assert_eq!(
        shop.one("SELECT count(*) FROM raw.conversation_events")
            .await,
        "2"
    );
    assert_eq!(shop.one("SELECT count(*) FROM link_clicks").await, "0");
    assert_eq!(
        shop.one("SELECT conversations FROM headline_metrics()")
            .await,
        "0"
    );
    shop.derive().await;
    assert_eq!(shop.one("SELECT count(*) FROM link_clicks").await, "1");
    shop.land(&[&CLICK.replace("e2", "e4")]).await;
    assert_eq!(
        shop.one("SELECT count(*) FROM raw.conversation_events")
            .await,
        "3"
    );
    let counts = "SELECT concat((SELECT count(*) FROM link_clicks), '=', (SELECT sum(link_clicks) FROM conversations), '=', \
                  (SELECT sum(link_clicks) FROM daily_metrics), '=', (SELECT link_clicks FROM headline_metrics()))";
    assert_eq!(shop.one(counts).await, "1=1=1=1");
    shop.derive().await;
    assert_eq!(shop.one(counts).await, "2=2=2=2");
}

#[tokio::test]
async fn relations_agree_while_settings_wait_for_deriving() {
    let shop = Shop::open().await;
    shop.land(&[STARTED, CLICK, BOT]).await;
    shop.derive().await;
    let seen = "SELECT concat((SELECT timezone FROM accounts), ':', (SELECT max(clicked_on) FROM link_clicks), ':', \
                (SELECT count(*) FROM link_clicks), '=', (SELECT link_clicks FROM headline_metrics()))";
    assert_eq!(shop.one(seen).await, "UTC:2026-01-15:1=1");
    shop.set(
        r#"{"account_id": "acme", "timezone": "America/New_York", "exclude_bot_clicks": false}"#,
    )
    .await;
    assert_eq!(shop.one(seen).await, "America/New_York:2026-01-15:1=1");
    shop.derive().await;
    assert_eq!(shop.one(seen).await, "America/New_York:2026-01-14:2=2");
}

#[tokio::test]
async fn an_account_without_settings_has_the_defaults() {
    let shop = Shop::open().await;
    shop.land(&[STARTED]).await;
    let seen = "SELECT concat_ws(',', coalesce(name, '-'), timezone, currency, coalesce(idle_timeout, 'none'), \
                email_clicked, sms_clicked, sms_opened, push_opened) FROM accounts";
    assert_eq!(shop.one(seen).await, "-,UTC,USD,none,5days,5days,1day,1day");
    shop.set(
        r#"{"account_id": "acme", "name": "Acme", "attribution_preset": "legacy", "idle_timeout": "48 hours"}"#,
    )
    .await;
    shop.set(r#"{"account_id": "globex", "name": "Globex"}"#)
        .await;
    assert_eq!(
        shop.one(seen).await,
        "Acme,UTC,USD,2days,5days,1day,off,1day"
    );
    assert_eq!(shop.one("SELECT count(*) FROM accounts").await, "1");
}

#[tokio::test]
async fn a_statement_keeps_the_lake_it_began_with() {
    let shop = Shop::open().await;
    shop.land(&[STARTED]).await;
    let frame = shop
        .session
        .sql("SELECT * FROM raw.conversation_events")
        .await
        .unwrap();
    shop.land(&[CLICK]).await;
    assert_eq!(frame.count().await.unwrap(), 1);
    assert_eq!(
        shop.one("SELECT count(*) FROM raw.conversation_events")
            .await,
        "2"
    );
}

#[tokio::test]
async fn a_range_reads_only_the_months_that_it_touches() {
    let shop = Shop::open().await;
    let months = ["2025-10", "2025-11", "2025-12", "2026-01"];
    let starts = months.map(|month| {
        STARTED
            .replace("2026-01", month)
            .replace("e1", month)
            .replace("c1", month)
    });
    shop.land(&starts.each_ref().map(String::as_str)).await;
    shop.derive().await;
    let first = NaiveDate::from_ymd_opt(2025, 11, 1).unwrap();
    let sql = format!("EXPLAIN SELECT * FROM headline_metrics('{first}', '2025-11-30')");
    let plan = table(&shop.session, &sql).await;
    let files = |month: &str| plan.matches(&format!("month={month}-01")).count();
    assert_eq!(months.map(files), [0, 1, 0, 0], "{plan}");
    assert!(
        !plan.contains("/conversations/"),
        "the stored days alone: {plan}"
    );
}

/// No conversation is idle here, so none has to be read.
#[tokio::test]
async fn counts_by_status_and_channel_read_the_stored_days_alone() {
    let shop = Shop::open().await;
    shop.land(&[STARTED, CLICK]).await;
    shop.derive().await;
    for query in ["daily_statuses", "status_counts", "channel_counts"] {
        let plan = table(&shop.session, &format!("EXPLAIN SELECT * FROM {query}()")).await;
        assert!(plan.contains("daily_metrics/"), "{query}: {plan}");
        for unread in ["_events/", "conversations/", "orders/"] {
            assert!(!plan.contains(unread), "{query} reads {unread}: {plan}");
        }
    }
}
