//! What an expression says itself, and not a query inside it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Visit, Visitor};

/// Whether an expression, or one that it is made of, passes a test. Those of queries inside it are not asked.
pub(super) fn holds(expr: &Expr, is: impl Fn(&Expr) -> bool) -> bool {
    expr.visit(&mut Own { is, queries: 0 }).is_break()
}

struct Own<F> {
    is: F,
    /// How many queries lie around what is visited.
    queries: usize,
}

impl<F: Fn(&Expr) -> bool> Visitor for Own<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.queries == 0 && (self.is)(expr) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1 + abs(x)", true)]
    #[case("(SELECT x)", false)]
    #[case("EXISTS (SELECT x FROM t WHERE x > 0)", false)]
    #[case("1 IN (SELECT 1) AND x", true)]
    #[case("(SELECT (SELECT x)) + y", true)]
    #[case("1 + 2", false)]
    fn queries_inside_are_not_asked(#[case] sql: &str, #[case] expected: bool) {
        let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql);
        let expr = parser.unwrap().parse_expr().unwrap();
        let names_column = |expr: &Expr| matches!(expr, Expr::Identifier(_));
        assert_eq!(holds(&expr, names_column), expected);
    }
}
