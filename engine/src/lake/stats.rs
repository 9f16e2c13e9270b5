//! The statistics of a file: its number of rows, and the exact minimum, maximum and null count of some columns.
//!
//! They are stored in the Delta log as its statistics JSON, so any Delta reader can prune by them. Unlike most writers, we
//! never truncate a value: an inexact bound cannot prove that an `event_id` is new, nor an ordering.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, SecondsFormat};
use datafusion::common::ScalarValue;
use serde_json::{Map, Value, json};

use super::table::TableId;

/// Holds the statistics of one file.
///
/// The statistics of all files, tens of thousands, are always in memory, so they are packed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileStatistics {
    /// The number of rows.
    pub rows: u64,
    /// The columns of [`TableId::statistics_columns`] whose statistics are known.
    columns: Box<[Column]>,
    /// The minima and maxima of all string columns, concatenated.
    texts: Box<str>,
}

/// Holds the statistics of one column.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: &'static str,
    bounds: Bounds,
    /// The number of rows without a value.
    nulls: u64,
}

/// Holds the minimum and maximum of a column.
#[derive(Debug, Clone, PartialEq)]
enum Bounds {
    /// No row has a value.
    None(Kind),
    /// The minimum and maximum of numbers, instants or dates.
    Numbers(Kind, i64, i64),
    /// The minimum and maximum of strings, as offsets in the file's texts: the start of the minimum, the start of the maximum,
    /// and its end.
    Texts(usize, usize, usize),
}

/// The kinds of values that have statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Instant,
    Date,
    Number,
}

impl Kind {
    fn of(data_type: &DataType) -> Option<Kind> {
        Some(match data_type {
            DataType::Utf8 | DataType::Utf8View => Kind::Text,
            DataType::Timestamp(..) => Kind::Instant,
            DataType::Date32 => Kind::Date,
            DataType::Int64 => Kind::Number,
            _ => return None,
        })
    }

    /// Returns a number as a value of a column; `None` as null.
    fn scalar(self, number: Option<i64>) -> ScalarValue {
        static UTC: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("UTC"));
        match self {
            Kind::Text => ScalarValue::Utf8View(None),
            Kind::Instant => ScalarValue::TimestampMicrosecond(number, Some(Arc::clone(&UTC))),
            Kind::Date => ScalarValue::Date32(number.and_then(|days| i32::try_from(days).ok())),
            Kind::Number => ScalarValue::Int64(number),
        }
    }

    /// Writes a number as JSON in Delta's form; `None` for strings.
    fn to_json(self, number: i64) -> Option<Value> {
        Some(match self {
            Kind::Text => return None,
            Kind::Instant => DateTime::from_timestamp_micros(number)?
                .to_rfc3339_opts(SecondsFormat::Micros, true)
                .into(),
            Kind::Date => date_text(i32::try_from(number).ok()?).into(),
            Kind::Number => number.into(),
        })
    }

    /// Reads a number from JSON in Delta's form; `None` if it has another form, and for strings.
    fn parse_json(self, value: &Value) -> Option<i64> {
        Some(match self {
            Kind::Text => return None,
            Kind::Instant => DateTime::parse_from_rfc3339(value.as_str()?)
                .ok()?
                .timestamp_micros(),
            Kind::Date => parse_date(value.as_str()?)?.into(),
            Kind::Number => value.as_i64()?,
        })
    }
}

/// Packs statistics, column by column.
#[derive(Default)]
struct Packing {
    columns: Vec<Column>,
    texts: String,
}

impl Packing {
    fn push(&mut self, name: &'static str, nulls: u64, kind: Kind, values: Option<Values<'_>>) {
        let bounds = match values {
            None => Bounds::None(kind),
            Some(Values::Numbers(min, max)) => Bounds::Numbers(kind, min, max),
            Some(Values::Texts(min, max)) => {
                let start = self.texts.len();
                self.texts.push_str(min);
                let middle = self.texts.len();
                self.texts.push_str(max);
                Bounds::Texts(start, middle, self.texts.len())
            }
        };
        self.columns.push(Column {
            name,
            bounds,
            nulls,
        });
    }

    fn pack(self, rows: u64) -> FileStatistics {
        FileStatistics {
            rows,
            columns: self.columns.into(),
            texts: self.texts.into(),
        }
    }
}

/// The minimum and maximum of some values.
#[derive(Debug, Clone, Copy)]
enum Values<'a> {
    Numbers(i64, i64),
    Texts(&'a str, &'a str),
}

impl Values<'_> {
    /// Combines the bounds of two parts of a column.
    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Values::Numbers(a, b), Values::Numbers(c, d)) => Values::Numbers(a.min(c), b.max(d)),
            (Values::Texts(a, b), Values::Texts(c, d)) => Values::Texts(a.min(c), b.max(d)),
            (known, _) => known,
        }
    }
}

