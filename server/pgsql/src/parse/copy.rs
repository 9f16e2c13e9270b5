//! Parses COPY … TO STDOUT: the copied query, and the options.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::Statement;
use super::queries::{in_parentheses, query_of, synthetic};
use super::tokens::Tokens;
use crate::encode::{CopyFormat, CopyOptions};
use crate::error::{PgError, code};

/// Parses COPY.
pub(super) fn copy(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    tokens.expect("COPY")?;
    let select = if tokens.peek() == Some(&Token::LParen) {
        in_parentheses(tokens)?.to_vec()
    } else {
        copied_table(tokens)?
    };
    if tokens.accept("FROM") {
        return Ok(Statement::Refused(PgError::new(
            code::READ_ONLY,
            "cannot execute COPY FROM in a read-only transaction",
        )));
    }
    tokens.expect("TO")?;
    if !tokens.accept("STDOUT") {
        return Ok(Statement::Refused(
            PgError::new(
                code::NO_PRIVILEGE,
                "permission denied to COPY to a file or program of the server",
            )
            .hint("COPY … TO STDOUT sends the rows to the client; psql has \\copy"),
        ));
    }
    let options = copy_options(tokens)?;
    let query = match query_of(tokens, select) {
        Ok(query) => query,
        Err(error) if error.code == code::READ_ONLY => return Ok(Statement::Refused(error)),
        Err(error) => return Err(error),
    };
    Ok(Statement::Copy { query, options })
}

/// Reads `name [(columns)]` as a query.
fn copied_table(tokens: &mut Tokens<'_>) -> Result<Vec<TokenWithSpan>, PgError> {
    let start = tokens.rest();
    tokens.name()?;
    while tokens.accept_token(&Token::Period) {
        tokens.name()?;
    }
    let name = &start[..start.len() - tokens.rest().len()];
    let mut select = vec![synthetic(Token::make_keyword("SELECT"))];
    if tokens.peek() == Some(&Token::LParen) {
        select.extend_from_slice(in_parentheses(tokens)?);
    } else {
        select.push(synthetic(Token::Mul));
    }
    select.push(synthetic(Token::make_keyword("FROM")));
    select.extend_from_slice(name);
    Ok(select)
}

fn copy_options(tokens: &mut Tokens<'_>) -> Result<CopyOptions, PgError> {
    let mut given = Given::default();
    tokens.accept("WITH");
    if tokens.peek() == Some(&Token::LParen) {
        let mut list = Tokens::new("", in_parentheses(tokens)?);
        loop {
            given.option(&mut list)?;
            if list.peek().is_none() {
                break;
            }
            list.expect_token(&Token::Comma)?;
        }
    } else {
        // The form of PostgreSQL 7: CSV HEADER DELIMITER 'x' …
        while tokens.peek().is_some() {
            given.old_option(tokens)?;
        }
    }
    tokens.end()?;
    given.options()
}

/// The options as they were given.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: bool,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Vec<String>,
}

/// Reads a word or a string.
fn word(list: &mut Tokens<'_>) -> Result<String, PgError> {
    list.string().or_else(|_| list.name())
}

/// Reads a boolean option, which is on where no value is given; the inner error is a value that is no boolean.
fn truth(list: &mut Tokens<'_>) -> Result<Result<bool, String>, PgError> {
    let value = match list.peek() {
        None | Some(Token::Comma) => return Ok(Ok(true)),
        Some(Token::Number(..)) => list.integer()?.to_string(),
        Some(_) => word(list)?,
    };
    Ok(match value.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(value),
    })
}

fn check_encoding(name: &str) -> Result<(), PgError> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" => Ok(()),
        _ => Err(PgError::unsupported(format!(
            "COPY sends UTF8, and not the encoding \"{name}\""
        ))),
    }
}

impl Given {
    fn once(&mut self, name: &str) -> Result<(), PgError> {
        if self.names.iter().any(|given| given == name) {
            return Err(PgError::syntax("conflicting or redundant options"));
        }
        self.names.push(name.to_owned());
        Ok(())
    }

    fn option(&mut self, list: &mut Tokens<'_>) -> Result<(), PgError> {
        let name = list.name()?;
        self.once(&name)?;
        match name.as_str() {
            "format" => {
                self.format = Some(match word(list)?.as_str() {
                    "text" => CopyFormat::Text,
                    "csv" => CopyFormat::Csv,
                    "binary" => CopyFormat::Binary,
                    other => {
                        return Err(PgError::invalid_parameter(format!(
                            "COPY format \"{other}\" not recognized"
                        )));
                    }
                });
            }
            "header" => {
                self.header = truth(list)?.map_err(|value| {
                    if value.eq_ignore_ascii_case("match") {
                        PgError::unsupported("cannot use \"match\" with HEADER in COPY TO")
                    } else {
                        PgError::syntax("header requires a Boolean value or \"match\"")
                    }
                })?;
            }
            // It has an effect on COPY FROM alone.
            "freeze" => {
                truth(list)?.map_err(|_| PgError::syntax("freeze requires a Boolean value"))?;
            }
            "force_quote" => {
                if list.accept_token(&Token::Mul) {
                    self.force_quote = vec!["*".to_owned()];
                } else {
                    let mut columns = Tokens::new("", in_parentheses(list)?);
                    loop {
                        let column = columns.name()?;
                        if self.force_quote.contains(&column) {
                            let message = format!("column \"{column}\" specified more than once");
                            return Err(PgError::new("42701", message));
                        }
                        self.force_quote.push(column);
                        if columns.peek().is_none() {
                            break;
                        }
                        columns.expect_token(&Token::Comma)?;
                    }
                }
            }
            "encoding" => check_encoding(&word(list)?)?,
            _ => self.text_option(&name, list)?,
        }
        Ok(())
    }

