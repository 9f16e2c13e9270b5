//! The tokens of a statement, each with its place in the text for errors.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::error::{PgError, code};

/// Counts the most tokens that a text can have, white space included: each takes some eighty bytes, so those of a long text
/// are counted before they are made.
///
/// A literal or a quoted name is one token. Where only a tokenizer can tell where one ends (escapes, comments, dollar
/// quotes), each byte counts for one.
pub(super) fn at_most(text: &str) -> usize {
    let bytes = text.as_bytes();
    let dollar_quoted = |pair: &[u8]| pair[0] == b'$' && !pair[1].is_ascii_digit();
    let hard = text.contains('\\')
        || text.contains("--")
        || text.contains("/*")
        || bytes.windows(2).any(dollar_quoted);
    if hard {
        return bytes.len();
    }
    let (mut count, mut at) = (0, 0);
    while let Some(first) = bytes.get(at) {
        let rest = &bytes[at + 1..];
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let further = match first {
            b'\'' | b'"' => rest.iter().position(|byte| byte == first).map(|at| at + 1),
            first if is_word(first) => rest.iter().position(|byte| !is_word(byte)),
            _ => Some(0),
        };
        // What looks like a word may be a number and a word.
        count += 1 + usize::from(first.is_ascii_digit());
        at += 1 + further.unwrap_or(rest.len());
    }
    count
}

/// Splits a text into tokens, without white space and comments.
pub(super) fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, PgError> {
    let mut tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| {
            let message = error.message.to_string();
            let what = if message.contains("string literal") {
                "unterminated quoted string".to_owned()
            } else {
                format!("syntax error: {message}")
            };
            PgError::syntax(what).at(position(text, error.location))
        })?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
    // A literal may be continued on another line.
    tokens.dedup_by(|next, last| match (&next.token, &mut last.token) {
        (Token::SingleQuotedString(more), Token::SingleQuotedString(text))
            if last.span.end.line < next.span.start.line =>
        {
            text.push_str(more);
            last.span.end = next.span.end;
            true
        }
        _ => false,
    });
    Ok(tokens)
}

/// Refuses an operator that the parser accepts and PostgreSQL does not have, and a clause that the parser does not read.
pub(super) fn check_operators(text: &str, tokens: &[TokenWithSpan]) -> Result<(), PgError> {
    if let Some(token) = tokens.iter().find(|token| token.token == Token::DoubleEq) {
        return Err(
            PgError::new(code::UNDEFINED_FUNCTION, "operator does not exist: ==")
                .hint("Write = to compare two values.")
                .at(position(text, token.span.start)),
        );
    }
    let is = |token: &TokenWithSpan, words: &[&str]| {
        matches!(&token.token, Token::Word(word) if word.quote_style.is_none()
            && words.iter().any(|known| word.value.eq_ignore_ascii_case(known)))
    };
    let exclusion = tokens.windows(3).find(|three| {
        is(&three[0], &["ROW", "PRECEDING", "FOLLOWING"])
            && is(&three[1], &["EXCLUDE"])
            && is(&three[2], &["CURRENT", "GROUP", "TIES", "NO"])
    });
    match exclusion {
        None => Ok(()),
        Some(three) => Err(PgError::unsupported(
            "EXCLUDE in the frame of a window is not supported",
        )
        .at(position(text, three[1].span.start))),
    }
}

/// The most operators in one another.
const MAX_CHAIN: usize = 1500;

/// The operators between parentheses, as far as they have been read.
#[derive(Default)]
struct Level {
    /// The operators since the last comma.
    operators: usize,
    /// The greatest depth in parentheses since the last comma.
    inner: usize,
    /// The greatest depth before a comma.
    before: usize,
}

impl Level {
    /// Returns the greatest depth that their tree can have: a chain may have its deepest operand at its deep end.
    fn depth(&self) -> usize {
        self.before.max(self.operators + self.inner)
    }
}