impl FileStatistics {
    /// Computes the statistics of the rows of a new file.
    pub fn of(table: TableId, batches: &[RecordBatch]) -> Self {
        let mut packing = Packing::default();
        for name in table.statistics_columns() {
            let columns = batches.iter().filter_map(|b| b.column_by_name(name));
            let mut nulls = 0;
            let mut known: Option<(Kind, Option<Values<'_>>)> = None;
            for column in columns {
                let Some(kind) = Kind::of(column.data_type()) else {
                    continue;
                };
                nulls += column.null_count() as u64;
                let values = match (known.and_then(|(_, values)| values), min_max(column)) {
                    (Some(known), Some(values)) => Some(known.merge(values)),
                    (known, values) => known.or(values),
                };
                known = Some((kind, values));
            }
            if let Some((kind, values)) = known {
                packing.push(name, nulls, kind, values);
            }
        }
        packing.pack(batches.iter().map(|b| b.num_rows() as u64).sum())
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the minimum and maximum of a column, nulls if no row has a value; `None` if they are not known.
    pub fn range(&self, column: &str) -> Option<(ScalarValue, ScalarValue)> {
        self.least(column).zip(self.greatest(column))
    }

    /// Returns the minimum of a column, null if no row has a value; `None` if it is not known.
    pub fn least(&self, column: &str) -> Option<ScalarValue> {
        Some(match self.column(column)?.bounds {
            Bounds::None(kind) => kind.scalar(None),
            Bounds::Numbers(kind, min, _) => kind.scalar(Some(min)),
            Bounds::Texts(start, middle, _) => self.text(start..middle),
        })
    }

    /// Returns the maximum of a column, null if no row has a value; `None` if it is not known.
    pub fn greatest(&self, column: &str) -> Option<ScalarValue> {
        Some(match self.column(column)?.bounds {
            Bounds::None(kind) => kind.scalar(None),
            Bounds::Numbers(kind, _, max) => kind.scalar(Some(max)),
            Bounds::Texts(_, middle, end) => self.text(middle..end),
        })
    }

    fn text(&self, range: Range<usize>) -> ScalarValue {
        ScalarValue::Utf8View(Some(self.texts[range].to_owned()))
    }

    /// Returns the minimum and maximum of a string column; `None` if it has no values or they are not known.
    pub fn text_range(&self, column: &str) -> Option<(&str, &str)> {
        match self.column(column)?.bounds {
            Bounds::Texts(start, middle, end) => {
                Some((&self.texts[start..middle], &self.texts[middle..end]))
            }
            _ => None,
        }
    }

    /// Returns the minimum and maximum of an Int64 column; `None` if it has no values or they are not known.
    pub fn number_range(&self, column: &str) -> Option<(i64, i64)> {
        match self.column(column)?.bounds {
            Bounds::Numbers(Kind::Number, min, max) => Some((min, max)),
            _ => None,
        }
    }

    /// Returns the number of rows without a value in a column, if it is known.
    pub fn nulls(&self, column: &str) -> Option<u64> {
        self.column(column).map(|column| column.nulls)
    }

    /// Writes the statistics as the JSON of the Delta log.
    pub fn to_json(&self) -> String {
        let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            let bounds = match &column.bounds {
                Bounds::None(_) => None,
                Bounds::Numbers(kind, min, max) => kind.to_json(*min).zip(kind.to_json(*max)),
                Bounds::Texts(start, middle, end) => Some((
                    self.texts[*start..*middle].into(),
                    self.texts[*middle..*end].into(),
                )),
            };
            if let Some((min, max)) = bounds {
                least.insert(column.name.into(), min);
                greatest.insert(column.name.into(), max);
            }
            nulls.insert(column.name.into(), column.nulls.into());
        }
        json!({"numRecords": self.rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}).to_string()
    }

    /// Reads statistics from the JSON of the Delta log. Those that another writer left out, or truncated to something
    /// unreadable, are not known.
    pub fn from_json(table: TableId, text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Self::default();
        };
        let rows = value["numRecords"].as_u64().unwrap_or_default();
        let schema = table.schema();
        let mut packing = Packing::default();
        let mut take = |name: &'static str| {
            let kind = Kind::of(schema.field_with_name(name).ok()?.data_type())?;
            let nulls = value["nullCount"][name].as_u64()?;
            let (min, max) = (&value["minValues"][name], &value["maxValues"][name]);
            let values = match kind {
                _ if nulls == rows => None,
                Kind::Text => Some(Values::Texts(min.as_str()?, max.as_str()?)),
                _ => Some(Values::Numbers(
                    kind.parse_json(min)?,
                    kind.parse_json(max)?,
                )),
            };
            packing.push(name, nulls, kind, values);
            Some(())
        };
        for name in table.statistics_columns() {
            let _known = take(name);
        }
        packing.pack(rows)
    }
}

