//! One account in a derive: what has changed in its input, and a context that runs its plans.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::days::{Days, day_of};
use super::entity::Entity;
use super::rules::Rules;
use super::write::{LakeWriteExec, Target, WaitingKey, Written, written};
use crate::lake::{ALL_DATES, DataFile, LakeScan, LakeSnapshot, NewFile, TableId};
use crate::{Engine, EngineError};

/// How much of an account's part of a raw table has changed since a derived table consumed it.
#[derive(Debug, Clone)]
pub(super) enum Changed {
    /// Nothing.
    Nothing,
    /// The events of these files were added.
    Files(Vec<Arc<DataFile>>),
    /// So much that finding out what is not worth it, or the log no longer says what.
    Everything,
}

/// The changes of an account's input, by raw table.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    pub conversations: Changed,
    pub orders: Changed,
    pub touches: Changed,
    /// Conversation and order events that the derived table has consumed and the orphans have not, because a derive ended
    /// between the two commits. Nothing else says which keys without a start they name.
    pub uncounted: HashMap<TableId, Vec<Arc<DataFile>>>,
    /// UTC days to derive again from all landed events, whether or not they are dirty.
    pub forced: Days,
}

impl Changes {
    /// Returns changes after which all of the account is derived.
    pub fn everything() -> Self {
        Self {
            conversations: Changed::Everything,
            orders: Changed::Everything,
            touches: Changed::Everything,
            uncounted: HashMap::new(),
            forced: Days::default(),
        }
    }

    /// Sets the files of a raw table that the orphans have yet to count; the outer `None`: the log no longer says which.
    pub fn set_uncounted(&mut self, raw: TableId, files: Option<Option<&Vec<Arc<DataFile>>>>) {
        match files {
            Some(None) => {}
            Some(Some(files)) => {
                self.uncounted.insert(raw, files.clone());
            }
            None => match raw {
                TableId::OrderEvents => self.orders = Changed::Everything,
                _ => self.conversations = Changed::Everything,
            },
        }
    }

    pub fn of(&self, raw: TableId) -> &Changed {
        match raw {
            TableId::OrderEvents => &self.orders,
            TableId::TouchEvents => &self.touches,
            _ => &self.conversations,
        }
    }

    /// Returns whether any raw table has changed beyond single files.
    pub fn any_everything(&self) -> bool {
        [&self.conversations, &self.orders, &self.touches]
            .iter()
            .any(|changed| matches!(changed, Changed::Everything))
    }
}

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

/// One account while one table is derived.
pub(super) struct Account {
    pub engine: Engine,
    pub name: Arc<str>,
    pub rules: Rules,
    /// Landed tables at the versions that this derive consumes; derived tables at their newest versions.
    pub lake: Arc<LakeSnapshot>,
    pub changes: Changes,
    /// The UTC day of `now()`.
    pub today: i32,
    /// The number of partitions of its plans.
    pub partitions: usize,
    /// The keys without a start that this run has found.
    pub found: Vec<Found>,
}

/// The outcome of deriving one account's part of a table.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub adds: Vec<NewFile>,
    pub removes: Vec<Arc<DataFile>>,
    /// The keys without a start, if all of the account's events were read.
    pub waiting: Option<Found>,
}

/// The keys of an account that have events and no start (SPEC C1).
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub account: Arc<str>,
    /// The entity's.
    pub kind: &'static str,
    pub keys: Arc<Vec<WaitingKey>>,
}

impl Account {
    /// Creates a context with Rapport's functions and no tables.
    pub fn context(&self) -> SessionContext {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.partitions)
            .with_information_schema(false);
        let options = config.options_mut();
        options.execution.parquet.pushdown_filters = false;
        // Files are chosen before a plan is made, and read as a whole. Pruning each of thousands of small files again would
        // cost more than reading them.
        options.execution.parquet.pruning = false;
        options.execution.parquet.enable_page_index = false;
        options.execution.parquet.bloom_filter_on_read = false;
        options.optimizer.enable_dynamic_filter_pushdown = false;
        options.optimizer.subset_repartition_threshold = 1;
        let context = SessionContext::new_with_config_rt(config, Arc::clone(self.engine.runtime()));
        rapport_udfs::register(&context);
        context
    }

    /// Returns the account's files of a table.
    pub fn files(&self, id: TableId) -> Vec<Arc<DataFile>> {
        self.lake.get(id).files(Some(&self.name), ALL_DATES)
    }

    /// Returns the account's files of a raw table whose date is among `days`.
    pub fn files_on(&self, id: TableId, days: &Days) -> Vec<Arc<DataFile>> {
        let mut files = self.files(id);
        files.retain(|file| {
            file.partition
                .date
                .is_some_and(|date| days.touches(date..=date))
        });
        files
    }

    /// Returns a table provider over some files.
    pub fn scan(&self, id: TableId, files: Vec<Arc<DataFile>>) -> Arc<dyn TableProvider> {
        LakeScan::over(self.engine.lake().clone(), id, files)
    }

    /// Returns the target of a write to a derived table.
    fn target(&self, table: TableId, entity: Option<Entity>) -> Target {
        Target {
            lake: self.engine.lake().clone(),
            table,
            account: Arc::clone(&self.name),
            today: self.today,
            entity,
        }
    }

    /// Runs a plan whose rows are the new rows of a derived table, in its sort order, and writes them.
    pub async fn write(
        &self,
        table: TableId,
        rows: DataFrame,
    ) -> Result<Vec<NewFile>, EngineError> {
        Ok(self.write_to(self.target(table, None), rows).await?.files)
    }

    /// As [`Account::write`], for an entity. Rows without a start, which come last, are returned as keys instead.
    pub async fn write_started(
        &self,
        entity: Entity,
        rows: DataFrame,
    ) -> Result<Written, EngineError> {
        self.write_to(self.target(entity.derived, Some(entity)), rows)
            .await
    }

    async fn write_to(&self, target: Target, rows: DataFrame) -> Result<Written, EngineError> {
        let context = Arc::new(rows.task_ctx());
        let input = rows.create_physical_plan().await?;
        let input = single_partition(input);
        let plan: Arc<dyn ExecutionPlan> = Arc::new(LakeWriteExec::new(input, target.clone()));
        Ok(written(&target, &collect(plan, context).await?))
    }

    /// Returns the keys that the events of some files name, each with its derived row and its row among the orphans.
    pub async fn changed_keys(
        &self,
        entity: Entity,
        files: &[Arc<DataFile>],
    ) -> Result<Vec<ChangedKey>, EngineError> {
        let context = self.context();
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
        let batches = context.sql(&sql).await?.collect().await?;
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

/// Merges a plan's partitions into one, keeping the rows' order if they have one.
fn single_partition(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
    if plan.properties().partitioning.partition_count() == 1 {
        return plan;
    }
    match plan.properties().output_ordering().cloned() {
        Some(order) => Arc::new(SortPreservingMergeExec::new(order, plan)),
        None => Arc::new(CoalescePartitionsExec::new(plan)),
    }
}

/// Returns the values of a column of instants, in microseconds.
pub(super) fn instants(batch: &RecordBatch, column: usize) -> Vec<Option<i64>> {
    batch
        .column(column)
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .collect()
}

/// Files by account.
pub(super) type FilesByAccount = HashMap<Arc<str>, Vec<Arc<DataFile>>>;
