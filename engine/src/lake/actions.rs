//! Reads the actions of a table's log, in entries and in checkpoints; of each only what the engine uses.
//!
//! A log has tens of thousands of actions, and every program reads them when it starts: so they are parsed into what is
//! kept, without values between, and the parts of a large entry concurrently.
//!
//! A log that needs a feature of the Delta protocol that is not known here is refused: its rows could be read wrongly.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use deltalake_core::kernel::Metadata;
use futures::future::try_join_all;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::LakeError;
use super::layout::read_layout;
use super::log::TableLog;
use super::snapshot::{DataFile, Definition, FileChanges, Partition};
use super::stats::FileStatistics;

/// The bytes of an entry that one thread parses at once: some milliseconds of work.
pub(super) const PART_BYTES: usize = 256 << 10;

/// The version of the Delta protocol from which on a reader has to know features.
const FEATURES_FROM: i32 = 2;

/// One line of an entry: one of these, or something that is not needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action<'a> {
    #[serde(borrow)]
    add: Option<Add<'a>>,
    #[serde(borrow)]
    remove: Option<Remove<'a>>,
    txn: Option<Transaction>,
    meta_data: Option<Metadata>,
    protocol: Option<Protocol>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    #[serde(borrow)]
    partition_values: BTreeMap<Text<'a>, Option<Text<'a>>>,
    size: i64,
    modification_time: i64,
    data_change: bool,
    #[serde(borrow)]
    stats: Option<Text<'a>>,
    deletion_vector: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remove<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    #[serde(borrow)]
    partition_values: Option<BTreeMap<Text<'a>, Option<Text<'a>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    app_id: String,
    version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protocol {
    min_reader_version: i32,
    #[serde(default)]
    reader_features: Option<Vec<String>>,
}

/// A string, borrowed from the log unless it has escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What the log says of a file.
pub(super) struct Stated<'a> {
    /// Its path as the log spells it.
    pub path: &'a str,
    pub size: i64,
    pub partition: Partition,
    pub version: i64,
    pub modification_time: i64,
    /// Its statistics as JSON.
    pub statistics: Option<&'a str>,
    /// Whether some of its rows are deleted.
    pub has_deleted_rows: bool,
}

impl TableLog {
    /// Parses the actions of a version's entry.
    pub(super) async fn parse(&self, version: i64, entry: Bytes) -> Result<FileChanges, LakeError> {
        if entry.len() <= PART_BYTES {
            return self.parse_lines(version, &entry);
        }
        let parts = parts(&entry).into_iter().map(|part| {
            let log = self.clone();
            self.blocking(move || log.parse_lines(version, &part))
        });
        let mut changes = FileChanges::default();
        for part in try_join_all(parts).await? {
            changes.extend(part);
        }
        Ok(changes)
    }

    /// Parses actions, one on each line.
    pub(super) fn parse_lines(&self, version: i64, lines: &[u8]) -> Result<FileChanges, LakeError> {
        let mut changes = FileChanges::default();
        for action in serde_json::Deserializer::from_slice(lines).into_iter::<Action>() {
            let action = action.map_err(|error| {
                self.damaged(format!("its log of version {version} is damaged: {error}"))
            })?;
            if let Some(add) = action.add {
                let stated = Stated {
                    path: &add.path.0,
                    size: add.size,
                    partition: self.partition(&add.partition_values)?,
                    // A compaction rewrites rows that are already consumed, so its files count as old ones.
                    version: if add.data_change { version } else { 0 },
                    modification_time: add.modification_time,
                    statistics: add.stats.as_ref().map(|text| text.0.as_ref()),
                    has_deleted_rows: add.deletion_vector.is_some(),
                };
                changes.adds.push(self.data_file(stated)?);
            }
            if let Some(remove) = action.remove {
                let partition = match &remove.partition_values {
                    Some(values) => Some(self.partition(values)?),
                    None => None,
                };
                changes.removes.push((decoded(&remove.path.0), partition));
            }
            if let Some(transaction) = action.txn {
                let recorded = (transaction.app_id, transaction.version);
                changes.transactions.push(recorded);
            }
            if let Some(metadata) = action.meta_data {
                let layout = read_layout(self.id, &self.lake, metadata.configuration())?;
                changes.definition = Some(Definition {
                    layout,
                    metadata: Arc::new(metadata),
                });
            }
            if let Some(protocol) = action.protocol {
                self.check(protocol)?;
                changes.has_protocol = true;
            }
        }
        Ok(changes)
    }

    /// Makes what is kept of a file.
    pub(super) fn data_file(&self, stated: Stated<'_>) -> Result<Arc<DataFile>, LakeError> {
        if stated.has_deleted_rows {
            return Err(self.damaged(format!(
                "some rows of its file {:?} are deleted (deletionVectors), which this program cannot read",
                stated.path
            )));
        }
        let statistics = stated.statistics;
        let statistics = statistics.map(|text| FileStatistics::from_json(self.id, text));
        Ok(Arc::new(DataFile {
            path: decoded(stated.path),
            size: stated.size.unsigned_abs(),
            partition: stated.partition,
            version: stated.version,
            committed_at: stated.modification_time,
            statistics: Arc::new(statistics.unwrap_or_default()),
        }))
    }

    fn partition(
        &self,
        values: &BTreeMap<Text<'_>, Option<Text<'_>>>,
    ) -> Result<Partition, LakeError> {
        let value = |column: &str| Some(values.get(column)?.as_ref()?.0.as_ref());
        Partition::parse(self.id, value).map_err(|reason| self.damaged(reason))
    }

    /// Refuses a log that needs features of the protocol.
    fn check(&self, protocol: Protocol) -> Result<(), LakeError> {
        let version = protocol.min_reader_version;
        if version < FEATURES_FROM {
            return Ok(());
        }
        let features = protocol.reader_features.unwrap_or_default();
        Err(self.damaged(format!(
            "its log needs version {version} of the Delta protocol, with the features {features:?}, which this program cannot read"
        )))
    }

    /// Returns the error of a log that cannot be read.
    pub(super) fn damaged(&self, reason: String) -> LakeError {
        LakeError::Log {
            table: self.id.name(),
            reason,
        }
    }

    /// Runs work on a thread for such.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
    ) -> Result<T, LakeError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| self.damaged(format!("its log could not be read: {error}")))?
    }
}

/// Returns a path as the store knows it.
fn decoded(path: &str) -> String {
    match path.contains('%') {
        true => percent_decode_str(path).decode_utf8_lossy().into_owned(),
        false => path.to_owned(),
    }
}

/// Cuts an entry into parts, after lines.
fn parts(entry: &Bytes) -> Vec<Bytes> {
    let mut parts = Vec::with_capacity(entry.len() / PART_BYTES + 1);
    let mut rest = entry.clone();
    while rest.len() > PART_BYTES {
        let after = rest.iter().skip(PART_BYTES).position(|byte| *byte == b'\n');
        let Some(after) = after else { break };
        parts.push(rest.split_to(PART_BYTES + after + 1));
    }
    parts.push(rest);
    parts
}
