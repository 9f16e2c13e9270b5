//! Writes CSV with a header (RFC 4180). A null is empty, an empty text is `""`.
//!
//! A spreadsheet runs a text that begins like a formula, quoted or not. Where a file may be opened in one, such a text is
//! escaped with a leading apostrophe, as OWASP advises (CSV injection). Numbers such as `-5` stay numbers.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema};

use super::cell::write_text;
use super::{Formulas, OutputError, ResultWriter};

/// The characters that a formula can begin with: OWASP's list, with the full-width forms of its signs.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Writes CSV.
pub(super) struct CsvWriter<W> {
    out: W,
    line: String,
    text: String,
    /// Whether a column's texts are escaped, by column.
    escaped: Vec<bool>,
}

impl<W: Write> CsvWriter<W> {
    pub fn new(mut out: W, schema: &Schema, formulas: Formulas) -> Result<Self, OutputError> {
        let escapes = formulas == Formulas::Escaped;
        let mut line = String::new();
        for (index, field) in schema.fields().iter().enumerate() {
            if index > 0 {
                line.push(',');
            }
            quote(&mut line, field.name(), escapes);
        }
        line.push_str("\r\n");
        out.write_all(line.as_bytes())?;
        Ok(Self {
            out,
            line,
            text: String::new(),
            escaped: schema
                .fields()
                .iter()
                .map(|field| escapes && is_text(field.data_type()))
                .collect(),
        })
    }
}

/// Whether a column holds texts, not numbers, instants or lists.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        data_type => data_type.is_string(),
    }
}

fn quote(line: &mut String, text: &str, escaped: bool) {
    let apostrophe = if escaped && text.starts_with(FORMULA) {
        "'"
    } else {
        ""
    };
    if !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        line.push_str(apostrophe);
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(apostrophe);
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

impl<W: Write + Send> ResultWriter for CsvWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            let columns = batch.columns().iter().zip(&self.escaped);
            for (index, (column, escaped)) in columns.enumerate() {
                if index > 0 {
                    self.line.push(',');
                }
                if !column.is_null(row) {
                    self.text.clear();
                    write_text(&mut self.text, column, row)?;
                    quote(&mut self.line, &self.text, *escaped);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, DictionaryArray, Int64Array, StringArray, StringViewArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    fn written(columns: Vec<(&str, ArrayRef)>, formulas: Formulas) -> String {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut text = Vec::new();
        let mut writer = CsvWriter::new(&mut text, &batch.schema(), formulas).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn texts_that_a_spreadsheet_would_run_are_escaped_if_asked_for() {
        for (text, kept, escaped) in [
            ("=1", "=1", "'=1"),
            ("+1", "+1", "'+1"),
            ("-1", "-1", "'-1"),
            ("@a", "@a", "'@a"),
            ("\ta", "\ta", "'\ta"),
            ("\ra", "\"\ra\"", "\"'\ra\""),
            ("\na", "\"\na\"", "\"'\na\""),
            ("＝1", "＝1", "'＝1"),
            ("＋1", "＋1", "'＋1"),
            ("－1", "－1", "'－1"),
            ("＠a", "＠a", "'＠a"),
            ("=\"a\",b", "\"=\"\"a\"\",b\"", "\"'=\"\"a\"\",b\""),
            ("a=1", "a=1", "a=1"),
            ("'=1", "'=1", "'=1"),
            ("", "\"\"", "\"\""),
            ("1", "1", "1"),
        ] {
            for (formulas, cell) in [(Formulas::Kept, kept), (Formulas::Escaped, escaped)] {
                let array = || Arc::new(StringViewArray::from(vec![text])) as ArrayRef;
                let expected = format!("a\r\n{cell}\r\n");
                assert_eq!(
                    written(vec![("a", array())], formulas),
                    expected,
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn texts_of_every_arrow_type_are_escaped_and_numbers_are_not() {
        let keys: DictionaryArray<Int8Type> = vec![Some("=1"), None].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("=a", Arc::new(keys)),
            ("b", Arc::new(StringArray::from(vec![None, Some("-5")]))),
            ("c", Arc::new(Int64Array::from(vec![-5, 5]))),
        ];
        let expected = "'=a,b,c\r\n'=1,,-5\r\n,'-5,5\r\n";
        assert_eq!(written(columns, Formulas::Escaped), expected);
    }
}
