//! The typed parameters of saved queries, and the conversion of arguments to their types.
//!
//! There is one conversion, [`Parameter::convert`], for arguments that are known when a statement is planned and, inside the
//! plan, for those of a prepared statement. Its errors name the query, the parameter, the value and what was expected.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use chrono::NaiveDate;
use datafusion::common::{Result, ScalarValue, plan_err};

/// Describes a parameter of a saved query, as its file declares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// Its name; `$name` in the text of the query.
    pub name: String,
    /// The values that it takes.
    pub kind: ParameterKind,
    /// The SQL expression that gives its value where an argument is left out or null.
    pub default: String,
    /// What it is for.
    pub description: String,
}

/// Names the values that a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// A calendar day.
    Date,
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// One of these words.
    OneOf(Vec<String>),
    /// Some of these words, separated by commas.
    ListOf(Vec<String>),
}

impl ParameterKind {
    /// Parses a kind in the form of a query's header.
    pub(super) fn parse(text: &str) -> Option<ParameterKind> {
        let words = |list: &str| -> Option<Vec<String>> {
            let words: Vec<String> = list.split(',').map(|word| word.trim().to_owned()).collect();
            (!words.iter().any(String::is_empty)).then_some(words)
        };
        match text {
            "date" => Some(ParameterKind::Date),
            "text" => Some(ParameterKind::Text),
            "integer" => Some(ParameterKind::Integer),
            "number" => Some(ParameterKind::Number),
            "boolean" => Some(ParameterKind::Boolean),
            _ => {
                if let Some(list) = text.strip_prefix("one of ") {
                    words(list).map(ParameterKind::OneOf)
                } else {
                    let list = text.strip_prefix("list of ")?;
                    words(list).map(ParameterKind::ListOf)
                }
            }
        }
    }

    /// Returns the type of `$name` in the query's text.
    pub fn value_type(&self) -> DataType {
        match self {
            ParameterKind::Date => DataType::Date32,
            ParameterKind::Text | ParameterKind::OneOf(_) => DataType::Utf8View,
            ParameterKind::Integer => DataType::Int64,
            ParameterKind::Number => DataType::Float64,
            ParameterKind::Boolean => DataType::Boolean,
            ParameterKind::ListOf(_) => DataType::List(word_field()),
        }
    }

    /// Returns the type of a prepared statement's parameter that is the argument; a list is given as text.
    pub fn argument_type(&self) -> DataType {
        match self {
            ParameterKind::Text | ParameterKind::OneOf(_) | ParameterKind::ListOf(_) => {
                DataType::Utf8
            }
            other => other.value_type(),
        }
    }

    /// Returns the name in SQL of the [value type](Self::value_type).
    pub(super) fn sql_type(&self) -> &'static str {
        match self {
            ParameterKind::Date => "DATE",
            ParameterKind::Text | ParameterKind::OneOf(_) => "TEXT",
            ParameterKind::Integer => "BIGINT",
            ParameterKind::Number => "DOUBLE PRECISION",
            ParameterKind::Boolean => "BOOLEAN",
            ParameterKind::ListOf(_) => "TEXT[]",
        }
    }
}

/// Says in an error what was expected.
impl fmt::Display for ParameterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterKind::Date => f.write_str("a date as YYYY-MM-DD"),
            ParameterKind::Text => f.write_str("text"),
            ParameterKind::Integer => f.write_str("a whole number"),
            ParameterKind::Number => f.write_str("a number"),
            ParameterKind::Boolean => f.write_str("true or false"),
            ParameterKind::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            ParameterKind::ListOf(words) => write!(
                f,
                "null for all, or a list such as '{}' of {}",
                words.get(..2).unwrap_or(words).join(","),
                words.join(", ")
            ),
        }
    }
}

fn word_field() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8View, true))
}

impl Parameter {
    /// Converts an argument to a value of this parameter's type. Null stays null.
    ///
    /// # Errors
    /// If the argument is no such value; `query` is the name in the error.
    pub(super) fn convert(&self, query: &str, argument: &ScalarValue) -> Result<ScalarValue> {
        if argument.is_null() {
            return ScalarValue::try_from(self.kind.value_type());
        }
        match self.value(argument) {
            Some(Ok(value)) => Ok(value),
            Some(Err(word)) => plan_err!(
                "{query}: parameter \"{}\" has {word}; expected {}",
                self.name,
                self.kind
            ),
            None => plan_err!(
                "{query}: parameter \"{}\" is {}; expected {}",
                self.name,
                display_value(argument),
                self.kind
            ),
        }
    }

