//! One account in a derive: what has changed in its input, and a context that runs its plans.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, TableProvider,
};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::carry::{Carried, Part};
use super::days::Days;
use super::entity::Entity;
use super::keys::NamedKeys;
use super::plans::{AggregateOnce, Plans};
use super::rules::Rules;
use super::write::{LakeWriteExec, Target, WaitingKey, Written, written};
use crate::lake::{ALL_DATES, DataFile, LakeScan, LakeSnapshot, NewFile, TableId};
use crate::{Engine, EngineError};

/// How much of an account's part of a raw table has changed since a derived table consumed it.
#[derive(Debug, Clone, Default)]
pub(super) enum Changed {
    /// Nothing.
    #[default]
    Nothing,
    /// The events of these files were added.
    Files(Vec<Arc<DataFile>>),
    /// So much that finding out what is not worth it, or the log no longer says what.
    Everything,
}

/// The changes of an account's input, by raw table.
#[derive(Debug, Clone, Default)]
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

    /// Returns whether there is nothing to derive.
    pub fn is_nothing(&self) -> bool {
        self.forced.is_empty() && self.has_no_new_events()
    }

    /// Returns whether days are to be derived again and nothing else has changed.
    pub fn is_forced_alone(&self) -> bool {
        self.has_no_new_events() && self.uncounted.values().all(Vec::is_empty)
    }

    fn has_no_new_events(&self) -> bool {
        [&self.conversations, &self.orders, &self.touches]
            .iter()
            .all(|changed| matches!(changed, Changed::Nothing))
    }

    /// Returns whether any raw table has changed beyond single files.
    pub fn any_everything(&self) -> bool {
        [&self.conversations, &self.orders, &self.touches]
            .iter()
            .any(|changed| matches!(changed, Changed::Everything))
    }
}

/// Creates the functions and options of the plans of a derive.
pub(super) fn derive_state(engine: &Engine) -> SessionState {
    let mut config = SessionConfig::new().with_information_schema(false);
    let options = config.options_mut();
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.subset_repartition_threshold = 1;
    let context = SessionContext::new_with_config_rt(config, Arc::clone(engine.runtime()));
    rapport_udfs::register(&context);
    SessionStateBuilder::new_from_existing(context.state())
        .with_physical_optimizer_rule(Arc::new(AggregateOnce))
        .build()
}

/// One account in a run.
pub(super) struct Account {
    pub engine: Engine,
    pub name: Arc<str>,
    pub rules: Rules,
    /// Landed tables at the versions that this derive consumes; derived tables at their newest versions.
    pub lake: Arc<LakeSnapshot>,
    /// The changes of the account's input since the table that is derived consumed it.
    pub changes: Changes,
    /// The UTC day of `now()`.
    pub today: i32,
    /// The number of partitions of its plans.
    pub partitions: usize,
    /// The functions and options of its plans.
    pub state: SessionState,
    /// The plans of all accounts of the run.
    pub plans: Arc<Plans>,
    /// The keys without a start that this run has found.
    pub found: Vec<Found>,
    /// The account's files of the tables that this run has derived.
    pub rewritten: HashMap<TableId, Vec<Arc<DataFile>>>,
    /// The rows that this run keeps for later tables.
    pub carried: Carried,
    /// The keys that new events name, by raw table, with the files of these events.
    pub named: Mutex<HashMap<TableId, NamedKeys>>,
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
    /// The entity's.
    pub kind: &'static str,
    pub keys: Arc<Vec<WaitingKey>>,
}

impl Account {
    /// Creates a context with Rapport's functions and no tables.
    pub fn context(&self) -> Result<SessionContext, EngineError> {
        let mut state = self.state.clone();
        state.config_mut().options_mut().execution.target_partitions = self.partitions;
        // The catalog of the copied state is the other contexts' too.
        let names = state.config_options().catalog.clone();
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(&names.default_schema, Arc::new(MemorySchemaProvider::new()))?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(names.default_catalog, Arc::new(catalog));
        state.register_catalog_list(Arc::new(catalogs));
        Ok(SessionContext::new_with_state(state))
    }

    /// Returns the account's files of a table: of a derived one, as this run has left them.
    pub fn files(&self, id: TableId) -> Vec<Arc<DataFile>> {
        match self.rewritten.get(&id) {
            Some(files) => files.clone(),
            None => self.lake.get(id).files(Some(&self.name), ALL_DATES),
        }
    }

    /// Lets later tables of this run read what was rewritten of a table.
    pub fn replace(&mut self, id: TableId, part: &Rewritten) {
        let mut files = self.files(id);
        files.retain(|file| !part.removes.iter().any(|gone| gone.path == file.path));
        files.extend(part.adds.iter().map(|file| Arc::new(file.to_data_file())));
        self.rewritten.insert(id, files);
        // What is known of the keys has changed with their derived rows.
        self.named().retain(|raw, _| match raw {
            TableId::OrderEvents => id != TableId::Orders,
            _ => id != TableId::Conversations,
        });
        self.found.extend(part.waiting.clone());
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

    /// Registers the rows of a table as `name`: those that were kept, or else those of its files.
    pub fn register_whole(
        &self,
        context: &SessionContext,
        name: &str,
        id: TableId,
    ) -> Result<(), EngineError> {
        let rows = match self.carried.rows(id)? {
            Some(kept) => kept,
            None => self.scan(id, self.files(id)),
        };
        context.register_table(name, rows)?;
        Ok(())
    }

    /// Plans a query over the tables of a context.
    pub async fn plan(
        &self,
        context: &SessionContext,
        sql: &str,
    ) -> Result<Arc<dyn ExecutionPlan>, EngineError> {
        Ok(self.plans.plan(context, sql).await?)
    }

    /// Runs a query over the tables of a context.
    pub async fn rows(
        &self,
        context: &SessionContext,
        sql: &str,
    ) -> Result<Vec<RecordBatch>, EngineError> {
        let plan = self.plan(context, sql).await?;
        Ok(collect(plan, context.task_ctx()).await?)
    }

    /// Runs a query whose rows are the new rows of a derived table, in its sort order, and writes them. `kept` is the part of
    /// the rows that is kept for later tables.
    pub async fn write(
        &mut self,
        table: TableId,
        context: &SessionContext,
        sql: &str,
        kept: Option<Part>,
    ) -> Result<Vec<NewFile>, EngineError> {
        let target = self.target(table, None);
        Ok(self.write_to(target, context, sql, kept).await?.files)
    }

    /// As [`Account::write`], for an entity. Rows without a start, which come last, are returned as keys instead.
    pub async fn write_started(
        &mut self,
        entity: Entity,
        context: &SessionContext,
        sql: &str,
        kept: Option<Part>,
    ) -> Result<Written, EngineError> {
        let target = self.target(entity.derived, Some(entity));
        self.write_to(target, context, sql, kept).await
    }

    async fn write_to(
        &mut self,
        target: Target,
        context: &SessionContext,
        sql: &str,
        kept: Option<Part>,
    ) -> Result<Written, EngineError> {
        let mut input = single_partition(self.plan(context, sql).await?);
        if let Some(part) = kept {
            input = self.carried.copy(part, input, &self.context()?)?;
        }
        let plan: Arc<dyn ExecutionPlan> = Arc::new(LakeWriteExec::new(input, target.clone()));
        Ok(written(&target, &collect(plan, context.task_ctx()).await?))
    }
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
