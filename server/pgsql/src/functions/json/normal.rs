//! Writes JSON in the normal form of `jsonb`: shorter keys first and each once, one space after commas and colons, numbers
//! written out.
//!
//! A text is parsed into a tree, which recursive functions read and write. So its depth is bounded: an exhausted stack would
//! end the process.

use datafusion::error::{DataFusionError, Result};
use serde_json::value::RawValue;

use super::{no_json, without_null};
use crate::error::PgError;
use crate::functions::call::raise;
use crate::functions::limits::Budget;

/// The greatest depth of arrays and objects in one another. PostgreSQL is bounded by its stack's size instead.
const DEEPEST: usize = 1000;

/// The most digits that a `numeric` has before the point, and after it.
const WHOLE: i64 = 131_072;
const FRACTION: i64 = 16_383;

enum Value<'a> {
    /// A boolean or null.
    Word(&'a str),
    Number(&'a str),
    Text(String),
    Array(Vec<Value<'a>>),
    Object(Vec<(String, Value<'a>)>),
}

/// Writes a JSON text in normal form.
///
/// # Errors
/// If it is no JSON, or what PostgreSQL cannot hold: of too many levels, with a zero byte, with too long a number.
pub(super) fn normalize(text: &str, budget: &mut Budget<'_>) -> Result<String> {
    // The reader relies on it.
    serde_json::from_str::<&RawValue>(text).map_err(|error| no_json(&error))?;
    let mut reader = Reader { rest: text };
    let value = reader.value(DEEPEST)?;
    let mut out = String::with_capacity(text.len());
    value.write(&mut out, budget)?;
    budget.text(out.len())?;
    Ok(out)
}

/// Parses a text that is known to be JSON.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, levels: usize) -> Result<Value<'a>> {
        match self.first() {
            b'{' => self.object(levels.checked_sub(1).ok_or_else(too_deep)?),
            b'[' => self.array(levels.checked_sub(1).ok_or_else(too_deep)?),
            b'"' => Ok(Value::Text(self.string()?)),
            first => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']);
                let word = self.take(end.unwrap_or(self.rest.len()));
                Ok(if first.is_ascii_alphabetic() {
                    Value::Word(word)
                } else {
                    Value::Number(word)
                })
            }
        }
    }

    fn array(&mut self, levels: usize) -> Result<Value<'a>> {
        let mut items = Vec::new();
        self.take(1);
        while !matches!(self.first(), b']' | 0) {
            items.push(self.value(levels)?);
            if self.first() == b',' {
                self.take(1);
            }
        }
        self.take(1);
        Ok(Value::Array(items))
    }

    fn object(&mut self, levels: usize) -> Result<Value<'a>> {
        let mut members = Vec::new();
        self.take(1);
        while !matches!(self.first(), b'}' | 0) {
            let key = self.string()?;
            // The colon.
            self.first();
            self.take(1);
            members.push((key, self.value(levels)?));
            if self.first() == b',' {
                self.take(1);
            }
        }
        self.take(1);
        // Shorter keys first; of several members of one name the last counts.
        members.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        members.reverse();
        members.dedup_by(|(a, _), (b, _)| a == b);
        members.reverse();
        Ok(Value::Object(members))
    }

    fn string(&mut self) -> Result<String> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let quoted = self.take(end.map_or(self.rest.len(), |end| end + 2));
        let text = serde_json::from_str(quoted).map_err(|error| no_json(&error))?;
        without_null(text)
    }

    /// Skips white space, and returns the next byte; zero at the end.
    fn first(&mut self) -> u8 {
        self.rest = self.rest.trim_start();
        self.rest.bytes().next().unwrap_or(0)
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

impl Value<'_> {
    fn write(&self, out: &mut String, budget: &mut Budget<'_>) -> Result<()> {
        match self {
            Value::Word(word) => out.push_str(word),
            Value::Number(number) => write_number(out, number, budget)?,
            Value::Text(text) => write_text(out, text),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    item.write(out, budget)?;
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (at, (key, member)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    write_text(out, key);
                    out.push_str(": ");
                    member.write(out, budget)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Writes a number as a `numeric` is shown: without an exponent, with the digits after the point that it was written with.
fn write_number(out: &mut String, text: &str, budget: &mut Budget<'_>) -> Result<()> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| too_long())?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    // The number of digits before the point, zero or less for a number below one; and of those after it.
    let length = |text: &str| i64::try_from(text.len()).map_err(|_| too_long());
    let after = length(fraction)?
        .checked_sub(exponent)
        .ok_or_else(too_long)?;
    let before = length(digits)?.checked_sub(after).ok_or_else(too_long)?;
    if after > FRACTION || (before > WHOLE && !digits.is_empty()) {
        return Err(too_long());
    }
    let count = |digits: i64| usize::try_from(digits).unwrap_or(0);
    let (written, zeros) = (count(before).min(digits.len()), count(-after));
    budget.text(zeros.max(count(after)))?;
    out.push_str(if digits.is_empty() { "" } else { sign });
    let (whole, fraction) = digits.split_at(written);
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !whole.is_empty() {
        out.extend(std::iter::repeat_n('0', zeros));
    }
    if after > 0 {
        out.push('.');
        let missing = count(after).saturating_sub(fraction.len());
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(fraction);
    }
    Ok(())
}

fn too_deep() -> DataFusionError {
    raise(
        PgError::new("54001", "stack depth limit exceeded").detail(format!(
            "arrays and objects of jsonb may be {DEEPEST} deep in one another"
        )),
    )
}

fn too_long() -> DataFusionError {
    raise(PgError::new("22003", "value overflows numeric format"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    fn normal(text: &str) -> Result<String> {
        normalize(text, &mut Budget::of("jsonb"))
    }

    #[rstest]
    #[case(
        r#" {"bb":1.50, "a":[1,{"x":null}],"a":"\u0041"}"#,
        r#"{"a": "A", "bb": 1.50}"#
    )]
    #[case(
        r#"{"é":1,"zz":2,"a":3,"":[]}"#,
        r#"{"": [], "a": 3, "zz": 2, "é": 1}"#
    )]
    #[case(r#"{"a":1,"a":2,"b":3,"a":4}"#, r#"{"a": 4, "b": 3}"#)]
    #[case("[ true ,false,null , {} ]", "[true, false, null, {}]")]
    #[case(
        r#"["\\", "\"", "a,]}", "\u0001\n"]"#,
        r#"["\\", "\"", "a,]}", "\u0001\n"]"#
    )]
    #[case(
        "[1e2, 1.50, 1E-3, -0, -0.0, 12e-1]",
        "[100, 1.50, 0.001, 0, 0.0, 1.2]"
    )]
    #[case("[1.5e+1, 0e5, 0.0e-2, 0.05e1]", "[15, 0, 0.000, 0.5]")]
    #[case("[-12.34e1, 0.001e2, 100e-1]", "[-123.4, 0.1, 10.0]")]
    #[case(
        "12345678901234567890123456789012345678901234567890.5",
        "12345678901234567890123456789012345678901234567890.5"
    )]
    #[case("\"x\"", "\"x\"")]
    fn a_text_has_one_normal_form(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(normal(text).unwrap(), expected);
    }

    #[rstest]
    #[case("1e131071", 131_072)]
    #[case("1e-16383", 16_385)]
    #[case("0e999999", 1)]
    fn numbers_are_written_out(#[case] text: &str, #[case] length: usize) {
        assert_eq!(normal(text).unwrap().len(), length);
    }

    #[rstest]
    #[case("{\"a\": 1".to_owned(), "invalid input syntax")]
    #[case("\"\\ud800\"".to_owned(), "invalid input syntax")]
    #[case("{\"\\u0000\": 1}".to_owned(), "unsupported Unicode escape sequence")]
    #[case("1e131072".to_owned(), "overflows")]
    #[case("1e-16384".to_owned(), "overflows")]
    #[case("1e99999999999999999999".to_owned(), "overflows")]
    #[case("[".repeat(1_000_000) + &"]".repeat(1_000_000), "stack depth limit exceeded")]
    #[case("{\"a\":".repeat(1001) + "1" + &"}".repeat(1001), "stack depth limit exceeded")]
    fn a_text_that_jsonb_cannot_hold_is_refused(#[case] text: String, #[case] expected: &str) {
        let error = normal(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn as_many_levels_as_are_allowed_are_read() {
        let text = "[".repeat(DEEPEST) + &"]".repeat(DEEPEST);
        assert_eq!(normal(&text).unwrap(), text);
    }

    #[test]
    fn numbers_that_are_written_out_are_counted() {
        let numbers = vec!["1e131071"; 3000].join(",");
        let error = normal(&format!("[{numbers}]")).unwrap_err().to_string();
        assert!(error.contains("requested length too large"), "{error}");
    }
}
