//! What is known of a file without opening it: its rows, and exact least and greatest values of some columns.
//!
//! The same figures go into the Delta log as its statistics JSON (so any Delta reader prunes by them) and back into
//! DataFusion's [`Statistics`] (so our scans do). Unlike most writers, we never shorten a value: a bound that is not exact
//! cannot prove an ordering, nor that an `event_id` is new.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, Date32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, SecondsFormat};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::{Map, Value, json};

use super::error::LakeError;
use super::table::TableId;

/// The least and greatest value of a column, and how many rows lack one.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRange {
    /// The column.
    pub column: &'static str,
    /// Its least value; null if every row lacks one.
    pub min: ScalarValue,
    /// Its greatest value; null if every row lacks one.
    pub max: ScalarValue,
    /// How many rows have none.
    pub nulls: u64,
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileStatistics {
    /// How many rows it holds.
    pub rows: u64,
    /// The columns of [`TableId::statistics_columns`], where known.
    pub columns: Box<[ColumnRange]>,
}

impl FileStatistics {
    /// Takes the figures of the rows that are about to be written.
    pub fn of(table: TableId, batches: &[RecordBatch]) -> Result<Self, LakeError> {
        let rows = batches.iter().map(|b| b.num_rows() as u64).sum();
        let mut columns = Vec::new();
        for name in table.statistics_columns() {
            let mut range: Option<ColumnRange> = None;
            for batch in batches {
                let Some(column) = batch.column_by_name(name) else {
                    continue;
                };
                let Some((least, greatest)) = bounds(column) else {
                    continue;
                };
                let nulls = column.null_count() as u64;
                range = Some(match range {
                    None => ColumnRange {
                        column: name,
                        min: least,
                        max: greatest,
                        nulls,
                    },
                    Some(known) => ColumnRange {
                        column: name,
                        min: lesser(known.min, least),
                        max: greater(known.max, greatest),
                        nulls: known.nulls + nulls,
                    },
                });
            }
            columns.extend(range);
        }
        Ok(Self {
            rows,
            columns: columns.into(),
        })
    }

    /// The range of a column.
    pub fn column(&self, name: &str) -> Option<&ColumnRange> {
        self.columns.iter().find(|c| c.column == name)
    }

    /// As the Delta log has it.
    pub fn to_json(&self) -> String {
        let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
        for range in &self.columns {
            if let (Some(min), Some(max)) = (to_value(&range.min), to_value(&range.max)) {
                least.insert(range.column.into(), min);
                greatest.insert(range.column.into(), max);
            }
            nulls.insert(range.column.into(), range.nulls.into());
        }
        json!({"numRecords": self.rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}).to_string()
    }

    /// From the Delta log. What another writer left out, or shortened to something unreadable, is simply not known.
    pub fn from_json(table: TableId, text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Self::default();
        };
        let rows = value["numRecords"].as_u64().unwrap_or_default();
        let schema = table.schema();
        let columns = table
            .statistics_columns()
            .iter()
            .filter_map(|name| {
                let data_type = schema.field_with_name(name).ok()?.data_type();
                let nulls = value["nullCount"][name].as_u64()?;
                let (min, max) = if nulls == rows {
                    (null_of(data_type)?, null_of(data_type)?)
                } else {
                    (
                        from_value(data_type, &value["minValues"][name])?,
                        from_value(data_type, &value["maxValues"][name])?,
                    )
                };
                Some(ColumnRange {
                    column: name,
                    min,
                    max,
                    nulls,
                })
            })
            .collect();
        Self { rows, columns }
    }

    /// For DataFusion, over the columns of `schema` (those without figures are unknown).
    pub fn to_datafusion(&self, schema: &SchemaRef, size: u64) -> Statistics {
        let mut statistics = Statistics::new_unknown(schema);
        statistics.num_rows = Precision::Exact(self.rows as usize);
        statistics.total_byte_size = Precision::Inexact(size as usize);
        for range in &self.columns {
            let Some(column) = schema
                .index_of(range.column)
                .ok()
                .and_then(|i| statistics.column_statistics.get_mut(i))
            else {
                continue;
            };
            *column = ColumnStatistics {
                null_count: Precision::Exact(range.nulls as usize),
                ..ColumnStatistics::new_unknown()
            };
            if !range.min.is_null() {
                column.min_value = Precision::Exact(range.min.clone());
                column.max_value = Precision::Exact(range.max.clone());
            }
        }
        statistics
    }
}

fn bounds(column: &ArrayRef) -> Option<(ScalarValue, ScalarValue)> {
    Some(match column.data_type() {
        DataType::Utf8 => {
            let strings = column.as_string::<i32>();
            let own = |s: Option<&str>| ScalarValue::Utf8View(s.map(str::to_owned));
            (own(min_string(strings)), own(max_string(strings)))
        }
        DataType::Timestamp(_, zone) => {
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            let own = |v| ScalarValue::TimestampMicrosecond(v, zone.clone());
            (own(min(instants)), own(max(instants)))
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            (
                ScalarValue::Date32(min(days)),
                ScalarValue::Date32(max(days)),
            )
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            (
                ScalarValue::Int64(min(numbers)),
                ScalarValue::Int64(max(numbers)),
            )
        }
        _ => return None,
    })
}

/// The lesser of two values of one type, a null being no value.
fn lesser(a: ScalarValue, b: ScalarValue) -> ScalarValue {
    if a.is_null() || (!b.is_null() && b < a) {
        b
    } else {
        a
    }
}

fn greater(a: ScalarValue, b: ScalarValue) -> ScalarValue {
    if a.is_null() || (!b.is_null() && b > a) {
        b
    } else {
        a
    }
}

fn to_value(scalar: &ScalarValue) -> Option<Value> {
    Some(match scalar {
        ScalarValue::Utf8View(Some(text)) => text.as_str().into(),
        ScalarValue::Int64(Some(number)) => (*number).into(),
        ScalarValue::Date32(Some(day)) => date_text(*day).into(),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            DateTime::from_timestamp_micros(*micros)?
                .to_rfc3339_opts(SecondsFormat::Micros, true)
                .into()
        }
        _ => return None,
    })
}

fn from_value(data_type: &DataType, value: &Value) -> Option<ScalarValue> {
    Some(match data_type {
        DataType::Utf8View => ScalarValue::Utf8View(Some(value.as_str()?.to_owned())),
        DataType::Int64 => ScalarValue::Int64(Some(value.as_i64()?)),
        DataType::Date32 => ScalarValue::Date32(Some(parse_date(value.as_str()?)?)),
        DataType::Timestamp(_, zone) => ScalarValue::TimestampMicrosecond(
            Some(
                DateTime::parse_from_rfc3339(value.as_str()?)
                    .ok()?
                    .timestamp_micros(),
            ),
            zone.clone(),
        ),
        _ => return None,
    })
}

fn null_of(data_type: &DataType) -> Option<ScalarValue> {
    ScalarValue::try_from(data_type).ok()
}

/// A `Date32` as ISO text.
pub fn date_text(days: i32) -> String {
    // Date32 counts from 1970-01-01; every landed instant is within chrono's range (SPEC E3).
    NaiveDate::from_epoch_days(days)
        .unwrap_or(NaiveDate::MAX)
        .to_string()
}

/// ISO text as a `Date32`.
pub fn parse_date(text: &str) -> Option<i32> {
    Some(text.parse::<NaiveDate>().ok()?.to_epoch_days())
}

/// Shared statistics.
pub type FileStatisticsRef = Arc<FileStatistics>;
