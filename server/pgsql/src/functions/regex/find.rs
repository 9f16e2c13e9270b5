//! What a pattern finds in a text: whether, what, where, and how often.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use regex::Captures;

use super::{Matches, Numbers, Row, by_row, place};
use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::functions::limits::Budget;

/// Not all matches can be asked for.
fn not_global(function: &str, row: &Row<'_>) -> Result<()> {
    if !row.options.global {
        return Ok(());
    }
    let message = format!("{function}() does not support the \"global\" option");
    let error = PgError::new(code::INVALID_PARAMETER, message);
    Err(raise(if function == "regexp_match" {
        error.hint("Use the regexp_matches function instead.")
    } else {
        error
    }))
}

/// Whether it is found.
fn like(call: &Call) -> Result<ArrayRef> {
    let mut truths = Vec::with_capacity(call.rows);
    by_row(call, 2, |row| {
        let truth = row.map(|row| -> Result<bool> {
            not_global("regexp_like", &row)?;
            Ok(row.regex.is_match(row.text))
        });
        truths.push(truth.transpose()?);
        Ok(())
    })?;
    Ok(Arc::new(BooleanArray::from(truths)))
}

/// How often it is found from a place on.
fn count(call: &Call) -> Result<ArrayRef> {
    let starts = Numbers::of(call, 2, "start", 1)?;
    let mut counts = Vec::with_capacity(call.rows);
    by_row(call, 3, |row| {
        let Some(row) = row else {
            counts.push(None);
            return Ok(());
        };
        not_global("regexp_count", &row)?;
        counts.push(match starts.at(row.at)? {
            Some(start) => {
                let mut matches = Matches::of(&row, place(row.text, start));
                let count = std::iter::from_fn(|| matches.next_whole()).count();
                i32::try_from(count).ok()
            }
            None => None,
        });
        Ok(())
    })?;
    Ok(Arc::new(Int32Array::from(counts)))
}

/// Which match, and which group of it, is meant.
struct Asked {
    function: &'static str,
    starts: Numbers,
    numbers: Numbers,
    groups: Numbers,
}

impl Asked {
    fn of(call: &Call, function: &'static str, groups: usize) -> Result<Asked> {
        Ok(Asked {
            function,
            starts: Numbers::of(call, 2, "start", 1)?,
            numbers: Numbers::of(call, 3, "n", 1)?,
            groups: Numbers::of(call, groups, "subexpr", 0)?.within(0, i64::MAX),
        })
    }

    /// Where that is, in bytes: none where an argument is null, and then none where it is not found.
    fn found(&self, row: &Row<'_>) -> Result<Option<Option<(usize, usize)>>> {
        not_global(self.function, row)?;
        let (start, number, group) = (
            self.starts.at(row.at)?,
            self.numbers.at(row.at)?,
            self.groups.at(row.at)?,
        );
        let (Some(start), Some(number), Some(group)) = (start, number, group) else {
            return Ok(None);
        };
        let (Ok(before), Ok(group)) = (usize::try_from(number - 1), usize::try_from(group)) else {
            return Ok(Some(None));
        };
        let mut matches = Matches::of(row, place(row.text, start));
        let found = matches.nth(before);
        let group = found.and_then(|found| found.get(group));
        Ok(Some(group.map(|group| (group.start(), group.end()))))
    }
}

/// Where the match is that is asked for, counted in characters from one, or where it ends; zero where there is none.
fn position(call: &Call) -> Result<ArrayRef> {
    let asked = Asked::of(call, "regexp_instr", 6)?;
    let ends = Numbers::of(call, 4, "endoption", 0)?.within(0, 1);
    let mut positions = Vec::with_capacity(call.rows);
    by_row(call, 5, |row| {
        let Some(row) = row else {
            positions.push(None);
            return Ok(());
        };
        let end = ends.at(row.at)?;
        let found = asked.found(&row)?;
        positions.push(match (found, end) {
            (Some(found), Some(end)) => found.map_or(Some(0), |(from, to)| {
                let at = if end == 1 { to } else { from };
                i32::try_from(row.text[..at].chars().count() + 1).ok()
            }),
            _ => None,
        });
        Ok(())
    })?;
    Ok(Arc::new(Int32Array::from(positions)))
}

