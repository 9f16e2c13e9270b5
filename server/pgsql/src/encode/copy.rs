//! Encodes record batches as the data of COPY … TO STDOUT.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use datafusion::arrow::array::RecordBatch;

use super::rows::{RowEncoder, Rows, pieces};
use super::values::Values;
use super::{Column, Formats, Style};
use crate::error::PgError;

/// The options of COPY, complete with their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    /// The form of the data.
    pub format: CopyFormat,
    /// The byte between columns.
    pub delimiter: u8,
    /// The text of a null.
    pub null: String,
    /// Whether the first line has the names of columns.
    pub header: bool,
    /// CSV: the byte around values that need it.
    pub quote: u8,
    /// CSV: the byte before a quote inside a value.
    pub escape: u8,
    /// CSV: the columns that are always quoted; one `*` is all.
    pub force_quote: Vec<String>,
}

/// The forms of COPY's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// One line a row, with tabs and backslash escapes.
    Text,
    /// CSV, as PostgreSQL writes it.
    Csv,
    /// PostgreSQL's binary form.
    Binary,
}

/// Signature, flags and the length of an extension, which there is none of.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Encodes the rows of one COPY as CopyData messages.
pub struct CopyEncoder {
    columns: Arc<[Column]>,
    rows: RowEncoder,
    options: CopyOptions,
    style: Style,
    quoted: Vec<bool>,
    /// Whether the header of the binary form is still to be sent: it goes with the first row, as in PostgreSQL.
    headless: AtomicBool,
}

impl CopyEncoder {
    /// Makes an encoder of columns.
    pub fn new(
        columns: Arc<[Column]>,
        options: CopyOptions,
        style: Style,
    ) -> Result<CopyEncoder, PgError> {
        let all = options.force_quote.iter().any(|name| name == "*");
        if let Some(missing) = options
            .force_quote
            .iter()
            .find(|name| !all && !columns.iter().any(|column| column.name == **name))
        {
            return Err(PgError::new(
                "42703",
                format!("column \"{missing}\" of FORCE_QUOTE does not exist"),
            ));
        }
        let quoted = columns
            .iter()
            .map(|column| all || options.force_quote.contains(&column.name))
            .collect();
        Ok(CopyEncoder {
            rows: RowEncoder::new(Arc::clone(&columns), Formats::default(), style),
            columns,
            headless: AtomicBool::new(options.format == CopyFormat::Binary),
            options,
            style,
            quoted,
        })
    }

    /// Whether the rows are in the binary form.
    pub fn is_binary(&self) -> bool {
        self.options.format == CopyFormat::Binary
    }

    /// Returns what is sent before the rows: the names of columns.
    pub fn header(&self) -> Bytes {
        let mut data = BytesMut::new();
        if self.options.header && !self.is_binary() {
            message(&mut data, |data| {
                for (at, column) in self.columns.iter().enumerate() {
                    if at > 0 {
                        data.put_u8(self.options.delimiter);
                    }
                    self.put_value(data, &column.name, at, false);
                }
                data.put_u8(b'\n');
            });
        }
        data.freeze()
    }

    /// Returns what is sent after so many rows.
    pub fn trailer(&self, rows: u64) -> Bytes {
        let mut data = BytesMut::new();
        if self.is_binary() {
            message(&mut data, |data| {
                if rows == 0 {
                    data.put_slice(BINARY_HEADER);
                }
                data.put_i16(-1);
            });
        }
        data.freeze()
    }

    /// Encodes a batch, in pieces: each is made when it is asked for.
    ///
    /// # Errors
    /// If a column cannot be written. A piece is an error if one of its values cannot.
    pub fn encode<'a>(
        &'a self,
        batch: &RecordBatch,
    ) -> Result<impl Iterator<Item = Result<Rows, PgError>> + Send + use<'a>, PgError> {
        let values = self.rows.values(batch)?;
        let mut scratch = String::new();
        Ok(pieces(batch.num_rows(), move |data, row| {
            data.put_u8(b'd');
            data.put_i32(0);
            if self.is_binary() {
                if self.headless.swap(false, Ordering::Relaxed) {
                    data.put_slice(BINARY_HEADER);
                }
                data.put_i16(values.len() as i16);
                for value in &values {
                    value.put_binary(data, row, &mut scratch)?;
                }
            } else {
                self.put_line(data, &values, row, &mut scratch);
            }
            Ok(())
        }))
    }

    fn put_line(&self, data: &mut BytesMut, values: &[Values], row: usize, scratch: &mut String) {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                data.put_u8(self.options.delimiter);
            }
            if value.is_null(row) {
                data.put_slice(self.options.null.as_bytes());
            } else {
                scratch.clear();
                value.text(scratch, row, &self.style);
                self.put_value(
                    data,
                    scratch,
                    at,
                    self.quoted.get(at).copied().unwrap_or(false),
                );
            }
        }
        data.put_u8(b'\n');
    }

    fn put_value(&self, data: &mut BytesMut, text: &str, column: usize, force: bool) {
        if self.options.format == CopyFormat::Csv {
            self.put_csv(data, text, column, force);
        } else {
            self.put_escaped(data, text);
        }
    }

    fn put_csv(&self, data: &mut BytesMut, text: &str, column: usize, force: bool) {
        let options = &self.options;
        // A lone `\.` would end the data for older clients.
        let alone = column == 0 && self.columns.len() == 1 && text == "\\.";
        let special = |byte: u8| {
            byte == options.delimiter || byte == options.quote || byte == b'\n' || byte == b'\r'
        };
        if !force && !alone && text != options.null && !text.bytes().any(special) {
            return data.put_slice(text.as_bytes());
        }
        data.put_u8(options.quote);
        for byte in text.bytes() {
            if byte == options.quote || byte == options.escape {
                data.put_u8(options.escape);
            }
            data.put_u8(byte);
        }
        data.put_u8(options.quote);
    }

    fn put_escaped(&self, data: &mut BytesMut, text: &str) {
        for byte in text.bytes() {
            let escaped = match byte {
                b'\\' => b'\\',
                8 => b'b',
                12 => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                11 => b'v',
                byte if byte == self.options.delimiter => byte,
                byte => {
                    data.put_u8(byte);
                    continue;
                }
            };
            data.put_u8(b'\\');
            data.put_u8(escaped);
        }
    }
}

/// Appends a CopyData message.
fn message(data: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = data.len();
    data.put_u8(b'd');
    data.put_i32(0);
    body(data);
    let length = (data.len() - start - 1) as i32;
    data[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
}
