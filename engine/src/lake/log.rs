//! A table's Delta log: creates the table, reads its versions, and commits exactly the next one.
//!
//! `deltalake` reads snapshots and checkpoints and encodes log entries. The engine places each entry itself, at the version
//! after the one that was read, because a rebase on another writer's commit is not safe here: its events may duplicate
//! ours (SPEC E1), and its derived rows may rest on older input.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::kernel::{Action, Metadata};
use deltalake_core::logstore::{
    CommitOrBytes, LogStoreRef, StorageConfig, default_logstore, get_actions,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaTable, DeltaTableError};
use uuid::Uuid;

use super::behind::BEHIND;
use super::change::Change;
use super::durable::Durable;
use super::error::LakeError;
use super::layout::{LAYOUT, LAYOUT_PROPERTY, OUTDATED, delta_schema, read_layout};
use super::snapshot::{DataFile, Definition, FileChanges, Partition, TableSnapshot};
use super::stats::FileStatistics;
use super::store::Location;
use super::table::TableId;
use super::zone_rules::ZONE_RULES;

/// Number of versions between two checkpoints. Opening a table reads at most this many log entries.
const CHECKPOINT_EVERY: i64 = 50;

/// Name of the application transaction in which a landed table records the newest version whose files may have been
/// compacted.
pub(crate) const COMPACTED: &str = "compacted";

/// The log of one table.
#[derive(Clone)]
pub(crate) struct TableLog {
    id: TableId,
    /// The lake's URL, for errors.
    lake: Arc<str>,
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
        Ok(Self {
            id,
            lake: Arc::from(location.url.as_str()),
            log,
            durable,
        })
    }

    fn name(&self) -> &'static str {
        self.id.name()
    }

    pub(super) fn delta(&self) -> impl FnOnce(DeltaTableError) -> LakeError + use<> {
        LakeError::delta(self.id.name())
    }

    /// Returns whether the table exists.
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

    /// Creates the table, unless it exists.
    pub async fn create(&self) -> Result<(), LakeError> {
        let schema = delta_schema(self.id)?;
        let partition_fields = self.id.partition_fields();
        let made = CreateBuilder::new()
            .with_log_store(Arc::clone(&self.log))
            .with_table_name(self.name())
            .with_columns(schema.fields().cloned())
            .with_partition_columns(partition_fields.iter().map(|f| f.name().clone()))
            .with_configuration([(LAYOUT_PROPERTY, Some(LAYOUT.to_string()))])
            .with_raise_if_key_not_exists(false)
            .with_save_mode(SaveMode::Ignore)
            .await;
        match made {
            Ok(_) => self.durable.sync_files([entry_path(0).as_str()]).await,
            // Another process created it at the same moment.
            Err(_) if self.exists().await? => Ok(()),
            Err(error) => Err(self.delta()(error)),
        }
    }

    /// Reads the newest version, from the last checkpoint on.
    pub async fn load(&self) -> Result<TableSnapshot, LakeError> {
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        table.load().await.map_err(self.delta())?;
        self.snapshot(&table).await
    }

    /// Reads an older version.
    pub async fn load_version(&self, version: i64) -> Result<TableSnapshot, LakeError> {
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        let loaded = table.load_version(version.unsigned_abs()).await;
        loaded.map_err(self.delta())?;
        self.snapshot(&table).await
    }

    async fn snapshot(&self, table: &DeltaTable) -> Result<TableSnapshot, LakeError> {
        let state = table.snapshot().map_err(self.delta())?;
        let mut changes = FileChanges {
            definition: Some(self.definition(state.metadata().clone())?),
            ..FileChanges::default()
        };
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
            .chain([COMPACTED, BEHIND, OUTDATED, ZONE_RULES])
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

    /// Returns the application transactions that a version has recorded under `names`, in their order.
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

    /// Reads the layout from a table's metadata. A layout newer than this program's is an error.
    fn definition(&self, metadata: Metadata) -> Result<Definition, LakeError> {
        let layout = read_layout(self.id, &self.lake, metadata.configuration())?;
        Ok(Definition {
            layout,
            metadata: Arc::new(metadata),
        })
    }

    fn partition(&self, values: &HashMap<String, Option<String>>) -> Result<Partition, LakeError> {
        Partition::parse(self.id, values).map_err(|reason| LakeError::Log {
            table: self.name(),
            reason,
        })
    }

    /// Reads what the commit of a version changed; `None` if the log has no entry for it (not yet, or no longer).
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
                        // A compaction rewrites rows that are already consumed, so its files count as old ones.
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
                Action::Metadata(metadata) => {
                    changes.definition = Some(self.definition(metadata)?);
                }
                _ => {}
            }
        }
        Ok(changes)
    }

    /// Waits until the entry of a version would survive a power loss.
    pub async fn settle(&self, version: i64) -> Result<(), LakeError> {
        self.durable.sync_file(&entry_path(version)).await
    }

    /// Commits a change as exactly the version after `base`; `None` if that version exists already.
    pub async fn commit(
        &self,
        base: &TableSnapshot,
        change: Change,
    ) -> Result<Option<FileChanges>, LakeError> {
        let version = base.version() + 1;
        let files = change.adds.iter().map(|file| file.path.as_str());
        self.durable.sync_files(files).await?;
        let bytes = change.encode(self.id).map_err(self.delta())?;
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

    /// Writes a checkpoint. It only speeds up opening, so a failure is logged and otherwise ignored.
    async fn checkpoint(&self, version: i64) {
        let made = async {
            let mut table = DeltaTable::new(Arc::clone(&self.log));
            table.load().await.map_err(self.delta())?;
            let made = create_checkpoint(&table, None).await;
            made.map_err(self.delta())?;
            let written = format!("_delta_log/{version:020}.checkpoint.parquet");
            self.durable
                .sync_files([written.as_str(), "_delta_log/_last_checkpoint"])
                .await
        };
        if let Err(error) = made.await {
            tracing::warn!(table = self.name(), %error, "no checkpoint was written");
        }
    }
}

/// Returns the path of a version's entry inside the table's folder.
fn entry_path(version: i64) -> String {
    format!("_delta_log/{version:020}.json")
}