/// Computes the minimum and maximum of a column; `None` if it has no values.
fn min_max(column: &ArrayRef) -> Option<Values<'_>> {
    Some(match column.data_type() {
        DataType::Utf8 => {
            let strings = column.as_string::<i32>();
            Values::Texts(min_string(strings)?, max_string(strings)?)
        }
        DataType::Timestamp(..) => {
            let instants = column.as_primitive::<TimestampMicrosecondType>();
            Values::Numbers(min(instants)?, max(instants)?)
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            Values::Numbers(min(days)?.into(), max(days)?.into())
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            Values::Numbers(min(numbers)?, max(numbers)?)
        }
        _ => return None,
    })
}

/// Writes a `Date32` as ISO text.
pub fn date_text(days: i32) -> String {
    // Every landed instant is within chrono's range (SPEC E3).
    NaiveDate::from_epoch_days(days)
        .unwrap_or(NaiveDate::MAX)
        .to_string()
}

/// Parses ISO text as a `Date32`: days since 1970-01-01.
pub fn parse_date(text: &str) -> Option<i32> {
    Some(text.parse::<NaiveDate>().ok()?.to_epoch_days())
}

/// Statistics that snapshots share.
pub type FileStatisticsRef = Arc<FileStatistics>;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{Date32Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::lake::table::instant;

    fn batch(ids: &[&str], started: &[Option<i64>]) -> RecordBatch {
        let rows = ids.len();
        let days: Vec<Option<i32>> = started
            .iter()
            .map(|at| at.map(|at| at as i32 % 7))
            .collect();
        let columns: Vec<(Field, ArrayRef)> = vec![
            (
                Field::new("conversation_id", DataType::Utf8, true),
                Arc::new(StringArray::from(ids.to_vec())),
            ),
            (
                Field::new("started_at", instant(), true),
                Arc::new(TimestampMicrosecondArray::from(started.to_vec()).with_timezone("UTC")),
            ),
            (
                Field::new("started_on", DataType::Date32, true),
                Arc::new(Date32Array::from(days)),
            ),
            (
                Field::new("idle_at", instant(), true),
                Arc::new(TimestampMicrosecondArray::from(vec![None; rows]).with_timezone("UTC")),
            ),
            (
                Field::new("messages", DataType::Int64, true),
                Arc::new(Int64Array::from(vec![1; rows])),
            ),
        ];
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    #[test]
    fn statistics_are_equal_after_writing_and_reading_the_log() {
        let table = TableId::Conversations;
        let batches = [
            batch(&["m", "ä"], &[None, Some(5)]),
            batch(&["", "k"], &[Some(-3), Some(9)]),
        ];
        let known = FileStatistics::of(table, &batches);
        assert_eq!(known.rows, 4);
        assert_eq!(known.text_range("conversation_id"), Some(("", "ä")));
        let instant = |micros| ScalarValue::TimestampMicrosecond(micros, Some(Arc::from("UTC")));
        assert_eq!(
            known.range("started_at"),
            Some((instant(Some(-3)), instant(Some(9))))
        );
        let day = |day| ScalarValue::Date32(Some(day));
        assert_eq!(known.range("started_on"), Some((day(-3), day(5))));
        assert_eq!(known.nulls("started_at"), Some(1));
        // `idle_at` has no values, and `messages` is no column with statistics.
        assert_eq!(known.range("idle_at"), Some((instant(None), instant(None))));
        assert_eq!(known.range("messages"), None);
        assert_eq!(FileStatistics::from_json(table, &known.to_json()), known);
    }

    #[test]
    fn ranges_have_the_type_of_their_column() {
        let table = TableId::RejectedEvents;
        let text = r#"{"numRecords": 2, "minValues": {"source": "a", "line": -3},
                       "maxValues": {"source": "b", "line": 9}, "nullCount": {"source": 0, "line": 0}}"#;
        let known = FileStatistics::from_json(table, text);
        assert_eq!(known.text_range("source"), Some(("a", "b")));
        assert_eq!(known.number_range("line"), Some((-3, 9)));
        assert_eq!(known.number_range("source"), None);
        assert_eq!(known.number_range("landed_at"), None);
    }

    #[test]
    fn statistics_that_another_writer_left_out_or_truncated_are_not_known() {
        let text = r#"{"numRecords": 2, "minValues": {"conversation_id": "a", "started_at": "2026"},
                       "maxValues": {"conversation_id": "b", "started_at": "2027"},
                       "nullCount": {"conversation_id": 0, "started_at": 0}}"#;
        let known = FileStatistics::from_json(TableId::Conversations, text);
        assert_eq!(known.rows, 2);
        assert_eq!(known.text_range("conversation_id"), Some(("a", "b")));
        assert_eq!(known.range("started_at"), None);
        assert_eq!(known.nulls("last_event_at"), None);
        let nothing = FileStatistics::from_json(TableId::Conversations, "{");
        assert_eq!(nothing, FileStatistics::default());
    }
}
