//! Limits how much one call of a function may make of one batch of rows.
//!
//! What a function makes lies in no memory pool until an operator holds it, and an allocation that fails ends the process. So
//! every function that can make much of little counts here before it makes it.

use datafusion::error::Result;

use super::call::raise;
use crate::error::PgError;

/// The most bytes of text.
pub(super) const TEXT: usize = 256 * 1024 * 1024;

/// The most elements of arrays.
pub(super) const ELEMENTS: usize = 10_000_000;

/// What a call has made so far.
#[derive(Debug)]
pub(super) struct Budget<'a> {
    function: &'a str,
    text: usize,
    elements: usize,
}

impl<'a> Budget<'a> {
    /// Begins to count for a function, which errors name.
    pub fn of(function: &'a str) -> Budget<'a> {
        Budget {
            function,
            text: 0,
            elements: 0,
        }
    }

    /// Counts bytes of text.
    ///
    /// # Errors
    /// If they are more than [`TEXT`] together.
    pub fn text(&mut self, bytes: usize) -> Result<()> {
        self.text = self.text.saturating_add(bytes);
        self.check(self.text, TEXT, "bytes", "requested length too large")
    }

    /// Counts elements of arrays.
    ///
    /// # Errors
    /// If they are more than [`ELEMENTS`] together.
    pub fn elements(&mut self, elements: usize) -> Result<()> {
        self.elements = self.elements.saturating_add(elements);
        let what = "array size exceeds the maximum allowed";
        self.check(self.elements, ELEMENTS, "elements", what)
    }

    fn check(&self, made: usize, most: usize, unit: &str, what: &'static str) -> Result<()> {
        if made <= most {
            return Ok(());
        }
        let function = self.function;
        Err(raise(PgError::new("54000", what).detail(format!(
            "{function} would make {made} {unit} or more of one batch of rows: at most {most} are made"
        ))))
    }
}
