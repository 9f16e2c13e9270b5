//! Calls beyond their limits are refused; within them, functions answer as they did.

#![allow(clippy::unwrap_used)]

use rstest::rstest;

use super::*;

/// Makes a context with the wrapped functions.
fn bounded() -> SessionContext {
    let context = SessionContext::new();
    for function in crate::functions::string::format::functions() {
        function.register(&context);
    }
    register(&context);
    context
}

#[test]
fn all_wrapped_functions_exist() {
    let context = bounded();
    for (name, _) in BOUNDED {
        assert!(context.udf(name).is_ok(), "{name}");
    }
}

#[rstest]
#[case("lpad('x', 1000000000000000)")]
#[case("lpad('x', a + 999999999999999) FROM (VALUES (1)) t(a)")]
#[case("rpad('x', 100000000, 'ä')")]
#[case("repeat('x', 2000000000)")]
#[case("lpad('x', a) FROM (VALUES (200000000), (200000000)) t(a)")]
#[case("replace(repeat('a', 100000), 'a', repeat('b', 100000))")]
#[case("regexp_replace(repeat('a', 100000), 'a', repeat('b', 100000), 'g')")]
#[case("concat(r, r, r, r, r, r) FROM (SELECT repeat('x', 50000000) AS r)")]
#[case("concat(r, r, r, r, r, r) FROM (SELECT repeat('x', a) AS r FROM (VALUES (50000000)) t(a))")]
#[case("concat_ws(repeat('x', 50000000), 'a', 'b', 'c', 'd', 'e', 'f')")]
#[case("array_to_string(range(0, 1000000), repeat('x', 1000))")]
#[case("range(0, 2000000000)")]
#[case("range(2000000000)")]
#[case("range(0, -2000000000, -1)")]
#[case("range(-9223372036854775807, 9223372036854775807)")]
#[case("generate_series(TIMESTAMP '2000-01-01', TIMESTAMP '2020-01-01', INTERVAL '1 second')")]
#[case("array_repeat(1, 2000000000)")]
#[case("array_repeat(range(0, 10000), 10000)")]
#[case("array_repeat(repeat('x', 1000000), 1000)")]
#[case("array_resize([1], 2000000000, 0)")]
#[case("array_concat(range(0, 6000000), range(0, 6000000))")]
#[case("make_array(range(0, 6000000), range(0, 6000000))")]
#[case("pg_joined(r, r) FROM (SELECT repeat('x', 150000000) AS r)")]
#[tokio::test]
async fn a_call_beyond_its_limit_is_refused(#[case] what: &str) {
    let context = bounded();
    let error = match context.sql(&format!("SELECT {what}")).await {
        Ok(frame) => frame.collect().await.unwrap_err(),
        Err(error) => error,
    };
    let error = crate::error::PgError::from(error);
    assert_eq!(error.code, "54000", "{error}");
    let function = what.split('(').next().unwrap();
    let detail = error.detail.unwrap();
    assert!(detail.contains(function), "{detail}");
}

#[rstest]
#[case("lpad('x', 3)", "  x")]
#[case("rpad('x', -3)", "")]
#[case("repeat('ab', 2)", "abab")]
#[case("replace('aXa', 'X', 'b')", "aba")]
#[case("regexp_replace('abc', 'b', '\\0\\0')", "abbc")]
#[case("concat_ws('-', 'a', NULL, 'b')", "a-b")]
#[case("array_to_string(range(1, 4), ',')", "1,2,3")]
#[case(
    "generate_series(DATE '2026-01-30', DATE '2026-02-01', INTERVAL '1 day')",
    "[2026-01-30, 2026-01-31, 2026-02-01]"
)]
#[case("array_repeat(1, 3)", "[1, 1, 1]")]
#[case("array_resize([1], 3, 0)", "[1, 0, 0]")]
#[case("list_concat([1], [2])", "[1, 2]")]
#[tokio::test]
async fn a_call_within_its_limit_answers_as_datafusion(#[case] what: &str, #[case] expected: &str) {
    let context = bounded();
    let sql = format!("SELECT CAST({what} AS VARCHAR) AS x");
    let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
    let shown = datafusion::arrow::util::display::array_value_to_string(batches[0].column(0), 0);
    assert_eq!(shown.unwrap(), expected);
}
