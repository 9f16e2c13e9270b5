//! `regexp_like`, `regexp_count`, `regexp_instr`, `regexp_substr`, `regexp_match`, `regexp_matches`, `regexp_split_to_array` and
//! `substring(x FROM pattern)`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use regex::Captures;

use super::{Matches, Numbers, Row, by_row, map_rows, place};
use crate::error::PgError;
use crate::functions::call::{Call, raise};
use crate::functions::function::Function;
use crate::functions::limits::Budget;

/// Refuses the option `g` for a function that finds one match.
fn refuse_global(function: &str, row: &Row<'_>) -> Result<()> {
    if !row.options.global {
        return Ok(());
    }
    let message = format!("{function}() does not support the \"global\" option");
    let error = PgError::invalid_parameter(message);
    Err(raise(if function == "regexp_match" {
        error.hint("Use the regexp_matches function instead.")
    } else {
        error
    }))
}

/// `regexp_like(text, pattern [, options])`.
fn like(call: &Call) -> Result<ArrayRef> {
    let truths = map_rows(call, 2, |row| {
        refuse_global("regexp_like", &row)?;
        Ok(Some(row.regex.is_match(row.text)))
    })?;
    Ok(Arc::new(BooleanArray::from(truths)))
}

/// `regexp_count(text, pattern [, start [, options]])`.
fn count(call: &Call) -> Result<ArrayRef> {
    let starts = Numbers::of(call, 2, "start", 1)?;
    let counts = map_rows(call, 3, |row| {
        refuse_global("regexp_count", &row)?;
        let Some(start) = starts.at(row.at)? else {
            return Ok(None);
        };
        let mut matches = Matches::of(&row, place(row.text, start));
        let count = std::iter::from_fn(|| matches.next_whole()).count();
        Ok(i32::try_from(count).ok())
    })?;
    Ok(Arc::new(Int32Array::from(counts)))
}

/// The wanted match, and the wanted group of it, of each row.
struct Wanted {
    function: &'static str,
    starts: Numbers,
    numbers: Numbers,
    groups: Numbers,
}

impl Wanted {
    fn of(call: &Call, function: &'static str, groups: usize) -> Result<Wanted> {
        Ok(Wanted {
            function,
            starts: Numbers::of(call, 2, "start", 1)?,
            numbers: Numbers::of(call, 3, "n", 1)?,
            groups: Numbers::of(call, groups, "subexpr", 0)?.within(0, i64::MAX),
        })
    }

    /// Finds it, in bytes: none where an argument is null, and then none where there is no such match.
    fn find(&self, row: &Row<'_>) -> Result<Option<Option<(usize, usize)>>> {
        refuse_global(self.function, row)?;
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

/// `regexp_instr(text, pattern [, start [, n [, endoption [, options [, group]]]]])`: where the wanted match begins, or ends,
/// counted in characters from one; zero where there is none.
fn position(call: &Call) -> Result<ArrayRef> {
    let wanted = Wanted::of(call, "regexp_instr", 6)?;
    let ends = Numbers::of(call, 4, "endoption", 0)?.within(0, 1);
    let positions = map_rows(call, 5, |row| {
        let end = ends.at(row.at)?;
        let found = wanted.find(&row)?;
        Ok(match (found, end) {
            (Some(found), Some(end)) => found.map_or(Some(0), |(from, to)| {
                let at = if end == 1 { to } else { from };
                i32::try_from(row.text[..at].chars().count() + 1).ok()
            }),
            _ => None,
        })
    })?;
    Ok(Arc::new(Int32Array::from(positions)))
}

/// Cuts a part of each text, or gives null.
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

/// `regexp_substr(text, pattern [, start [, n [, options [, group]]]])`: the wanted match, or a group of it.
fn part(call: &Call) -> Result<ArrayRef> {
    let wanted = Wanted::of(call, "regexp_substr", 5)?;
    parts(call, 4, |row| Ok(wanted.find(row)?.flatten()))
}

/// `substring(x FROM pattern)`: the first group of the first match, or the match where the pattern has no group.
fn first_part(call: &Call) -> Result<ArrayRef> {
    parts(call, 2, |row| {
        let group = usize::from(row.regex.captures_len() > 1);
        let found = row.regex.captures(row.text);
        let group = found.and_then(|found| found.get(group));
        Ok(group.map(|group| (group.start(), group.end())))
    })
}

/// `regexp_split_to_array(text, pattern [, options])`: the parts of a text between matches. An empty match splits letter from
/// letter, and not before the first or after the last.
fn split(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut budget = Budget::of("regexp_split_to_array");
    by_row(call, 2, |row| {
        let Some(row) = row else {
            lists.append_null();
            return Ok(());
        };
        refuse_global("regexp_split_to_array", &row)?;
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

/// Appends the groups of a match, or the match where the pattern has no group.
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

/// `regexp_match(text, pattern [, options])`: the groups of the first match.
fn first_match(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut budget = Budget::of("regexp_match");
    by_row(call, 2, |row| {
        let found = match row {
            Some(row) => {
                refuse_global("regexp_match", &row)?;
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

/// `regexp_matches(text, pattern [, options])`: the groups of the first match, with the option `g` of all matches.
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

/// Returns the functions of this file.
pub(super) fn functions() -> Vec<Function> {
    let texts = DataType::new_list(DataType::Utf8, true);
    let text_lists = DataType::new_list(texts.clone(), true);
    vec![
        // SELECT regexp_like('Hello', 'l+'); → t
        Function::new("pg_regexp_like", 2..=3, DataType::Boolean, like),
        // SELECT regexp_count('Hello', 'l'); → 2
        Function::new("pg_regexp_count", 2..=4, DataType::Int32, count),
        // SELECT regexp_instr('Hello', 'l'); → 3
        Function::new("pg_regexp_instr", 2..=7, DataType::Int32, position),
        // SELECT regexp_substr('Hello', 'l+.'); → llo
        Function::new("pg_regexp_substr", 2..=6, DataType::Utf8, part),
        // SELECT substring('Hello' FROM 'l(.)'); → l
        Function::new("pg_regexp_part", 2..=2, DataType::Utf8, first_part),
        // SELECT regexp_match('Hello', '(l)(.)'); → {l,l}
        Function::new("pg_regexp_match", 2..=3, texts.clone(), first_match),
        // SELECT regexp_matches('Hello', 'l', 'g'); → {l} and {l}
        Function::new("pg_regexp_matches", 2..=3, text_lists, all_matches),
        // SELECT regexp_split_to_array('a, b', ', *'); → {a,b}
        Function::new("pg_regexp_split", 2..=3, texts, split),
    ]
}
