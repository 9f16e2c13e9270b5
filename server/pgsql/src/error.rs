//! Errors as PostgreSQL reports them, and DataFusion's errors in its terms.
//!
//! A client acts on the SQLSTATE (a pool drops a connection on class 57, an ORM tells a missing table by 42P01), so every
//! error carries one; XX000 is left for faults of the server.

use std::borrow::Cow;

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

/// SQLSTATEs that are used in more than one place.
pub mod code {
    /// syntax_error
    pub const SYNTAX: &str = "42601";
    /// undefined_table
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// undefined_column
    pub const UNDEFINED_COLUMN: &str = "42703";
    /// undefined_function
    pub const UNDEFINED_FUNCTION: &str = "42883";
    /// undefined_object
    pub const UNDEFINED_OBJECT: &str = "42704";
    /// invalid_parameter_value
    pub const INVALID_PARAMETER: &str = "22023";
    /// invalid_text_representation
    pub const INVALID_TEXT: &str = "22P02";
    /// invalid_binary_representation
    pub const INVALID_BINARY: &str = "22P03";
    /// feature_not_supported
    pub const NOT_SUPPORTED: &str = "0A000";
    /// read_only_sql_transaction
    pub const READ_ONLY: &str = "25006";
    /// in_failed_sql_transaction
    pub const FAILED_TRANSACTION: &str = "25P02";
    /// no_active_sql_transaction
    pub const NO_TRANSACTION: &str = "25P01";
    /// query_canceled
    pub const CANCELED: &str = "57014";
    /// protocol_violation
    pub const PROTOCOL: &str = "08P01";
    /// invalid_password
    pub const INVALID_PASSWORD: &str = "28P01";
    /// invalid_authorization_specification
    pub const NOT_AUTHORIZED: &str = "28000";
    /// insufficient_privilege
    pub const NO_PRIVILEGE: &str = "42501";
    /// too_many_connections
    pub const TOO_MANY: &str = "53300";
    /// out_of_memory
    pub const OUT_OF_MEMORY: &str = "53200";
    /// invalid_cursor_name
    pub const NO_CURSOR: &str = "34000";
    /// admin_shutdown
    pub const SHUTDOWN: &str = "57P01";
    /// internal_error
    pub const INTERNAL: &str = "XX000";
}

/// The beginning of the message of a statement whose share of memory is used up.
pub const OUT_OF_SHARE: &str = "out of memory";

/// An error for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgError {
    /// Whether the connection ends with it.
    pub fatal: bool,
    /// SQLSTATE.
    pub code: &'static str,
    /// What is wrong.
    pub message: Cow<'static, str>,
    /// More about what is wrong.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The place in the statement, counted in characters from 1.
    pub position: Option<usize>,
}

impl PgError {
    /// Makes an error that ends a statement.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> PgError {
        PgError {
            fatal: false,
            code,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
        }
    }

    /// Makes an error that ends the connection.
    pub fn fatal(code: &'static str, message: impl Into<Cow<'static, str>>) -> PgError {
        PgError {
            fatal: true,
            ..PgError::new(code, message)
        }
    }

    /// Makes the error of a fault of the server: the log has it in full, the client is told nothing of the server's inside.
    pub fn internal(what: impl std::fmt::Display) -> PgError {
        let what = what.to_string();
        tracing::error!("internal error in the Postgres endpoint: {}", logged(&what));
        PgError::new(code::INTERNAL, "internal error: see the server's log")
    }

    /// Makes the error of a statement that is no SQL.
    pub fn syntax(message: impl Into<Cow<'static, str>>) -> PgError {
        PgError::new(code::SYNTAX, message)
    }

    /// Makes the error of a feature that is not supported.
    pub fn unsupported(message: impl Into<Cow<'static, str>>) -> PgError {
        PgError::new(code::NOT_SUPPORTED, message)
    }

    /// Makes the error of a value that a setting or function does not accept.
    pub fn invalid_parameter(message: impl Into<Cow<'static, str>>) -> PgError {
        PgError::new(code::INVALID_PARAMETER, message)
    }

    /// Makes the error of a message that violates the protocol.
    pub fn protocol(message: impl Into<Cow<'static, str>>) -> PgError {
        PgError::new(code::PROTOCOL, message)
    }

    /// Writes message, detail and hint as one line of text.
    pub fn in_words(&self) -> String {
        let more = [&self.detail, &self.hint].into_iter().flatten();
        more.fold(told(&self.message).into_owned(), |said, more| {
            format!("{said}; {}", told(more))
        })
    }

    /// Makes it end the connection.
    #[must_use]
    pub fn ending(mut self) -> PgError {
        self.fatal = true;
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> PgError {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> PgError {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the place in the statement.
    #[must_use]
    pub fn at(mut self, position: usize) -> PgError {
        self.position = Some(position);
        self
    }

    /// Makes the message to the client.
    pub fn into_response(self) -> ErrorResponse {
        let severity = if self.fatal { "FATAL" } else { "ERROR" };
        ErrorResponse::new(self.into_fields(severity))
    }

    fn into_fields(self, severity: &str) -> Vec<(u8, String)> {
        let mut fields = vec![
            (b'S', severity.to_owned()),
            (b'V', severity.to_owned()),
            (b'C', self.code.to_owned()),
            (b'M', sent(&self.message)),
        ];
        if let Some(detail) = self.detail {
            fields.push((b'D', sent(&detail)));
        }
        if let Some(hint) = self.hint {
            fields.push((b'H', sent(&hint)));
        }
        if let Some(position) = self.position {
            fields.push((b'P', position.to_string()));
        }
        fields
    }
}

/// The most bytes of a text that a client is sent: a message that quotes a value may be as long as the value.
const TOLD: usize = 2 * 1024;
/// The most bytes of a text that go into the log.
const LOGGED: usize = 8 * 1024;

/// Cuts a text of an error to what a client is sent, at a whole character.
pub fn told(text: &str) -> Cow<'_, str> {
    cut(text, TOLD)
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)]).into()
}

