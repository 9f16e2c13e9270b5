//! Regular expressions as PostgreSQL has them.
//!
//! [`syntax`] translates a pattern to Rust's syntax. Where the pattern is a constant and the answer a boolean, matching is
//! DataFusion's: the pattern is translated once, while a statement is planned, and DataFusion's simplifications apply. All
//! else is matched here: of patterns that differ by row DataFusion would keep each, and a few thousand can take gigabytes.

mod cache;
mod find;
mod replace;
mod syntax;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use regex::{Captures, Regex};

use crate::error::code;
use crate::functions::call::{Call, sql_error};
use crate::functions::function::Function;
use cache::Patterns;
use syntax::Options;

/// Reads the argument of options, if the call has it.
fn letters(call: &Call, at: usize) -> Result<Option<StringArray>> {
    (call.arity() > at).then(|| call.texts(at)).transpose()
}

/// Returns the options of a row: empty where the call has none, none where they are null.
fn letters_of(letters: Option<&StringArray>, row: usize) -> Option<&str> {
    match letters {
        Some(letters) => letters.is_valid(row).then(|| letters.value(row)),
        None => Some(""),
    }
}

/// Translates patterns with their options to Rust's syntax.
fn translate(call: &Call) -> Result<ArrayRef> {
    let (patterns, letters) = (call.texts(0)?, letters(call, 1)?);
    let mut cache = Patterns::default();
    let rows = (0..call.rows).map(|row| {
        let Some(with) = letters_of(letters.as_ref(), row).filter(|_| patterns.is_valid(row))
        else {
            return Ok(None);
        };
        let (regex, _) = cache.get(patterns.value(row), with)?;
        Ok(Some(regex.as_str().to_owned()))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// A row: its number, the text, the pattern and the pattern's options.
struct Row<'a> {
    at: usize,
    text: &'a str,
    regex: &'a Regex,
    options: Options,
}

/// Calls `each` for the rows of a text, a pattern and its options, which are the argument at `options`; with none for a row
/// that has a null.
fn by_row(
    call: &Call,
    options: usize,
    mut each: impl FnMut(Option<Row<'_>>) -> Result<()>,
) -> Result<()> {
    let (values, patterns, letters) = (call.texts(0)?, call.texts(1)?, letters(call, options)?);
    let mut cache = Patterns::default();
    for at in 0..call.rows {
        let with = letters_of(letters.as_ref(), at);
        let Some(with) = with.filter(|_| values.is_valid(at) && patterns.is_valid(at)) else {
            each(None)?;
            continue;
        };
        let (regex, options) = cache.get(patterns.value(at), with)?;
        each(Some(Row {
            at,
            text: values.value(at),
            regex,
            options,
        }))?;
    }
    Ok(())
}

/// Makes a value of each row that [`by_row`] goes through; null of a row with a null.
fn map_rows<T>(
    call: &Call,
    options: usize,
    mut each: impl FnMut(Row<'_>) -> Result<Option<T>>,
) -> Result<Vec<Option<T>>> {
    let mut values = Vec::with_capacity(call.rows);
    by_row(call, options, |row| {
        values.push(row.map(&mut each).transpose()?.flatten());
        Ok(())
    })?;
    Ok(values)
}

/// Iterates over the matches in a text from a place on. An empty match may follow another match at once, which Rust's own
/// iterators pass over.
struct Matches<'a> {
    regex: &'a Regex,
    text: &'a str,
    from: Option<usize>,
}

impl<'a> Matches<'a> {
    fn of(row: &Row<'a>, from: Option<usize>) -> Matches<'a> {
        Matches {
            regex: row.regex,
            text: row.text,
            from,
        }
    }

    /// Returns where to look for the next match.
    fn after(&self, start: usize, end: usize) -> Option<usize> {
        if start < end {
            return Some(end);
        }
        let next = self.text.get(end..)?.chars().next()?;
        Some(end + next.len_utf8())
    }

    /// Finds the next match without its groups, which costs less.
    fn next_whole(&mut self) -> Option<(usize, usize)> {
        let found = self.regex.find_at(self.text, self.from?)?;
        self.from = self.after(found.start(), found.end());
        Some((found.start(), found.end()))
    }
}

impl<'a> Iterator for Matches<'a> {
    type Item = Captures<'a>;

    fn next(&mut self) -> Option<Captures<'a>> {
        let found = self.regex.captures_at(self.text, self.from?)?;
        let whole = found.get(0)?;
        self.from = self.after(whole.start(), whole.end());
        Some(found)
    }
}

/// The integers of an optional argument, such as `start`.
struct Numbers {
    name: &'static str,
    values: Option<Int64Array>,
    /// The value where the argument is left out.
    otherwise: i64,
    least: i64,
    most: i64,
}

impl Numbers {
    fn of(call: &Call, at: usize, name: &'static str, otherwise: i64) -> Result<Numbers> {
        Ok(Numbers {
            name,
            values: call.optional_integers(at)?,
            otherwise,
            least: 1,
            most: i64::MAX,
        })
    }

    fn within(self, least: i64, most: i64) -> Numbers {
        Numbers {
            least,
            most,
            ..self
        }
    }

    /// Returns the number of a row; none where it is null.
    ///
    /// # Errors
    /// If it is out of range.
    fn at(&self, row: usize) -> Result<Option<i64>> {
        let Some(values) = &self.values else {
            return Ok(Some(self.otherwise));
        };
        if values.is_null(row) {
            return Ok(None);
        }
        let value = values.value(row);
        if (self.least..=self.most).contains(&value) {
            return Ok(Some(value));
        }
        Err(sql_error(
            code::INVALID_PARAMETER,
            format!("invalid value for parameter \"{}\": {value}", self.name),
        ))
    }
}

/// Converts the place of a character, counted from one, to bytes; none where the text ends before it.
fn place(text: &str, character: i64) -> Option<usize> {
    let before = usize::try_from(character - 1).ok()?;
    let mut places = text.char_indices().map(|(at, _)| at);
    places.nth(before).or_else(|| {
        let is_end = text.chars().count() == before;
        is_end.then_some(text.len())
    })
}

/// Returns the functions of this folder.
pub(super) fn functions() -> Vec<Function> {
    // A pattern in Rust's syntax, for DataFusion's own matching: SELECT 'a1' ~ '\d'; → t
    let translate = Function::new("pg_regex", 1..=2, DataType::Utf8, translate);
    [vec![translate], find::functions(), replace::functions()].concat()
}
