//! One account's part of a derive: what of its input has changed, and a context to run its plans in.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
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

/// How much of a raw table's part of an account has changed since a derived table consumed it.
#[derive(Debug, Clone)]
pub(super) enum Changed {
    /// Nothing.
    Nothing,
    /// The events of these files came.
    Files(Vec<Arc<DataFile>>),
    /// So much that telling what is not worth it, or nobody can tell.
    Everything,
}

/// The files that came to one account, by raw table.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    pub conversations: Changed,
    pub orders: Changed,
    pub touches: Changed,
    /// Conversation and order events that the derived table has consumed and the orphans have not: a derive ended between
    /// the two. What they say of keys without a start stands nowhere else.
    pub uncounted: HashMap<TableId, Vec<Arc<DataFile>>>,
    /// UTC days to derive again, whatever else; from all that has ever landed.
    pub forced: Days,
}

impl Changes {
    /// Everything is to be derived.
    pub fn everything() -> Self {
        Self {
            conversations: Changed::Everything,
            orders: Changed::Everything,
            touches: Changed::Everything,
            uncounted: HashMap::new(),
            forced: Days::default(),
        }
    }

    /// Takes the files of a raw table that the orphans have yet to count; the outer `None`: the log no longer tells.
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

    /// Whether any of it is everything.
    pub fn any_everything(&self) -> bool {
        [&self.conversations, &self.orders, &self.touches]
            .iter()
            .any(|changed| matches!(changed, Changed::Everything))
    }
}

/// A key (a conversation, an order) that new events name.
#[derive(Debug)]
pub(super) struct ChangedKey {
    pub key: String,
    /// Earliest and latest of its new events, in microseconds.
    pub fresh: (i64, i64),
    /// How many new events.
    pub events: i64,
    /// The earliest start among the new events.
    pub fresh_start: Option<i64>,
    /// What its derived row says: start, and the reach of its events.
    pub known: Option<(i64, i64, i64)>,
    /// What its orphans' row says, and the events that the orphans have yet to count: their reach, and how many.
    pub waiting: Option<(i64, i64, i64)>,
}

impl ChangedKey {
    /// The earliest and latest instants of any of its events.
    pub fn reach(&self) -> (i64, i64) {
        let known = self.known.map(|(_, first, last)| (first, last));
        let waiting = self.waiting.map(|(first, last, _)| (first, last));
        [known, waiting]
            .into_iter()
            .flatten()
            .fold(self.fresh, |a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The days on which it starts or started, as far as either is known.
    pub fn start_days(&self) -> impl Iterator<Item = i32> {
        let known = self.known.map(|(start, ..)| day_of(start));
        [known, self.fresh_start.map(day_of)].into_iter().flatten()
    }
}

/// One account, at one moment of a derive.
pub(super) struct Account {
    pub engine: Engine,
    pub name: Arc<str>,
    pub rules: Rules,
    /// Landed tables at the versions that this derive consumes, derived ones as they are by now.
    pub lake: Arc<LakeSnapshot>,
    pub changes: Changes,
    /// The present, as a day.
    pub today: i32,
    /// How many cores its plans may use.
    pub partitions: usize,
    /// What this run has found of keys without a start.
    pub found: Vec<Found>,
}

/// What deriving one account's part of a table came to.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub adds: Vec<NewFile>,
    pub removes: Vec<Arc<DataFile>>,
    /// Where all of the account's events were read: the keys that have no start.
    pub waiting: Option<Found>,
}

/// The keys without a start that an account's events have (SPEC C1).
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub account: Arc<str>,
    /// The entity's.
    pub kind: &'static str,
    pub keys: Arc<Vec<WaitingKey>>,
}

