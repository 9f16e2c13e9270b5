//! Counts of conversations by channel and by status, which the filters show.

use super::Days;
use crate::page::call::Call;
use crate::page::rows::{Row, Rows};
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Counts conversations by status (SPEC C3).
#[derive(Debug, Clone, Copy, Default)]
pub struct Statuses {
    /// All of them.
    pub all: i64,
    /// `resolved`.
    pub resolved: i64,
    /// `routed`.
    pub routed: i64,
    /// `closed`.
    pub closed: i64,
    /// `open`.
    pub open: i64,
}

impl Statuses {
    /// Reads the columns `conversations`, `resolved`, `routed`, `closed` and `open`.
    ///
    /// # Errors
    /// If a column is missing or has another type.
    pub fn read(row: Row<'_>) -> Result<Statuses, PgError> {
        Ok(Statuses {
            all: row.count("conversations")?,
            resolved: row.count("resolved")?,
            routed: row.count("routed")?,
            closed: row.count("closed")?,
            open: row.count("open")?,
        })
    }

    /// Returns the count of a status.
    pub fn of(&self, status: &str) -> i64 {
        match status {
            "resolved" => self.resolved,
            "routed" => self.routed,
            "closed" => self.closed,
            "open" => self.open,
            _ => self.all,
        }
    }
}

/// Reads the counts by status.
pub async fn statuses(visit: &Visit, days: Days) -> Result<Statuses, PgError> {
    let sql = days.call("status_counts", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    rows.first()
        .map_or_else(|| Ok(Statuses::default()), Statuses::read)
}

/// Reads the counts by channel, of all channels whichever are chosen.
pub async fn channels(visit: &Visit, days: Days) -> Result<Vec<(String, i64)>, PgError> {
    let call = Call::of("channel_counts")
        .with("from", days.from)
        .with("to", days.to);
    let rows = Rows::ask(&visit.inquiry, &call.sql()).await?;
    let counted = rows.iter().map(|row| {
        let channel = row.word("channel")?.to_owned();
        Ok((channel, row.count("conversations")?))
    });
    counted.collect()
}
