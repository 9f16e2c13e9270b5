//! Writes a table with aligned columns for people, as psql shows it.
//!
//! The columns' widths are those of the first rows, so that a result of any size streams; a later, wider value shifts its
//! own line alone.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::write_text;
use super::{OutputError, ResultWriter};

/// How many rows the widths are measured on.
const MEASURED_ROWS: usize = 1000;
/// How wide a column gets for its values, in characters.
const MAX_WIDTH: usize = 60;

/// Writes a table.
pub(super) struct TableWriter<W> {
    out: W,
    schema: SchemaRef,
    /// The first rows, until the widths are known.
    pending: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    rows: u64,
}

impl<W: Write> TableWriter<W> {
    pub fn new(out: W, schema: SchemaRef) -> Self {
        Self {
            out,
            schema,
            pending: Vec::new(),
            widths: None,
            rows: 0,
        }
    }

    /// Measures the widths, and writes the header and the pending rows; does nothing the second time.
    fn begin(&mut self) -> Result<(), OutputError> {
        if self.widths.is_some() {
            return Ok(());
        }
        let names: Vec<&str> = self
            .schema
            .fields()
            .iter()
            .map(|f| f.name().as_str())
            .collect();
        let widths: Vec<usize> = names
            .iter()
            .enumerate()
            .map(|(column, name)| {
                let cells = self.pending.iter().map(|row| row[column].chars().count());
                cells
                    .max()
                    .unwrap_or(0)
                    .min(MAX_WIDTH)
                    .max(name.chars().count())
            })
            .collect();
        let mut header = String::new();
        let mut rule = String::new();
        for (index, (name, width)) in names.iter().zip(&widths).enumerate() {
            header.push_str(if index == 0 { " " } else { " | " });
            rule.push_str(if index == 0 { "-" } else { "-+-" });
            header.push_str(&format!("{name:^width$}"));
            rule.push_str(&"-".repeat(*width));
        }
        writeln!(self.out, "{}\n{rule}-", header.trim_end())?;
        self.widths = Some(widths);
        for row in std::mem::take(&mut self.pending) {
            self.write_row(&row)?;
        }
        Ok(())
    }

    fn write_row(&mut self, row: &[String]) -> Result<(), OutputError> {
        let mut line = String::new();
        let widths = self.widths.as_deref().unwrap_or_default();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            line.push_str(if index == 0 { " " } else { " | " });
            let numeric = self.schema.field(index).data_type().is_numeric();
            line.push_str(&match numeric {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
        }
        writeln!(self.out, "{}", line.trim_end())?;
        Ok(())
    }
}

impl<W: Write + Send> ResultWriter for TableWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(batch.num_columns());
            for column in batch.columns() {
                let mut text = String::new();
                write_text(&mut text, column, row)?;
                cells.push(one_line(text));
            }
            self.rows += 1;
            match self.widths {
                Some(_) => self.write_row(&cells)?,
                None => self.pending.push(cells),
            }
        }
        if self.pending.len() >= MEASURED_ROWS {
            self.begin()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.begin()?;
        let plural = if self.rows == 1 { "" } else { "s" };
        writeln!(self.out, "({} row{plural})", self.rows)?;
        Ok(self.out.flush()?)
    }
}

/// Replaces control characters by spaces: a cell takes one line and cannot move the terminal's cursor.
fn one_line(text: String) -> String {
    match text.contains(char::is_control) {
        true => text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect(),
        false => text,
    }
}