    fn old_option(&mut self, tokens: &mut Tokens<'_>) -> Result<(), PgError> {
        let name = tokens.name()?;
        tokens.accept("AS");
        let kind = match name.as_str() {
            "binary" | "csv" => "format",
            other => other,
        };
        self.once(kind)?;
        match name.as_str() {
            "binary" => self.format = Some(CopyFormat::Binary),
            "csv" => self.format = Some(CopyFormat::Csv),
            "header" => self.header = true,
            "freeze" => {}
            "encoding" => check_encoding(&tokens.string()?)?,
            "force" => {
                tokens.expect("QUOTE")?;
                self.force_quote = if tokens.accept_token(&Token::Mul) {
                    vec!["*".to_owned()]
                } else {
                    let mut columns = vec![tokens.name()?];
                    while tokens.accept_token(&Token::Comma) {
                        columns.push(tokens.name()?);
                    }
                    columns
                };
            }
            _ => self.text_option(&name, tokens)?,
        }
        Ok(())
    }

    fn text_option(&mut self, name: &str, tokens: &mut Tokens<'_>) -> Result<(), PgError> {
        let slot = match name {
            "delimiter" => &mut self.delimiter,
            "null" => &mut self.null,
            "quote" => &mut self.quote,
            "escape" => &mut self.escape,
            other => {
                return Err(PgError::syntax(format!(
                    "option \"{other}\" not recognized"
                )));
            }
        };
        *slot = Some(tokens.string()?);
        Ok(())
    }

    /// Completes the options with their defaults. Combinations that cannot be read again are refused, as in PostgreSQL.
    fn options(self) -> Result<CopyOptions, PgError> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let csv = format == CopyFormat::Csv;
        if format == CopyFormat::Binary {
            if self.delimiter.is_some() {
                return Err(PgError::syntax("cannot specify DELIMITER in BINARY mode"));
            }
            if self.null.is_some() {
                return Err(PgError::syntax("cannot specify NULL in BINARY mode"));
            }
            if self.header {
                return Err(PgError::unsupported("cannot specify HEADER in BINARY mode"));
            }
        }
        for (what, is_given) in [
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("force quote", !self.force_quote.is_empty()),
        ] {
            if is_given && !csv {
                return Err(PgError::unsupported(format!(
                    "COPY {what} available only in CSV mode"
                )));
            }
        }
        let delimiter = byte(
            "delimiter",
            self.delimiter.as_deref(),
            if csv { b',' } else { b'\t' },
        )?;
        let quote = byte("quote", self.quote.as_deref(), b'"')?;
        let escape = byte("escape", self.escape.as_deref(), quote)?;
        let null = self
            .null
            .unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
        let options = CopyOptions {
            format,
            delimiter,
            null,
            header: self.header,
            quote,
            escape,
            force_quote: self.force_quote,
        };
        check_bytes(&options)?;
        Ok(options)
    }
}

fn byte(what: &str, given: Option<&str>, default: u8) -> Result<u8, PgError> {
    match given.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) if byte.is_ascii() => Ok(*byte),
        Some(_) => Err(PgError::unsupported(format!(
            "COPY {what} must be a single one-byte character"
        ))),
    }
}

fn check_bytes(options: &CopyOptions) -> Result<(), PgError> {
    let CopyOptions {
        format,
        delimiter,
        null,
        quote,
        ..
    } = options;
    let csv = *format == CopyFormat::Csv;
    if b"\r\n".contains(delimiter) {
        return Err(PgError::invalid_parameter(
            "COPY delimiter cannot be newline or carriage return",
        ));
    }
    if null.contains(['\r', '\n']) {
        return Err(PgError::invalid_parameter(
            "COPY null representation cannot use newline or carriage return",
        ));
    }
    let is_own = delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit();
    if *format == CopyFormat::Text && (is_own || b"\\.".contains(delimiter)) {
        let delimiter = char::from(*delimiter);
        return Err(PgError::invalid_parameter(format!(
            "COPY delimiter cannot be \"{delimiter}\""
        )));
    }
    if csv && delimiter == quote {
        return Err(PgError::invalid_parameter(
            "COPY delimiter and quote must be different",
        ));
    }
    if *format != CopyFormat::Binary && null.as_bytes().contains(delimiter) {
        return Err(PgError::unsupported(
            "COPY delimiter must not appear in the NULL specification",
        ));
    }
    if csv && null.as_bytes().contains(quote) {
        return Err(PgError::unsupported(
            "CSV quote character must not appear in the NULL specification",
        ));
    }
    Ok(())
}
