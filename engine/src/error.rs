//! What can go wrong with the engine.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

use crate::lake::LakeError;

/// An error of the engine. Each names the thing, and where it can the value and the accepted form.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The lake reported it.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A landing failed; what it means for its tables is told at [`LandError`](crate::land::LandError).
    #[error(transparent)]
    Land(#[from] crate::land::LandError),
    /// A derive failed at an account's part of a table.
    #[error("account {account:?}, table {table}: {source}")]
    Account {
        /// The account.
        account: String,
        /// The derived table.
        table: &'static str,
        /// Why.
        #[source]
        source: Box<EngineError>,
    },
    /// A session, or a saved query of the team's own, cannot be made.
    #[error(transparent)]
    Session(#[from] crate::session::SessionError),
    /// A plan failed.
    #[error(transparent)]
    DataFusion(#[from] datafusion::error::DataFusionError),
    /// A batch could not be handled.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Settings of an account are not accepted.
    #[error("{0}")]
    Settings(String),
    /// The engine was asked for something that makes no sense.
    #[error("{0}")]
    Request(String),
}

impl From<EngineError> for DataFusionError {
    /// Passes on what a plan said as it is: whoever tells an error to a user knows DataFusion's own.
    fn from(error: EngineError) -> DataFusionError {
        match error {
            EngineError::DataFusion(error) => error,
            other => DataFusionError::External(Box::new(other)),
        }
    }
}
