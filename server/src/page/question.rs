//! The statements that the page asks: calls of saved queries, as a user could write them.

use std::fmt::{Display, Write};

/// A call of a saved query that is being written.
#[derive(Debug, Clone)]
pub struct Call {
    name: &'static str,
    arguments: String,
    limit: Option<usize>,
}

impl Call {
    /// Calls a saved query with the defaults of all its parameters.
    pub fn of(name: &'static str) -> Call {
        Call {
            name,
            arguments: String::new(),
            limit: None,
        }
    }

    /// Gives a parameter a value.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Display) -> Call {
        let comma = if self.arguments.is_empty() { "" } else { ", " };
        let value = literal(&value.to_string());
        // Writing to a text does not fail.
        let _ = write!(self.arguments, "{comma}{parameter} => {value}");
        self
    }

    /// Gives a parameter a value, if there is one.
    #[must_use]
    pub fn with_some(self, parameter: &str, value: Option<impl Display>) -> Call {
        match value {
            Some(value) => self.with(parameter, value),
            None => self,
        }
    }

    /// Takes so many rows at most.
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

/// Writes a text as a literal of SQL. U+0000 is in none (SPEC E7) and ends none here.
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
