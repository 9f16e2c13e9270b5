//! Parses queries, and the statements around one: EXPLAIN, DECLARE, PREPARE, EXECUTE.

use std::sync::Arc;

use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::dialect::PgDialect;
use super::tokens::Tokens;
use super::{Explain, Query, Statement, expansion, parse_statement, unsupported};
use crate::desugar;
use crate::error::{PgError, code};

/// The most levels of nested expressions and subqueries.
const MAX_DEPTH: usize = 128;

/// The most parameters that the protocol can bind.
const MAX_PARAMETERS: usize = 65_535;

/// Parses a query to the end of the statement.
pub(super) fn query(tokens: &mut Tokens<'_>) -> Result<Query, PgError> {
    let query = query_of(tokens, tokens.rest().to_vec())?;
    tokens.skip_rest();
    Ok(query)
}

/// Parses the tokens of a query, checks it, and rewrites it for the planner.
pub(super) fn query_of(
    tokens: &Tokens<'_>,
    mut query: Vec<TokenWithSpan>,
) -> Result<Query, PgError> {
    let parameters = parameters(&query)?;
    let size = query.iter().map(size_of_token).sum();
    if is_word(query.first(), "TABLE") {
        // TABLE name = SELECT * FROM name
        let select = ["SELECT", "*", "FROM"].map(|word| match word {
            "*" => synthetic(Token::Mul),
            word => synthetic(Token::make_keyword(word)),
        });
        query.splice(0..1, select);
    }
    let dialect = PgDialect::of(query.len());
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(query);
    let mut ast = parser.parse_query().map_err(|error| {
        if dialect.is_used_up() {
            return PgError::new("54001", "statement is too complex")
                .detail("there are too many ways to read it");
        }
        syntax_error(tokens, &error)
    })?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(tokens.error_at(
            next.span.start,
            code::SYNTAX,
            format!("syntax error at or near \"{}\"", next.token),
        ));
    }
    desugar::check_read_only(&ast)?;
    unsupported::check(&ast)?;
    expansion::check(&ast)?;
    desugar::desugar(&mut ast)?;
    let ast = Arc::from(ast);
    Ok(Query {
        ast,
        parameters,
        size,
    })
}

/// Returns the estimated bytes of a token in a syntax tree and a plan.
fn size_of_token(token: &TokenWithSpan) -> usize {
    const NODES: usize = 128;
    NODES
        + match &token.token {
            Token::Word(word) => word.value.len(),
            Token::SingleQuotedString(text)
            | Token::EscapedStringLiteral(text)
            | Token::Number(text, _) => text.len(),
            Token::DollarQuotedString(text) => text.value.len(),
            _ => 0,
        }
}

fn syntax_error(tokens: &Tokens<'_>, error: &ParserError) -> PgError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return PgError::new(
                "54001",
                format!(
                    "statement is too complex: at most {MAX_DEPTH} levels of nesting are accepted"
                ),
            );
        }
    };
    // "Expected: an expression, found: FROM at Line: 1, Column: 8"
    let (what, place) = text.split_once(" at Line: ").unwrap_or((text, ""));
    let found = what.split_once("found: ").map(|(_, found)| found);
    let message = match found {
        Some("EOF") => "syntax error at end of input".to_owned(),
        Some(found) => format!("syntax error at or near \"{found}\""),
        None => format!("syntax error: {what}"),
    };
    let expected = what
        .strip_prefix("Expected: ")
        .and_then(|rest| rest.split_once(", found"))
        .map(|(expected, _)| format!("expected {expected}"));
    let mut error = PgError::syntax(message);
    error.detail = expected;
    let numbers: Vec<u64> = place
        .split(", Column: ")
        .filter_map(|number| number.trim().parse().ok())
        .collect();
    match numbers.as_slice() {
        [line, column] => {
            error.position = Some(tokens.position(*line, *column));
            error
        }
        _ => error,
    }
}

/// Returns the highest number of a parameter.
fn parameters(tokens: &[TokenWithSpan]) -> Result<usize, PgError> {
    let mut highest = 0;
    for token in tokens {
        if let Token::Placeholder(name) = &token.token {
            match name
                .strip_prefix('$')
                .and_then(|number| number.parse::<usize>().ok())
            {
                Some(number) if (1..=MAX_PARAMETERS).contains(&number) => {
                    highest = highest.max(number)
                }
                _ => {
                    return Err(PgError::new(
                        "42P02",
                        format!("there is no parameter {name}: expected $1 to ${MAX_PARAMETERS}"),
                    ));
                }
            }
        }
    }
    Ok(highest)
}

/// Makes a token that has no place in the text.
pub(super) fn synthetic(token: Token) -> TokenWithSpan {
    TokenWithSpan::new(token, Span::empty())
}

fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(found))
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// Reads `( … )`, and returns the tokens inside.
pub(super) fn in_parentheses<'a>(tokens: &mut Tokens<'a>) -> Result<&'a [TokenWithSpan], PgError> {
    tokens.expect_token(&Token::LParen)?;
    let inside = tokens.rest();
    let mut depth = 1;
    for (at, token) in inside.iter().enumerate() {
        tokens.next();
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(&inside[..at]);
        }
    }
    Err(tokens.unexpected())
}

