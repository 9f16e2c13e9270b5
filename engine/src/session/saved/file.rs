//! Parses the files of saved queries: a header of comment lines, then one SELECT.
//!
//! ```text
//! -- What the query is for, in as many lines as it takes.
//! -- param from date = current_date - 6 : first day of the range
//! -- param channel list of web_chat, email, sms, whatsapp = null : channels to count;
//! --   null for all
//! -- column conversations : conversations that started in the range
//! SELECT ... WHERE started_on >= $from ...
//! ```
//!
//! A kind is `date`, `text`, `integer`, `number`, `boolean`, `one of A, B` or `list of A, B`; a default is any constant SQL
//! expression. A line with three spaces after its `--` continues the line before. Only other queries can call one that is
//! `-- private`. Each error names the file and the line.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::parameter::{Parameter, ParameterKind};
use crate::session::SessionError;

/// Holds a parsed file, whose query is not planned yet.
#[derive(Debug, Clone)]
pub(super) struct QueryFile {
    pub name: String,
    /// The path of the file, for errors.
    pub path: String,
    pub purpose: String,
    pub parameters: Vec<Parameter>,
    /// The line that declares each parameter.
    pub parameter_lines: Vec<usize>,
    /// The documented columns: name, description, and the line of the file.
    pub columns: Vec<(String, String, usize)>,
    pub private: bool,
    /// Whether it is a team's own query, in the users' dialect.
    pub own: bool,
    /// The SELECT, in which `$1` is the first parameter, and so on.
    pub body: String,
    /// The line on which the SELECT begins, counted from 1.
    pub body_line: usize,
}

impl QueryFile {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// If the name or the text is not in the form of a saved query.
    pub fn parse(name: &str, path: &str, text: &str) -> Result<QueryFile, SessionError> {
        let refuse = |line: usize, reason: String| SessionError::SavedQuery {
            file: path.to_owned(),
            line,
            reason,
        };
        let name_is_good = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !name_is_good {
            return Err(refuse(
                1,
                format!(
                    "the name {name:?} cannot be called; expected a-z, 0-9 and _, a letter first"
                ),
            ));
        }
        let (entries, body_line) = header(text);
        let mut query = QueryFile {
            name: name.to_owned(),
            path: path.to_owned(),
            purpose: String::new(),
            parameters: vec![],
            parameter_lines: vec![],
            columns: vec![],
            private: false,
            own: false,
            body: String::new(),
            body_line,
        };
        for (line, entry) in entries {
            if let Some(declaration) = entry.strip_prefix("param ") {
                let parameter = parameter(declaration).map_err(|reason| refuse(line, reason))?;
                if query.parameters.iter().any(|p| p.name == parameter.name) {
                    return Err(refuse(
                        line,
                        format!("parameter {:?} is there twice", parameter.name),
                    ));
                }
                query.parameters.push(parameter);
                query.parameter_lines.push(line);
            } else if let Some(column) = entry.strip_prefix("column ") {
                let (column, what) = column.split_once(" : ").ok_or_else(|| {
                    refuse(
                        line,
                        format!("{entry:?}; expected `column NAME : what it is`"),
                    )
                })?;
                query
                    .columns
                    .push((column.trim().to_owned(), what.trim().to_owned(), line));
            } else if entry == "private" {
                query.private = true;
            } else {
                if !query.purpose.is_empty() {
                    query.purpose.push('\n');
                }
                query.purpose.push_str(&entry);
            }
        }
        if query.purpose.is_empty() {
            return Err(refuse(
                1,
                "no purpose; expected it as the first comment line".into(),
            ));
        }
        let body: Vec<&str> = text.lines().skip(body_line - 1).collect();
        query.body = number_parameters(&body.join("\n"), &query.parameters)
            .map_err(|(line, reason)| refuse(body_line - 1 + line, reason))?;
        Ok(query)
    }

    /// Returns an error about this file.
    pub fn refuse(&self, line: usize, reason: impl ToString) -> SessionError {
        SessionError::SavedQuery {
            file: self.path.clone(),
            line,
            reason: reason.to_string(),
        }
    }
}

/// Returns the entries of the header with their line numbers, and the number of the line after it.
fn header(text: &str) -> (Vec<(usize, String)>, usize) {
    let mut entries: Vec<(usize, String)> = vec![];
    let mut line = 1;
    for content in text.lines() {
        let content = content.trim_end();
        if let Some(comment) = content.strip_prefix("--") {
            match (comment.strip_prefix("   "), entries.last_mut()) {
                (Some(more), Some((_, entry))) => {
                    entry.push(' ');
                    entry.push_str(more.trim());
                }
                _ if comment.trim().is_empty() => {}
                _ => entries.push((line, comment.trim().to_owned())),
            }
        } else if !content.is_empty() {
            break;
        }
        line += 1;
    }
    (entries, line)
}

/// Parses `NAME KIND = DEFAULT : DESCRIPTION`.
fn parameter(declaration: &str) -> Result<Parameter, String> {
    let form = || {
        format!(
            "{declaration:?}; expected `param NAME KIND = DEFAULT : what it is for`, KIND being date, text, integer, \
             number, boolean, `one of A, B` or `list of A, B`"
        )
    };
    let (typed, rest) = declaration.split_once(" = ").ok_or_else(form)?;
    let (name, kind) = typed.trim().split_once(' ').ok_or_else(form)?;
    let (default, description) = rest.split_once(" : ").ok_or_else(form)?;
    let kind = ParameterKind::parse(kind.trim()).ok_or_else(form)?;
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return Err(format!("parameter {name:?}; expected a name of a-z and _"));
    }
    Ok(Parameter {
        name: name.to_owned(),
        kind,
        default: default.trim().to_owned(),
        description: description.trim().to_owned(),
    })
}

/// Replaces `$name` by the number of the parameter. An error holds the line within the text.
fn number_parameters(body: &str, parameters: &[Parameter]) -> Result<String, (usize, String)> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, body)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|e| (e.location.line as usize, e.message))?;
    let mut text = String::with_capacity(body.len());
    for token in tokens {
        match token.token {
            Token::Placeholder(placeholder) => {
                let name = placeholder.trim_start_matches('$');
                let position = parameters.iter().position(|p| p.name == name);
                let Some(position) = position else {
                    let known: Vec<_> = parameters.iter().map(|p| format!("${}", p.name)).collect();
                    return Err((
                        token.span.start.line as usize,
                        format!(
                            "unknown parameter {placeholder}; expected one of {}",
                            known.join(", ")
                        ),
                    ));
                };
                text.push_str(&format!("${}", position + 1));
            }
            Token::SemiColon => {}
            other => text.push_str(&other.to_string()),
        }
    }
    if text.trim().is_empty() {
        return Err((1, "no query; expected one SELECT after the header".into()));
    }
    Ok(text)
}
