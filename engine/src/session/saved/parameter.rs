//! The typed parameters of saved queries, and how an argument becomes a value of its parameter's type.
//!
//! There is one conversion, [`Parameter::convert`]: for arguments known when a statement is planned, and, inside the
//! plan, for those that are not (a prepared statement's). What it refuses names the query, the parameter, the value and
//! what was expected.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use chrono::{Datelike, NaiveDate};
use datafusion::common::{Result, ScalarValue, plan_err};

/// A parameter of a saved query, as its file declares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// Its name, which the query's text refers to as `$name`.
    pub name: String,
    /// What it takes.
    pub kind: ParameterKind,
    /// The SQL expression that stands for it where it is left out or null.
    pub default: String,
    /// What it is for.
    pub description: String,
}

/// What a parameter takes.
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
    /// Some of these words, as a list between commas.
    ListOf(Vec<String>),
}

impl ParameterKind {
    /// Reads a kind as a query's header writes it.
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

    /// The type of `$name` in the query's text.
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

    /// The type that a prepared statement's parameter has in its place: a list is given as text.
    pub fn argument_type(&self) -> DataType {
        match self {
            ParameterKind::Text | ParameterKind::OneOf(_) | ParameterKind::ListOf(_) => {
                DataType::Utf8
            }
            other => other.value_type(),
        }
    }

    /// The same type in SQL.
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

/// What an error says was expected.
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
    /// The value of this parameter that an argument means; `query` is for the error.
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
                shown(argument),
                self.kind
            ),
        }
    }

    /// None: the argument is wrong as a whole. An inner error: a word in it is.
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
                    ScalarValue::List(list) => listed(list)?,
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

/// The day that an argument means: a date, its text, or an instant without a zone at its midnight, which is what a date
/// less an interval is in PostgreSQL.
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
            Some(day.num_days_from_ce() - UNIX_EPOCH_FROM_CE)
        }
    }
}

const UNIX_EPOCH_FROM_CE: i32 = 719_163;

/// The items of a list of strings; none of them null.
fn listed(list: &ListArray) -> Option<Vec<String>> {
    let items = cast(list.values(), &DataType::Utf8View).ok()?;
    let items = items.as_any().downcast_ref::<StringViewArray>()?;
    items.iter().map(|item| item.map(str::to_owned)).collect()
}

fn shown(value: &ScalarValue) -> String {
    match value.try_as_str().flatten() {
        Some(text) => format!("'{text}'"),
        None => format!("{value} ({})", value.data_type()),
    }
}
