//! Compiled patterns: those of the rows before, as they mostly are those of the next ones.
//!
//! They lie in no memory pool. So a call keeps only as many as are [`MOST_BYTES`] together.

use datafusion::error::Result;
use regex::{Regex, RegexBuilder};

use super::syntax::{Options, translated};
use crate::error::PgError;
use crate::functions::call::raise;

/// Bytes of a pattern like most: of its program, and of what is put together of it while it matches.
const SMALL: usize = 256 * 1024;

/// Bytes that the largest pattern may have.
const LARGE: usize = 10 * 1024 * 1024;

/// Bytes of all patterns that a call keeps.
const MOST_BYTES: usize = 16 * 1024 * 1024;

struct Known {
    pattern: String,
    letters: String,
    options: Options,
    regex: Regex,
    /// It has no more bytes.
    bytes: usize,
}

impl Known {
    fn read(pattern: &str, letters: &str) -> Result<Known> {
        let options = Options::read(letters).map_err(raise)?;
        let made = translated(pattern, options).map_err(raise)?;
        let compiled = |bytes: usize| {
            let regex = RegexBuilder::new(&made)
                .size_limit(bytes)
                .dfa_size_limit(bytes.min(2 * 1024 * 1024))
                .build();
            regex.map(|regex| (regex, bytes))
        };
        let compiled = match compiled(SMALL) {
            Err(regex::Error::CompiledTooBig(_)) => compiled(LARGE),
            other => other,
        };
        let (regex, bytes) = compiled.map_err(|error| raise(invalid(&error)))?;
        Ok(Known {
            pattern: pattern.to_owned(),
            letters: letters.to_owned(),
            options,
            regex,
            bytes,
        })
    }
}

fn invalid(error: &regex::Error) -> PgError {
    // The last line says what is wrong, those before it show where in the pattern that was made of it.
    let error = error.to_string();
    let why = error.lines().last().unwrap_or_default();
    let why = why.trim_start_matches("error: ");
    PgError::new("2201B", format!("invalid regular expression: {why}"))
}

/// The patterns of a call.
#[derive(Default)]
pub(super) struct Patterns {
    known: Vec<Known>,
    /// The one of the row before.
    last: usize,
}

impl Patterns {
    /// A pattern with its options.
    ///
    /// # Errors
    /// If it is none.
    pub fn get(&mut self, pattern: &str, letters: &str) -> Result<(&Regex, Options)> {
        let is_it = |known: &Known| known.pattern == pattern && known.letters == letters;
        if !self.known.get(self.last).is_some_and(is_it) {
            self.last = match self.known.iter().position(is_it) {
                Some(at) => at,
                None => self.add(Known::read(pattern, letters)?),
            };
        }
        let known = self.known.get(self.last);
        known
            .map(|known| (&known.regex, known.options))
            .ok_or_else(|| raise(PgError::internal("no pattern")))
    }

    /// Keeps another one, in place of all others where there are too many.
    fn add(&mut self, known: Known) -> usize {
        let bytes: usize = self.known.iter().map(|known| known.bytes).sum();
        if bytes + known.bytes > MOST_BYTES {
            self.known.clear();
        }
        self.known.push(known);
        self.known.len() - 1
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut patterns = Patterns::default();
        for round in 0..2 {
            for at in 0..1000 {
                let pattern = format!("^{at}$");
                let (regex, _) = patterns.get(&pattern, "").unwrap();
                assert!(regex.is_match(&at.to_string()), "{round}");
                let bytes: usize = patterns.known.iter().map(|known| known.bytes).sum();
                assert!(bytes <= MOST_BYTES, "{bytes}");
            }
        }
    }

    #[test]
    fn a_large_pattern_is_kept_as_such() {
        let mut patterns = Patterns::default();
        let large = "\\w{60}";
        assert!(patterns.get(large, "").is_ok());
        assert_eq!(patterns.known[0].bytes, LARGE);
        assert!(
            patterns
                .get("\\w{255}\\w{255}\\w{255}\\w{255}\\w{255}", "")
                .is_err()
        );
    }
}
