//! Regular expressions as PostgreSQL has them.
//!
//! Matching is DataFusion's, of a pattern that [`syntax`] has written anew: of a constant pattern that is done once,
//! while a statement is planned, and what DataFusion knows to make simpler stays so. What gives arrays is done here.

mod syntax;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use regex::Regex;

use super::super::error::PgError;
use super::call::{Call, Function, raise};
use super::limits::Budget;
use syntax::{Options, replacement, translated};

/// A flag of Rust's that changes nothing: none at all is not understood.
const NO_FLAG: &str = "u";

/// The pattern of the row before, as it mostly is that of the next one.
#[derive(Default)]
struct Patterns {
    known: Option<(String, String, Options, Regex)>,
}

impl Patterns {
    /// A pattern with its options.
    fn get(&mut self, pattern: &str, letters: &str) -> Result<(&Regex, Options)> {
        let is_known = self
            .known
            .as_ref()
            .is_some_and(|(seen, with, ..)| seen == pattern && with == letters);
        if !is_known {
            let options = Options::read(letters).map_err(raise)?;
            let regex = compiled(pattern, options)?;
            self.known = Some((pattern.to_owned(), letters.to_owned(), options, regex));
        }
        let known = self.known.as_ref();
        known
            .map(|(_, _, options, regex)| (regex, *options))
            .ok_or_else(|| raise(PgError::internal("no pattern")))
    }
}

fn compiled(pattern: &str, options: Options) -> Result<Regex> {
    let made = translated(pattern, options).map_err(raise)?;
    Regex::new(&made).map_err(|error| {
        // The last line says what is wrong, those before it show where in the pattern that was made of it.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default();
        let why = why.trim_start_matches("error: ");
        raise(PgError::new(
            "2201B",
            format!("invalid regular expression: {why}"),
        ))
    })
}

/// The letters after a pattern, if there are any.
fn letters(call: &Call, at: usize) -> Result<Option<StringArray>> {
    (call.len() > at).then(|| call.texts(at)).transpose()
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

/// Puts the rows of a value, a pattern and its options through `each`.
fn by_row(
    call: &Call,
    mut each: impl FnMut(Option<(&str, &Regex, Options)>) -> Result<()>,
) -> Result<()> {
    let (values, patterns, letters) = (call.texts(0)?, call.texts(1)?, letters(call, 2)?);
    let mut cache = Patterns::default();
    for row in 0..call.rows {
        let with = letters_of(letters.as_ref(), row);
        let Some(with) = with.filter(|_| values.is_valid(row) && patterns.is_valid(row)) else {
            each(None)?;
            continue;
        };
        let (regex, options) = cache.get(patterns.value(row), with)?;
        each(Some((values.value(row), regex, options)))?;
    }
    Ok(())
}

/// The parts of a text between matches. One of nothing splits letter from letter, and not before the first or after the
/// last.
fn split(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut budget = Budget::of("regexp_split_to_array");
    by_row(call, |row| {
        let Some((text, regex, _)) = row else {
            lists.append_null();
            return Ok(());
        };
        budget.text(text.len())?;
        let mut from = 0;
        for found in regex.find_iter(text) {
            if found.is_empty() && (found.start() == from || found.start() == text.len()) {
                continue;
            }
            budget.elements(1)?;
            lists.values().append_value(&text[from..found.start()]);
            from = found.end();
        }
        lists.values().append_value(&text[from..]);
        lists.append(true);
        Ok(())
    })?;
    Ok(Arc::new(lists.finish()))
}

/// Of each match the groups of it, or all of it where there are none.
fn matches(call: &Call) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    let mut budget = Budget::of("regexp_matches");
    by_row(call, |row| {
        let Some((text, regex, options)) = row else {
            lists.append_null();
            return Ok(());
        };
        let most = if options.global { usize::MAX } else { 1 };
        let groups = if regex.captures_len() > 1 { 1 } else { 0 };
        for found in regex.captures_iter(text).take(most) {
            for group in found.iter().skip(groups) {
                let group = group.map(|group| group.as_str());
                budget.elements(1)?;
                budget.text(group.map_or(0, str::len))?;
                lists.values().values().append_option(group);
            }
            lists.values().append(true);
        }
        lists.append(true);
        Ok(())
    })?;
    Ok(Arc::new(lists.finish()))
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

pub(super) fn functions() -> Vec<Function> {
    let texts = list_of(DataType::Utf8);
    vec![
        Function::new("pg_regex", 1..=2, DataType::Utf8, rewritten),
        Function::new("pg_replacement", 1..=1, DataType::Utf8, |call| {
            let texts = call.texts(0)?;
            let made = texts.iter().map(|text| text.map(replacement));
            Ok(Arc::new(made.collect::<StringArray>()))
        }),
        // Of a pattern's options that one which DataFusion is told apart from the pattern.
        Function::new("pg_regex_scope", 1..=1, DataType::Utf8, |call| {
            let letters = call.texts(0)?;
            let scopes = letters.iter().map(|letters| {
                let options = letters.map(Options::read).transpose().map_err(raise)?;
                Ok(options.map(|options| if options.global { "g" } else { NO_FLAG }))
            });
            Ok(Arc::new(scopes.collect::<Result<StringArray>>()?))
        }),
        Function::new("pg_regexp_split", 2..=3, texts.clone(), split),
        Function::new("pg_regexp_matches", 2..=3, list_of(texts), matches),
    ]
}
