//! Chooses the Arrow types that the columns of a Parquet file are read as.
//!
//! They are those of Arrow's reader, with these exceptions. Strings are read as views, which does not copy them. Spark's
//! timestamps (INT96) are instants in UTC, which Parquet has no way to say; if the file holds an Arrow schema, that says
//! whether there is a zone. The values of an ENUM are text, and a UUID becomes its text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::Type;
use uuid::Uuid;

/// Holds the schema that a file is read with.
pub(super) struct ReadSchema {
    /// The schema of the reader's batches.
    pub schema: SchemaRef,
    /// The indexes of the columns that hold UUIDs, as bytes.
    uuids: Vec<usize>,
}

impl ReadSchema {
    /// Chooses the schema from the metadata of a file.
    pub fn of(found: &ArrowReaderMetadata) -> Self {
        let file = found.metadata().file_metadata();
        let says_zones = file
            .key_value_metadata()
            .is_some_and(|pairs| pairs.iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY));
        let mut uuids = Vec::new();
        let written = file.schema_descr().root_schema().get_fields();
        let columns = found.schema().fields().iter().zip(written).enumerate();
        let fields: Vec<FieldRef> = columns
            .map(|(place, (field, written))| {
                if is_uuid(written) {
                    uuids.push(place);
                }
                match read_type(field.data_type(), written, says_zones) {
                    Some(form) => Arc::new(field.as_ref().clone().with_data_type(form)),
                    None => Arc::clone(field),
                }
            })
            .collect();
        let metadata = found.schema().metadata().clone();
        Self {
            schema: Arc::new(Schema::new_with_metadata(fields, metadata)),
            uuids,
        }
    }

    /// Replaces the bytes of UUIDs by their text.
    pub fn uuids_to_text(&self, rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.uuids.is_empty() {
            return Ok(rows);
        }
        let mut fields = rows.schema_ref().fields().to_vec();
        let mut columns = rows.columns().to_vec();
        for &place in &self.uuids {
            columns[place] = uuid_texts(&columns[place])?;
            let (name, nullable) = (fields[place].name(), fields[place].is_nullable());
            fields[place] = Arc::new(Field::new(name, DataType::Utf8View, nullable));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// Returns the type that a column is read as; `None` for the type that Arrow's reader chooses.
fn read_type(found: &DataType, written: &Type, says_zones: bool) -> Option<DataType> {
    let is_int96 = written.is_primitive() && written.get_physical_type() == PhysicalType::INT96;
    match found {
        found if is_text(found) => Some(DataType::Utf8View),
        DataType::Binary if is_enum(written) => Some(DataType::Utf8View),
        DataType::Timestamp(_, None) if is_int96 && !says_zones => Some(DataType::Timestamp(
            TimeUnit::Microsecond,
            Some("UTC".into()),
        )),
        _ => None,
    }
}

fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, words) => is_text(words),
        _ => false,
    }
}

fn is_enum(written: &Type) -> bool {
    let info = written.get_basic_info();
    info.logical_type_ref() == Some(&LogicalType::Enum)
        || info.converted_type() == ConvertedType::ENUM
}

fn is_uuid(written: &Type) -> bool {
    written.is_primitive()
        && written.get_basic_info().logical_type_ref() == Some(&LogicalType::Uuid)
}

fn uuid_texts(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let bytes = column.as_fixed_size_binary_opt().ok_or_else(|| {
        ArrowError::SchemaError(format!("a UUID is read as {}", column.data_type()))
    })?;
    let mut texts = StringViewBuilder::with_capacity(bytes.len());
    for uuid in bytes {
        match uuid.map(Uuid::from_slice) {
            Some(Ok(uuid)) => texts.append_value(uuid.hyphenated().to_string()),
            Some(Err(error)) => return Err(ArrowError::ParseError(error.to_string())),
            None => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}
