//! `regexp_replace`.
//!
//! DataFusion's takes a backslash before digits for a group even where it stands for itself, so PostgreSQL's replacement
//! texts cannot be translated for it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::{Matches, Numbers, Row, map_rows, place};
use crate::functions::call::Call;
use crate::functions::function::Function;
use crate::functions::limits::Budget;

/// A part of a replacement text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    /// A group of the match; group 0 is the whole match.
    Group(usize),
}

/// Reads a replacement text: `\1` is a group, `\&` the whole match, two backslashes are one.
fn read_replacement(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let part = match rest.as_bytes().get(at + 1) {
            Some(b'&') => Part::Group(0),
            Some(digit @ b'1'..=b'9') => Part::Group(usize::from(digit - b'0')),
            Some(b'\\') => Part::Text(&rest[at..=at]),
            // A backslash before anything else stands for itself.
            _ => {
                parts.push(Part::Text(&rest[..=at]));
                rest = &rest[at + 1..];
                continue;
            }
        };
        parts.extend([Part::Text(&rest[..at]), part]);
        rest = &rest[at + 2..];
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

/// Which matches are replaced.
struct Which {
    /// The place to begin at, in bytes.
    from: Option<usize>,
    /// The number of the only match that is replaced; all are where there is none.
    only: Option<i64>,
}

/// Replaces matches of a text. Each piece is counted before it is added.
fn replace_matches(
    row: &Row<'_>,
    by: &[Part<'_>],
    which: &Which,
    budget: &mut Budget<'_>,
) -> Result<String> {
    let mut out = String::new();
    let mut push = |text: &str| -> Result<()> {
        budget.text(text.len())?;
        out.push_str(text);
        Ok(())
    };
    let mut kept = 0;
    let mut matches = Matches::of(row, which.from);
    let by_groups = by.iter().any(|part| matches!(part, Part::Group(1..)));
    for number in 1.. {
        let (groups, whole) = if by_groups {
            let groups = matches.next();
            let whole = groups.as_ref().and_then(|groups| groups.get(0));
            let whole = whole.map(|whole| (whole.start(), whole.end()));
            (groups, whole)
        } else {
            (None, matches.next_whole())
        };
        let Some((start, end)) = whole else { break };
        if which.only.is_some_and(|only| only != number) {
            continue;
        }
        push(&row.text[kept..start])?;
        for part in by {
            match part {
                Part::Text(text) => push(text)?,
                Part::Group(0) => push(&row.text[start..end])?,
                Part::Group(at) => {
                    let group = groups.as_ref().and_then(|groups| groups.get(*at));
                    push(group.map_or("", |group| group.as_str()))?;
                }
            }
        }
        kept = end;
        if which.only.is_some() {
            break;
        }
    }
    push(&row.text[kept..])?;
    Ok(out)
}

/// `regexp_replace(text, pattern, by [, options])`, or with a place to begin at, and a number of which match, before those.
fn replace(call: &Call) -> Result<ArrayRef> {
    let by = call.texts(2)?;
    let from_place =
        call.arity() > 4 || (call.arity() > 3 && call.array(3).data_type().is_integer());
    let options = if from_place { 5 } else { 3 };
    let starts = Numbers::of(call, if from_place { 3 } else { call.arity() }, "start", 1)?;
    let numbered = from_place && call.arity() > 4;
    let numbers = Numbers::of(call, if numbered { 4 } else { call.arity() }, "n", 1)?;
    let numbers = numbers.within(0, i64::MAX);
    let mut last: Option<(&str, Vec<Part<'_>>)> = None;
    let mut budget = Budget::of("regexp_replace");
    let texts = map_rows(call, options, |row| {
        if by.is_null(row.at) {
            return Ok(None);
        }
        let (Some(start), Some(number)) = (starts.at(row.at)?, numbers.at(row.at)?) else {
            return Ok(None);
        };
        let with = by.value(row.at);
        let parts = match last.take() {
            Some((seen, parts)) if seen == with => parts,
            _ => read_replacement(with),
        };
        let all = number == 0 || (row.options.global && !numbered);
        let which = Which {
            from: place(row.text, start),
            only: (!all).then_some(number),
        };
        let text = replace_matches(&row, &parts, &which, &mut budget)?;
        last = Some((with, parts));
        Ok(Some(text))
    })?;
    Ok(Arc::new(StringArray::from(texts)))
}

/// Returns the functions of this file.
pub(super) fn functions() -> Vec<Function> {
    // SELECT regexp_replace('Hello', '(l+)', '[\1]'); → He[ll]o
    let replace = Function::new("pg_regexp_replace", 3..=6, DataType::Utf8, replace);
    vec![replace]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use regex::Regex;
    use rstest::rstest;

    use super::super::syntax::Options;
    use super::*;

    /// All matches of a pattern replaced.
    fn made(text: &str, pattern: &str, by: &str) -> Result<String> {
        let row = Row {
            at: 0,
            text,
            regex: &Regex::new(pattern).unwrap(),
            options: Options::default(),
        };
        let which = Which {
            from: Some(0),
            only: None,
        };
        replace_matches(
            &row,
            &read_replacement(by),
            &which,
            &mut Budget::of("regexp_replace"),
        )
    }

    #[rstest]
    #[case("b", r"\\1", r"a\1c")]
    #[case("(b)", r"[\1\0\&\\\x$1]", r"a[b\0b\\x$1]c")]
    #[case("b", r"x\", r"ax\c")]
    #[case("(b)", r"\2|\1", "a|bc")]
    #[case("b", "é\\é", "aé\\éc")]
    #[case("b", "", "ac")]
    #[case("b*", "x", "xaxxcx")]
    #[case("", "x", "xaxbxcx")]
    #[case("z", "x", "abc")]
    fn all_matches_are_replaced(#[case] pattern: &str, #[case] by: &str, #[case] expected: &str) {
        assert_eq!(made("abc", pattern, by).unwrap(), expected);
    }

    #[test]
    fn what_would_be_too_long_is_not_made() {
        assert!(made(&"a".repeat(100_000), "a", &"b".repeat(10_000)).is_err());
    }
}
