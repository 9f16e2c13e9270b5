//! `regexp_replace`.
//!
//! DataFusion's takes a backslash before digits for a group even where it is one that stands for itself, so the text in
//! place of a match cannot be written for it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::{Matches, Numbers, Row, by_row, place};
use crate::functions::call::{Call, Function};
use crate::functions::limits::Budget;

/// A part of what stands in place of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    /// A group, of which the first is all of the match.
    Group(usize),
}

/// Reads what stands in place of a match: `\1` is a group, `\&` all of it, two backslashes are one.
fn read(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let part = match rest.as_bytes().get(at + 1) {
            Some(b'&') => Part::Group(0),
            Some(digit @ b'1'..=b'9') => Part::Group(usize::from(digit - b'0')),
            Some(b'\\') => Part::Text(&rest[at..=at]),
            // One before anything else is itself.
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
    /// From a place on.
    from: Option<usize>,
    /// One of them alone.
    only: Option<i64>,
}

/// A text with other ones in place of its matches: each piece is counted before it is added.
fn replaced(
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
    let mut known: Option<(&str, Vec<Part<'_>>)> = None;
    let mut rows = Vec::with_capacity(call.rows);
    let mut budget = Budget::of("regexp_replace");
    by_row(call, options, |row| {
        let Some(row) = row.filter(|row| by.is_valid(row.at)) else {
            rows.push(None);
            return Ok(());
        };
        let (Some(start), Some(number)) = (starts.at(row.at)?, numbers.at(row.at)?) else {
            rows.push(None);
            return Ok(());
        };
        let with = by.value(row.at);
        let parts = match known.take() {
            Some((seen, parts)) if seen == with => parts,
            _ => read(with),
        };
        let all = number == 0 || (row.options.global && !numbered);
        let which = Which {
            from: place(row.text, start),
            only: (!all).then_some(number),
        };
        rows.push(Some(replaced(&row, &parts, &which, &mut budget)?));
        known = Some((with, parts));
        Ok(())
    })?;
    Ok(Arc::new(StringArray::from(rows)))
}

pub(super) fn functions() -> Vec<Function> {
    vec![Function::new(
        "pg_regexp_replace",
        3..=6,
        DataType::Utf8,
        replace,
    )]
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
        replaced(&row, &read(by), &which, &mut Budget::of("regexp_replace"))
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
