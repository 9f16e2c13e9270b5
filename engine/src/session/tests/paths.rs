//! Every path to a number gives the same number (SPEC M7): the saved queries of the page beside the relations, over a lake
//! of synthetic shops.

use chrono::{DateTime, Utc};
use rapport_data::Settings;
use rapport_synth::{self as synth, SynthOptions};

use super::sample::column;
use crate::session::{Identity, Session};
use crate::{Engine, EngineOptions, LandSource, NoProgress};

fn end() -> DateTime<Utc> {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

const RANGE: &str = "'2026-02-20', '2026-03-20'";

/// Shops with and without an idle timeout, with both models, in several zones and currencies.
async fn shops(folder: &tempfile::TempDir) -> Session {
    let options = SynthOptions {
        accounts: 4,
        days: 40,
        conversations: 400,
        seed: 5,
        end: end(),
    };
    let engine = Engine::open(EngineOptions {
        lake: folder.path().to_string_lossy().into_owned(),
        create: true,
        threads: 2,
        now: Some(end()),
        ..EngineOptions::default()
    });
    let engine = engine.await.unwrap();
    let settings = synth::accounts(&options);
    let settings = settings
        .iter()
        .map(|line| Settings::from_json_line(line).unwrap());
    engine.put_accounts(settings.collect()).await.unwrap();
    let mut events = Vec::new();
    synth::Events::new(&options)
        .write_ndjson(&mut events)
        .unwrap();
    let source = LandSource::bytes("synth", events);
    engine.land(vec![source], &NoProgress).await.unwrap();
    engine.derive(&NoProgress).await.unwrap();
    engine.session(Identity::operator("olga")).await.unwrap()
}

/// A number's name, and two statements that must give the same rows, each row as one text. RANGE and CHANNELS are replaced.
const SAME: &[(&str, &str, &str)] = &[
    (
        "M1, C3: statuses",
        "SELECT concat_ws(' ', account_id, conversations, resolved, routed, closed, open) FROM status_counts(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, count(*), sum(CAST(status = 'resolved' AS INT)), \
         sum(CAST(status = 'routed' AS INT)), sum(CAST(status = 'closed' AS INT)), sum(CAST(status = 'open' AS INT))) \
         FROM conversations WHERE started_on BETWEEN FROM_TO AND IN_CHANNELS GROUP BY account_id",
    ),
    (
        "statuses by day",
        "SELECT concat_ws(' ', account_id, sum(conversations), sum(resolved), sum(routed), sum(closed), sum(open)) \
         FROM daily_statuses(RANGE, CHANNELS) GROUP BY account_id",
        "SELECT concat_ws(' ', account_id, conversations, resolved, routed, closed, open) FROM status_counts(RANGE, CHANNELS)",
    ),
    (
        "M8: what is resolved, and what was not routed",
        "SELECT concat_ws(' ', account_id, conversations, resolved, conversations - contained) \
         FROM service_quality(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, conversations, resolved, routed) FROM status_counts(RANGE, CHANNELS)",
    ),
    (
        "M9: commerce beside the headline",
        "SELECT concat_ws(' ', account_id, conversations, sales, attributed_orders, avg_order_value) \
         FROM commerce(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, conversations, ai_generated_sales, attributed_orders, avg_order_value) \
         FROM headline_metrics(RANGE, CHANNELS)",
    ),
    (
        "M10: what was recommended",
        "SELECT concat_ws(' ', account_id, sum(recommended)) FROM recommendation_results(RANGE, CHANNELS) GROUP BY account_id",
        "SELECT concat_ws(' ', account_id, sum(cardinality(array_distinct(product_ids)))) FROM recommendations \
         WHERE recommended_on BETWEEN FROM_TO AND IN_CHANNELS GROUP BY account_id",
    ),
    (
        "M11: attribution asked again, by the settings in force, is what was derived",
        "SELECT concat_ws(' ', account_id, compared_sales, compared_orders, only_in_force, only_compared) \
         FROM attribution_comparison(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, ai_generated_sales, attributed_orders, 0, 0) \
         FROM headline_metrics(RANGE, CHANNELS)",
    ),
    (
        "each day beside the series",
        "SELECT concat_ws(' ', account_id, date, conversations, resolved) FROM daily_statuses(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, date, conversations, resolved_by_ai) FROM daily_series(RANGE, CHANNELS)",
    ),
    (
        "channels",
        "SELECT concat_ws(' ', account_id, channel, conversations) FROM channel_counts(RANGE) WHERE conversations > 0",
        "SELECT concat_ws(' ', account_id, channel, count(*)) FROM conversations WHERE started_on BETWEEN FROM_TO \
         GROUP BY account_id, channel",
    ),
    (
        "M6: procedures",
        "SELECT concat_ws(' ', account_id, procedure, conversations, share, resolved, resolution_rate, escalated, \
         escalation_rate) FROM procedures_table(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, procedure, conversations, share, resolved, resolution_rate, escalated, \
         escalation_rate) FROM procedures_performance(RANGE, CHANNELS)",
    ),
    (
        "M6: procedures conversation by conversation",
        "SELECT concat_ws(' ', account_id, procedure, conversations, resolved, escalated) FROM procedures_table(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, procedure, count(*), sum(CAST(status = 'resolved' AS INT)), \
         sum(CAST(escalated AS INT))) FROM conversation_procedures WHERE started_on BETWEEN FROM_TO AND IN_CHANNELS \
         GROUP BY account_id, procedure",
    ),
    (
        "C6: tags",
        "SELECT concat_ws(' ', account_id, tag, conversations) FROM tag_counts(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', t.account_id, t.tag, count(*)) FROM (SELECT DISTINCT account_id, tag FROM \
         tag_counts(RANGE, CHANNELS)) AS t JOIN conversations_page(RANGE, CHANNELS) AS c \
         ON c.account_id = t.account_id AND array_has(c.tags, t.tag) GROUP BY t.account_id, t.tag",
    ),
    (
        "the table is the page's",
        "SELECT concat_ws(' ', account_id, conversation_id, status, messages, last_updated) \
         FROM conversations_table(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, conversation_id, status, messages, last_updated) FROM conversations \
         WHERE started_on BETWEEN FROM_TO AND IN_CHANNELS",
    ),
    (
        "A10: sales by currency",
        "SELECT concat_ws(' ', account_id, currency, sales, attributed_orders) FROM sales_summary(RANGE, CHANNELS) \
         WHERE attributed_orders > 0",
        "SELECT concat_ws(' ', account_id, currency, sales, attributed_orders) FROM sales_by_currency(RANGE, CHANNELS)",
    ),
    (
        "M4: sales in the account's currency",
        "SELECT concat_ws(' ', account_id, sales, attributed_orders) FROM sales_summary(RANGE, CHANNELS) \
         WHERE in_account_currency",
        "SELECT concat_ws(' ', account_id, ai_generated_sales, attributed_orders) FROM headline_metrics(RANGE, CHANNELS)",
    ),
    (
        "A9: sales row by row",
        "SELECT concat_ws(' ', account_id, currency, in_account_currency, sum(attributed_value), sum(net_value)) \
         FROM sales_page(RANGE, CHANNELS) GROUP BY account_id, currency, in_account_currency",
        "SELECT concat_ws(' ', account_id, currency, in_account_currency, sales, net_sales) \
         FROM sales_summary(RANGE, CHANNELS) WHERE attributed_orders > 0",
    ),
    (
        "A8: the attributed rows",
        "SELECT concat_ws(' ', account_id, order_id, conversation_id, channel, touch_class, credit, net_value, \
         refunded_value, cancelled) FROM sales_page(RANGE, CHANNELS)",
        "SELECT concat_ws(' ', account_id, order_id, conversation_id, channel, touch_class, credit, net_value, \
         refunded_value, cancelled) FROM attributed_orders JOIN (SELECT account_id, order_id, refunded_value, cancelled \
         FROM orders) AS o USING (account_id, order_id) WHERE ordered_on BETWEEN FROM_TO AND IN_CHANNELS",
    ),
    (
        "section 2: what landed",
        "SELECT concat_ws(' ', account_id, sum(events), min(first_at), max(last_at)) FROM coverage() GROUP BY account_id",
        "SELECT concat_ws(' ', account_id, count(*), min(occurred_at), max(occurred_at)) FROM (SELECT account_id, \
         occurred_at FROM raw.conversation_events UNION ALL SELECT account_id, occurred_at FROM raw.order_events UNION ALL \
         SELECT account_id, occurred_at FROM raw.touch_events) GROUP BY account_id",
    ),
    (
        "when there are conversations",
        "SELECT concat_ws(' ', account_id, first_on, last_on, last_updated) FROM activity_span(CHANNELS)",
        "SELECT concat_ws(' ', account_id, min(started_on), max(started_on), max(last_updated)) FROM conversations \
         WHERE IN_CHANNELS GROUP BY account_id",
    ),
    (
        "C3: open conversations",
        "SELECT concat_ws(' ', account_id, open_conversations, oldest_open_on) FROM freshness() WHERE open_conversations > 0",
        "SELECT concat_ws(' ', account_id, count(*), min(started_on)) FROM conversations WHERE status = 'open' \
         GROUP BY account_id",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_queries_agree_with_the_relations() {
    let folder = tempfile::tempdir().unwrap();
    let session = shops(&folder).await;
    for channels in ["NULL", "'sms,web_chat'"] {
        let within = match channels {
            "NULL" => "true".to_owned(),
            list => format!("array_has(string_to_array({list}, ','), channel)"),
        };
        let rows = async |sql: &str| {
            let sql = sql
                .replace("FROM_TO", &RANGE.replace(',', " AND"))
                .replace("RANGE", RANGE)
                .replace("IN_CHANNELS", &within)
                .replace("CHANNELS", channels);
            let mut rows = column(&session, &sql).await;
            rows.sort_unstable();
            rows
        };
        for (what, one, other) in SAME {
            let one = rows(one).await;
            assert!(!one.is_empty(), "{what}: nothing to compare");
            assert_eq!(one, rows(other).await, "{what}, channels {channels}");
        }
    }
}

/// A row of the procedures' table counts as many conversations as its link lists.
#[tokio::test(flavor = "multi_thread")]
async fn a_procedures_row_leads_to_its_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let session = shops(&folder).await;
    let sql = format!(
        "SELECT concat_ws('|', coalesce(procedure, ''), conversations, resolved, escalated) FROM procedures_table({RANGE}) \
         WHERE account_id = 'aurora-outdoors'"
    );
    let rows = column(&session, &sql).await;
    assert!(rows.iter().any(|row| row.starts_with('|')), "{rows:?}");
    for row in rows {
        let (procedure, counts) = row.split_once('|').unwrap();
        let filter = match procedure {
            "" => "unassigned => true".to_owned(),
            name => format!("procedure => '{}'", name.replace('\'', "''")),
        };
        let mut found = vec![];
        for more in ["", ", status => 'resolved'", ", escalated => true"] {
            let sql = format!(
                "SELECT count(*) FROM conversations_page({RANGE}, {filter}{more}) WHERE account_id = 'aurora-outdoors'"
            );
            found.extend(column(&session, &sql).await);
        }
        assert_eq!(found.join("|"), counts, "M6: {procedure:?}");
    }
}