/// Writes a field of a message, which a NUL would end.
fn sent(text: &str) -> String {
    told(text).replace('\0', "\u{fffd}")
}

/// Escapes a text for the log: what clients send must not look like two lines, or clear a screen.
pub fn logged(text: &str) -> String {
    let escaped = |c: char| match c {
        c if c.is_control() => c.escape_default().collect(),
        c => String::from(c),
    };
    cut(text, LOGGED).chars().map(escaped).collect()
}

/// Makes a warning for the client.
pub fn warning(code: &'static str, message: impl Into<Cow<'static, str>>) -> NoticeResponse {
    NoticeResponse::new(PgError::new(code, message).into_fields("WARNING"))
}

impl From<DataFusionError> for PgError {
    fn from(error: DataFusionError) -> PgError {
        from_datafusion(&error)
    }
}

fn from_datafusion(error: &DataFusionError) -> PgError {
    match error {
        // From the simplifier: the inner error is the regular expression's own, which names no place.
        DataFusionError::Context(what, inner) if what == "Invalid regex" => {
            return by_message(plain_message(inner));
        }
        DataFusionError::Context(_, inner) => return from_datafusion(inner),
        DataFusionError::Diagnostic(_, inner) => return from_datafusion(inner),
        DataFusionError::Shared(inner) => return from_datafusion(inner),
        DataFusionError::Collection(errors) => {
            if let Some(first) = errors.first() {
                return from_datafusion(first);
            }
        }
        DataFusionError::External(inner) => {
            if let Some(inner) = inner.downcast_ref::<PgError>() {
                return inner.clone();
            }
            if let Some(inner) = inner.downcast_ref::<DataFusionError>() {
                return from_datafusion(inner);
            }
        }
        DataFusionError::ArrowError(inner, _) => {
            if let ArrowError::ExternalError(inner) = inner.as_ref() {
                if let Some(inner) = inner.downcast_ref::<DataFusionError>() {
                    return from_datafusion(inner);
                }
                if let Some(inner) = inner.downcast_ref::<PgError>() {
                    return inner.clone();
                }
            }
        }
        _ => {}
    }
    let message = plain_message(error);
    let code = match error {
        DataFusionError::SQL(..) => code::SYNTAX,
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::AmbiguousReference { .. } => "42702",
            SchemaError::DuplicateQualifiedField { .. } => "42712",
            SchemaError::DuplicateUnqualifiedField { .. } => "42701",
            SchemaError::FieldNotFound {
                field,
                valid_fields,
            } => match &field.relation {
                // The table is missing that the column is said to be of.
                Some(table)
                    if !valid_fields
                        .iter()
                        .any(|valid| valid.relation.as_ref() == Some(table)) =>
                {
                    let table = table.table();
                    return PgError::new(
                        code::UNDEFINED_TABLE,
                        format!("missing FROM-clause entry for table \"{table}\""),
                    );
                }
                _ => code::UNDEFINED_COLUMN,
            },
        },
        DataFusionError::NotImplemented(_) if message.contains("expression AggregateFunction") => {
            return PgError::new("42803", "aggregate functions are not allowed here");
        }
        DataFusionError::NotImplemented(_) if message.contains("expression WindowFunction") => {
            return PgError::new("42P20", "window functions are not allowed here");
        }
        DataFusionError::NotImplemented(_) => code::NOT_SUPPORTED,
        DataFusionError::ResourcesExhausted(text) => return exhausted(text),
        // A join that can spill reports this when it is refused memory for its very first rows.
        DataFusionError::Internal(text) if text.contains("no data to spill") => {
            return exhausted(text);
        }
        DataFusionError::ArrowError(inner, _) if words::uncast(&inner.to_string()).is_some() => {
            return words::error(message);
        }
        DataFusionError::ArrowError(inner, _) => match arrow_code(inner) {
            code::INTERNAL => return PgError::internal(error),
            code => code,
        },
        DataFusionError::Plan(_) | DataFusionError::Execution(_) => {
            return by_message(message);
        }
        DataFusionError::Configuration(_) => code::INVALID_PARAMETER,
        _ => {
            // Other errors come from the lake, and are full of paths and addresses of object stores, which stay in the log.
            return PgError::internal(error);
        }
    };
    PgError::new(code, message)
}

