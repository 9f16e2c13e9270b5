//! What can go wrong before a statement runs.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

/// An error of making sessions or of loading saved queries.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A saved query's file is wrong.
    #[error("{file}:{line}: {reason}")]
    SavedQuery {
        /// The file, as it was found.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// The folder of saved queries cannot be read.
    #[error("saved queries in {folder:?}: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no saved query of that name, or an argument of it is wrong.
    #[error("{0}")]
    Call(String),
    /// A plan failed.
    #[error("{0}")]
    DataFusion(#[from] DataFusionError),
}
