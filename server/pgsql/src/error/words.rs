//! Errors of DataFusion and Arrow that only their messages tell apart, in PostgreSQL's terms.

use super::{PgError, code};

/// The SQLSTATE by a part of the message; the first one that matches counts.
const BY_WORDS: &[(&str, &str)] = &[
    ("table '", code::UNDEFINED_TABLE),
    ("Invalid qualifier", code::UNDEFINED_TABLE),
    ("Invalid function '", code::UNDEFINED_FUNCTION),
    ("There is no table function", code::UNDEFINED_FUNCTION),
    ("table function '", code::UNDEFINED_FUNCTION),
    ("for logical boolean operation", "42804"),
    ("requires a boolean expression", "42804"),
    ("non-boolean predicate", "42804"),
    ("Boolean expression", "42804"),
    ("Expected LIMIT to be", "42804"),
    ("Expected OFFSET to be", "42804"),
    ("Cannot access field", "42804"),
    ("No function matches", code::UNDEFINED_FUNCTION),
    ("Function '", code::UNDEFINED_FUNCTION),
    ("Failed to coerce arguments", code::UNDEFINED_FUNCTION),
    (
        "Cannot infer common argument type",
        code::UNDEFINED_FUNCTION,
    ),
    ("Cannot coerce arithmetic", code::UNDEFINED_FUNCTION),
    ("isn't a common type to coerce", code::UNDEFINED_FUNCTION),
    ("Cannot automatically convert", code::UNDEFINED_FUNCTION),
    ("for temporal operation", code::UNDEFINED_FUNCTION),
    ("Unary operator '", code::UNDEFINED_FUNCTION),
    ("unnest() can only be applied", code::UNDEFINED_FUNCTION),
    ("not allowed in the WHERE clause", "42803"),
    ("calls cannot be nested", "42803"),
    ("not in grouping columns", "42803"),
    ("must be in the GROUP BY", "42803"),
    ("must appear in the GROUP BY", "42803"),
    ("could not be resolved from available columns", "42803"),
    ("expression AggregateFunction", "42803"),
    ("expression WindowFunction", "42P20"),
    ("Invalid window frame", "42P20"),
    ("RANGE requires", "42P20"),
    ("GROUPS requires", "42P20"),
    ("is not defined!", code::UNDEFINED_OBJECT),
    (
        "UNION queries have different number of columns",
        code::SYNTAX,
    ),
    ("Inconsistent data length", code::SYNTAX),
    ("join condition should not be empty", code::SYNTAX),
    ("should only return one column", code::SYNTAX),
    ("returned more than one row", "21000"),
    ("names given as column alias", "42P10"),
    ("column out of bounds", "42P10"),
    ("index starts at 1", "42P10"),
    ("Cannot find column with position", "42P10"),
    ("DISTINCT ON expressions must match", "42P10"),
    ("For SELECT DISTINCT, ORDER BY", "42P10"),
    ("In an aggregate with DISTINCT", "42P10"),
    ("LIMIT must be >= 0", "2201W"),
    ("OFFSET must be >=0", "2201X"),
    ("regex parse error", "2201B"),
    ("square root of a negative", "2201F"),
    ("raised to a negative power", "2201F"),
    ("NTILE requires", "22014"),
    ("negative count not allowed", "22011"),
    ("factorial of a negative", "22003"),
    ("stride must be", "22008"),
    ("Unable to parse date", "22008"),
    ("Month value '", "22008"),
    ("Day value '", "22008"),
    ("Timestamp out of range", "22008"),
    (": parameter \"", code::INVALID_PARAMETER),
    ("field position must not be zero", code::INVALID_PARAMETER),
    ("Failed to decode value", code::INVALID_PARAMETER),
    ("no built-in encoding", code::INVALID_PARAMETER),
    ("Unicode scalar value: -", code::INVALID_PARAMETER),
    ("Unicode scalar value", "54000"),
    ("type interval", "22007"),
    ("Divide by zero", "22012"),
    ("divide by zero", "22012"),
    ("Unsupported", code::NOT_SUPPORTED),
    ("not supported", code::NOT_SUPPORTED),
    ("not implemented", code::NOT_SUPPORTED),
    ("DDL not", code::READ_ONLY),
    ("DML not", code::READ_ONLY),
    ("result type for decimal operation", "22003"),
    ("verflow", "22003"),
    ("out of range", "22003"),
    ("Error parsing", code::INVALID_TEXT),
    ("Cannot cast", code::INVALID_TEXT),
    ("Expected an integer value", code::INVALID_TEXT),
    ("specified more than once", "42712"),
    ("duplicate expression name", "42701"),
    ("unique expression names", "42701"),
];

/// Returns the SQLSTATE of a message, if a part of it is known.
pub(super) fn code_of(message: &str) -> Option<&'static str> {
    BY_WORDS
        .iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, code)| *code)
}

/// Makes an error of a message.
pub(super) fn error(message: String) -> PgError {
    if let Some(error) = uncast(&message).or_else(|| no_function(&message)) {
        return error;
    }
    let code = code_of(&message).unwrap_or("42000");
    let message = match code {
        code::UNDEFINED_TABLE => undefined_table(&message).unwrap_or(message),
        _ => message,
    };
    PgError::new(code, message)
}

