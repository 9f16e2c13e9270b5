//! The change that a commit makes to a table, and its encoding as an entry of the Delta log.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::CommitData;
use deltalake_core::kernel::{Action, Add, Metadata, Remove, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde_json::Value;

use super::snapshot::{DataFile, Partition};
use super::table::TableId;
use super::write::NewFile;

/// The target size that the log states for compactions, in bytes.
const COMPACTED_SIZE: i64 = 32 << 20;

/// The reason of a commit, which the table's history shows.
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
    /// Small files were merged: no data changed.
    Compact,
    /// The table was brought to a newer layout.
    Upgrade,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Land => "land",
            Operation::Settings => "settings",
            Operation::Derive => "derive",
            Operation::Backfill => "backfill",
            Operation::Compact => "compact",
            Operation::Upgrade => "upgrade",
        }
    }
}

/// The change that a commit makes.
#[derive(Debug)]
pub struct Change {
    /// The reason.
    pub operation: Operation,
    /// Files that are added.
    pub adds: Vec<NewFile>,
    /// Files that are removed.
    pub removes: Vec<Arc<DataFile>>,
    /// Application transactions that are recorded: names and numbers, such as a landed table and its version consumed.
    pub transactions: Vec<(String, i64)>,
    /// The table's new columns and properties, if they change.
    pub metadata: Option<Metadata>,
}

impl Change {
    /// Creates a change that adds, removes and records nothing.
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            adds: Vec::new(),
            removes: Vec::new(),
            transactions: Vec::new(),
            metadata: None,
        }
    }

    /// Encodes the change as an entry of a table's log.
    pub(super) fn encode(self, table: TableId) -> Result<Bytes, DeltaTableError> {
        let now = Utc::now().timestamp_millis();
        let data_change = self.operation != Operation::Compact;
        let values = |partition: &Partition| -> HashMap<String, Option<String>> {
            partition
                .values(table)
                .into_iter()
                .map(|(column, value)| (column.to_owned(), Some(value)))
                .collect()
        };
        // Compaction does not make rows newer: a compacted file has the time of its newest source.
        let mut newest_source: HashMap<&Partition, i64> = HashMap::new();
        for file in self.removes.iter().filter(|_| !data_change) {
            let newest = newest_source.entry(&file.partition).or_insert(i64::MIN);
            *newest = file.committed_at.max(*newest);
        }
        let metadata = self.metadata.iter().cloned().map(Action::Metadata);
        let removes = self.removes.iter().map(|file| {
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
        let adds = self.adds.into_iter().map(|file| {
            Action::Add(Add {
                partition_values: values(&file.partition),
                size: i64::try_from(file.size).unwrap_or(i64::MAX),
                modification_time: *newest_source.get(&file.partition).unwrap_or(&now),
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
        let partition_by = || {
            let fields = table.partition_fields();
            fields.iter().map(|field| field.name().clone()).collect()
        };
        let write = |mode| DeltaOperation::Write {
            mode,
            partition_by: Some(partition_by()),
            predicate: None,
        };
        let operation = match self.operation {
            Operation::Land | Operation::Settings => write(SaveMode::Append),
            Operation::Derive | Operation::Backfill => write(SaveMode::Overwrite),
            Operation::Compact => DeltaOperation::Optimize {
                predicate: None,
                target_size: COMPACTED_SIZE,
            },
            Operation::Upgrade => DeltaOperation::SetTableProperties {
                properties: self
                    .metadata
                    .as_ref()
                    .map(|metadata| metadata.configuration().clone())
                    .unwrap_or_default(),
            },
        };
        let described = HashMap::from([(
            "rapport.operation".to_owned(),
            Value::from(self.operation.name()),
        )]);
        let transactions = self
            .transactions
            .into_iter()
            .map(|(name, version)| Transaction::new(name, version))
            .collect();
        let actions = metadata.chain(removes).chain(adds).collect();
        let data = CommitData::new(actions, operation, described, transactions);
        Ok(data.get_bytes()?)
    }
}
