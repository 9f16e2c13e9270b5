//! What can go wrong with a lake.

use deltalake_core::DeltaTableError;

use super::durable::NotSynced;
use super::layout::LAYOUT;

/// An error of the lake. Each names the thing it is about.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The lake's address cannot be used.
    #[error(
        "lake {url:?}: {reason}; expected a folder, or a URL such as file:///data/lake, s3://bucket/lake, gs://bucket/lake or az://container/lake"
    )]
    Address {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no lake at the address.
    #[error("no lake at {0:?}: land events there first, or run `rapport demo`")]
    Missing(String),
    /// The lake was written, or brought up to date, by a newer program.
    #[error(
        "lake {lake:?} has layout {layout} and this program reads layouts up to {newest}: use a newer rapport",
        newest = LAYOUT
    )]
    Layout {
        /// The lake's URL.
        lake: String,
        /// The layout that one of its tables states.
        layout: u32,
    },
    /// Other writers were first too often.
    #[error(
        "table {table}: other writers were first {attempts} times in a row, so it was left as it was; try again"
    )]
    Contended {
        /// The table's name.
        table: &'static str,
        /// How often it was tried.
        attempts: usize,
    },
    /// Another writer committed to the table first; reload, re-check, and commit again.
    #[error("table {table}: another writer committed version {version} first")]
    Conflict {
        /// The table's name.
        table: &'static str,
        /// The version that was taken.
        version: i64,
    },
    /// The table's log holds something that this version cannot read.
    #[error("table {table}: {reason}")]
    Log {
        /// The table's name.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The Delta library reported an error.
    #[error("table {table}: {source}")]
    Delta {
        /// The table's name.
        table: &'static str,
        /// What the library said.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// The object store reported an error.
    #[error("{0}")]
    Store(#[from] object_store::Error),
    /// What was written to a local disk may not outlast a loss of power.
    #[error("{0}")]
    NotSynced(#[from] NotSynced),
    /// A batch could not be encoded or decoded.
    #[error("{0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet file could not be written or read.
    #[error("{0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A plan failed.
    #[error("{0}")]
    DataFusion(#[from] datafusion::error::DataFusionError),
}

impl LakeError {
    pub(crate) fn delta(table: &'static str) -> impl FnOnce(DeltaTableError) -> LakeError {
        move |source| LakeError::Delta {
            table,
            source: Box::new(source),
        }
    }
}
