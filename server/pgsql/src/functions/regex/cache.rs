//! Keeps compiled patterns for the next rows, which mostly have the same ones.
//!
//! They lie in no memory pool, so a call keeps at most [`MOST_BYTES`] of them.

use datafusion::error::Result;
use regex::{Regex, RegexBuilder};

use super::syntax::{Options, translate};
use crate::error::PgError;
use crate::functions::call::raise;

/// The size limit that most patterns meet, in bytes: of the program, and of the caches that matching fills.
const SMALL: usize = 256 * 1024;

/// The size limit of any pattern, in bytes.
const LARGE: usize = 10 * 1024 * 1024;

/// The size of all patterns that a call keeps, in bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

struct Known {
    pattern: String,
    letters: String,
    options: Options,
    regex: Regex,
    /// The size limit that it was compiled with.
    bytes: usize,
}

impl Known {
    fn read(pattern: &str, letters: &str) -> Result<Known> {
        let options = Options::read(letters).map_err(raise)?;
        let made = translate(pattern, options).map_err(raise)?;
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
    // The last line says what is wrong; those before it show where in the translated pattern, which nobody wrote.
    let error = error.to_string();
    let why = error.lines().last().unwrap_or_default();
    let why = why.trim_start_matches("error: ");
    PgError::new("2201B", format!("invalid regular expression: {why}"))
}

/// The compiled patterns of a call.
#[derive(Default)]
pub(super) struct Patterns {
    known: Vec<Known>,
    /// The place of the last row's pattern.
    last: usize,
}

impl Patterns {
    /// Returns a compiled pattern and its options.
    ///
    /// # Errors
    /// If the pattern, or its options, are invalid.
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

    /// Keeps a pattern, and drops all others where they would get too large.
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
    fn kept_patterns_have_a_bound() {
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
