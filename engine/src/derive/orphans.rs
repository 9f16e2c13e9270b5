//! Derives orphans: conversations and orders that have events and no start (SPEC C1).
//!
//! The orphans are the landed keys minus the derived ones. A key's row holds the first and last instant and the number of
//! its events, so new events are added to it without reading the old ones again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use super::account::{Account, Changed, Rewritten};
use super::entity::{CONVERSATION, Entity, ORDER};
use crate::EngineError;
use crate::lake::{Freshness, Missing, Partition, TableId, conform};

/// First instant, last instant and number of a waiting key's events, by kind and key.
type Waiting = BTreeMap<(String, String), (i64, i64, i64)>;

impl Account {
    /// Derives the account's orphans.
    pub(super) async fn derive_orphans(&self) -> Result<Rewritten, EngineError> {
        let removes = self.files(TableId::Orphans);
        let before = self.waiting().await?;
        let mut waiting = before.clone();
        for entity in [CONVERSATION, ORDER] {
            match self.changes.of(entity.raw) {
                // A backfill counts them anew.
                Changed::Nothing if self.changes.forced.is_empty() => {}
                Changed::Files(files) if self.changes.forced.is_empty() => {
                    for key in self.changed_keys(entity, files).await?.iter() {
                        let name = (entity.kind.to_owned(), key.key.clone());
                        if key.known.is_some() {
                            waiting.remove(&name);
                        } else {
                            let (first, last) = key.reach();
                            let events = key.events + key.waiting.map_or(0, |(.., n)| n);
                            waiting.insert(name, (first, last, events));
                        }
                    }
                }
                _ => {
                    waiting.retain(|(kind, _), _| kind != entity.kind);
                    match self.found.iter().find(|found| found.kind == entity.kind) {
                        Some(found) => waiting.extend(found.keys.iter().map(|known| {
                            let (first, last) = known.reach;
                            let name = (entity.kind.to_owned(), known.key.clone());
                            (name, (first, last, known.events))
                        })),
                        None => self.count_waiting(entity, &mut waiting).await?,
                    }
                }
            }
        }
        if waiting == before {
            return Ok(Rewritten::default());
        }
        let mut adds = Vec::new();
        if !waiting.is_empty() {
            let partition = Partition {
                account: Some(Arc::clone(&self.name)),
                date: None,
            };
            let file = self
                .engine
                .lake()
                .write(
                    TableId::Orphans,
                    &partition,
                    &[to_batch(&waiting)?],
                    Freshness::Moving,
                )
                .await?;
            adds.push(file);
        }
        Ok(Rewritten {
            adds,
            removes,
            waiting: None,
        })
    }

    async fn waiting(&self) -> Result<Waiting, EngineError> {
        let context = self.context()?;
        let files = self.files(TableId::Orphans);
        let rows = context.read_table(self.scan(TableId::Orphans, files))?;
        let mut waiting = Waiting::new();
        for batch in rows.collect().await? {
            read(&batch, &mut waiting)?;
        }
        Ok(waiting)
    }

    /// Adds every key of an entity that has events and no start, from all landed events.
    async fn count_waiting(
        &self,
        entity: Entity,
        waiting: &mut Waiting,
    ) -> Result<(), EngineError> {
        let context = self.context()?;
        context.register_table("events", self.scan(entity.raw, self.files(entity.raw)))?;
        let derived = self.files(entity.derived);
        context.register_table("derived", self.scan(entity.derived, derived))?;
        let sql = format!(
            include_str!("sql/orphans.sql"),
            kind = entity.kind,
            key = entity.key,
        );
        for batch in self.rows(&context, &sql).await? {
            read(&batch, waiting)?;
        }
        Ok(())
    }
}

fn read(batch: &RecordBatch, waiting: &mut Waiting) -> Result<(), EngineError> {
    let rows = conform(batch, &TableId::Orphans.file_schema(), Missing::Refused)?;
    let text = |column: usize| rows.column(column).as_string::<i32>();
    let instant = |column: usize| {
        rows.column(column)
            .as_primitive::<TimestampMicrosecondType>()
    };
    let (kind, key, first, last) = (text(0), text(1), instant(2), instant(3));
    let events = rows.column(4).as_primitive::<Int64Type>();
    for row in 0..rows.num_rows() {
        waiting.insert(
            (kind.value(row).to_owned(), key.value(row).to_owned()),
            (first.value(row), last.value(row), events.value(row)),
        );
    }
    Ok(())
}

fn to_batch(waiting: &Waiting) -> Result<RecordBatch, EngineError> {
    let instants = |of: fn(&(i64, i64, i64)) -> i64| -> ArrayRef {
        let values = waiting.values().map(of);
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            waiting.keys().map(|(kind, _)| kind),
        )),
        Arc::new(StringArray::from_iter_values(
            waiting.keys().map(|(_, key)| key),
        )),
        instants(|(first, ..)| *first),
        instants(|(_, last, _)| *last),
        Arc::new(Int64Array::from_iter_values(
            waiting.values().map(|(.., events)| *events),
        )),
    ];
    Ok(RecordBatch::try_new(
        TableId::Orphans.file_schema(),
        columns,
    )?)
}

/// Returns the number of landed conversation events whose conversation has no start.
pub(super) async fn count(
    engine: &crate::Engine,
    files: Vec<Arc<crate::lake::DataFile>>,
) -> Result<u64, EngineError> {
    let context = datafusion::prelude::SessionContext::new_with_config_rt(
        Default::default(),
        Arc::clone(engine.runtime()),
    );
    let table = crate::lake::LakeScan::over(engine.lake().clone(), TableId::Orphans, files);
    context.register_table("orphans", table)?;
    let sql = "SELECT coalesce(sum(events), 0) FROM orphans WHERE kind = 'conversation'";
    let batches = context.sql(sql).await?.collect().await?;
    let sum = batches.first().map_or(0, |batch| {
        batch.column(0).as_primitive::<Int64Type>().value(0)
    });
    Ok(sum.unsigned_abs())
}
