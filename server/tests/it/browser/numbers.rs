//! Every number on the page is the saved query's, as the wire gives it (SPEC M7): for accounts that differ in zone, money
//! and model, ranges, channels, and the days on which the clocks change (SPEC T2).

use chrono::{DateTime, SecondsFormat, Utc};
use rapport_zones::Tz;
use serde_json::json;
use tokio_postgres::Client;

use super::session::Browser;
use super::shown::{Shown, reads_as};
use super::stage::Stage;
use super::wire::Asked;
use super::world::{CLOCKS, EAST, EUROS, HOSTILE, LARGE, LINEAR, OPERATOR};

/// What is asked of a view, as the queries take it.
pub struct Asking<'a> {
    pub browser: &'a Browser,
    pub client: &'a Client,
    zone: Tz,
    pub arguments: Vec<(&'static str, &'a str)>,
}

impl<'a> Asking<'a> {
    pub fn query(&self, name: &str) -> Asked {
        Asked::of(name, &self.arguments)
    }

    async fn rows(&self, query: &str, columns: &str) -> Vec<Vec<Option<String>>> {
        self.query(query).rows(self.client, columns).await
    }

    /// What elements show.
    pub async fn shown(&self, css: &str) -> Vec<Shown> {
        let cells = self.cells(css, "return [element]").await;
        cells.into_iter().flatten().collect()
    }

    /// What the cells of a table's rows show.
    async fn table(&self, css: &str) -> Vec<Vec<Shown>> {
        self.cells(&format!("{css} tbody tr"), "return element.cells")
            .await
    }