/// Functions that need a window.
const OF_WINDOWS: &[&str] = &[
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
];
/// Functions that need `WITHIN GROUP`.
const OF_ORDERED_SETS: &[&str] = &["mode", "percentile_cont", "percentile_disc"];

/// Reads `Invalid function 'x'.`, and the suggestion after it.
fn no_function(message: &str) -> Option<PgError> {
    let (_, rest) = message.split_once("Invalid function '")?;
    let (name, rest) = rest.split_once("'.")?;
    let wrong = |what: String| Some(PgError::new("42809", what));
    if OF_WINDOWS.contains(&name) {
        return wrong(format!("window function {name} requires an OVER clause"));
    }
    if OF_ORDERED_SETS.contains(&name) {
        return wrong(format!(
            "WITHIN GROUP is required for ordered-set aggregate {name}"
        ));
    }
    let error = PgError::new(
        code::UNDEFINED_FUNCTION,
        format!("function {name} does not exist"),
    );
    Some(match rest.trim() {
        // Functions that SQL is rewritten to are not for users.
        meant if meant.is_empty() || meant.contains("'pg_") => error,
        meant => error.hint(meant),
    })
}

/// Puts `table 'rapport.public.x' not found` into PostgreSQL's words, which some tools look for.
fn undefined_table(message: &str) -> Option<String> {
    if let Some(qualifier) = message.strip_prefix("Invalid qualifier ") {
        return Some(format!(
            "missing FROM-clause entry for table \"{qualifier}\""
        ));
    }
    let name = message.split("table '").nth(1)?.split('\'').next()?;
    let name = name.strip_prefix("rapport.").unwrap_or(name);
    let name = ["public.", "pg_search_path."]
        .iter()
        .find_map(|schema| name.strip_prefix(schema))
        .unwrap_or(name);
    Some(format!("relation \"{name}\" does not exist"))
}

/// Reads `Cannot cast string 'x' to value of Int32 type`, where a text is no value of a type, or out of its range.
pub(super) fn uncast(message: &str) -> Option<PgError> {
    let (_, rest) = message.split_once("Cannot cast string '")?;
    let (text, rest) = rest.rsplit_once("' to value of ")?;
    let name = match rest.split([' ', '(']).next()? {
        "Int16" => "smallint",
        "Int32" => "integer",
        "Int64" => "bigint",
        "Float32" => "real",
        "Float64" => "double precision",
        "Boolean" => "boolean",
        "Decimal128" => "numeric",
        "Date32" => "date",
        "UInt64" if text.starts_with('-') => {
            return Some(PgError::new("22013", "frame offset must not be negative"));
        }
        "Timestamp" => "timestamp",
        _ => return None,
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.trim().trim_start_matches(['-', '+']);
    let is_time = matches!(name, "date" | "timestamp");
    // Three numbers are meant as a day, which may not exist.
    let is_day = || {
        unsigned
            .splitn(3, '-')
            .all(|part| digits(part.split(' ').next().unwrap_or("")))
    };
    Some(match name {
        _ if is_time && unsigned.matches('-').count() == 2 && is_day() => PgError::new(
            "22008",
            format!("date/time field value out of range: \"{text}\""),
        ),
        "smallint" | "integer" | "bigint" if digits(unsigned) => PgError::new(
            "22003",
            format!("value \"{text}\" is out of range for type {name}"),
        ),
        _ => PgError::new(
            if is_time { "22007" } else { code::INVALID_TEXT },
            format!("invalid input syntax for type {name}: \"{text}\""),
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "abc",
        "Int32",
        "22P02",
        "invalid input syntax for type integer: \"abc\""
    )]
    #[case(
        "99999999999",
        "Int32",
        "22003",
        "value \"99999999999\" is out of range for type integer"
    )]
    #[case(
        "1.5",
        "Int64",
        "22P02",
        "invalid input syntax for type bigint: \"1.5\""
    )]
    #[case(
        "2026-13-01",
        "Date32",
        "22008",
        "date/time field value out of range: \"2026-13-01\""
    )]
    #[case(
        "soon",
        "Date32",
        "22007",
        "invalid input syntax for type date: \"soon\""
    )]
    fn a_failed_cast_names_the_text_and_the_type(
        #[case] text: &str,
        #[case] arrow: &str,
        #[case] code: &str,
        #[case] message: &str,
    ) {
        let said = format!("Cast error: Cannot cast string '{text}' to value of {arrow} type");
        let error = uncast(&said).unwrap();
        assert_eq!((error.code, error.message.as_ref()), (code, message));
    }

    #[rstest]
    #[case(
        "Cannot coerce arithmetic expression Date32 + Date32 to valid types",
        "42883"
    )]
    #[case(
        "Unary operator 'NOT' requires a boolean expression, got Int32",
        "42804"
    )]
    #[case("Cannot find column with position 2 in SELECT clause", "42P10")]
    #[case("Invalid qualifier o", "42P01")]
    fn a_message_decides_the_sqlstate(#[case] message: &str, #[case] expected: &str) {
        assert_eq!(error(message.to_owned()).code, expected);
    }
}
