//! Texts: `format`, and values as they are sent.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::compute::kernels::concat_elements::concat_elements_utf8_many;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::functions::casts::is_text;
use crate::functions::limits::Budget;

/// A column's values as texts, as they are sent.
fn shown(call: &Call, at: usize) -> Result<StringArray> {
    let array = call.array(at);
    if is_text(array.data_type()) || matches!(array.data_type(), DataType::Null) {
        return call.texts(at);
    }
    call.sent(at)
}

/// A text as a literal.
fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// A text as an identifier, quoted where it must be.
fn identifier(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> datafusion::error::DataFusionError {
    raise(PgError::new(code::INVALID_PARAMETER, message))
}

/// `format(pattern, …)`: `%s`, `%I`, `%L`, with a position and a width.
fn formatted(pattern: &str, args: &[Option<&str>], budget: &mut Budget<'_>) -> Result<String> {
    budget.text(pattern.len())?;
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut number = String::new();
        let mut left = false;
        loop {
            match chars.peek() {
                Some('-') => left = true,
                Some(digit) if digit.is_ascii_digit() => number.push(*digit),
                Some('$') => {
                    let position: usize = number.parse().map_err(|_| {
                        wrong("format specifies argument 0, but arguments are numbered from 1")
                    })?;
                    next = position.checked_sub(1).ok_or_else(|| {
                        wrong("format specifies argument 0, but arguments are numbered from 1")
                    })?;
                    number.clear();
                }
                _ => break,
            }
            chars.next();
        }
        let kind = chars
            .next()
            .ok_or_else(|| wrong("unterminated format() type specifier"))?;
        let value = *args
            .get(next)
            .ok_or_else(|| wrong("too few arguments for format()"))?;
        next += 1;
        let text = match (kind, value) {
            ('s', value) => value.unwrap_or_default().to_owned(),
            ('I', Some(value)) => identifier(value),
            ('I', None) => {
                return Err(raise(PgError::new(
                    "22004",
                    "null values cannot be formatted as an SQL identifier",
                )));
            }
            ('L', value) => value.map_or_else(|| "NULL".to_owned(), literal),
            (other, _) => {
                return Err(wrong(format!(
                    "unrecognized format() type specifier \"{other}\""
                )));
            }
        };
        let width: usize = match number.parse::<i32>() {
            Ok(width) => usize::try_from(width).unwrap_or(0),
            Err(_) if number.is_empty() => 0,
            Err(_) => return Err(raise(PgError::new("22003", "number is out of range"))),
        };
        let missing = width.saturating_sub(text.chars().count());
        budget.text(text.len().saturating_add(missing))?;
        let missing = " ".repeat(missing);
        if left {
            out.push_str(&text);
            out.push_str(&missing);
        } else {
            out.push_str(&missing);
            out.push_str(&text);
        }
    }
    Ok(out)
}

fn format(call: &Call) -> Result<ArrayRef> {
    let columns = (0..call.arity())
        .map(|at| shown(call, at))
        .collect::<Result<Vec<_>>>()?;
    let mut budget = Budget::of("format");
    let rows = (0..call.rows).map(|row| {
        let value = |array: &StringArray| array.is_valid(row).then(|| array.value(row).to_owned());
        let Some(pattern) = columns.first().and_then(value) else {
            return Ok(None);
        };
        let args: Vec<Option<String>> = columns.iter().skip(1).map(value).collect();
        let args: Vec<Option<&str>> = args.iter().map(Option::as_deref).collect();
        formatted(&pattern, &args, &mut budget).map(Some)
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

fn each(call: &Call, text: impl Fn(Option<&str>) -> Option<String>) -> Result<ArrayRef> {
    let shown = shown(call, 0)?;
    Ok(Arc::new(shown.iter().map(text).collect::<StringArray>()))
}

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_out", 1..=1, DataType::Utf8, |call| {
            each(call, |text| text.map(str::to_owned))
        })
        .identity(|arg| *arg == DataType::Utf8)
        .stable(),
        Function::new("pg_varchar", 1..=2, DataType::Utf8, |call| {
            let lengths = if call.arity() > 1 {
                Some(call.integers(1)?)
            } else {
                None
            };
            let texts = call.texts(0)?;
            let cut = texts.iter().enumerate().map(|(row, text)| {
                let length = match &lengths {
                    Some(lengths) => usize::try_from(lengths.value(row)).unwrap_or(0),
                    None => usize::MAX,
                };
                text.map(|text| text.chars().take(length).collect::<String>())
            });
            Ok(Arc::new(cut.collect::<StringArray>()))
        })
        .shown_as("varchar"),
        // Of one line one of lines of so many characters.
        Function::new("pg_lines", 2..=2, DataType::Utf8, |call| {
            let widths = call.integers(1)?;
            let texts = call.texts(0)?;
            let lined = texts.iter().enumerate().map(|(row, text)| {
                let width = usize::try_from(widths.value(row)).unwrap_or(1).max(1);
                let lines: Vec<_> = text?.as_bytes().chunks(width).collect();
                String::from_utf8(lines.join(&b'\n')).ok()
            });
            Ok(Arc::new(lined.collect::<StringArray>()))
        }),
        Function::new("pg_to_hex", 1..=1, DataType::Utf8, |call| {
            let narrow = matches!(call.array(0).data_type(), DataType::Int16 | DataType::Int32);
            // A number below zero is that of its bits, of which an int4 has half as many.
            let mask = if narrow {
                u64::from(u32::MAX)
            } else {
                u64::MAX
            };
            call.text_by_integer(|number| Some(format!("{:x}", number as u64 & mask)))
        }),
        Function::new("format", 1..=32, DataType::Utf8, format).stable(),
        // What `||` of texts stands for: null where one of them is.
        Function::new("pg_joined", 2..=2, DataType::Utf8, |call| {
            let texts = (0..call.arity())
                .map(|at| call.texts(at))
                .collect::<Result<Vec<_>>>()?;
            let texts: Vec<&StringArray> = texts.iter().collect();
            Ok(Arc::new(concat_elements_utf8_many(&texts)?))
        })
        .and_more(),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("%s has %s", &[Some("x"), Some("3")], "x has 3")]
    #[case("%I %L", &[Some("Odd name"), Some("it's")], "\"Odd name\" 'it''s'")]
    #[case("%5s|%-5s|", &[Some("a"), Some("b")], "    a|b    |")]
    #[case("%2$s %1$s", &[Some("a"), Some("b")], "b a")]
    #[case("100%% %L", &[None], "100% NULL")]
    fn formats(#[case] pattern: &str, #[case] args: &[Option<&str>], #[case] expected: &str) {
        let mut budget = Budget::of("format");
        assert_eq!(formatted(pattern, args, &mut budget).unwrap(), expected);
    }

    #[rstest]
    #[case("%18446744073709551615s", "number is out of range")]
    #[case("%99999999999999999999999s", "number is out of range")]
    #[case("%2000000000s", "requested length too large")]
    #[case("%200000000s%1$200000000s", "requested length too large")]
    fn a_width_has_its_bounds(#[case] pattern: &str, #[case] expected: &str) {
        let mut budget = Budget::of("format");
        let error = formatted(pattern, &[Some("x")], &mut budget).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