    async fn cells(&self, css: &str, of: &str) -> Vec<Vec<Shown>> {
        let script = format!(
            "const of = element => {{ {of} }}; \
             return Array.from(document.querySelectorAll(arguments[0]), element => Array.from(of(element), cell => {{ \
               const data = cell.matches('data') ? cell : cell.querySelector('data'); \
               return [data?.value, (data ?? cell).textContent.replace(/\\s+/g, ' ').trim()]; \
             }}))"
        );
        let told = self.browser.say(&script, vec![json!(css)]).await;
        let told: Vec<Vec<(Option<String>, String)>> = serde_json::from_value(told).unwrap();
        told.into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|(exact, text)| Shown { exact, text })
                    .collect()
            })
            .collect()
    }

    /// Asserts that a table's columns are the query's: those named `_` are not compared, those that are text are as they are.
    pub async fn assert_table(&self, css: &str, columns: &[&str], rows: &[Vec<Option<String>>]) {
        let table = self.table(css).await;
        let at = self.browser.at().await;
        assert_eq!(table.len(), rows.len(), "{css} at {at}");
        for (cells, row) in table.iter().zip(rows) {
            for ((cell, value), column) in cells.iter().zip(row).zip(columns) {
                let what = format!("{column} of {row:?} at {at}");
                let value = value.as_deref();
                match *column {
                    "_" => {}
                    "text" => assert_eq!(cell.text, value.unwrap_or_default(), "{what}"),
                    "instant" => {}
                    _ => cell.assert_is(value, &what),
                }
            }
        }
    }

    /// Asserts that elements of `time` show these instants, in the account's zone.
    async fn assert_times(&self, css: &str, instants: Vec<Option<String>>) {
        let shown = self.browser.attributes(css, "datetime").await;
        let expected: Vec<String> = instants
            .into_iter()
            .map(|instant| {
                let instant = instant.unwrap();
                let instant = DateTime::parse_from_str(&instant, "%Y-%m-%d %H:%M:%S%.f%#z");
                let local = instant
                    .unwrap()
                    .with_timezone(&Utc)
                    .with_timezone(&self.zone);
                local.to_rfc3339_opts(SecondsFormat::Secs, true)
            })
            .collect();
        assert_eq!(shown, expected, "{css}");
    }

    /// Asserts all numbers of the performance page.
    async fn assert_performance(&self) {
        let at = self.browser.at().await;
        let alerts = self.browser.texts("[role=alert]").await;
        assert!(alerts.is_empty(), "{at}: {alerts:?}");
        let headline = "resolved_by_ai, resolved_rate, ai_generated_sales, add_to_carts, link_clicks, avg_order_value";
        let headline = self
            .query("headline_metrics")
            .row(self.client, headline)
            .await;
        let shown = self.shown(".lens .metric .value").await;
        assert_eq!(shown.len(), headline.len(), "{at}");
        for (shown, value) in shown.iter().zip(&headline) {
            shown.assert_is(value.as_deref(), &format!("headline {headline:?} at {at}"));
        }
        let before = "previous_resolved_by_ai, previous_resolved_rate, previous_ai_generated_sales, \
                      previous_add_to_carts, previous_link_clicks, previous_avg_order_value";
        let before = self
            .query("headline_comparison")
            .row(self.client, before)
            .await;
        let changes = self.browser.texts(".lens .metric .change").await;
        for (change, value) in changes.iter().zip(&before) {
            match (value, change.rsplit_once(' ')) {
                (None, _) => assert_eq!(change, "no value before"),
                (Some(value), Some((_, told))) => {
                    assert!(reads_as(told, value), "{change}: {value} at {at}");
                }
                (Some(value), None) => panic!("{change}: {value} at {at}"),
            }
        }
        let statuses = "conversations, resolved, routed, closed, open";
        let counts = self.query("status_counts").row(self.client, statuses).await;
        self.assert_all("nav[aria-label=Status] .n", &counts).await;
        let days = &self.arguments[..2];
        let channels = Asked::of("channel_counts", days)
            .rows(self.client, "channel, conversations")
            .await;
        let channels: Vec<Option<String>> = ["web_chat", "email", "sms", "whatsapp"]
            .iter()
            .map(|name| {
                let row = channels.iter().find(|row| row[0].as_deref() == Some(name));
                row.unwrap()[1].clone()
            })
            .collect();
        self.assert_all("nav[aria-label=Channels] .n", &channels)
            .await;
        let found = self.rows("opportunities", "evidence").await;
        assert_eq!(
            self.browser.texts(".findings li h3").await.len(),
            found.len(),
            "{at}"
        );
        if counts[0].as_deref() == Some("0") {
            return;
        }
        let key: Vec<Option<String>> = counts[1..].iter().chain([&headline[2]]).cloned().collect();
        self.assert_all(".key .status b", &key).await;

        let days = self
            .rows(
                "daily_statuses",
                &format!("to_char(date, 'Dy FMDD Mon'), {statuses}"),
            )
            .await;
        let series = self.rows("daily_series", "ai_generated_sales").await;
        let days: Vec<Vec<Option<String>>> = days
            .into_iter()
            .zip(series)
            .map(|(day, sales)| [day, sales].concat())
            .rev()
            .collect();
        let columns = [
            "text", "all", "resolved", "routed", "closed", "open", "sales",
        ];
        self.assert_table(".data.nums", &columns, &days).await;

        let procedures = "coalesce(procedure, 'Unassigned'), conversations, share, resolution_rate, escalated, escalation_rate";
        let procedures = self.rows("procedures_table", procedures).await;
        let columns = [
            "text",
            "conversations",
            "share",
            "rate",
            "escalated",
            "escalation rate",
        ];
        self.assert_table(".procs", &columns, &listed_of(procedures))
            .await;

        let escalations = "coalesce(reason, 'No reason given'), coalesce(category, '—no category'), \
                           coalesce(procedure, '—no procedure'), conversations, share, escalation_rate, last_escalated_at";
        let mut escalations = self.rows("escalations", escalations).await;
        let more = escalations.len().saturating_sub(12);
        escalations.truncate(12);
        let told = self
            .browser
            .texts("[aria-labelledby=escalations] .card-foot")
            .await;
        let expected = (more > 0).then(|| format!("{more} more are in the export."));
        assert_eq!(told, Vec::from_iter(expected), "{at}");
        let columns = [
            "text",
            "text",
            "text",
            "conversations",
            "share",
            "rate",
            "_",
        ];
        let escalations = listed_of(escalations);
        self.assert_table(".escs", &columns, &escalations).await;
        let latest = escalations.iter().map(|row| row[6].clone()).collect();
        self.assert_times(".escs time", latest).await;
        self.assert_conversations().await;
    }

    async fn assert_all(&self, css: &str, values: &[Option<String>]) {
        let shown = self.shown(css).await;
        assert_eq!(shown.len(), values.len(), "{css}: {shown:?}");
        for (shown, value) in shown.iter().zip(values) {
            shown.assert_is(value.as_deref(), css);
        }
    }

    /// Asserts the first page of the conversations.
    async fn assert_conversations(&self) {
        let columns = "coalesce(first_question, 'No question yet'), coalesce(profile_id, '—not linked'), \
                       replace(replace(replace(replace(channel, 'web_chat', 'Web chat'), 'email', 'Email'), 'sms', 'SMS'), 'whatsapp', 'WhatsApp'), \
                       upper(left(status, 1)) || substr(status, 2), array_to_string(tags, ' · '), messages, last_updated";
        let rows = self.query("conversations_page").sql();
        let sql = format!("SELECT {columns} FROM {rows} LIMIT 50");
        let rows = listed_of(crate::support::rows(self.client, &sql).await);
        let columns = ["text", "text", "text", "text", "text", "messages", "_"];
        self.assert_table(".convs", &columns, &rows).await;
        let updated = rows.iter().map(|row| row[6].clone()).collect();
        self.assert_times(".convs time", updated).await;
    }

    /// Asserts all numbers of the sales page.
    async fn assert_sales(&self) {
        let sums = self
            .rows(
                "sales_summary",
                "currency, sales, net_sales, attributed_orders, sales - net_sales, in_account_currency",
            )
            .await;
        let (own, others) = sums.split_first().unwrap();
        assert_eq!(own[5].as_deref(), Some("t"));
        let own = [1, 4, 2, 3].map(|column: usize| own[column].clone());
        self.assert_all(".sums .value", &own).await;
        self.assert_table(
            "[aria-labelledby=sums] .data",
            &["text", "gross", "net", "orders"],
            others,
        )
        .await;
        let class = "CASE touch_class WHEN 'web_chat' THEN 'Web chat message' WHEN 'email_clicked' THEN 'Email click' \
                     WHEN 'email_opened' THEN 'Email open' WHEN 'sms_clicked' THEN 'SMS click' \
                     WHEN 'sms_opened' THEN 'SMS open' WHEN 'sms_delivered' THEN 'SMS sent' \
                     WHEN 'whatsapp_clicked' THEN 'WhatsApp click' WHEN 'whatsapp_opened' THEN 'WhatsApp open' END";
        let columns = format!(
            "order_id, coalesce(first_question, channel), {class}, seconds_to_order, credit, attributed_value, net_value, \
             ordered_at"
        );
        let sql = format!(
            "SELECT {columns} FROM {} LIMIT 50",
            self.query("sales_page").sql()
        );
        let rows = listed_of(crate::support::rows(self.client, &sql).await);
        let columns = ["text", "text", "text", "_", "credit", "gross", "net", "_"];
        self.assert_table(".ords", &columns, &rows).await;
        let placed = rows.iter().map(|row| row[7].clone()).collect();
        self.assert_times(".ords time", placed).await;
    }
}

