//! Writes the SQL that the page runs: calls of saved queries, as a user could write them.

use std::fmt::{Display, Write};

/// Builds a call of a saved query.
#[derive(Debug, Clone)]
pub struct Call {
    name: &'static str,
    arguments: String,
    limit: Option<usize>,
}

impl Call {
    /// Begins a call with the defaults of all parameters.
    pub fn of(name: &'static str) -> Call {
        Call {
            name,
            arguments: String::new(),
            limit: None,
        }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Display) -> Call {
        let comma = if self.arguments.is_empty() { "" } else { ", " };
        let value = literal(&value.to_string());
        // Writing to a string does not fail.
        let _ = write!(self.arguments, "{comma}{parameter} => {value}");
        self
    }

    /// Sets a parameter if there is a value.
    #[must_use]
    pub fn with_some(self, parameter: &str, value: Option<impl Display>) -> Call {
        match value {
            Some(value) => self.with(parameter, value),
            None => self,
        }
    }

    /// Limits the number of rows.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Call {
        self.limit = Some(rows);
        self
    }

    /// Writes the statement.
    pub fn sql(&self) -> String {
        let call = format!("SELECT * FROM {}({})", self.name, self.arguments);
        match self.limit {
            Some(limit) => format!("{call} LIMIT {limit}"),
            None => call,
        }
    }
}

/// Writes a text as an SQL literal. U+0000, which no stored text has (SPEC E7), becomes U+FFFD.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\0', "\u{fffd}").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_literals() {
        let call = Call::of("conversations_page")
            .with("from", "2026-01-01")
            .with_some("search", Some("it's '); DROP"))
            .with_some("tag", None::<&str>)
            .limit(51);
        assert_eq!(
            call.sql(),
            "SELECT * FROM conversations_page(from => '2026-01-01', search => 'it''s ''); DROP') LIMIT 51"
        );
        assert_eq!(Call::of("coverage").sql(), "SELECT * FROM coverage()");
    }
}
