//! Daily metrics: what each local day and channel counts (SPEC 6), a month of an account in one file.
//!
//! An order counts once in any set of channels, even where several of them share it (SPEC A10): its row of a channel says
//! in `counted_before` which channels that come earlier, bytewise, count it already.

use std::collections::BTreeSet;

use super::account::{Account, Changed, Rewritten};
use super::days::{Days, next_month};
use super::rules::quoted;
use crate::EngineError;
use crate::lake::{NewFile, TableId};

/// A local day begins at most a day away from the UTC day of the same date.
const ZONE_DAYS: i32 = 2;

impl Account {
    /// Derives the account's daily metrics, as far as a changed event may bear on them.
    pub(super) async fn derive_daily(&self) -> Result<Rewritten, EngineError> {
        let files = self.files(TableId::DailyMetrics);
        let months = if self.changes.any_everything() {
            None
        } else {
            let affected = self.affected().await?;
            let mut days = affected.days;
            days.extend(self.changes.forced.iter());
            for key in affected.conversations.iter().chain(&affected.orders) {
                let (first, last) = key.reach();
                days.cover(first, last);
            }
            Some(days.widened(ZONE_DAYS, ZONE_DAYS).months())
        };
        match months {
            None => Ok(Rewritten {
                adds: self.count(None).await?,
                removes: files,
                waiting: None,
            }),
            Some(months) if months.is_empty() => Ok(Rewritten::default()),
            Some(months) => Ok(Rewritten {
                adds: self.count(Some(&months)).await?,
                removes: files
                    .into_iter()
                    .filter(|file| {
                        file.partition
                            .date
                            .is_none_or(|date| months.contains(&date))
                    })
                    .collect(),
                waiting: None,
            }),
        }
    }

    async fn count(&self, months: Option<&BTreeSet<i32>>) -> Result<Vec<NewFile>, EngineError> {
        let context = self.context();
        let days = months.map(|months| {
            let mut days = Days::default();
            for month in months {
                days.extend(*month..next_month(*month));
            }
            days
        });
        let events = match &days {
            None => self.files(TableId::ConversationEvents),
            Some(days) => self.files_on(
                TableId::ConversationEvents,
                &days.widened(ZONE_DAYS, ZONE_DAYS),
            ),
        };
        context.register_table("events", self.scan(TableId::ConversationEvents, events))?;
        for (name, id) in [
            ("conversations", TableId::Conversations),
            ("attributed", TableId::AttributedOrders),
        ] {
            context.register_table(name, self.scan(id, self.files(id)))?;
        }
        let within = |day: &str| match &days {
            None => "true".to_owned(),
            Some(days) => days.sql(day),
        };
        let sql = format!(
            "WITH
             happened AS (
               SELECT local_date(e.occurred_at, {zone}) AS date, l.channel, e.type,
                      e.type = 'added_to_cart' OR {no_bots} AS counts
               FROM events e JOIN conversations l ON l.conversation_id = e.conversation_id
               WHERE l.mode = 'live' AND e.type IN ('link_clicked', 'added_to_cart')),
             -- A10: the channels of an order in another currency, each once
             foreign_orders AS (
               SELECT DISTINCT ordered_on AS date, order_id, CAST(channel AS VARCHAR) AS channel
               FROM attributed WHERE NOT in_account_currency AND {ordered}),
             foreign_counted AS (
               SELECT f.date, f.order_id, f.channel,
                      coalesce(string_agg(b.channel, ',' ORDER BY b.channel), '') AS before
               FROM foreign_orders f
               LEFT JOIN foreign_orders b ON b.order_id = f.order_id AND b.channel < f.channel
               GROUP BY f.date, f.order_id, f.channel),
             parts AS (
               SELECT started_on AS date, CAST(channel AS VARCHAR) AS channel, '' AS before, count(*) AS conversations,
                      count(*) FILTER (WHERE status = 'resolved') AS resolved,
                      count(*) FILTER (WHERE status = 'routed') AS routed,
                      count(*) FILTER (WHERE status = 'closed') AS closed,
                      count(*) FILTER (WHERE status = 'open') AS open,
                      0 AS link_clicks, 0 AS cart_adds, {no_credit} AS credits, {no_sales} AS sales,
                      0 AS other_currency_orders
               FROM conversations WHERE mode = 'live' AND {started} GROUP BY started_on, channel
               UNION ALL
               SELECT date, CAST(channel AS VARCHAR), '', 0, 0, 0, 0, 0, count(*) FILTER (WHERE type = 'link_clicked'),
                      count(*) FILTER (WHERE type = 'added_to_cart'), {no_credit}, {no_sales}, 0
               FROM happened WHERE counts AND {day} GROUP BY date, channel
               UNION ALL
               SELECT ordered_on, CAST(channel AS VARCHAR), '', 0, 0, 0, 0, 0, 0, 0, sum(exact_credit(units)),
                      CAST(sum(attributed_value) AS DECIMAL(28, 4)), 0
               FROM attributed WHERE in_account_currency AND {ordered} GROUP BY ordered_on, channel
               UNION ALL
               SELECT date, channel, before, 0, 0, 0, 0, 0, 0, 0, {no_credit}, {no_sales}, count(*)
               FROM foreign_counted GROUP BY date, channel, before),
             summed AS (
               SELECT date, channel, before,
                    sum(conversations) AS conversations, sum(resolved) AS resolved, sum(routed) AS routed,
                    sum(closed) AS closed, sum(open) AS open, sum(link_clicks) AS link_clicks,
                    sum(cart_adds) AS cart_adds, sum(credits) AS credits,
                    CAST(sum(sales) AS DECIMAL(28, 4)) AS sales, sum(other_currency_orders) AS other_currency_orders
               FROM parts GROUP BY date, channel, before)
             SELECT date, channel, array_remove_all(string_to_array(before, ','), '') AS counted_before, conversations,
                    resolved, routed, closed, open, link_clicks, cart_adds, credits, sales, other_currency_orders
             FROM summed ORDER BY date, channel, before",
            zone = quoted(&self.rules.timezone),
            no_bots = self.rules.no_bots("e.is_bot"),
            no_credit = "CAST(0 AS DECIMAL(38, 24))",
            no_sales = "CAST(0 AS DECIMAL(28, 4))",
            started = within("started_on"),
            ordered = within("ordered_on"),
            day = within("date"),
        );
        let rows = context.sql(&sql).await?;
        self.write(TableId::DailyMetrics, rows).await
    }

    /// Whether nothing that daily metrics rest on has changed.
    pub(super) fn is_clean(&self) -> bool {
        self.changes.forced.is_empty()
            && [
                &self.changes.conversations,
                &self.changes.orders,
                &self.changes.touches,
            ]
            .iter()
            .all(|changed| matches!(changed, Changed::Nothing))
    }
}
