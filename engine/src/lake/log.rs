//! A table's Delta log: making the table, reading its versions, and committing exactly the next one.
//!
//! `deltalake` reads snapshots and checkpoints and writes the entries. We place each entry ourselves, at the version that
//! follows the one that was read, because a rebase on top of another writer's commit is not harmless here: its events may
//! be the duplicates of ours (SPEC E1), its derived rows may rest on older input.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use chrono::Utc;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitData, TransactionError};
use deltalake_core::kernel::{Action, Add, Remove, StructType, Transaction};
use deltalake_core::logstore::{
    CommitOrBytes, LogStoreRef, StorageConfig, default_logstore, get_actions,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use serde_json::Value;
use uuid::Uuid;

use super::behind::BEHIND;
use super::durable::Durable;
use super::error::LakeError;
use super::snapshot::{DataFile, FileChanges, Partition, TableSnapshot};
use super::stats::FileStatistics;
use super::store::Location;
use super::table::TableId;
use super::write::NewFile;
use super::zone_rules::ZONE_RULES;

/// A checkpoint is written at every so many versions, so that opening a table reads few log entries.
const CHECKPOINT_EVERY: i64 = 50;

/// The name under which a table that others are derived from records up to which of its versions files have been compacted.
pub(crate) const COMPACTED: &str = "compacted";
/// The size that compacted files are said to be made for.
const COMPACTED_SIZE: i64 = 32 << 20;

/// Why a commit was made; it stands in the table's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Events landed.
    Land,
    /// Settings changed.
    Settings,
    /// Dirty partitions were derived.
    Derive,
    /// Partitions were derived again, whatever the marks said.
    Backfill,
    /// Small files were put together: no data changed.
    Compact,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Land => "land",
            Operation::Settings => "settings",
            Operation::Derive => "derive",
            Operation::Backfill => "backfill",
            Operation::Compact => "compact",
        }
    }
}

/// What a commit changes.
#[derive(Debug)]
pub struct Change {
    /// Why.
    pub operation: Operation,
    /// Files that come.
    pub adds: Vec<NewFile>,
    /// Files that go.
    pub removes: Vec<Arc<DataFile>>,
    /// What is recorded as consumed: the names of tables and their versions.
    pub transactions: Vec<(String, i64)>,
}

/// The log of one table.
#[derive(Clone)]
pub(crate) struct TableLog {
    id: TableId,
    pub(super) log: LogStoreRef,
    durable: Durable,
}

impl TableLog {
    pub fn new(id: TableId, location: &Location) -> Result<Self, LakeError> {
        let url =
            location
                .url
                .join(&format!("{}/", id.name()))
                .map_err(|e| LakeError::Address {
                    url: location.url.to_string(),
                    reason: e.to_string(),
                })?;
        let log = default_logstore(
            location.table_store(id.name()),
            Arc::clone(&location.root),
            &url,
            &StorageConfig::default(),
        );
        let durable = Durable::of(location, id);
        Ok(Self { id, log, durable })
    }