/// Refuses chains of operators that would make a tree so deep that walking it overflows the stack: `1 + 1 + 1 + …`.
///
/// Nesting by parentheses is the parser's to limit, but what is in them adds up: to copy and to drop a tree takes a
/// frame for each step to its deepest leaf.
pub(super) fn check_chains(tokens: &[TokenWithSpan]) -> Result<(), PgError> {
    const WORDS: &[&str] = &[
        "AND",
        "OR",
        "IS",
        "LIKE",
        "ILIKE",
        "SIMILAR",
        "BETWEEN",
        "IN",
        "NOT",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "COLLATE",
        "AT",
        "ISNULL",
        "NOTNULL",
        "JOIN",
        "OVERLAPS",
        "OPERATOR",
    ];
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => {
                outer.push(std::mem::take(&mut level));
            }
            Token::RParen | Token::RBracket => {
                let inner = level.depth() + 1;
                // The parser refuses one that closes nothing.
                level = outer.pop().unwrap_or_default();
                level.inner = level.inner.max(inner);
            }
            Token::Comma => {
                level.before = level.depth();
                (level.operators, level.inner) = (0, 0);
            }
            Token::Word(word) => {
                let is_operator = word.quote_style.is_none()
                    && WORDS
                        .iter()
                        .any(|name| word.value.eq_ignore_ascii_case(name));
                level.operators += usize::from(is_operator);
            }
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::Placeholder(_)
            | Token::Period
            | Token::SemiColon => {}
            _ => level.operators += 1,
        }
        if level.depth() > MAX_CHAIN {
            return Err(PgError::new("54001", "statement is too complex")
                .detail(format!(
                    "more than {MAX_CHAIN} operators follow one another or lie in one another"
                ))
                .hint("a list of values can be given as IN (…) or = ANY(…)"));
        }
    }
    Ok(())
}

/// Returns the number of the character at a line and column, from 1.
fn position(text: &str, at: Location) -> usize {
    let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(0);
    let before: usize = text
        .split_inclusive('\n')
        .take(line)
        .map(|line| line.chars().count())
        .sum();
    before + usize::try_from(at.column).unwrap_or(1)
}

/// Reads the tokens of one statement from left to right.
pub(super) struct Tokens<'a> {
    text: &'a str,
    tokens: &'a [TokenWithSpan],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [TokenWithSpan]) -> Tokens<'a> {
        Tokens {
            text,
            tokens,
            at: 0,
        }
    }

    /// Returns the tokens that are left.
    pub(super) fn rest(&self) -> &'a [TokenWithSpan] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    /// Skips all tokens that are left.
    pub(super) fn skip_rest(&mut self) {
        self.at = self.tokens.len();
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Returns the next token if it is a bare word, in capitals.
    pub(super) fn peek_word(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                Some(word.value.to_ascii_uppercase())
            }
            _ => None,
        }
    }

    /// Reads the word if it comes next.
    pub(super) fn accept(&mut self, word: &str) -> bool {
        let found = self.peek_word().is_some_and(|next| next == word);
        if found {
            self.at += 1;
        }
        found
    }

    /// Reads whichever of the words comes next.
    pub(super) fn accept_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.accept(word))
    }

    pub(super) fn accept_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), PgError> {
        if self.accept(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<(), PgError> {
        if self.accept_token(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Reads a name, in lower case unless it is quoted.
    pub(super) fn name(&mut self) -> Result<String, PgError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(match word.quote_style {
                    Some(_) => word.value.clone(),
                    None => word.value.to_lowercase(),
                })
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Reads an integer, with a sign or without.
    pub(super) fn integer(&mut self) -> Result<i64, PgError> {
        let negative = self.accept_token(&Token::Minus);
        if !negative {
            self.accept_token(&Token::Plus);
        }
        match self.peek() {
            Some(Token::Number(digits, _)) => {
                let number: i64 = digits.parse().map_err(|_| self.unexpected())?;
                self.at += 1;
                Ok(if negative { -number } else { number })
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Result<String, PgError> {
        let text = match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => {
                text.clone()
            }
            Some(Token::DollarQuotedString(text)) => text.value.clone(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(text)
    }

    pub(super) fn end(&self) -> Result<(), PgError> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Makes the syntax error at the next token.
    pub(super) fn unexpected(&self) -> PgError {
        match self.tokens.get(self.at) {
            Some(token) => PgError::syntax(format!("syntax error at or near \"{}\"", token.token))
                .at(position(self.text, token.span.start)),
            None => {
                PgError::syntax("syntax error at end of input").at(self.text.chars().count() + 1)
            }
        }
    }

    /// Makes an error at a place.
    pub(super) fn error_at(&self, at: Location, code: &'static str, message: String) -> PgError {
        PgError::new(code, message).at(position(self.text, at))
    }

    /// Returns the number of the character at a line and column.
    pub(super) fn position(&self, line: u64, column: u64) -> usize {
        position(self.text, Location { line, column })
    }

    /// Makes an error at the token that was read last.
    pub(super) fn error_before(&self, code: &'static str, message: String) -> PgError {
        let error = PgError::new(code, message);
        match self.tokens.get(self.at.saturating_sub(1)) {
            Some(token) => error.at(position(self.text, token.span.start)),
            None => error,
        }
    }
}
