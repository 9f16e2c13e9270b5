//! How much one call of a function may make of one batch of rows.
//!
//! What a function makes lies in no memory pool until an operator holds it, and a text that memory cannot be found for
//! ends the process. So whatever can make much of little counts here first what it will make.

use datafusion::error::Result;

use super::call::raise;
use crate::error::PgError;

/// Bytes of text.
pub(super) const TEXT: usize = 256 * 1024 * 1024;

/// Elements of arrays.
pub(super) const ELEMENTS: usize = 10_000_000;

/// What a call has left of its limits.
#[derive(Debug)]
pub(super) struct Budget<'a> {
    function: &'a str,
    text: usize,
    elements: usize,
}

impl<'a> Budget<'a> {
    /// All of it.
    pub fn of(function: &'a str) -> Budget<'a> {
        Budget {
            function,
            text: 0,
            elements: 0,
        }
    }

    /// So many bytes of text more.
    ///
    /// # Errors
    /// If those are too many.
    pub fn text(&mut self, bytes: usize) -> Result<()> {
        self.text = self.text.saturating_add(bytes);
        if self.text <= TEXT {
            return Ok(());
        }
        Err(self.exceeded(
            "requested length too large",
            &format!("{} bytes", self.text),
            TEXT,
        ))
    }

    /// So many elements more.
    ///
    /// # Errors
    /// If those are too many.
    pub fn elements(&mut self, elements: usize) -> Result<()> {
        self.elements = self.elements.saturating_add(elements);
        if self.elements <= ELEMENTS {
            return Ok(());
        }
        Err(self.exceeded(
            "array size exceeds the maximum allowed",
            &format!("{} elements", self.elements),
            ELEMENTS,
        ))
    }

    fn exceeded(
        &self,
        what: &'static str,
        asked: &str,
        most: usize,
    ) -> datafusion::error::DataFusionError {
        let function = self.function;
        raise(PgError::new("54000", what).detail(format!(
            "{function} would make {asked} or more of one batch of rows: at most {most} are made"
        )))
    }
}
