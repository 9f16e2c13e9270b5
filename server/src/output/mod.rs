//! Results as tables, CSV, JSON or Parquet, written batch by batch: a result of any size streams through.

mod cell;
mod csv;
mod json;
mod parquet;
mod table;

use std::io::{self, Write};

use ::parquet::errors::ParquetError;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

/// The forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ResultForm {
    /// Aligned columns
    Table,
    /// Comma-separated, with a header
    Csv,
    /// One array of row objects
    Json,
    /// Parquet
    Parquet,
}

/// What CSV makes of a text that a spreadsheet would take for a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formulas {
    /// It stays as it is: for programs.
    Kept,
    /// It gets an apostrophe before it, and is then a text to a spreadsheet too.
    Disarmed,
}

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The place that it goes to does not take it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A value has no text.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// Parquet cannot hold it.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
}

/// Writes batches in one form.
pub trait ResultWriter: Send {
    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// A place that does not take them.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError>;
    /// Writes what comes after the last row.
    ///
    /// # Errors
    /// A place that does not take it.
    fn finish(&mut self) -> Result<(), OutputError>;
}

/// A writer of a form; `formulas` is for CSV.
///
/// # Errors
/// A place that does not take the header, or types that Parquet cannot hold.
pub fn writer<W: Write + Send + 'static>(
    form: ResultForm,
    out: W,
    schema: SchemaRef,
    formulas: Formulas,
) -> Result<Box<dyn ResultWriter>, OutputError> {
    Ok(match form {
        ResultForm::Table => Box::new(table::TableWriter::new(out, schema)),
        ResultForm::Csv => Box::new(csv::CsvWriter::new(out, &schema, formulas)?),
        ResultForm::Json => Box::new(json::JsonWriter::new(out, &schema)),
        ResultForm::Parquet => Box::new(parquet::ParquetResult::new(out, schema)?),
    })
}
