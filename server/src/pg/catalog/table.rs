//! Builds the small in-memory tables of the catalog from rows of values, with PostgreSQL's types.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_pg::datatypes::{PG_CHAR_KEY, PG_OID_ALIAS_KEY};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int32Builder,
    Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
    new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::Result;

/// A value of a catalog table.
#[derive(Debug, Clone)]
pub(super) enum V {
    Null,
    B(bool),
    I(i64),
    T(String),
    /// A list of integers.
    Is(Vec<i64>),
    /// A list of texts.
    Ts(Vec<String>),
}

impl From<bool> for V {
    fn from(value: bool) -> V {
        V::B(value)
    }
}

impl From<i32> for V {
    fn from(value: i32) -> V {
        V::I(i64::from(value))
    }
}

impl From<i64> for V {
    fn from(value: i64) -> V {
        V::I(value)
    }
}

impl From<&str> for V {
    fn from(value: &str) -> V {
        V::T(value.to_owned())
    }
}

impl From<String> for V {
    fn from(value: String) -> V {
        V::T(value)
    }
}

impl<T: Into<V>> From<Option<T>> for V {
    fn from(value: Option<T>) -> V {
        value.map_or(V::Null, Into::into)
    }
}

/// Makes a row of values, each of a type that converts to [`V`].
macro_rules! row {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::pg::catalog::table::V::from($value)),*]
    };
}
pub(super) use row;

/// Parses a table's columns from text such as `"oid:oid relname relpages:int4"`. A column without a type is text.
pub(super) fn fields(columns: &str) -> Vec<Field> {
    columns
        .split_whitespace()
        .map(|column| {
            let (name, kind) = column.split_once(':').unwrap_or((column, "text"));
            field(name, kind)
        })
        .collect()
}

fn field(name: &str, kind: &str) -> Field {
    let marked = |data_type, key: &str, value: &str| {
        Field::new(name, data_type, true)
            .with_metadata(HashMap::from([(key.to_owned(), value.to_owned())]))
    };
    let plain = |data_type| Field::new(name, data_type, true);
    match kind {
        "oid" => marked(DataType::Int32, PG_OID_ALIAS_KEY, "oid"),
        "char" => marked(DataType::Utf8, PG_CHAR_KEY, "char"),
        "bool" => plain(DataType::Boolean),
        "int2" => plain(DataType::Int16),
        "int4" => plain(DataType::Int32),
        "int8" => plain(DataType::Int64),
        "float4" => plain(DataType::Float32),
        "float8" => plain(DataType::Float64),
        "int4s" => plain(DataType::new_list(DataType::Int32, true)),
        "timestamptz" => plain(DataType::Timestamp(
            TimeUnit::Microsecond,
            Some("UTC".into()),
        )),
        "texts" => plain(DataType::new_list(DataType::Utf8, true)),
        "int2s" => plain(DataType::new_list(DataType::Int16, true)),
        "oids" => marked(
            DataType::new_list(DataType::Int32, true),
            PG_OID_ALIAS_KEY,
            "oid",
        ),
        _ => plain(DataType::Utf8),
    }
}

/// Returns a table with these columns, as [`fields`] reads them, and rows.
pub(super) fn table(columns: &str, rows: Vec<Vec<V>>) -> Result<Arc<dyn TableProvider>> {
    let schema = Arc::new(Schema::new(fields(columns)));
    let batch = batch(&schema, &rows)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// Returns the rows as a batch of a schema. Values that a row lacks at its end are null.
pub(super) fn batch(schema: &Arc<Schema>, rows: &[Vec<V>]) -> Result<RecordBatch> {
    let arrays = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            array(
                field.data_type(),
                rows.iter().map(|row| row.get(at).unwrap_or(&V::Null)),
            )
        })
        .collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
}

fn array<'a>(data_type: &DataType, values: impl Iterator<Item = &'a V>) -> ArrayRef {
    let integer = |value: &V| match value {
        V::I(value) => Some(*value),
        _ => None,
    };
    match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(values.map(|value| match value {
            V::B(value) => Some(*value),
            _ => None,
        }))),
        DataType::Int16 => Arc::new(Int16Array::from_iter(
            values.map(|value| Some(integer(value)? as i16)),
        )),
        DataType::Int32 => Arc::new(Int32Array::from_iter(
            values.map(|value| Some(integer(value)? as i32)),
        )),
        DataType::Int64 => Arc::new(Int64Array::from_iter(values.map(integer))),
        DataType::Timestamp(..) => {
            let micros = TimestampMicrosecondArray::from_iter(values.map(integer));
            Arc::new(micros.with_timezone("UTC"))
        }
        DataType::Float32 => Arc::new(Float32Array::from_iter(
            values.map(|value| Some(integer(value)? as f32)),
        )),
        DataType::Float64 => Arc::new(Float64Array::from_iter(
            values.map(|value| Some(integer(value)? as f64)),
        )),
        DataType::List(item) if item.data_type() == &DataType::Int32 => {
            let mut lists = ListBuilder::new(Int32Builder::new()).with_field(Arc::clone(item));
            for value in values {
                lists.append_option(match value {
                    V::Is(items) => Some(items.iter().map(|item| Some(*item as i32))),
                    _ => None,
                });
            }
            Arc::new(lists.finish())
        }
        DataType::List(item) if item.data_type() == &DataType::Utf8 => {
            let mut lists = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(item));
            for value in values {
                lists.append_option(match value {
                    V::Ts(items) => Some(items.iter().map(Some)),
                    _ => None,
                });
            }
            Arc::new(lists.finish())
        }
        // Only tables of keys and indexes have other lists, and those tables are empty.
        DataType::List(_) => new_null_array(data_type, values.count()),
        _ => Arc::new(StringArray::from_iter(values.map(|value| match value {
            V::T(text) => Some(text.as_str()),
            _ => None,
        }))),
    }
}