impl Account {
    /// A context with our functions and no tables.
    pub fn context(&self) -> SessionContext {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.partitions)
            .with_information_schema(false);
        let options = config.options_mut();
        options.execution.parquet.pushdown_filters = false;
        // The files are chosen before a plan is made and read whole. To ask each of them again whether it can be skipped
        // costs more than reading, where they are thousands of small ones.
        options.execution.parquet.pruning = false;
        options.execution.parquet.enable_page_index = false;
        options.execution.parquet.bloom_filter_on_read = false;
        options.optimizer.enable_dynamic_filter_pushdown = false;
        options.optimizer.subset_repartition_threshold = 1;
        let context = SessionContext::new_with_config_rt(config, Arc::clone(self.engine.runtime()));
        rapport_udfs::register(&context);
        context
    }

    /// The account's files of a table.
    pub fn files(&self, id: TableId) -> Vec<Arc<DataFile>> {
        self.lake.get(id).files(Some(&self.name), ALL_DATES)
    }

    /// The account's files of a raw table whose date is among `days`.
    pub fn files_on(&self, id: TableId, days: &Days) -> Vec<Arc<DataFile>> {
        let mut files = self.files(id);
        files.retain(|file| {
            file.partition
                .date
                .is_some_and(|date| days.touches(date..=date))
        });
        files
    }

    /// A table provider over some files.
    pub fn scan(&self, id: TableId, files: Vec<Arc<DataFile>>) -> Arc<dyn TableProvider> {
        LakeScan::over(self.engine.lake().clone(), id, files)
    }

    /// Where the rows of a derived table go.
    fn target(&self, table: TableId, entity: Option<Entity>) -> Target {
        Target {
            lake: self.engine.lake().clone(),
            table,
            account: Arc::clone(&self.name),
            today: self.today,
            entity,
        }
    }

    /// Runs a plan whose rows, sorted, are the new rows of a derived table, and writes them.
    pub async fn write(
        &self,
        table: TableId,
        rows: DataFrame,
    ) -> Result<Vec<NewFile>, EngineError> {
        Ok(self.write_to(self.target(table, None), rows).await?.files)
    }

    /// Likewise; the rows that have no start come last, and are told of instead.
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

    /// The keys that the changed files name, with what is known of each.
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
        let orphans =
            format!("SELECT key, first_at, last_at, events FROM orphans WHERE kind = '{kind}'");
        let waiting = match self.changes.uncounted.get(&entity.raw) {
            None => orphans,
            Some(files) => {
                context.register_table("uncounted", self.scan(entity.raw, files.clone()))?;
                format!(
                    "SELECT key, min(first_at) AS first_at, max(last_at) AS last_at, sum(events) AS events
                     FROM ({orphans}
                           UNION ALL
                           SELECT {key}, min(occurred_at), max(occurred_at), count(*) FROM uncounted GROUP BY {key})
                     GROUP BY key"
                )
            }
        };
        let micros = |column: &str| format!("CAST({column} AS BIGINT)");
        let sql = format!(
            "WITH fresh AS (
               SELECT {key} AS key, min(occurred_at) AS first_at, max(occurred_at) AS last_at, count(*) AS events,
                      min(occurred_at) FILTER (WHERE type = '{start}') AS start_at
               FROM changed GROUP BY {key})
             SELECT f.key, {}, {}, f.events, {}, {}, {}, {}, {}, {}, o.events AS waiting_events
             FROM fresh f
             LEFT JOIN derived d ON d.{key} = f.key
             LEFT JOIN ({waiting}) o ON o.key = f.key",
            micros("f.first_at"),
            micros("f.last_at"),
            micros("f.start_at"),
            micros(&format!("d.{started_at}")),
            micros("d.first_event_at"),
            micros("d.last_event_at"),
            micros("o.first_at"),
            micros("o.last_at"),
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
    let names = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
    let names = names.as_string::<i32>();
    let number = |column: usize, row: usize| {
        let column = batch.column(column).as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    for row in 0..batch.num_rows() {
        let triple = |a: usize, b: usize, c: usize| {
            Some((number(a, row)?, number(b, row)?, number(c, row)?))
        };
        let (Some(first), Some(last)) = (number(1, row), number(2, row)) else {
            continue;
        };
        keys.push(ChangedKey {
            key: names.value(row).to_owned(),
            fresh: (first, last),
            events: number(3, row).unwrap_or_default(),
            fresh_start: number(4, row),
            known: triple(5, 6, 7),
            waiting: triple(8, 9, 10),
        });
    }
    Ok(())
}

/// Brings a plan's rows together, in their order where they have one.
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

/// A column of instants of a single row, in microseconds.
pub(super) fn instants(batch: &RecordBatch, column: usize) -> Vec<Option<i64>> {
    batch
        .column(column)
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .collect()
}

/// Files by account.
pub(super) type FilesByAccount = HashMap<Arc<str>, Vec<Arc<DataFile>>>;
