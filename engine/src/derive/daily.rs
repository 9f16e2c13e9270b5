//! Derives daily metrics: counts and sums per local day and channel (SPEC 6), one file per month of an account.
//!
//! A row also lists the procedures and the tags of its conversations with their counts (SPEC M6, C6), so that those of a range
//! are sums over its days. Time does not change them: the idle rule (SPEC C3) makes open conversations closed, and counts no
//! status of a procedure but `resolved`.
//!
//! An order in another currency counts once in any set of channels, even if several channels share it (SPEC A10): the row of
//! a channel lists in `counted_before` the bytewise earlier channels that count the order already.

use std::sync::Arc;

use super::account::{Account, Rewritten};
use super::days::Days;
use super::rules::quoted;
use crate::EngineError;
use crate::lake::{DataFile, NewFile, TableId};

/// Days by which a range of local days is widened to UTC days. A local day begins within a day of the UTC day of its date.
const ZONE_DAYS: i32 = 2;

impl Account {
    /// Derives the days of the account's daily metrics that changed events may affect. A file has a month, so its other rows
    /// are written again as they are.
    pub(super) async fn derive_daily(&mut self) -> Result<Rewritten, EngineError> {
        let files = self.files(TableId::DailyMetrics);
        if self.changes.any_everything() {
            return Ok(Rewritten {
                adds: self.count(None, vec![]).await?,
                removes: files,
                waiting: None,
            });
        }
        let affected = self.affected().await?;
        let mut days = affected.days;
        days.extend(self.changes.forced.iter());
        for key in affected.conversations.iter().chain(affected.orders.iter()) {
            let (first, last) = key.reach();
            days.cover(first, last);
        }
        if days.is_empty() {
            return Ok(Rewritten::default());
        }
        let days = days.widened(ZONE_DAYS, ZONE_DAYS);
        let months = days.months();
        let in_months = |file: &Arc<DataFile>| match file.partition.date {
            Some(month) => months.contains(&month),
            None => true,
        };
        let removes: Vec<Arc<DataFile>> = files.into_iter().filter(in_months).collect();
        Ok(Rewritten {
            adds: self.count(Some(&days), removes.clone()).await?,
            removes,
            waiting: None,
        })
    }

    /// Counts some days (`None`: all), and writes them with the rows of the replaced files on other days.
    async fn count(
        &mut self,
        days: Option<&Days>,
        replaced: Vec<Arc<DataFile>>,
    ) -> Result<Vec<NewFile>, EngineError> {
        let context = self.context()?;
        match days {
            None => self.register_whole(&context, "events", TableId::ConversationEvents)?,
            Some(days) => {
                let id = TableId::ConversationEvents;
                let events = self.files_on(id, &days.widened(ZONE_DAYS, ZONE_DAYS));
                context.register_table("events", self.scan(id, events))?;
            }
        }
        self.register_whole(&context, "conversations", TableId::Conversations)?;
        self.register_whole(&context, "attributed", TableId::AttributedOrders)?;
        context.register_table("replaced", self.scan(TableId::DailyMetrics, replaced))?;
        let within = |day: &str| match days {
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
        self.write(TableId::DailyMetrics, &context, &sql, None)
            .await
    }
}
