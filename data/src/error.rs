//! Errors of a whole input, as opposed to single events that are rejected.

use arrow::error::ArrowError;
use thiserror::Error;

/// Describes why a whole input was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputError {
    /// The type of a column cannot hold its field.
    #[error("column {column} is {found}; accepted: {accepted}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that are accepted.
        accepted: &'static str,
    },
    /// Two columns have the same name.
    #[error("column {column} is there twice; accepted: each column once")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A line is too long to be kept as a rejected event.
    #[error(
        "line {line} is over {limit} bytes; accepted: lines that end within them (an event within 1 MiB)"
    )]
    LineTooLong {
        /// The line's number, from 1.
        line: u64,
        /// The most bytes that are kept of a line.
        limit: usize,
    },
    /// The input could not be read.
    #[error("the input cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The columns do not form rows, such as columns of different lengths.
    #[error("the columns do not make up rows: {0}")]
    Rows(ArrowError),
    /// A column could not be converted.
    #[error("column {column} cannot be converted: {error}")]
    Convert {
        /// The column.
        column: String,
        /// Arrow's error.
        error: ArrowError,
    },
}