/// Parses EXPLAIN.
pub(super) fn explain(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    tokens.expect("EXPLAIN")?;
    let (mut analyze, mut verbose, mut json) = (false, false, false);
    // `EXPLAIN (SELECT …)` has no list of options.
    let is_list = tokens.peek() == Some(&Token::LParen) && !starts_query(tokens.rest().get(1));
    if is_list {
        let mut options = Tokens::new("", in_parentheses(tokens)?);
        while options.peek().is_some() {
            let name = options.name()?;
            let value = match options.peek() {
                Some(Token::Comma) | None => "on".to_owned(),
                Some(_) => match options.string() {
                    Ok(value) => value,
                    Err(_) => match options.integer() {
                        Ok(value) => value.to_string(),
                        Err(_) => options.name()?,
                    },
                },
            };
            let on = !matches!(value.as_str(), "off" | "false" | "0");
            match name.as_str() {
                "analyze" => analyze = on,
                "verbose" => verbose = on,
                "format" => match value.to_ascii_lowercase().as_str() {
                    "text" => json = false,
                    "json" => json = true,
                    other => {
                        return Err(PgError::unsupported(format!(
                            "EXPLAIN format \"{other}\" is not supported: expected text or json"
                        )));
                    }
                },
                "costs" | "buffers" | "timing" | "summary" | "settings" | "wal"
                | "generic_plan" | "memory" => {}
                other => {
                    return Err(PgError::syntax(format!(
                        "unrecognized EXPLAIN option \"{other}\""
                    )));
                }
            }
            options.accept_token(&Token::Comma);
        }
    } else {
        analyze = tokens.accept_any(&["ANALYZE", "ANALYSE"]);
        verbose = tokens.accept("VERBOSE");
    }
    refuse_nested(tokens, &["EXPLAIN", "PREPARE"])?;
    match parse_statement(tokens)? {
        Statement::Query(query) | Statement::Declare { query, .. } => {
            Ok(Statement::Explain(Explain {
                query,
                analyze,
                verbose,
                json,
            }))
        }
        Statement::Refused(error) => Ok(Statement::Refused(error)),
        _ => Err(PgError::syntax("syntax error: EXPLAIN takes a query")),
    }
}

/// Refuses a statement nested in another of its kind: nesting without end would exhaust the stack.
fn refuse_nested(tokens: &Tokens<'_>, words: &[&str]) -> Result<(), PgError> {
    match tokens.peek_word() {
        Some(word) if words.contains(&word.as_str()) => Err(tokens.unexpected()),
        _ => Ok(()),
    }
}

fn starts_query(token: Option<&TokenWithSpan>) -> bool {
    ["SELECT", "WITH", "VALUES", "TABLE"]
        .iter()
        .any(|word| is_word(token, word))
        || matches!(token.map(|token| &token.token), Some(Token::LParen))
}

/// Parses DECLARE.
pub(super) fn declare(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    tokens.expect("DECLARE")?;
    let name = tokens.name()?;
    let mut binary = false;
    loop {
        if tokens.accept("BINARY") {
            binary = true;
        } else if tokens.accept("NO") {
            tokens.expect("SCROLL")?;
        } else if tokens.accept("SCROLL") {
            return Ok(Statement::Refused(
                PgError::unsupported("scrollable cursors are not supported")
                    .hint("declare it with NO SCROLL and fetch forward"),
            ));
        } else if !tokens.accept_any(&["INSENSITIVE", "ASENSITIVE"]) {
            break;
        }
    }
    tokens.expect("CURSOR")?;
    let hold = if tokens.accept("WITH") {
        tokens.expect("HOLD")?;
        true
    } else {
        if tokens.accept("WITHOUT") {
            tokens.expect("HOLD")?;
        }
        false
    };
    tokens.expect("FOR")?;
    Ok(Statement::Declare {
        name,
        hold,
        binary,
        query: query(tokens)?,
    })
}

/// Parses PREPARE.
pub(super) fn prepare(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    tokens.expect("PREPARE")?;
    if tokens.accept("TRANSACTION") {
        return Ok(Statement::Refused(PgError::unsupported(
            "prepared transactions are not supported",
        )));
    }
    let name = tokens.name()?;
    let mut types = Vec::new();
    if tokens.peek() == Some(&Token::LParen) {
        let types_of = in_parentheses(tokens)?.to_vec();
        let dialect = PgDialect::of(types_of.len());
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(types_of);
        loop {
            types.push(
                parser
                    .parse_data_type()
                    .map_err(|error| syntax_error(tokens, &error))?,
            );
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
    }
    tokens.expect("AS")?;
    refuse_nested(tokens, &["PREPARE"])?;
    let statement = Box::new(parse_statement(tokens)?);
    Ok(Statement::Prepare {
        name,
        types,
        statement,
    })
}

/// Parses EXECUTE.
pub(super) fn execute(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    tokens.expect("EXECUTE")?;
    let name = tokens.name()?;
    let arguments = if tokens.peek() == Some(&Token::LParen) {
        let mut select = vec![synthetic(Token::make_keyword("SELECT"))];
        select.extend_from_slice(in_parentheses(tokens)?);
        Some(query_of(tokens, select)?)
    } else {
        None
    };
    tokens.end()?;
    Ok(Statement::Execute { name, arguments })
}