    fn name(&self) -> &'static str {
        self.id.name()
    }

    pub(super) fn delta(&self) -> impl FnOnce(DeltaTableError) -> LakeError + use<> {
        LakeError::delta(self.id.name())
    }

    /// Whether the table is there.
    pub async fn exists(&self) -> Result<bool, LakeError> {
        Ok(self
            .log
            .read_commit_entry(0)
            .await
            .map_err(self.delta())?
            .is_some()
            || self
                .log
                .is_delta_table_location()
                .await
                .map_err(self.delta())?)
    }

    /// Makes the table, unless it is there.
    pub async fn create(&self) -> Result<(), LakeError> {
        let mut fields: Vec<Field> = self
            .id
            .file_schema()
            .fields()
            .iter()
            .map(|f| plain(f))
            .collect();
        let partition_fields = self.id.partition_fields();
        fields.extend(partition_fields.iter().map(|f| plain(f)));
        let schema: StructType = (&Schema::new(fields))
            .try_into_kernel()
            .map_err(LakeError::Arrow)?;
        let made = CreateBuilder::new()
            .with_log_store(Arc::clone(&self.log))
            .with_table_name(self.name())
            .with_columns(schema.fields().cloned())
            .with_partition_columns(partition_fields.iter().map(|f| f.name().clone()))
            .with_save_mode(SaveMode::Ignore)
            .await;
        match made {
            Ok(_) => self.durable.keep([entry_path(0).as_str()]).await,
            // Another process made it in the same moment.
            Err(_) if self.exists().await? => Ok(()),
            Err(error) => Err(self.delta()(error)),
        }
    }

    /// Reads the newest version, from its last checkpoint on.
    pub async fn load(&self) -> Result<TableSnapshot, LakeError> {
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        table.load().await.map_err(self.delta())?;
        self.snapshot(&table).await
    }

    /// Reads a version of the past.
    pub async fn load_version(&self, version: i64) -> Result<TableSnapshot, LakeError> {
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        let loaded = table.load_version(version.unsigned_abs()).await;
        loaded.map_err(self.delta())?;
        self.snapshot(&table).await
    }

    async fn snapshot(&self, table: &DeltaTable) -> Result<TableSnapshot, LakeError> {
        let state = table.snapshot().map_err(self.delta())?;
        let mut changes = FileChanges::default();
        for view in state.log_data().iter() {
            let partition = self.partition(&view.partition_values_map())?;
            let statistics = view
                .stats()
                .map(|text| FileStatistics::from_json(self.id, &text))
                .unwrap_or_default();
            changes.adds.push(Arc::new(DataFile {
                path: view.path().into_owned(),
                size: view.size().unsigned_abs(),
                partition,
                version: 0,
                committed_at: view.modification_time(),
                statistics: Arc::new(statistics),
            }));
        }
        for application in TableId::ALL
            .map(TableId::name)
            .into_iter()
            .chain([COMPACTED, BEHIND, ZONE_RULES])
        {
            let version = state
                .transaction_version(self.log.as_ref(), application)
                .await
                .map_err(self.delta())?;
            changes
                .transactions
                .extend(version.map(|v| (application.to_owned(), v)));
        }
        let version = i64::try_from(state.version()).unwrap_or(i64::MAX);
        Ok(TableSnapshot::new(self.id, version).advanced(version, changes))
    }

    /// What a version has recorded under some names.
    pub(super) async fn transactions(
        &self,
        version: i64,
        names: &[String],
    ) -> Result<Vec<Option<i64>>, LakeError> {
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        let loaded = table.load_version(version.unsigned_abs()).await;
        loaded.map_err(self.delta())?;
        let state = table.snapshot().map_err(self.delta())?;
        let mut recorded = Vec::with_capacity(names.len());
        for name in names {
            let version = state.transaction_version(self.log.as_ref(), name).await;
            recorded.push(version.map_err(self.delta())?);
        }
        Ok(recorded)
    }

    fn partition(&self, values: &HashMap<String, Option<String>>) -> Result<Partition, LakeError> {
        Partition::parse(self.id, values).map_err(|reason| LakeError::Log {
            table: self.name(),
            reason,
        })
    }

    /// What the commit of a version changed, or `None` if the log has no such entry (not yet, or no more).
    pub async fn changes(&self, version: i64) -> Result<Option<FileChanges>, LakeError> {
        let number = version.unsigned_abs();
        let entry = self
            .log
            .read_commit_entry(number)
            .await
            .map_err(self.delta())?;
        match entry {
            Some(bytes) => {
                let actions = get_actions(number, &bytes).map_err(self.delta())?;
                self.file_changes(version, actions).map(Some)
            }
            None => Ok(None),
        }
    }

    fn file_changes(&self, version: i64, actions: Vec<Action>) -> Result<FileChanges, LakeError> {
        let mut changes = FileChanges::default();
        for action in actions {
            match action {
                Action::Add(add) => {
                    let statistics = add
                        .stats
                        .as_deref()
                        .map(|text| FileStatistics::from_json(self.id, text))
                        .unwrap_or_default();
                    changes.adds.push(Arc::new(DataFile {
                        size: add.size.unsigned_abs(),
                        partition: self.partition(&add.partition_values)?,
                        // A rewrite of the same rows (a compaction) is nothing that anyone has yet to consume.
                        version: if add.data_change { version } else { 0 },
                        committed_at: add.modification_time,
                        statistics: Arc::new(statistics),
                        path: add.path,
                    }));
                }
                Action::Remove(remove) => {
                    let partition = match &remove.partition_values {
                        Some(values) => Some(self.partition(values)?),
                        None => None,
                    };
                    changes.removes.push((remove.path, partition));
                }
                Action::Txn(transaction) => changes
                    .transactions
                    .push((transaction.app_id, transaction.version)),
                _ => {}
            }
        }
        Ok(changes)
    }

    /// Returns once the entry of a version outlasts a loss of power.
    pub async fn settle(&self, version: i64) -> Result<(), LakeError> {
        self.durable.keep_one(&entry_path(version)).await
    }

    /// Commits exactly the version after `base`; `None` if that version is there already.
    pub async fn commit(
        &self,
        base: &TableSnapshot,
        change: Change,
    ) -> Result<Option<FileChanges>, LakeError> {
        let version = base.version() + 1;
        let files = change.adds.iter().map(|file| file.path.as_str());
        self.durable.keep(files).await?;
        let bytes = self.entry(change)?;
        let written = self
            .log
            .write_commit_entry(
                version.unsigned_abs(),
                CommitOrBytes::LogBytes(bytes.clone()),
                Uuid::new_v4(),
            )
            .await;
        match written {
            Ok(()) => {}
            Err(TransactionError::VersionAlreadyExists(_)) => return Ok(None),
            Err(error) => return Err(self.delta()(error.into())),
        }
        self.settle(version).await?;
        if version % CHECKPOINT_EVERY == 0 {
            self.checkpoint(version).await;
        }
        let actions = get_actions(version.unsigned_abs(), &bytes).map_err(self.delta())?;
        self.file_changes(version, actions).map(Some)
    }

    fn entry(&self, change: Change) -> Result<Bytes, LakeError> {
        let now = Utc::now().timestamp_millis();
        let data_change = change.operation != Operation::Compact;
        let values = |partition: &Partition| -> HashMap<String, Option<String>> {
            partition
                .values(self.id)
                .into_iter()
                .map(|(column, value)| (column.to_owned(), Some(value)))
                .collect()
        };
        // Rows are no newer for having been put together.
        let mut put_together: HashMap<&Partition, i64> = HashMap::new();
        for file in change.removes.iter().filter(|_| !data_change) {
            let newest = put_together.entry(&file.partition).or_insert(i64::MIN);
            *newest = file.committed_at.max(*newest);
        }
        let removes = change.removes.iter().map(|file| {
            Action::Remove(Remove {
                path: file.path.clone(),
                data_change,
                deletion_timestamp: Some(now),
                extended_file_metadata: Some(true),
                partition_values: Some(values(&file.partition)),
                size: i64::try_from(file.size).ok(),
                ..Default::default()
            })
        });
        let adds = change.adds.into_iter().map(|file| {
            Action::Add(Add {
                partition_values: values(&file.partition),
                size: i64::try_from(file.size).unwrap_or(i64::MAX),
                modification_time: *put_together.get(&file.partition).unwrap_or(&now),
                data_change,
                stats: Some(file.statistics.to_json()),
                path: file.path,
                tags: None,
                deletion_vector: None,
                base_row_id: None,
                default_row_commit_version: None,
                clustering_provider: None,
            })
        });
        let partition_by = self
            .id
            .partition_fields()
            .iter()
            .map(|f| f.name().clone())
            .collect();
        let write = |mode| DeltaOperation::Write {
            mode,
            partition_by: Some(partition_by),
            predicate: None,
        };
        let operation = match change.operation {
            Operation::Land | Operation::Settings => write(SaveMode::Append),
            Operation::Derive | Operation::Backfill => write(SaveMode::Overwrite),
            Operation::Compact => DeltaOperation::Optimize {
                predicate: None,
                target_size: COMPACTED_SIZE,
            },
        };
        let metadata = HashMap::from([(
            "rapport.operation".to_owned(),
            Value::from(change.operation.name()),
        )]);
        let transactions = change
            .transactions
            .into_iter()
            .map(|(name, version)| Transaction::new(name, version))
            .collect();
        let data = CommitData::new(
            removes.chain(adds).collect(),
            operation,
            metadata,
            transactions,
        );
        data.get_bytes().map_err(|error| self.delta()(error.into()))
    }

    /// A checkpoint only speeds up opening, so a failure is worth a warning and no more.
    async fn checkpoint(&self, version: i64) {
        let made = async {
            let mut table = DeltaTable::new(Arc::clone(&self.log));
            table.load().await.map_err(self.delta())?;
            let made = create_checkpoint(&table, None).await;
            made.map_err(self.delta())?;
            let written = format!("_delta_log/{version:020}.checkpoint.parquet");
            self.durable
                .keep([written.as_str(), "_delta_log/_last_checkpoint"])
                .await
        };
        if let Err(error) = made.await {
            tracing::warn!(table = self.name(), %error, "no checkpoint was written");
        }
    }
}

/// Where the log of a table has the entry of a version.
fn entry_path(version: i64) -> String {
    format!("_delta_log/{version:020}.json")
}

/// A field as Delta knows it: dictionaries are a way of writing, not a type.
fn plain(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}
