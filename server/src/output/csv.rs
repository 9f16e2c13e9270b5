//! Comma-separated values with a header (RFC 4180). A null is nothing, an empty text is `""`.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;

use super::cell::write_text;
use super::{OutputError, ResultWriter};

/// Writes CSV.
pub(super) struct CsvWriter<W> {
    out: W,
    line: String,
    text: String,
}

impl<W: Write> CsvWriter<W> {
    pub fn new(mut out: W, schema: &Schema) -> Result<Self, OutputError> {
        let mut line = String::new();
        for (index, field) in schema.fields().iter().enumerate() {
            if index > 0 {
                line.push(',');
            }
            quote(&mut line, field.name());
        }
        line.push_str("\r\n");
        out.write_all(line.as_bytes())?;
        Ok(Self {
            out,
            line,
            text: String::new(),
        })
    }
}

fn quote(line: &mut String, text: &str) {
    if !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

impl<W: Write> ResultWriter for CsvWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (index, column) in batch.columns().iter().enumerate() {
                if index > 0 {
                    self.line.push(',');
                }
                if !column.is_null(row) {
                    self.text.clear();
                    write_text(&mut self.text, column, row)?;
                    quote(&mut self.line, &self.text);
                }
            }
            self.line.push_str("\r\n");
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        Ok(self.out.flush()?)
    }
}
