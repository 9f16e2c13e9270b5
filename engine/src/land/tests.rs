//! Landing into a lake: which events land, which lines are rejected, and which inputs are refused.

#![allow(clippy::unwrap_used, clippy::panic)]

mod batches;
mod columns;
mod inputs;
mod properties;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use super::{LandReport, LandSource, Landing};
use crate::lake::files;
use crate::lake::{Lake, TableId};
use crate::{EngineError, NoProgress};

/// Lands into a lake in memory.
struct Shop {
    lake: Lake,
    budget: usize,
    spill_dir: Option<std::path::PathBuf>,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_770_000_000_000_000).unwrap()
}

impl Shop {
    async fn open() -> Self {
        let lake = Lake::open("memory:///", &Default::default(), true)
            .await
            .unwrap();
        Self {
            lake,
            budget: 64 << 20,
            spill_dir: None,
        }
    }

    async fn try_land(&self, sources: Vec<LandSource>) -> Result<LandReport, EngineError> {
        Ok(self.try_land_batches(vec![sources]).await?.remove(0))
    }

    async fn try_land_batches(
        &self,
        batches: Vec<Vec<LandSource>>,
    ) -> Result<Vec<LandReport>, EngineError> {
        Ok(self.landing().run(batches, &NoProgress).await?)
    }

    fn landing(&self) -> Landing {
        Landing {
            lake: self.lake.clone(),
            now: now(),
            threads: 2,
            budget: self.budget,
            spill_dir: self.spill_dir.clone(),
        }
    }

    async fn land(&self, lines: impl Into<Vec<u8>>) -> LandReport {
        let source = LandSource::bytes("test", lines.into());
        self.try_land(vec![source]).await.unwrap()
    }

    /// Lands texts together, a batch each.
    async fn land_together(&self, batches: &[String]) -> Vec<LandReport> {
        let source = |lines: &String| vec![LandSource::lines("test", lines.clone(), None)];
        let batches = batches.iter().map(source).collect();
        self.try_land_batches(batches).await.unwrap()
    }

    /// Returns all rows of a table as text, sorted, each with its partition.
    async fn rows(&self, table: TableId) -> Vec<String> {
        let snapshot = self.lake.refresh_table(table).await.unwrap();
        let mut rows = Vec::new();
        for file in snapshot.all_files() {
            let batches: Vec<RecordBatch> =
                files::read(&self.lake, table, &file.path, file.size, None)
                    .await
                    .unwrap()
                    .try_collect()
                    .await
                    .unwrap();
            for batch in &batches {
                for row in 0..batch.num_rows() {
                    let partition = (&file.partition.account, file.partition.date);
                    rows.push(format!("{partition:?} {}", text(batch, row)));
                }
            }
        }
        rows.sort();
        rows
    }

    async fn all_rows(&self) -> Vec<Vec<String>> {
        let mut tables = Vec::new();
        for table in [
            TableId::ConversationEvents,
            TableId::OrderEvents,
            TableId::TouchEvents,
            TableId::RejectedEvents,
        ] {
            tables.push(self.rows(table).await);
        }
        tables
    }
}

fn text(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("∅");
    let mut cells = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(column, &options).unwrap();
        cells.push(format!("{}={}", field.name(), formatter.value(row)));
    }
    cells.join(" ")
}

/// Writes a conversation event as a line.
fn message(account: &str, event_id: &str, at: &str, conversation: &str) -> String {
    format!(
        "{{\"event_id\": {event_id:?}, \"account_id\": {account:?}, \"type\": \"message_sent\", \"occurred_at\": {at:?}, \"conversation_id\": {conversation:?}, \"sender\": \"shopper\", \"text\": \"{event_id} at {at}\"}}\n"
    )
}

/// Writes an order as a line.
fn order(account: &str, event_id: &str, at: &str, order: &str) -> String {
    format!(
        "{{\"event_id\": {event_id:?}, \"account_id\": {account:?}, \"type\": \"order_placed\", \"occurred_at\": {at:?}, \"order_id\": {order:?}, \"value\": 12.5}}\n"
    )
}
