//! Writes the SQL that calls a saved query, from arguments given as text: for the command line and the page.

use super::SavedQuery;
use crate::session::SessionError;

impl SavedQuery {
    /// Returns the statement that calls this query with these arguments, given in the order of the parameters or as
    /// `name=value`. The default stands for `null` and for an argument that is left out.
    ///
    /// # Errors
    /// If there are too many arguments, one is given twice, or a name is unknown.
    pub fn call_sql<S: AsRef<str>>(&self, arguments: &[S]) -> Result<String, SessionError> {
        let mut values: Vec<Option<&str>> = vec![None; self.parameters.len()];
        let mut next = 0;
        for argument in arguments {
            let argument = argument.as_ref();
            let (position, value) = match argument.split_once('=') {
                Some((name, value)) if is_name(name.trim()) => (self.position(name.trim())?, value),
                _ => (next, argument),
            };
            let Some(slot) = values.get_mut(position) else {
                return Err(SessionError::Call(format!(
                    "{}: {} arguments; expected at most {}: {}",
                    self.name,
                    arguments.len(),
                    self.parameters.len(),
                    self.names()
                )));
            };
            if slot.is_some() {
                let name = &self.parameters[position].name;
                return Err(SessionError::Call(format!(
                    "{}: parameter {name:?} is given twice",
                    self.name
                )));
            }
            *slot = Some(value.trim());
            next = position + 1;
        }
        let count = values
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |last| last + 1);
        let literals: Vec<String> = values[..count]
            .iter()
            .map(|value| literal(*value))
            .collect();
        Ok(format!(
            "SELECT * FROM {}({})",
            self.name,
            literals.join(", ")
        ))
    }

    /// Returns the position of a parameter, by its name.
    ///
    /// # Errors
    /// If there is no such parameter.
    pub fn position(&self, name: &str) -> Result<usize, SessionError> {
        let position = self.parameters.iter().position(|p| p.name == name);
        position.ok_or_else(|| {
            SessionError::Call(format!(
                "{}: no parameter {name:?}; expected one of {}",
                self.name,
                self.names()
            ))
        })
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.parameters.iter().map(|p| p.name.as_str()).collect();
        names.join(", ")
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn literal(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(value) if value.eq_ignore_ascii_case("null") => "NULL".to_owned(),
        Some(value) => format!("'{}'", value.replace('\'', "''")),
    }
}
