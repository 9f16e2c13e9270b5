//! Encodes rows as JSON: for `properties`, and for rejected rows.

use crate::error::InputError;
use crate::event::{EventType, Field, FieldSet};
use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::json::EncoderOptions;
use arrow::json::writer::{NullableEncoder, make_encoder};
use std::borrow::Cow;

/// Holds one JSON encoder for each column of a batch.
pub(super) struct Encoders<'a> {
    columns: Vec<Column<'a>>,
}

struct Column<'a> {
    /// The column's name as a JSON string, and a colon.
    key: String,
    field: Option<Field>,
    encoder: NullableEncoder<'a>,
    /// The logical nulls, which for a dictionary include keys of null values.
    nulls: Option<NullBuffer>,
}

impl<'a> Encoders<'a> {
    pub(super) fn new(
        batch: &'a RecordBatch,
        options: &'a EncoderOptions,
    ) -> Result<Encoders<'a>, InputError> {
        let columns =
            batch
                .schema_ref()
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| {
                    let encoder = make_encoder(column, array, options).map_err(|error| {
                        InputError::Convert {
                            column: column.name().clone(),
                            error,
                        }
                    })?;
                    Ok(Column {
                        key: format!("{}:", serde_json::Value::from(column.name().as_str())),
                        field: Field::from_key(column.name().as_bytes()),
                        encoder,
                        nulls: array.logical_nulls(),
                    })
                });
        Ok(Encoders {
            columns: columns.collect::<Result<_, InputError>>()?,
        })
    }

    /// Returns, for each row, whether it has a value that its type does not list. `kinds` are the types of the rows, none
    /// for a rejected row.
    pub(super) fn rows_with_unlisted_values(&self, kinds: &[Option<EventType>]) -> Vec<bool> {
        let mut unlisted = vec![false; kinds.len()];
        for column in &self.columns {
            let lists = |kind: EventType| column.field.is_some_and(|f| kind.listed().contains(f));
            if EventType::ALL.iter().all(|kind| lists(*kind)) {
                continue;
            }
            let mark = |row: usize| unlisted[row] |= kinds[row].is_some_and(|kind| !lists(kind));
            match &column.nulls {
                Some(nulls) => nulls.valid_indices().for_each(mark),
                None => (0..kinds.len()).for_each(mark),
            }
        }
        unlisted
    }

    /// Encodes the row's values outside the `listed` fields as one object; none where there are none. `json` is a buffer.
    pub(super) fn properties<'j>(
        &mut self,
        row: usize,
        listed: FieldSet,
        json: &'j mut Vec<u8>,
    ) -> Option<Cow<'j, str>> {
        json.clear();
        self.write(
            row,
            |field| field.is_none_or(|field| !listed.contains(field)),
            json,
        );
        (!json.is_empty()).then(|| {
            json.push(b'}');
            String::from_utf8_lossy(json)
        })
    }

    /// Encodes all values of a row as one object.
    pub(super) fn row(&mut self, row: usize) -> Vec<u8> {
        let mut json = Vec::new();
        self.write(row, |_| true, &mut json);
        if json.is_empty() {
            json.push(b'{');
        }
        json.push(b'}');
        json
    }

    fn write(&mut self, row: usize, wanted: impl Fn(Option<Field>) -> bool, json: &mut Vec<u8>) {
        for column in &mut self.columns {
            let null = column
                .nulls
                .as_ref()
                .is_some_and(|nulls| nulls.is_null(row));
            if wanted(column.field) && !null {
                json.push(if json.is_empty() { b'{' } else { b',' });
                json.extend_from_slice(column.key.as_bytes());
                column.encoder.encode(row, json);
            }
        }
    }
}
