//! Parses operators that `sqlparser` does not know, or binds differently from PostgreSQL.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, TrimWhereField, UnaryOperator};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// Parses an expression that begins with one of them; none where the parser reads on by itself.
pub(super) fn prefix(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    if let Some(op) = sign(parser) {
        return Some(parse_sign(parser, op));
    }
    let place = trim_place(parser)?;
    Some(parse_trim(parser, place))
}

fn sign(parser: &Parser) -> Option<UnaryOperator> {
    match parser.peek_token_ref().token {
        Token::Minus => Some(UnaryOperator::Minus),
        Token::Plus => Some(UnaryOperator::Plus),
        _ => None,
    }
}

/// Parses a sign, which binds tighter than all operators but casts and subscripts: `-2 ^ 2` is four.
fn parse_sign(parser: &mut Parser, op: UnaryOperator) -> Result<Expr, ParserError> {
    parser.next_token();
    let tightest = PostgreSqlDialect {}.prec_value(Precedence::AtTz);
    let expr = Box::new(parser.parse_subexpr(tightest)?);
    Ok(Expr::UnaryOp { op, expr })
}

/// Looks ahead for `parse_trim([both | leading | trailing] FROM x)`, where the parser wants to be told what to trim. Returns the
/// side.
fn trim_place(parser: &Parser) -> Option<Option<TrimWhereField>> {
    if !is_word(parser, 0, Keyword::TRIM) || parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    let place = [
        (Keyword::BOTH, TrimWhereField::Both),
        (Keyword::LEADING, TrimWhereField::Leading),
        (Keyword::TRAILING, TrimWhereField::Trailing),
    ]
    .into_iter()
    .find(|(word, _)| is_word(parser, 2, *word))
    .map(|(_, place)| place);
    let from = if place.is_some() { 3 } else { 2 };
    is_word(parser, from, Keyword::FROM).then_some(place)
}

fn parse_trim(
    parser: &mut Parser,
    trim_where: Option<TrimWhereField>,
) -> Result<Expr, ParserError> {
    while !parser.parse_keyword(Keyword::FROM) {
        parser.next_token();
    }
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Trim {
        expr,
        trim_where,
        trim_what: None,
        trim_characters: None,
    })
}

/// Returns the precedence of an operator that the parser does not know.
pub(super) fn precedence(parser: &Parser) -> Option<Precedence> {
    is_word_of(parser, 0, "ISNULL").then_some(Precedence::Is)
}

/// Parses an expression that goes on with one of them; none where the parser reads on by itself.
pub(super) fn infix(parser: &mut Parser, left: &Expr) -> Option<Result<Expr, ParserError>> {
    if is_word_of(parser, 0, "ISNULL") {
        parser.next_token();
        return Some(Ok(Expr::IsNull(Box::new(left.clone()))));
    }
    let negated = is_word(parser, 0, Keyword::NOT);
    let at = usize::from(negated);
    let symmetric = is_word(parser, at, Keyword::BETWEEN)
        && (is_word_of(parser, at + 1, "SYMMETRIC") || is_word_of(parser, at + 1, "ASYMMETRIC"));
    symmetric.then(|| parse_symmetric(parser, left, negated))
}

/// Parses `x BETWEEN SYMMETRIC a AND b`, where either of the two may be the lower one.
fn parse_symmetric(parser: &mut Parser, value: &Expr, negated: bool) -> Result<Expr, ParserError> {
    if negated {
        parser.next_token();
    }
    parser.next_token();
    let symmetric = is_word_of(parser, 0, "SYMMETRIC");
    parser.next_token();
    let between = parser.parse_between(value.clone(), negated)?;
    if !symmetric {
        return Ok(between);
    }
    let mut turned = between.clone();
    if let Expr::Between { low, high, .. } = &mut turned {
        std::mem::swap(low, high);
    }
    Ok(Expr::Nested(Box::new(Expr::BinaryOp {
        left: Box::new(between),
        op: if negated {
            BinaryOperator::And
        } else {
            BinaryOperator::Or
        },
        right: Box::new(turned),
    })))
}

fn is_word(parser: &Parser, at: usize, keyword: Keyword) -> bool {
    matches!(&parser.peek_nth_token_ref(at).token, Token::Word(word) if word.keyword == keyword)
}

/// Whether a token is a word that is no keyword to the parser.
fn is_word_of(parser: &Parser, at: usize, name: &str) -> bool {
    matches!(&parser.peek_nth_token_ref(at).token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name))
}
