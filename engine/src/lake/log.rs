//! A table's Delta log: creates the table, and commits exactly the next version.
//!
//! `deltalake` creates tables, encodes entries and writes checkpoints; the engine reads them itself (`replay`), since a
//! program starts with it. It places each entry itself too, at the version after the one that was read, because a rebase on another writer's commit is not safe here: its events may duplicate
//! ours (SPEC E1), and its derived rows may rest on older input.

use std::sync::Arc;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use object_store::ObjectStore;
use uuid::Uuid;

use super::change::Change;
use super::durable::Durable;
use super::error::LakeError;
use super::layout::{LAYOUT, LAYOUT_PROPERTY, delta_schema};
use super::replay::entry_path;
use super::snapshot::{FileChanges, TableSnapshot};
use super::store::Location;
use super::table::TableId;

/// Name of the application transaction in which a landed table records the newest version whose files may have been
/// compacted.
pub(crate) const COMPACTED: &str = "compacted";

/// The log of one table.
#[derive(Clone)]
pub(crate) struct TableLog {
    pub(super) id: TableId,
    /// The lake's URL, for errors.
    pub(super) lake: Arc<str>,
    pub(super) log: LogStoreRef,
    pub(super) durable: Durable,
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

    /// Returns the store rooted at the table's folder.
    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
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
            Err(_) if self.has_entry(0).await? => Ok(()),
            Err(error) => Err(self.delta()(error)),
        }
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
        self.parse(version, bytes).await.map(Some)
    }
}
