//! Writes a JSON array of row objects, one row per line.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::cell::{string, write_json};
use super::{OutputError, ResultWriter};

/// Writes JSON.
pub(super) struct JsonWriter<W> {
    out: W,
    /// The columns' names as JSON strings, each with its colon.
    names: Vec<String>,
    rows: u64,
    line: String,
}

impl<W: Write> JsonWriter<W> {
    pub fn new(out: W, schema: &Schema) -> Self {
        let name = |name: &String| {
            let mut text = String::new();
            string(&mut text, name);
            text + ": "
        };
        Self {
            out,
            names: schema.fields().iter().map(|f| name(f.name())).collect(),
            rows: 0,
            line: String::new(),
        }
    }
}

impl<W: Write + Send> ResultWriter for JsonWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            self.line
                .push_str(if self.rows == 0 { "[\n  {" } else { ",\n  {" });
            for (index, (name, column)) in self.names.iter().zip(batch.columns()).enumerate() {
                if index > 0 {
                    self.line.push_str(", ");
                }
                self.line.push_str(name);
                write_json(&mut self.line, column, row)?;
            }
            self.line.push('}');
            self.out.write_all(self.line.as_bytes())?;
            self.rows += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        let end = if self.rows == 0 { "[]\n" } else { "\n]\n" };
        self.out.write_all(end.as_bytes())?;
        Ok(self.out.flush()?)
    }
}
