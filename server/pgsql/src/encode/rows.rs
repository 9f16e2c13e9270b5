//! Encodes record batches as DataRow messages.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use datafusion::arrow::array::RecordBatch;

use super::values::Values;
use super::{Column, Format, Formats, Style};
use crate::error::PgError;

/// The bytes of rows that are encoded as one piece.
const CHUNK: usize = 64 * 1024;

/// Encoded rows.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The messages, one after the other.
    pub data: Bytes,
    /// The end of each message.
    pub ends: Vec<usize>,
}

/// Encodes the rows of one result.
pub struct RowEncoder {
    columns: Arc<[Column]>,
    formats: Formats,
    style: Style,
}

impl RowEncoder {
    /// Makes an encoder of columns in formats.
    pub fn new(columns: Arc<[Column]>, formats: Formats, style: Style) -> RowEncoder {
        RowEncoder {
            columns,
            formats,
            style,
        }
    }

    /// Encodes a batch, in pieces: each is made when it is asked for.
    ///
    /// # Errors
    /// If a column cannot be written. A piece is an error if one of its values cannot.
    pub fn encode<'a>(
        &'a self,
        batch: &RecordBatch,
    ) -> Result<impl Iterator<Item = Result<Rows, PgError>> + Send + use<'a>, PgError> {
        let values = self.values(batch)?;
        let mut scratch = String::new();
        Ok(pieces(batch.num_rows(), move |data, row| {
            data.put_u8(b'D');
            data.put_i32(0);
            data.put_i16(values.len() as i16);
            for (at, value) in values.iter().enumerate() {
                match self.formats.of(at) {
                    Format::Text => value.put_text(data, row, &mut scratch, &self.style),
                    Format::Binary => value.put_binary(data, row, &mut scratch)?,
                }
            }
            Ok(())
        }))
    }

    /// Casts the columns of a batch, ready to be written.
    pub(super) fn values(&self, batch: &RecordBatch) -> Result<Vec<Values>, PgError> {
        if batch.num_columns() != self.columns.len() {
            return Err(PgError::internal(format!(
                "a result of {} columns came with {}",
                self.columns.len(),
                batch.num_columns()
            )));
        }
        self.columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| Values::new(array, column))
            .collect()
    }
}

/// Encodes rows in pieces of about [`CHUNK`] bytes. `put` appends the message of a row, whose length is set here.
pub(super) fn pieces(
    rows: usize,
    mut put: impl FnMut(&mut BytesMut, usize) -> Result<(), PgError> + Send,
) -> impl Iterator<Item = Result<Rows, PgError>> + Send {
    let mut next = 0;
    std::iter::from_fn(move || {
        if next >= rows {
            return None;
        }
        let mut data = BytesMut::new();
        let mut ends = Vec::new();
        while next < rows && data.len() < CHUNK {
            let start = data.len();
            if let Err(error) = put(&mut data, next).and_then(|()| set_length(&mut data, start + 1))
            {
                // Nothing comes after an error.
                next = rows;
                return Some(Err(error));
            }
            ends.push(data.len());
            next += 1;
        }
        let data = data.freeze();
        Some(Ok(Rows { data, ends }))
    })
}

/// Writes the length of what follows `at` into the four bytes there.
pub(super) fn set_length(data: &mut BytesMut, at: usize) -> Result<(), PgError> {
    let length = i32::try_from(data.len() - at)
        .map_err(|_| PgError::new("54000", "a row of more than 2 GiB cannot be sent"))?;
    data[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
