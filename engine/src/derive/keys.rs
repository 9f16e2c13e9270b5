//! The conversations and orders that new events name, with what the derived tables know of them.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::account::Account;
use super::days::day_of;
use super::entity::Entity;
use crate::EngineError;
use crate::lake::{DataFile, TableId};

/// A conversation or an order that new events name. Instants are in microseconds.
#[derive(Debug)]
pub(super) struct ChangedKey {
    pub key: String,
    /// The instants of its earliest and latest new event.
    pub fresh: (i64, i64),
    /// The number of its new events.
    pub events: i64,
    /// The instant of the earliest start among its new events.
    pub fresh_start: Option<i64>,
    /// Its derived row: the instants of its start, first event and last event.
    pub known: Option<(i64, i64, i64)>,
    /// Its row among the orphans, with the events that those have yet to count: first instant, last instant and number.
    pub waiting: Option<(i64, i64, i64)>,
}

impl ChangedKey {
    /// Returns the earliest and the latest instant of all of its events.
    pub fn reach(&self) -> (i64, i64) {
        let known = self.known.map(|(_, first, last)| (first, last));
        let waiting = self.waiting.map(|(first, last, _)| (first, last));
        [known, waiting]
            .into_iter()
            .flatten()
            .fold(self.fresh, |a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Returns the days on which it starts by its new events and by its derived row, where known.
    pub fn start_days(&self) -> impl Iterator<Item = i32> {
        let known = self.known.map(|(start, ..)| day_of(start));
        [known, self.fresh_start.map(day_of)].into_iter().flatten()
    }
}

/// Files of events, and the keys that they name.
pub(super) type NamedKeys = (Vec<Arc<DataFile>>, Arc<Vec<ChangedKey>>);

impl Account {
    pub(super) fn named(&self) -> MutexGuard<'_, HashMap<TableId, NamedKeys>> {
        // A poisoned lock is harmless: an entry is there as a whole or not at all.
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the keys that the events of some files name, each with its derived row and its row among the orphans. They are
    /// read once for all tables between which the derived rows stay the same.
    pub async fn changed_keys(
        &self,
        entity: Entity,
        files: &[Arc<DataFile>],
    ) -> Result<Arc<Vec<ChangedKey>>, EngineError> {
        if let Some((of, keys)) = self.named().get(&entity.raw)
            && of == files
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(self.read_changed_keys(entity, files).await?);
        let named = (files.to_vec(), Arc::clone(&keys));
        self.named().insert(entity.raw, named);
        Ok(keys)
    }

    async fn read_changed_keys(
        &self,
        entity: Entity,
        files: &[Arc<DataFile>],
    ) -> Result<Vec<ChangedKey>, EngineError> {
        let context = self.context()?;
        context.register_table("changed", self.scan(entity.raw, files.to_vec()))?;
        context.register_table(
            "derived",
            self.scan(entity.derived, self.files(entity.derived)),
        )?;
        context.register_table(
            "orphans",
            self.scan(TableId::Orphans, self.files(TableId::Orphans)),
        )?;
        let Entity {
            key,
            start,
            started_at,
            kind,
            ..
        } = entity;
        let waiting = match self.changes.uncounted.get(&entity.raw) {
            None => {
                format!("SELECT key, first_at, last_at, events FROM orphans WHERE kind = '{kind}'")
            }
            Some(files) => {
                context.register_table("uncounted", self.scan(entity.raw, files.clone()))?;
                format!(include_str!("sql/waiting_keys.sql"), kind = kind, key = key)
            }
        };
        let sql = format!(
            include_str!("sql/changed_keys.sql"),
            key = key,
            start = start,
            started_at = started_at,
            waiting = waiting,
        );
        let batches = self.rows(&context, &sql).await?;
        let mut keys = Vec::new();
        for batch in &batches {
            read_keys(batch, &mut keys)?;
        }
        Ok(keys)
    }
}

fn read_keys(batch: &RecordBatch, keys: &mut Vec<ChangedKey>) -> Result<(), EngineError> {
    let column = |name: &str| -> Result<&ArrayRef, EngineError> {
        Ok(batch.column(batch.schema_ref().index_of(name)?))
    };
    let number = |name: &str| Ok::<_, EngineError>(column(name)?.as_primitive::<Int64Type>());
    let names = cast(column("key")?, &DataType::Utf8)?;
    let names = names.as_string::<i32>();
    let (first, last) = (number("fresh_first")?, number("fresh_last")?);
    let (events, start) = (number("fresh_events")?, number("fresh_start")?);
    let known = [
        number("known_start")?,
        number("known_first")?,
        number("known_last")?,
    ];
    let waiting = [
        number("waiting_first")?,
        number("waiting_last")?,
        number("waiting_events")?,
    ];
    let value = |of: &Int64Array, row: usize| of.is_valid(row).then(|| of.value(row));
    let triple = |[a, b, c]: [&Int64Array; 3], row: usize| {
        Some((value(a, row)?, value(b, row)?, value(c, row)?))
    };
    for row in 0..batch.num_rows() {
        let (Some(first), Some(last)) = (value(first, row), value(last, row)) else {
            continue;
        };
        keys.push(ChangedKey {
            key: names.value(row).to_owned(),
            fresh: (first, last),
            events: value(events, row).unwrap_or_default(),
            fresh_start: value(start, row),
            known: triple(known, row),
            waiting: triple(waiting, row),
        });
    }
    Ok(())
}
