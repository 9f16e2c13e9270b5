//! Errors of landing. If an input is wrong, nothing has been committed. If the lake fails, the tables that were committed
//! before stay so (each has a commit of its own), and landing the same inputs again lands the rest.

use std::io;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use rapport_data::InputError;

use crate::lake::LakeError;

/// Tells why a landing failed, and at which input, table or folder.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// An input does not exist, or cannot be opened.
    #[error("cannot open {input}: {source}")]
    Open {
        /// The input.
        input: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content of an input is not in the format that its name says.
    #[error("{input}: {}, so it is no {expected} file as its name says", if *.empty { "it is empty" } else { "it starts with other bytes" })]
    Form {
        /// The input.
        input: String,
        /// The format that its name says.
        expected: &'static str,
        /// Whether it is empty.
        empty: bool,
    },
    /// An input cannot be read to its end.
    #[error("cannot read {input} to its end: {}", reading(.source))]
    Read {
        /// The input.
        input: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A Parquet file is broken.
    #[error("cannot read {input} as Parquet: {source}")]
    Parquet {
        /// The input.
        input: String,
        /// Why.
        #[source]
        source: ParquetError,
    },
    /// A Parquet file's rows cannot be decoded.
    #[error("cannot read {input} as Parquet after row {row}: {source}")]
    Rows {
        /// The input.
        input: String,
        /// The last row that was read.
        row: u64,
        /// Why.
        #[source]
        source: ArrowError,
    },
    /// An input as a whole does not hold events.
    #[error("{input}: {source}")]
    Input {
        /// The input.
        input: String,
        /// What is wrong with it, and what is accepted.
        #[source]
        source: InputError,
    },
    /// The temporary files for rows that do not fit into memory cannot be used.
    #[error("cannot use temporary space in {folder}: {source}")]
    Spill {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not every event that arrived has been written or found to be a duplicate.
    #[error(
        "table {table}: {arrived} events arrived and {accounted} of them are accounted for, so none of this table was landed"
    )]
    Missing {
        /// The table.
        table: &'static str,
        /// The number of events that arrived.
        arrived: u64,
        /// The number of events that were written, or are duplicates.
        accounted: u64,
    },
    /// The lake reported an error.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Arrow reported an error.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// A task of this landing ended without a result.
    #[error("a landing task stopped: {0}")]
    Task(String),
}

impl LandError {
    /// Returns whether an input is the cause: others can be landed.
    pub(super) fn is_of_input(&self) -> bool {
        use LandError::{Form, Input, Open, Parquet, Read, Rows};
        matches!(
            self,
            Open { .. } | Form { .. } | Read { .. } | Parquet { .. } | Rows { .. } | Input { .. }
        )
    }
}

/// What a failed read means, in the words of who has to act on it.
fn reading(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("it is cut off ({error})"),
        _ => error.to_string(),
    }
}
