//! The SQL of a call of a saved query, from arguments as texts: for the command line and the page.

use super::SavedQuery;
use crate::session::SessionError;

impl SavedQuery {
    /// The statement that calls this query with these arguments: in the order of the parameters, or as `name=value`.
    /// `null`, like an argument that is left out, has the default.
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
        let given = values
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |last| last + 1);
        let literals: Vec<String> = values[..given]
            .iter()
            .map(|value| literal(*value))
            .collect();
        Ok(format!(
            "SELECT * FROM {}({})",
            self.name,
            literals.join(", ")
        ))
    }

    /// Where a parameter stands, by name.
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
