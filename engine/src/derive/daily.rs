//! Derives daily metrics: counts and sums per local day and channel (SPEC 6), one file per month of an account.
//!
//! An order in another currency counts once in any set of channels, even if several channels share it (SPEC A10): the row of
//! a channel lists in `counted_before` the bytewise earlier channels that count the order already.

use std::collections::BTreeSet;

use super::account::{Account, Changed, Rewritten};
use super::days::{Days, next_month};
use super::rules::quoted;
use crate::EngineError;
use crate::lake::{NewFile, TableId};

/// Days by which a range of local days is widened to UTC days. A local day begins within a day of the UTC day of its date.
const ZONE_DAYS: i32 = 2;

impl Account {
    /// Derives the months of the account's daily metrics that changed events may affect.
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
            include_str!("sql/daily_metrics.sql"),
            zone = quoted(&self.rules.timezone),
            no_bots = self.rules.no_bots("e.is_bot"),
            started = within("started_on"),
            ordered = within("ordered_on"),
            day = within("date"),
        );
        let rows = context.sql(&sql).await?;
        self.write(TableId::DailyMetrics, rows).await
    }

    /// Returns whether none of the account's input has changed.
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
