//! The rows of a query's result, read by the names of their columns.
//!
//! A page shows few rows, so they are held in memory at once; the caller's `LIMIT` bounds them. A missing column, or one of
//! another type, is an error of the page or of a team's own query that replaces a built-in one.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, Schema, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{DateTime, NaiveDate, Utc};

use super::numbers::Money;
use crate::pg::{Inquiry, PgError};

/// Holds all rows of a result.
#[derive(Debug)]
pub struct Rows {
    batch: RecordBatch,
}

/// Represents one row of a result.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    batch: &'a RecordBatch,
    at: usize,
}

impl Rows {
    /// Runs a statement and collects all of its rows.
    ///
    /// # Errors
    /// The statement's.
    pub async fn ask(inquiry: &Inquiry, sql: &str) -> Result<Rows, PgError> {
        let mut answer = inquiry.ask(sql).await?;
        let schema = Arc::clone(answer.schema());
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await? {
            batches.push(batch);
        }
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let batch = concat_batches(&schema, &batches).map_err(PgError::internal)?;
        Rows::of(&batch)
    }

    /// Casts the columns to one Arrow type for each SQL type.
    fn of(batch: &RecordBatch) -> Result<Rows, PgError> {
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let kind = canonical(field.data_type());
            columns.push(cast(column, &kind).map_err(PgError::internal)?);
            fields.push(Field::new(field.name(), kind, true));
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema, columns).map_err(PgError::internal)?;
        Ok(Rows { batch })
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Iterates over the rows.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> {
        let batch = &self.batch;
        (0..batch.num_rows()).map(move |at| Row { batch, at })
    }

    /// Returns the first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }
}

fn canonical(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, value) => canonical(value),
        kind if kind.is_integer() => DataType::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            DataType::Decimal128(38, 4)
        }
        DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            DataType::new_list(canonical(item.data_type()), true)
        }
        other => other.clone(),
    }
}

impl<'a> Row<'a> {
    fn column(&self, name: &str, kind: impl fmt::Debug) -> Result<Option<&'a dyn Array>, PgError> {
        let column = self.batch.column_by_name(name).ok_or_else(|| {
            PgError::internal(format!("the page found no column {name:?} of {kind:?}"))
        })?;
        Ok((!column.is_null(self.at)).then_some(column.as_ref()))
    }

    fn type_error(name: &str, column: &dyn Array) -> PgError {
        let kind = column.data_type();
        PgError::internal(format!(
            "the page cannot read column {name:?} of type {kind}"
        ))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// If the column is missing or has another type; likewise for all methods below.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, PgError> {
        let Some(column) = self.column(name, "text")? else {
            return Ok(None);
        };
        let texts = column.as_string_opt::<i32>();
        let texts = texts.ok_or_else(|| Self::type_error(name, column))?;
        Ok(Some(texts.value(self.at)))
    }

    /// Reads a text that is never null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn word(&self, name: &str) -> Result<&'a str, PgError> {
        Ok(self.text(name)?.unwrap_or_default())
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn integer(&self, name: &str) -> Result<Option<i64>, PgError> {
        let Some(column) = self.column(name, "int8")? else {
            return Ok(None);
        };
        let values = column.as_primitive_opt::<Int64Type>();
        let values = values.ok_or_else(|| Self::type_error(name, column))?;
        Ok(Some(values.value(self.at)))
    }

    /// Reads a count, which is never null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn count(&self, name: &str) -> Result<i64, PgError> {
        Ok(self.integer(name)?.unwrap_or_default())
    }

    /// Reads a float.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn float(&self, name: &str) -> Result<Option<f64>, PgError> {
        let Some(column) = self.column(name, "float8")? else {
            return Ok(None);
        };
        let values = column.as_primitive_opt::<Float64Type>();
        let values = values.ok_or_else(|| Self::type_error(name, column))?;
        Ok(Some(values.value(self.at)))
    }

    /// Reads an amount of money.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn money(&self, name: &str) -> Result<Option<Money>, PgError> {
        let Some(column) = self.column(name, "numeric")? else {
            return Ok(None);
        };
        let values = column.as_primitive_opt::<Decimal128Type>();
        let values = values.ok_or_else(|| Self::type_error(name, column))?;
        Ok(Some(Money(values.value(self.at))))
    }

    /// Reads a flag; null is false.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn flag(&self, name: &str) -> Result<bool, PgError> {
        let Some(column) = self.column(name, "bool")? else {
            return Ok(false);
        };
        let values = column.as_boolean_opt();
        let values = values.ok_or_else(|| Self::type_error(name, column))?;
        Ok(values.value(self.at))
    }

    /// Reads a day.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn date(&self, name: &str) -> Result<Option<NaiveDate>, PgError> {
        let Some(column) = self.column(name, "date")? else {
            return Ok(None);
        };
        let values = column.as_primitive_opt::<Date32Type>();
        let values = values.ok_or_else(|| Self::type_error(name, column))?;
        Ok(values.value_as_date(self.at))
    }

    /// Reads an instant.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, PgError> {
        let Some(column) = self.column(name, "timestamptz")? else {
            return Ok(None);
        };
        let values = column.as_primitive_opt::<TimestampMicrosecondType>();
        let values = values.ok_or_else(|| Self::type_error(name, column))?;
        Ok(DateTime::from_timestamp_micros(values.value(self.at)))
    }

    /// Reads a list of texts; null is empty.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn texts(&self, name: &str) -> Result<Vec<String>, PgError> {
        let Some(column) = self.column(name, "text[]")? else {
            return Ok(Vec::new());
        };
        let lists = column.as_list_opt::<i32>();
        let lists = lists.ok_or_else(|| Self::type_error(name, column))?;
        let items = lists.value(self.at);
        let items = items.as_string_opt::<i32>();
        let items = items.ok_or_else(|| Self::type_error(name, column))?;
        Ok(items.iter().flatten().map(str::to_owned).collect())
    }
}