/// The texts of rows as lists have them.
pub fn listed_of(rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    let listed = |row: Vec<Option<String>>| row.into_iter().map(|text| text.map(listed)).collect();
    rows.into_iter().map(listed).collect()
}

/// A text from outside as lists have it: its first 200 characters, white space as it is seen.
pub fn listed(text: String) -> String {
    let cut: String = text.chars().take(200).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    let cut = format!("{cut}{dots}");
    cut.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_is_the_querys() {
    let Some(stage) = Stage::set() else { return };
    // Account, first and last day, the address that asks for them, channels, and how many conversations there are.
    let cases = [
        (LARGE, "2026-10-17", "2026-11-15", "", "", None),
        (
            LARGE,
            "2026-11-09",
            "2026-11-15",
            "range=7-days",
            "web_chat",
            None,
        ),
        (
            LARGE,
            "2026-10-01",
            "2026-10-31",
            "range=last-month",
            "email,sms,whatsapp",
            None,
        ),
        (
            EUROS,
            "2026-11-01",
            "2026-11-15",
            "range=this-month",
            "",
            None,
        ),
        (
            EUROS,
            "2026-10-20",
            "2026-10-30",
            "from=2026-10-20&to=2026-10-30",
            "web_chat,email",
            None,
        ),
        (
            LINEAR,
            "2026-10-18",
            "2026-11-16",
            "range=30-days",
            "",
            None,
        ),
        (
            LINEAR,
            "2026-08-19",
            "2026-11-16",
            "range=90-days",
            "sms,email",
            None,
        ),
        // 23 hours, and 25.
        (
            CLOCKS,
            "2026-03-08",
            "2026-03-08",
            "from=2026-03-08&to=2026-03-08",
            "",
            Some("46"),
        ),
        (
            CLOCKS,
            "2026-11-01",
            "2026-11-01",
            "from=2026-11-01&to=2026-11-01",
            "",
            Some("50"),
        ),
        (
            CLOCKS,
            "2026-03-07",
            "2026-03-09",
            "from=2026-03-07&to=2026-03-09",
            "",
            Some("142"),
        ),
        (
            CLOCKS,
            "2026-10-31",
            "2026-11-02",
            "from=2026-10-31&to=2026-11-02",
            "web_chat",
            None,
        ),
        // It is the 16th there already.
        (EAST, "2026-11-10", "2026-11-16", "range=7-days", "", None),
        (
            EAST,
            "2026-11-15",
            "2026-11-15",
            "from=2026-11-15&to=2026-11-15",
            "",
            Some("48"),
        ),
        (HOSTILE, "2026-10-17", "2026-11-15", "", "", None),
    ];
    let operator = stage.user(OPERATOR).await;
    let all = stage.world.client(OPERATOR).await;
    let mut user = None;
    for (account, from, to, range, channels, conversations) in cases {
        let known = user.take().filter(|(name, _)| *name == account);
        let (name, browser) = match known {
            Some(known) => known,
            None => (account, stage.user(account).await),
        };
        let client = stage.world.client(account).await;
        let zone = crate::support::value(
            &all,
            &format!("SELECT timezone FROM accounts WHERE account_id = '{account}'"),
        )
        .await;
        let mut arguments = vec![("from", from), ("to", to)];
        arguments.extend(Some(("channel", channels)).filter(|(_, channels)| !channels.is_empty()));
        // The operator's views are those of the account: some of them are enough.
        let viewers = [(&browser, true), (&operator, false)];
        for (browser, own) in &viewers[..if range.is_empty() { 2 } else { 1 }] {
            let asking = Asking {
                browser,
                client: &client,
                zone: zone.parse().unwrap(),
                arguments: arguments.clone(),
            };
            let account = if *own {
                String::new()
            } else {
                format!("account={account}")
            };
            let parts =
                [account.as_str(), range, &format!("channel={channels}")].map(str::to_owned);
            let query = parts.join("&");
            browser.to(&format!("/performance?{query}")).await;
            asking.assert_performance().await;
            if let Some(conversations) = conversations {
                let all = asking.shown("nav[aria-label=Status] .n").await;
                assert_eq!(all[0].text, conversations, "{query}");
            }
            browser.to(&format!("/sales?{query}")).await;
            asking.assert_sales().await;
            browser.to(&format!("/service?{query}")).await;
            asking.assert_service().await;
            browser.to(&format!("/commerce?{query}")).await;
            asking.assert_commerce().await;
            browser.assert_harmless(&query).await;
        }
        user = Some((name, browser));
    }
}
