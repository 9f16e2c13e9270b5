//! COPY … TO STDOUT: what is copied, and how it is written.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::error::{PgError, code};
use super::queries::{in_parentheses, made, query_of};
use super::tokens::Tokens;
use super::{CopyFormat, CopyOptions, Statement};

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

/// `name [(columns)]` as a query.
fn copied_table(tokens: &mut Tokens<'_>) -> Result<Vec<TokenWithSpan>, PgError> {
    let start = tokens.rest();
    tokens.name()?;
    while tokens.accept_token(&Token::Period) {
        tokens.name()?;
    }
    let name = &start[..start.len() - tokens.rest().len()];
    let mut select = vec![made(Token::make_keyword("SELECT"))];
    if tokens.peek() == Some(&Token::LParen) {
        select.extend_from_slice(in_parentheses(tokens)?);
    } else {
        select.push(made(Token::Mul));
    }
    select.push(made(Token::make_keyword("FROM")));
    select.extend_from_slice(name);
    Ok(select)
}

fn copy_options(tokens: &mut Tokens<'_>) -> Result<CopyOptions, PgError> {
    let mut given = Given::default();
    tokens.accept("WITH");
    if tokens.peek() == Some(&Token::LParen) {
        let mut list = Tokens::new("", in_parentheses(tokens)?);
        while list.peek().is_some() {
            given.option(&mut list)?;
            if list.peek().is_some() {
                list.expect_token(&Token::Comma)?;
            }
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

/// COPY's options as they were given.
#[derive(Default)]
struct Given {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: bool,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Vec<String>,
}

impl Given {
    fn option(&mut self, list: &mut Tokens<'_>) -> Result<(), PgError> {
        let name = list.name()?;
        match name.as_str() {
            "format" => {
                let format = list.string().or_else(|_| list.name())?;
                self.format = Some(match format.as_str() {
                    "text" => CopyFormat::Text,
                    "csv" => CopyFormat::Csv,
                    "binary" => CopyFormat::Binary,
                    other => {
                        return Err(PgError::new(
                            "22023",
                            format!("COPY format \"{other}\" not recognized"),
                        ));
                    }
                });
            }
            "header" => {
                self.header = match list.peek_word().as_deref() {
                    None if matches!(list.peek(), None | Some(Token::Comma)) => true,
                    None => list.integer()? != 0,
                    Some("FALSE" | "OFF") => {
                        list.next();
                        false
                    }
                    Some(_) => {
                        list.next();
                        true
                    }
                };
            }
            "force_quote" => {
                if list.accept_token(&Token::Mul) {
                    self.force_quote = vec!["*".to_owned()];
                } else {
                    let mut columns = Tokens::new("", in_parentheses(list)?);
                    while columns.peek().is_some() {
                        self.force_quote.push(columns.name()?);
                        columns.accept_token(&Token::Comma);
                    }
                }
            }
            "encoding" => {
                list.string()?;
            }
            _ => self.text_option(&name, list)?,
        }
        Ok(())
    }

    fn old_option(&mut self, tokens: &mut Tokens<'_>) -> Result<(), PgError> {
        let name = tokens.name()?;
        tokens.accept("AS");
        match name.as_str() {
            "binary" => self.format = Some(CopyFormat::Binary),
            "csv" => self.format = Some(CopyFormat::Csv),
            "header" => self.header = true,
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
                return Err(PgError::new(
                    code::SYNTAX,
                    format!("option \"{other}\" not recognized"),
                ));
            }
        };
        *slot = Some(tokens.string()?);
        Ok(())
    }

    fn options(self) -> Result<CopyOptions, PgError> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let csv = format == CopyFormat::Csv;
        let byte = |what: &str, given: Option<String>, default: u8| match given
            .as_deref()
            .map(str::as_bytes)
        {
            None => Ok(default),
            Some([byte]) if byte.is_ascii() && !b"\r\n".contains(byte) => Ok(*byte),
            Some(_) => Err(PgError::new(
                "22023",
                format!("COPY {what} must be a single one-byte character"),
            )),
        };
        if !csv && (self.quote.is_some() || self.escape.is_some() || !self.force_quote.is_empty()) {
            return Err(PgError::new(
                "0A000",
                "COPY quote options are available only in CSV mode",
            ));
        }
        let quote = byte("quote", self.quote, b'"')?;
        Ok(CopyOptions {
            format,
            delimiter: byte("delimiter", self.delimiter, if csv { b',' } else { b'\t' })?,
            null: self
                .null
                .unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() }),
            header: self.header,
            quote,
            escape: byte("escape", self.escape, quote)?,
            force_quote: self.force_quote,
        })
    }
}