/// Makes the error of exhausted memory or disk. Which operators of whose statements hold how much is for the log alone.
fn exhausted(text: &str) -> PgError {
    if let Some((_, limit)) = text.split_once(OUT_OF_SHARE) {
        let limit = limit.trim_start_matches([':', ' ']).lines().next();
        return PgError::new(code::OUT_OF_MEMORY, OUT_OF_SHARE)
            .detail(limit.unwrap_or_default())
            .hint("ask for fewer rows or groups, or for fewer things at a time");
    }
    tracing::warn!("a statement ran out of memory or disk: {}", logged(text));
    if text.contains("disk space") {
        return PgError::new("53100", "out of disk space for what statements spill");
    }
    PgError::new(code::OUT_OF_MEMORY, OUT_OF_SHARE)
        .detail("what the server has for all statements is in use")
        .hint("try again when others have ended, or ask for less")
}

/// Classifies an error of DataFusion's by its message.
fn by_message(message: String) -> PgError {
    if message.contains("Resources exhausted") {
        return exhausted(&message);
    }
    words::error(message)
}

fn arrow_code(error: &ArrowError) -> &'static str {
    match error {
        ArrowError::DivideByZero => "22012",
        ArrowError::ArithmeticOverflow(_) => "22003",
        ArrowError::CastError(message)
            if message.contains("Can't cast value") || message.contains("is out of range") =>
        {
            "22003"
        }
        ArrowError::CastError(message) | ArrowError::ParseError(message)
            if ["Date32", "Timestamp", "type interval"]
                .iter()
                .any(|name| message.contains(name)) =>
        {
            "22007"
        }
        ArrowError::CastError(_) | ArrowError::ParseError(_) => code::INVALID_TEXT,
        ArrowError::ComputeError(message) => words::code_of(message).unwrap_or("22000"),
        ArrowError::NotYetImplemented(_) => code::NOT_SUPPORTED,
        ArrowError::MemoryError(_) => code::OUT_OF_MEMORY,
        ArrowError::InvalidArgumentError(message)
            if message.contains("verflow") || message.contains("too large") =>
        {
            "22003"
        }
        ArrowError::InvalidArgumentError(_) => "22000",
        _ => code::INTERNAL,
    }
}

/// Returns the innermost message, without DataFusion's prefixes and backtraces.
fn plain_message(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::NotImplemented(text) => text.clone(),
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => {
                format!("column \"{}\" does not exist", field.flat_name())
            }
            SchemaError::AmbiguousReference { field } => {
                format!("column reference \"{}\" is ambiguous", field.name)
            }
            other => other.to_string(),
        },
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::DivideByZero => "division by zero".to_owned(),
            other => other.to_string(),
        },
        DataFusionError::SQL(error, _) => error.to_string(),
        other => other.strip_backtrace(),
    };
    let end = text.find("\n\nbacktrace:").unwrap_or(text.len());
    text[..end].trim_end().to_owned()
}

impl std::fmt::Display for PgError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", told(&self.message), self.code)
    }
}

impl std::error::Error for PgError {}

mod words;

#[cfg(test)]
mod tests;