    /// Converts an argument that is not null. Returns `None` if it is wrong as a whole, or an error with the wrong word of a
    /// list.
    fn value(&self, argument: &ScalarValue) -> Option<Result<ScalarValue, String>> {
        let text = argument.try_as_str().flatten();
        let value = match &self.kind {
            ParameterKind::Date => ScalarValue::Date32(Some(date(argument)?)),
            ParameterKind::Text => ScalarValue::Utf8View(Some(text?.to_owned())),
            ParameterKind::Integer => match text {
                Some(text) => ScalarValue::Int64(Some(text.trim().parse().ok()?)),
                None if argument.data_type().is_integer() => {
                    argument.cast_to(&DataType::Int64).ok()?
                }
                None => return None,
            },
            ParameterKind::Number => match text {
                Some(text) => {
                    let number: f64 = text.trim().parse().ok()?;
                    ScalarValue::Float64(number.is_finite().then_some(Some(number))?)
                }
                None if argument.data_type().is_numeric() => {
                    argument.cast_to(&DataType::Float64).ok()?
                }
                None => return None,
            },
            ParameterKind::Boolean => match (text, argument) {
                (Some(text), _) => ScalarValue::Boolean(Some(text.trim().parse().ok()?)),
                (None, ScalarValue::Boolean(_)) => argument.clone(),
                _ => return None,
            },
            ParameterKind::OneOf(words) => {
                let word = text?.trim();
                words.iter().find(|known| *known == word)?;
                ScalarValue::Utf8View(Some(word.to_owned()))
            }
            ParameterKind::ListOf(words) => {
                let mut given = match argument {
                    ScalarValue::List(list) => list_items(list)?,
                    _ => text?.split(',').map(|w| w.trim().to_owned()).collect(),
                };
                if given.iter().all(String::is_empty) {
                    return None;
                }
                if let Some(unknown) = given.iter().find(|word| !words.contains(word)) {
                    return Some(Err(format!("'{unknown}'")));
                }
                given.sort_unstable();
                given.dedup();
                let values: ArrayRef = Arc::new(StringViewArray::from_iter_values(given));
                let list = ListArray::new(
                    word_field(),
                    arrow::buffer::OffsetBuffer::from_lengths([values.len()]),
                    values,
                    None,
                );
                ScalarValue::List(Arc::new(list))
            }
        };
        Some(Ok(value))
    }
}

/// Converts an argument to a day, in days since 1970. It may be a date, its text, or a timestamp without a zone at midnight:
/// in PostgreSQL a date minus an interval is such a timestamp.
fn date(argument: &ScalarValue) -> Option<i32> {
    match argument {
        ScalarValue::Date32(days) => *days,
        ScalarValue::Date64(_)
        | ScalarValue::TimestampSecond(_, None)
        | ScalarValue::TimestampMillisecond(_, None)
        | ScalarValue::TimestampMicrosecond(_, None)
        | ScalarValue::TimestampNanosecond(_, None) => {
            let day = argument.cast_to(&DataType::Date32).ok()?;
            let midnight = day.cast_to(&argument.data_type()).ok()?;
            match day {
                ScalarValue::Date32(days) if midnight == *argument => days,
                _ => None,
            }
        }
        _ => {
            let text = argument.try_as_str().flatten()?.trim();
            let shape = |(i, b): (usize, u8)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            };
            if text.len() != 10 || !text.bytes().enumerate().all(shape) {
                return None;
            }
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(day.to_epoch_days())
        }
    }
}

/// Returns the items of a list of strings; `None` if one is null.
fn list_items(list: &ListArray) -> Option<Vec<String>> {
    let items = cast(list.values(), &DataType::Utf8View).ok()?;
    let items = items.as_any().downcast_ref::<StringViewArray>()?;
    items.iter().map(|item| item.map(str::to_owned)).collect()
}

/// Formats a value for an error: text in quotes, other values with their type.
fn display_value(value: &ScalarValue) -> String {
    match value.try_as_str().flatten() {
        Some(text) => format!("'{text}'"),
        None => format!("{value} ({})", value.data_type()),
    }
}
