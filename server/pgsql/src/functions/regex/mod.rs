//! Regular expressions as PostgreSQL has them.
//!
//! A pattern is written anew by [`syntax`]. Where it is a constant, and the answer a truth, matching is DataFusion's: the
//! pattern is then written once, while a statement is planned, and what DataFusion knows to make simpler stays so. All else
//! is done here: of patterns by row DataFusion would keep each, and a few thousand of them can be gigabytes.

mod cache;
mod find;
mod replace;
mod syntax;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use regex::{Captures, Regex};

use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use cache::Patterns;
use syntax::Options;

/// The letters after a pattern, if there are any.
fn letters(call: &Call, at: usize) -> Result<Option<StringArray>> {
    (call.arity() > at).then(|| call.texts(at)).transpose()
}

/// The letters of a row; none where they are null.
fn letters_of(letters: Option<&StringArray>, row: usize) -> Option<&str> {
    match letters {
        Some(letters) => letters.is_valid(row).then(|| letters.value(row)),
        None => Some(""),
    }
}

/// Of a pattern, and of its options, the same in Rust's syntax.
fn rewritten(call: &Call) -> Result<ArrayRef> {
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

/// A row of a text, a pattern, and a pattern's options.
struct Row<'a> {
    at: usize,
    text: &'a str,
    regex: &'a Regex,
    options: Options,
}

/// Puts the rows of a value, a pattern and its options, which are the argument at `options`, through `each`; of a row
/// with a null there is none.
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

/// Goes through the matches in a text from a place on. One of nothing may follow one of something, other than in Rust's
/// own iterators.
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

    /// Where to look on after a match.
    fn after(&self, start: usize, end: usize) -> Option<usize> {
        if start < end {
            return Some(end);
        }
        let next = self.text.get(end..)?.chars().next()?;
        Some(end + next.len_utf8())
    }

    /// The next match without its groups, which costs less to find.
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

/// Whole numbers of an argument that may be left out.
struct Numbers {
    name: &'static str,
    values: Option<Int64Array>,
    /// Where the argument is left out.
    otherwise: i64,
    least: i64,
    most: i64,
}

impl Numbers {
    fn of(call: &Call, at: usize, name: &'static str, otherwise: i64) -> Result<Numbers> {
        Ok(Numbers {
            name,
            values: (call.arity() > at).then(|| call.integers(at)).transpose()?,
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

    /// Of a row; none where it is null.
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
        Err(raise(PgError::new(
            code::INVALID_PARAMETER,
            format!("invalid value for parameter \"{}\": {value}", self.name),
        )))
    }
}

/// The place of a character, counted from one, in bytes; none where the text ends before.
fn place(text: &str, character: i64) -> Option<usize> {
    let before = usize::try_from(character - 1).ok()?;
    let mut places = text.char_indices().map(|(at, _)| at);
    places.nth(before).or_else(|| {
        let is_end = text.chars().count() == before;
        is_end.then_some(text.len())
    })
}

pub(super) fn functions() -> Vec<Function> {
    let mut functions = vec![Function::new("pg_regex", 1..=2, DataType::Utf8, rewritten)];
    functions.extend(find::functions());
    functions.extend(replace::functions());
    functions
}
