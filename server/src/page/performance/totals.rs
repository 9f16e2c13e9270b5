//! How many conversations there are by channel and by status: what the filters show.

use super::Days;
use crate::page::question::Call;
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Conversations of the days and channels by status (SPEC C3).
#[derive(Debug, Clone, Copy)]
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
    /// Gives the count of a status.
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

/// Asks for the counts by status.
pub async fn statuses(visit: &Visit, days: Days) -> Result<Statuses, PgError> {
    let sql = days.call("status_counts", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let Some(row) = rows.first() else {
        return Ok(Statuses {
            all: 0,
            resolved: 0,
            routed: 0,
            closed: 0,
            open: 0,
        });
    };
    Ok(Statuses {
        all: row.count("conversations")?,
        resolved: row.count("resolved")?,
        routed: row.count("routed")?,
        closed: row.count("closed")?,
        open: row.count("open")?,
    })
}

/// Asks for the counts by channel, whichever are chosen.
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
