//! Errors of making sessions and of calling saved queries.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

/// Tells why sessions could not be made, or a saved query could not be loaded or called.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A saved query's file is wrong.
    #[error("{file}:{line}: {reason}")]
    SavedQuery {
        /// The path of the file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The folder of saved queries cannot be read.
    #[error("saved queries in {folder:?}: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A saved query does not exist, or an argument of its call is wrong.
    #[error("{0}")]
    Call(String),
    /// DataFusion refused a plan.
    #[error("{0}")]
    DataFusion(#[from] DataFusionError),
}
