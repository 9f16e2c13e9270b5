//! The statistics of a file: its number of rows, and the exact minimum, maximum and null count of some columns.
//!
//! They are stored in the Delta log as its statistics JSON, so any Delta reader can prune by them. Unlike most writers, we
//! never truncate a value: an inexact bound cannot prove that an `event_id` is new, nor an ordering.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, SecondsFormat};
use datafusion::common::ScalarValue;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::actions::Text;
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
    fn parse_json(self, value: &RawValue) -> Option<i64> {
        Some(match self {
            Kind::Text => return None,
            Kind::Instant => DateTime::parse_from_rfc3339(&parse::<Text>(value)?.0)
                .ok()?
                .timestamp_micros(),
            Kind::Date => parse_date(&parse::<Text>(value)?.0)?.into(),
            Kind::Number => parse(value)?,
        })
    }
}

/// Statistics as the log states them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stated<'a> {
    #[serde(borrow)]
    num_records: Option<&'a RawValue>,
    #[serde(borrow)]
    min_values: Option<StatedColumns<'a>>,
    #[serde(borrow)]
    max_values: Option<StatedColumns<'a>>,
    #[serde(borrow)]
    null_count: Option<StatedColumns<'a>>,
}

/// The values of columns, of which only those that are used are parsed.
#[derive(Deserialize)]
#[serde(transparent)]
struct StatedColumns<'a>(#[serde(borrow)] BTreeMap<Text<'a>, &'a RawValue>);

impl<'a> StatedColumns<'a> {
    fn get(&self, column: &str) -> Option<&'a RawValue> {
        self.0.get(column).copied()
    }
}

/// Parses a value; `None` if it is of another type.
fn parse<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
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
        let Ok(stated) = serde_json::from_str::<Stated>(text) else {
            return Self::default();
        };
        let rows = stated.num_records.and_then(parse).unwrap_or_default();
        let schema = table.schema();
        let mut packing = Packing::default();
        let mut take = |name: &'static str| {
            let kind = Kind::of(schema.field_with_name(name).ok()?.data_type())?;
            let nulls = parse(stated.null_count.as_ref()?.get(name)?)?;
            let mut bounds = [&stated.min_values, &stated.max_values].into_iter();
            let mut bound = || bounds.next()?.as_ref()?.get(name);
            if nulls == rows {
                packing.push(name, nulls, kind, None);
            } else if kind == Kind::Text {
                let (min, max) = (parse::<Text>(bound()?)?, parse::<Text>(bound()?)?);
                packing.push(name, nulls, kind, Some(Values::Texts(&min.0, &max.0)));
            } else {
                let (min, max) = (kind.parse_json(bound()?)?, kind.parse_json(bound()?)?);
                packing.push(name, nulls, kind, Some(Values::Numbers(min, max)));
            }
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
mod tests;
