#![allow(clippy::unwrap_used)]

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::Tokenizer;
use rstest::rstest;

use super::*;

/// The stack of the threads that have least of it: those of the connections.
const STACK: usize = 16 * 1024 * 1024;

/// Parses, copies and drops a statement on such a thread, and tells the SQLSTATE where it is refused.
fn survives(sql: String) -> Option<&'static str> {
    let work = move || match parse(&sql) {
        Ok(statements) => {
            drop(statements.clone());
            assert_eq!(statements, statements.clone());
            None
        }
        Err(error) => Some(error.code),
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    thread.unwrap().join().unwrap()
}

#[rstest]
#[case::chain("", "+1", 1500, "", 1)]
#[case::chains_in_parentheses("(", "+1", 10, ")", 120)]
#[case::queries_in_one_another("(SELECT ", "+1", 10, ")", 60)]
#[case::calls("abs(", "+1", 10, ")", 120)]
#[case::calls_that_are_copied("concat(", "+1", 10, ")", 120)]
#[case::ors("(", " OR true", 10, ")", 120)]
fn the_deepest_statements_that_are_accepted_fit_the_stack(
    #[case] open: &str,
    #[case] link: &str,
    #[case] links: usize,
    #[case] close: &str,
    #[case] levels: usize,
) {
    let close = format!("{}{close}", link.repeat(links));
    let sql = format!("SELECT {}1{}", open.repeat(levels), close.repeat(levels));
    assert_eq!(survives(sql), None);
}

#[rstest]
#[case::at_the_deep_end("(", "1", "+1", ")")]
#[case::at_the_shallow_end("1+", "1", "+(1", ")")]
#[case::of_queries("(SELECT ", "1", " UNION SELECT 1", ")")]
#[case::of_subscripts("(a", "", "[1]+1", ")")]
fn what_is_in_parentheses_counts_with_what_is_around(
    #[case] open: &str,
    #[case] middle: &str,
    #[case] link: &str,
    #[case] close: &str,
) {
    let (levels, links) = (20, 1400);
    let sql = if link.contains('(') {
        let inner = format!("{}{link}", open.repeat(links));
        format!(
            "SELECT {}{middle}{}",
            inner.repeat(levels),
            close.repeat(levels)
        )
    } else {
        let close = format!("{}{close}", link.repeat(links));
        format!(
            "SELECT {}{middle}{}",
            open.repeat(levels),
            close.repeat(levels)
        )
    };
    assert_eq!(survives(sql), Some("54001"));
}

#[rstest]
#[case("EXPLAIN ")]
#[case("PREPARE p AS ")]
#[case("EXPLAIN PREPARE p AS ")]
#[case("PREPARE p AS EXPLAIN ")]
fn statements_are_not_nested_without_end(#[case] around: &str) {
    let sql = format!("{}SELECT 1", around.repeat(20_000));
    assert_eq!(survives(sql), Some("42601"));
}

#[rstest]
#[case::calls("abs(", ")")]
#[case::positions("position('a' in ", ")")]
#[case::lists("1 IN (2, ", ")")]
#[case::cases("CASE WHEN true THEN ", " END")]
#[case::casts("CAST(", " AS int)")]
#[case::arrays("ARRAY[", "]")]
#[case::intervals("INTERVAL (", ")")]
#[case::tables("(SELECT 1 FROM (", ") t)")]
fn what_is_nested_is_read_or_refused_at_once(#[case] open: &str, #[case] close: &str) {
    for levels in [20, 60, 120] {
        // Whatever it is, it is known soon: what is read in all possible ways would not end.
        let sql = format!("SELECT {}1{}", open.repeat(levels), close.repeat(levels));
        let outcome = survives(sql);
        assert!(
            matches!(outcome, None | Some("42601" | "54001")),
            "{levels} levels: {outcome:?}"
        );
    }
}

#[test]
fn the_operators_of_one_statement_are_not_anothers() {
    assert_eq!(parse(&"SELECT 1 + 1;".repeat(900)).unwrap().len(), 900);
}

#[test]
fn an_explain_can_be_prepared() {
    let statement = parse("PREPARE p AS EXPLAIN SELECT 1").unwrap().remove(0);
    assert!(matches!(statement, Statement::Prepare { .. }));
}

