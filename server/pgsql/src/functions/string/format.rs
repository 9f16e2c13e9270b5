//! `format`, `varchar(n)`, `to_hex`, the concatenation `||`, and values as text.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::compute::kernels::concat_elements::concat_elements_utf8_many;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::quoting::quote_literal;
use crate::error::code;
use crate::functions::call::{Call, sql_error};
use crate::functions::casts::is_text;
use crate::functions::function::Function;
use crate::functions::limits::Budget;
use crate::functions::rows;

/// Writes an argument's values as clients are sent them; text is what it is.
fn argument_text(call: &Call, at: usize) -> Result<StringArray> {
    let array = call.array(at);
    if is_text(array.data_type()) || matches!(array.data_type(), DataType::Null) {
        return call.texts(at);
    }
    call.to_text(at)
}

/// Quotes a text as an SQL identifier, where it must be.
fn quote_identifier(text: &str) -> String {
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

fn invalid(message: impl Into<Cow<'static, str>>) -> DataFusionError {
    sql_error(code::INVALID_PARAMETER, message)
}

/// Writes a pattern of `format` with its arguments: `%s`, `%I` and `%L`, with a position and a width.
fn format(pattern: &str, args: &[Option<&str>], budget: &mut Budget<'_>) -> Result<String> {
    const NO_ARGUMENT: &str = "format specifies argument 0, but arguments are numbered from 1";
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
                    let position = number.parse::<usize>().ok();
                    let position = position.and_then(|position| position.checked_sub(1));
                    next = position.ok_or_else(|| invalid(NO_ARGUMENT))?;
                    number.clear();
                }
                _ => break,
            }
            chars.next();
        }
        let kind = chars
            .next()
            .ok_or_else(|| invalid("unterminated format() type specifier"))?;
        let value = *args
            .get(next)
            .ok_or_else(|| invalid("too few arguments for format()"))?;
        next += 1;
        let text = match (kind, value) {
            ('s', value) => value.unwrap_or_default().to_owned(),
            ('I', Some(value)) => quote_identifier(value),
            ('I', None) => {
                let what = "null values cannot be formatted as an SQL identifier";
                return Err(sql_error("22004", what));
            }
            ('L', value) => value.map_or_else(|| "NULL".to_owned(), quote_literal),
            (other, _) => {
                let what = format!("unrecognized format() type specifier \"{other}\"");
                return Err(invalid(what));
            }
        };
        let width: usize = match number.parse::<i32>() {
            Ok(width) => usize::try_from(width).unwrap_or(0),
            Err(_) if number.is_empty() => 0,
            Err(_) => return Err(sql_error("22003", "number is out of range")),
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

/// `format(pattern, …)`.
fn format_all(call: &Call) -> Result<ArrayRef> {
    let columns = (0..call.arity())
        .map(|at| argument_text(call, at))
        .collect::<Result<Vec<_>>>()?;
    let mut budget = Budget::of("format");
    let rows = (0..call.rows).map(|row| {
        let values = columns.iter();
        let values = values.map(|array| array.is_valid(row).then(|| array.value(row)));
        let values: Vec<Option<&str>> = values.collect();
        match values.split_first() {
            Some((Some(pattern), args)) => format(pattern, args, &mut budget).map(Some),
            _ => Ok(None),
        }
    });
    rows::collect::<StringArray, _>(rows)
}

/// `x::varchar(n)`: cuts texts to so many characters.
fn cut(call: &Call) -> Result<ArrayRef> {
    let Some(lengths) = call.optional_integers(1)? else {
        return call.cast(0, &DataType::Utf8);
    };
    let texts = call.texts(0)?;
    let cut = rows::zip(texts.iter(), lengths.iter(), |text, length| {
        let length = usize::try_from(length).unwrap_or(0);
        Ok(text.chars().take(length).collect::<String>())
    });
    rows::collect::<StringArray, _>(cut)
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // The text that clients are sent: SELECT concat(true); → t
        Function::new("pg_out", 1..=1, DataType::Utf8, |call| {
            Ok(Arc::new(argument_text(call, 0)?))
        })
        .identity(|arg| *arg == DataType::Utf8)
        .stable(),
        // SELECT 'abcdef'::varchar(3); → abc
        Function::new("pg_varchar", 1..=2, DataType::Utf8, cut).shown_as("varchar"),
        // Breaks a text into lines of so many bytes, as `encode(x, 'base64')` does after 76.
        Function::new("pg_lines", 2..=2, DataType::Utf8, |call| {
            let (texts, widths) = (call.texts(0)?, call.integers(1)?);
            let lined = texts.iter().zip(widths.iter()).map(|(text, width)| {
                let width = usize::try_from(width?).unwrap_or(1).max(1);
                let lines: Vec<_> = text?.as_bytes().chunks(width).collect();
                String::from_utf8(lines.join(&b'\n')).ok()
            });
            Ok(Arc::new(lined.collect::<StringArray>()))
        }),
        // SELECT to_hex(-1); → ffffffff
        Function::new("to_hex", 1..=1, DataType::Utf8, |call| {
            let narrow = matches!(call.array(0).data_type(), DataType::Int16 | DataType::Int32);
            // A negative number is shown by its bits, of which an int4 has half as many.
            let mask = if narrow {
                u64::from(u32::MAX)
            } else {
                u64::MAX
            };
            call.text_by_integer(|number| Some(format!("{:x}", number as u64 & mask)))
        }),
        // SELECT format('%s of %I', 1, 'Odd name'); → 1 of "Odd name"
        Function::new("format", 1..=32, DataType::Utf8, format_all).stable(),
        // SELECT 'a' || 'b' || NULL; → null
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
    fn a_pattern_is_written_with_its_arguments(
        #[case] pattern: &str,
        #[case] args: &[Option<&str>],
        #[case] expected: &str,
    ) {
        let mut budget = Budget::of("format");
        assert_eq!(format(pattern, args, &mut budget).unwrap(), expected);
    }

    #[rstest]
    #[case("%18446744073709551615s", "number is out of range")]
    #[case("%99999999999999999999999s", "number is out of range")]
    #[case("%2000000000s", "requested length too large")]
    #[case("%200000000s%1$200000000s", "requested length too large")]
    fn a_width_has_its_bounds(#[case] pattern: &str, #[case] expected: &str) {
        let mut budget = Budget::of("format");
        let error = format(pattern, &[Some("x")], &mut budget).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
