//! Patterns: LIKE with its escapes and lists, SIMILAR TO.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

use super::arrays::array_of;
use super::functions::elements;
use super::{call, compare, string, text};

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

/// LIKE as DataFusion has it: of one pattern, escaped by a backslash.
pub(super) fn like(expr: &mut Expr) -> Option<Expr> {
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
                let written = std::mem::replace(&mut **pattern, Expr::Value(Value::Null.into()));
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
        .reduce(|left, right| compare(left, op.clone(), right))
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
pub(super) fn matches(left: &Expr, op: &BinaryOperator, right: &Expr, all: bool) -> Option<Expr> {
    if !is_pattern(op) {
        return None;
    }
    let each = elements(right)?
        .iter()
        .map(|pattern| compare(nested(left.clone()), op.clone(), nested(pattern.clone())));
    let between = if all {
        BinaryOperator::And
    } else {
        BinaryOperator::Or
    };
    each.reduce(|a, b| compare(a, between.clone(), b))
        .map(nested)
}

/// `x SIMILAR TO pattern` as a regular expression of the whole text.
pub(super) fn similar(value: &Expr, pattern: &Expr, negated: bool) -> Option<Expr> {
    let op = if negated {
        BinaryOperator::PGRegexNotMatch
    } else {
        BinaryOperator::PGRegexMatch
    };
    let regex = text(similar_regex(string(pattern)?));
    Some(nested(compare(nested(value.clone()), op, regex)))
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
