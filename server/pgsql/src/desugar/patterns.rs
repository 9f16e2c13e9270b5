//! Patterns: LIKE with its escapes and lists, SIMILAR TO.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

use super::array_literals::array_of;
use super::ast::{arguments, binary, call, nested, string, take, text};
use super::{AstPass, Step};

pub(super) const LIKE: AstPass = AstPass {
    name: "like",
    bridges: "DataFusion's LIKE is of one pattern, escaped by a backslash",
    run: &[Step::Expr(like)],
};

pub(super) const ANY: AstPass = AstPass {
    name: "matches-any",
    bridges: "DataFusion matches one pattern, and not `x ~ ANY (ARRAY[a, b])`",
    run: &[Step::Expr(|expr| match expr {
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => matches(left, compare_op, right, BinaryOperator::Or),
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => matches(left, compare_op, right, BinaryOperator::And),
        _ => None,
    })],
};

pub(super) const SIMILAR: AstPass = AstPass {
    name: "similar-to",
    bridges: "DataFusion takes the pattern of SIMILAR TO for a regular expression of any part of the text",
    run: &[Step::Expr(similar)],
};

fn like(expr: &mut Expr) -> Option<Expr> {
    if let Expr::Like {
        pattern,
        escape_char,
        ..
    }
    | Expr::ILike {
        pattern,
        escape_char,
        ..
    } = expr
        && let Some(escape) = escape_char.take()
    {
        match (&escape.value, string(pattern)) {
            (Value::SingleQuotedString(escape), _) if escape == "\\" => {}
            (Value::SingleQuotedString(escape), Some(written)) => {
                **pattern = text(escaped(written, escape.chars().next()));
            }
            _ => {
                let written = take(pattern);
                **pattern = call("pg_like_escape", vec![written, Expr::Value(escape)]);
            }
        }
    }
    each(expr)
}

/// A pattern whose escape is another character, with backslashes.
fn escaped(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            out.push('\\');
            out.extend(chars.next());
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    out
}

/// `x LIKE ANY (ARRAY[a, b])` as `x LIKE a OR x LIKE b`.
fn each(expr: &Expr) -> Option<Expr> {
    let (pattern, any) = match expr {
        Expr::Like { pattern, any, .. } | Expr::ILike { pattern, any, .. } => (pattern, *any),
        _ => return None,
    };
    let written = unnested(pattern).filter(|_| any).and_then(array_of);
    let patterns = elements(written.as_ref().unwrap_or(pattern))?;
    let likes = patterns.iter().map(|one| {
        let mut like = expr.clone();
        if let Expr::Like { pattern, any, .. } | Expr::ILike { pattern, any, .. } = &mut like {
            **pattern = one.clone();
            *any = false;
        }
        like
    });
    let op = if any {
        BinaryOperator::Or
    } else {
        BinaryOperator::And
    };
    likes
        .reduce(|left, right| binary(left, op.clone(), right))
        .map(nested)
}

fn unnested(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        other => string(other),
    }
}

/// Whether an operator's right side is a pattern.
pub(super) fn is_pattern(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch
    )
}

/// `x ~ ANY (ARRAY[a, b])` as `x ~ a OR x ~ b`.
fn matches(
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    between: BinaryOperator,
) -> Option<Expr> {
    if !is_pattern(op) {
        return None;
    }
    let each = elements(right)?
        .iter()
        .map(|pattern| binary(nested(left.clone()), op.clone(), nested(pattern.clone())));
    each.reduce(|a, b| binary(a, between.clone(), b))
        .map(nested)
}

/// The elements of an array that is written out.
fn elements(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Array(array) => Some(&array.elem),
        Expr::Nested(inner) => elements(inner),
        // LIKE ALL, which the parser takes for a call.
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("all") => {
            match arguments(function)?.as_slice() {
                [array] => elements(array),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `x SIMILAR TO pattern` as a regular expression of the whole text.
fn similar(expr: &mut Expr) -> Option<Expr> {
    let Expr::SimilarTo {
        negated,
        expr: value,
        pattern,
        ..
    } = expr
    else {
        return None;
    };
    let op = if *negated {
        BinaryOperator::PGRegexNotMatch
    } else {
        BinaryOperator::PGRegexMatch
    };
    let regex = text(similar_regex(string(pattern)?));
    Some(nested(binary(nested(take(value)), op, regex)))
}

fn similar_regex(pattern: &str) -> String {
    let mut regex = String::from("^(?:");
    let mut chars = pattern.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                regex.push('\\');
                regex.extend(chars.next());
            }
            '%' if !in_class => regex.push_str(".*"),
            '_' if !in_class => regex.push('.'),
            '.' | '^' | '$' if !in_class => {
                regex.push('\\');
                regex.push(c);
            }
            c => {
                in_class = c == '[' || (in_class && c != ']');
                regex.push(c);
            }
        }
    }
    regex.push_str(")$");
    regex
}

#[cfg(test)]
rewrites! {
    LIKE patterns_are_escaped_by_backslashes r"
        a LIKE 'b!%' ESCAPE '!' ~> a LIKE 'b\%'
        a LIKE b ESCAPE '!' ~> a LIKE pg_like_escape(b, '!')
        a ILIKE ANY (ARRAY['b', 'c']) ~> (a ILIKE 'b' OR a ILIKE 'c')
        a NOT LIKE ALL (ARRAY['b', 'c']) ~> (a NOT LIKE 'b' AND a NOT LIKE 'c')
        a LIKE 'b' ~> a LIKE 'b'
    "
    ANY each_pattern_is_matched r"
        a ~ ANY (ARRAY['b', 'c']) ~> ((a) ~ ('b') OR (a) ~ ('c'))
        a !~* ALL (ARRAY['b', 'c']) ~> ((a) !~* ('b') AND (a) !~* ('c'))
        a = ANY (ARRAY['b']) ~> a = ANY(ARRAY['b'])
    "
    SIMILAR patterns_become_regular_expressions r"
        a SIMILAR TO 'b%' ~> ((a) ~ '^(?:b.*)$')
        a NOT SIMILAR TO '(b|c)_' ~> ((a) !~ '^(?:(b|c).)$')
    "
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a!%c", "a\\%c")]
    #[case("a\\c", "a\\\\c")]
    #[case("!!", "\\!")]
    fn escapes_become_backslashes(#[case] pattern: &str, #[case] expected: &str) {
        assert_eq!(escaped(pattern, Some('!')), expected);
    }

    #[rstest]
    #[case("a(b|x)c", "^(?:a(b|x)c)$")]
    #[case("%c.", "^(?:.*c\\.)$")]
    #[case("[a_]_", "^(?:[a_].)$")]
    fn similar_patterns_are_of_the_whole_text(#[case] pattern: &str, #[case] expected: &str) {
        assert_eq!(similar_regex(pattern), expected);
    }
}