/// A part of each text, or null.
fn parts(
    call: &Call,
    options: usize,
    part: impl Fn(&Row<'_>) -> Result<Option<(usize, usize)>>,
) -> Result<ArrayRef> {
    let mut texts = StringBuilder::with_capacity(call.rows, 0);
    by_row(call, options, |row| {
        let found = match &row {
            Some(row) => part(row)?.map(|(from, to)| &row.text[from..to]),
            None => None,
        };
        texts.append_option(found);
        Ok(())
    })?;
    Ok(Arc::new(texts.finish()))
}

/// The match that is asked for, or a group of it.
fn part(call: &Call) -> Result<ArrayRef> {
    let asked = Asked::of(call, "regexp_substr", 5)?;
    parts(call, 4, |row| Ok(asked.found(row)?.flatten()))
}

/// The first group of the first match, or all of it where it has none: `substring(x FROM pattern)`.
fn first_part(call: &Call) -> Result<ArrayRef> {
    parts(call, 2, |row| {
        let group = usize::from(row.regex.captures_len() > 1);
        let found = row.regex.captures(row.text);
        let group = found.and_then(|found| found.get(group));
        Ok(group.map(|group| (group.start(), group.end())))
    })
}

/// The parts of a text between matches. One of nothing splits letter from letter, and not before the first or after the
/// last.
fn split(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut budget = Budget::of("regexp_split_to_array");
    by_row(call, 2, |row| {
        let Some(row) = row else {
            lists.append_null();
            return Ok(());
        };
        not_global("regexp_split_to_array", &row)?;
        budget.text(row.text.len())?;
        let mut from = 0;
        let mut matches = Matches::of(&row, Some(0));
        while let Some((start, end)) = matches.next_whole() {
            if start == row.text.len() || end <= from {
                continue;
            }
            budget.elements(1)?;
            lists.values().append_value(&row.text[from..start]);
            from = end;
        }
        lists.values().append_value(&row.text[from..]);
        lists.append(true);
        Ok(())
    })?;
    Ok(Arc::new(lists.finish()))
}

/// The groups of a match, or all of it where there are none.
fn append_groups(
    texts: &mut StringBuilder,
    found: &Captures<'_>,
    budget: &mut Budget<'_>,
) -> Result<()> {
    let groups = usize::from(found.len() > 1);
    for group in found.iter().skip(groups) {
        let group = group.map(|group| group.as_str());
        budget.elements(1)?;
        budget.text(group.map_or(0, str::len))?;
        texts.append_option(group);
    }
    Ok(())
}

/// The groups of the first match.
fn first_match(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut budget = Budget::of("regexp_match");
    by_row(call, 2, |row| {
        let found = match row {
            Some(row) => {
                not_global("regexp_match", &row)?;
                row.regex.captures(row.text)
            }
            None => None,
        };
        if let Some(found) = &found {
            append_groups(lists.values(), found, &mut budget)?;
        }
        lists.append(found.is_some());
        Ok(())
    })?;
    Ok(Arc::new(lists.finish()))
}

/// The groups of the first match, or of all.
fn all_matches(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    let mut budget = Budget::of("regexp_matches");
    by_row(call, 2, |row| {
        let Some(row) = row else {
            lists.append_null();
            return Ok(());
        };
        let most = if row.options.global { usize::MAX } else { 1 };
        for found in Matches::of(&row, Some(0)).take(most) {
            append_groups(lists.values().values(), &found, &mut budget)?;
            lists.values().append(true);
        }
        lists.append(true);
        Ok(())
    })?;
    Ok(Arc::new(lists.finish()))
}

pub(super) fn functions() -> Vec<Function> {
    let texts = DataType::new_list(DataType::Utf8, true);
    let text_lists = DataType::new_list(texts.clone(), true);
    vec![
        Function::new("pg_regexp_like", 2..=3, DataType::Boolean, like),
        Function::new("pg_regexp_count", 2..=4, DataType::Int32, count),
        Function::new("pg_regexp_instr", 2..=7, DataType::Int32, position),
        Function::new("pg_regexp_substr", 2..=6, DataType::Utf8, part),
        Function::new("pg_regexp_part", 2..=2, DataType::Utf8, first_part),
        Function::new("pg_regexp_match", 2..=3, texts.clone(), first_match),
        Function::new("pg_regexp_matches", 2..=3, text_lists, all_matches),
        Function::new("pg_regexp_split", 2..=3, texts, split),
    ]
}