#[rstest]
#[case::statements(";", 1)]
#[case::numbers("1, ", 4)]
#[case::number_and_word("1a ", 3)]
#[case::literal("'a b, c' ", 2)]
#[case::quotes_in_a_literal("'it''s' ", 3)]
#[case::name("\"a b\".c ", 4)]
#[case::not_ascii("é", 2)]
#[case::escapes("E' \\' ; ' ;", 11)]
#[case::comment("-- '\n;", 6)]
#[case::nested_comment("/* /* */ ' */;", 14)]
#[case::dollar_quotes("$$ ' $$;", 8)]
#[case::parameters("$1 + $2 ", 10)]
fn tokens_are_never_more_than_counted(#[case] piece: &str, #[case] counted: usize) {
    let text = piece.repeat(3);
    assert_eq!(super::tokens::at_most(&text), counted * 3, "{text}");
    let all = Tokenizer::new(&PostgreSqlDialect {}, &text)
        .tokenize()
        .unwrap();
    assert!(all.len() <= counted * 3, "{all:?}");
}

#[test]
fn a_text_of_too_many_tokens_is_refused_before_they_are_made() {
    let error = parse(&";".repeat(MAX_TEXT)).unwrap_err();
    assert_eq!(error.code, "54000");
    assert!(error.detail.unwrap().contains(&MAX_TEXT.to_string()));
    let list = vec!["'some words of a long literal'"; 100_000].join(",");
    assert!(list.len() > UNCOUNTED);
    parse(&format!("SELECT 'a' IN ({list})")).unwrap();
}

#[rstest]
#[case::no_window("SELECT sum(x) OVER w FROM t", "42704")]
#[case::partitions_of_two(
    "SELECT sum(x) OVER (w PARTITION BY y) FROM t WINDOW w AS (ORDER BY x)",
    "42P20"
)]
#[case::exclusion(
    "SELECT sum(x) OVER (ORDER BY x ROWS 1 PRECEDING EXCLUDE TIES) FROM t",
    "0A000"
)]
#[case::join_without_condition("SELECT 1 FROM a JOIN b", "42601")]
#[case::natural_full_join("SELECT 1 FROM a NATURAL FULL JOIN b", "0A000")]
#[case::ties_without_order("SELECT 1 FROM a FETCH FIRST ROW WITH TIES", "42601")]
#[case::two_equals_signs("SELECT 1 == 1", "42883")]
#[case::sample("SELECT 1 FROM a TABLESAMPLE SYSTEM (10)", "0A000")]
#[case::nulls("SELECT lag(x) IGNORE NULLS OVER (ORDER BY x) FROM a", "0A000")]
#[case::place_of_a_row("SELECT a.ctid FROM a", "0A000")]
#[case::table_of_which_row("SELECT tableoid FROM a, b", "42702")]
#[case::limit_that_is_no_number("SELECT 1 LIMIT 'x'", "22P02")]
fn what_would_be_answered_otherwise_is_refused(#[case] sql: &str, #[case] code: &str) {
    assert_eq!(parse(sql).unwrap_err().code, code);
}

#[rstest]
#[case("SELECT -2 ^ 2", "SELECT (-2) ^ 2")]
#[case("SELECT x ISNULL", "SELECT x IS NULL")]
#[case("SELECT 1 LIMIT '2' OFFSET ' 3 '", "SELECT 1 LIMIT 2 OFFSET 3")]
#[case("SELECT trim(both from x)", "SELECT trim(both x)")]
#[case(
    "SELECT sum(x) OVER (w ORDER BY y) FROM t WINDOW w AS (PARTITION BY z)",
    "SELECT sum(x) OVER (PARTITION BY z ORDER BY y) FROM t"
)]
#[case(
    "SELECT y FROM a RIGHT JOIN b USING (x) WHERE x > 1",
    "SELECT y FROM a RIGHT JOIN b USING (x) WHERE b.x > 1"
)]
fn two_ways_to_write_the_same_are_the_same(#[case] sql: &str, #[case] same: &str) {
    let text = |sql: &str| match parse(sql).unwrap().remove(0) {
        Statement::Query(query) => query.ast.to_string().replace(['(', ')'], ""),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(sql), text(same));
}

#[rstest]
#[case::literal_beside_a_type("VALUES (date '2026-01-01'), ('2026-01-02')", true)]
#[case::parameter_beside_a_number("VALUES (1), ($1)", true)]
#[case::literals_alone("VALUES ('a'), ('b'), (NULL)", false)]
#[case::another_column("VALUES (1, 'a'), (2, 'b')", false)]
fn values_with_literals_of_unknown_types_are_planned_by_their_columns(
    #[case] sql: &str,
    #[case] mixed: bool,
) {
    let Statement::Query(query) = parse(sql).unwrap().remove(0) else {
        panic!("{sql}");
    };
    // They are the rows of a FROM then.
    assert_eq!(query.ast.to_string().starts_with("SELECT"), mixed, "{sql}");
}
