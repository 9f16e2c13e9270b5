//! Writes results as tables, CSV, JSON or Parquet, batch by batch, so that a result of any size streams through.

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

/// Represents the form of a result.
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

/// Says how CSV writes a text that a spreadsheet would run as a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formulas {
    /// As it is, for programs.
    Kept,
    /// With a leading apostrophe, so that a spreadsheet shows it as text.
    Escaped,
}

/// Says why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The destination cannot be written to.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A value cannot be converted to text.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// Parquet cannot hold the result.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
}

/// Writes a result's batches in one form.
pub trait ResultWriter: Send {
    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// If the destination cannot be written to.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError>;
    /// Writes what follows the last row, and flushes.
    ///
    /// # Errors
    /// If the destination cannot be written to.
    fn finish(&mut self) -> Result<(), OutputError>;
}

/// Makes a writer of a form and writes the header; `formulas` concerns CSV alone.
///
/// # Errors
/// If the destination cannot be written to, or Parquet has no type for a column.
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
