//! Walks over what an expression or a SELECT says itself, and not a query inside it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Visit, VisitMut, Visitor, VisitorMut};

/// Returns whether an expression, or one that it is made of, passes a test. Those of queries inside it are not asked.
pub(super) fn holds(expr: &Expr, is: impl Fn(&Expr) -> bool) -> bool {
    expr.visit(&mut Own { each: is, depth: 0 }).is_break()
}

/// Returns whether an expression names columns, outside of queries of its own.
pub fn has_columns(expr: &Expr) -> bool {
    let is_column = |expr: &Expr| matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    holds(expr, is_column)
}

/// Calls a function for each expression in a node, after those that it is made of, with the number of queries around it.
///
/// # Errors
/// The function's first.
pub(super) fn each_expr<E>(
    node: &mut impl VisitMut,
    each: impl FnMut(&mut Expr, usize) -> Result<(), E>,
) -> Result<(), E> {
    finished(node.visit(&mut OwnMut { each, depth: 0 }))
}

pub(super) fn finished<E>(flow: ControlFlow<E>) -> Result<(), E> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Own<F> {
    each: F,
    depth: usize,
}

impl<F: Fn(&Expr) -> bool> Visitor for Own<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.depth == 0 && (self.each)(expr) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

struct OwnMut<F> {
    each: F,
    depth: usize,
}

impl<E, F: FnMut(&mut Expr, usize) -> Result<(), E>> VisitorMut for OwnMut<F> {
    type Break = E;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<E> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<E> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<E> {
        match (self.each)(expr, self.depth) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::tests::expression;
    use super::*;

    #[rstest]
    #[case("1 + abs(x)", true)]
    #[case("(SELECT x)", false)]
    #[case("EXISTS (SELECT x FROM t WHERE x > 0)", false)]
    #[case("1 IN (SELECT 1) AND x", true)]
    #[case("(SELECT (SELECT x)) + y", true)]
    #[case("1 + 2", false)]
    fn queries_inside_are_not_asked(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(has_columns(&expression(sql)), expected);
    }
}
