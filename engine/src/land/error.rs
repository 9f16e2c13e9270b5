//! What can go wrong with a landing. Where it is an input, nothing has been committed. Where it is the lake, tables that
//! were committed before stay so (one commit each), and landing the same again lands the rest.

use std::io;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use rapport_data::InputError;

use crate::lake::LakeError;

/// An error of landing. Each names the input it is about.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// An input is not there, or cannot be opened.
    #[error("cannot open {input}: {source}")]
    Open {
        /// The input.
        input: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An input's name promises a form that its content does not have.
    #[error("{input}: {}, so it is no {expected} file as its name says", if *.empty { "it is empty" } else { "it starts with other bytes" })]
    Form {
        /// The input.
        input: String,
        /// The form that its name promises.
        expected: &'static str,
        /// Whether there is nothing in it.
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
    /// An input as a whole is none of events.
    #[error("{input}: {source}")]
    Input {
        /// The input.
        input: String,
        /// What is wrong with it, and what is accepted.
        #[source]
        source: InputError,
    },
    /// The temporary files that hold what does not fit into memory cannot be used.
    #[error("cannot use temporary space in {folder}: {source}")]
    Spill {
        /// Where.
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
        /// How many arrived.
        arrived: u64,
        /// How many were written, or are duplicates.
        accounted: u64,
    },
    /// The lake reported an error.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Arrow reported an error.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// A task of this landing ended without an answer.
    #[error("a landing task stopped: {0}")]
    Task(String),
}

/// What a failed read means, in the words of who has to act on it.
fn reading(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("it is cut off ({error})"),
        _ => error.to_string(),
    }
}
