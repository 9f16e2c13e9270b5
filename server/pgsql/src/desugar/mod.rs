//! Rewrites PostgreSQL's queries into what DataFusion understands, where that can be done without knowing any types.
//! (What needs types is done to the plan: see `analyze`.)
//!
//! It is a list of passes ([`PASSES`]), one limitation of the parser or of DataFusion each. To add one, write a file with a
//! `Pass`, a table of queries before and after it as its test (`rewrites!`), and a line in the list.

/// Tests of passes: the pass, the test's name, and a line `before ~> after` for each query or expression.
#[cfg(test)]
macro_rules! rewrites {
    ($($pass:ident $name:ident $table:literal)*) => {
        mod rewrites {
            $(#[test]
            fn $name() {
                super::super::tests::assert_rewrites(&super::$pass, $table);
            })*
        }
    };
}

mod array_literals;
mod array_subqueries;
mod arrays;
pub(crate) mod ast;
mod average;
mod casts;
mod catalog_rules;
mod comparisons;
mod cte_names;
mod distinct_aggregates;
mod empty_tables;
mod exists;
mod functions;
mod json;
mod limits;
mod literals;
mod moments;
mod names;
mod numbers;
mod objects;
mod operators;
mod orders;
mod own;
mod patterns;
mod quantified;
mod read_only;
mod regexes;
mod rows;
mod sorted_aggregates;
mod system_columns;
mod tables;
#[cfg(test)]
mod tests;
mod using;
mod values;
mod windows;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Function, Query, TableFactor, VisitMut, VisitorMut};

use crate::error::PgError;
use crate::pass::Pass;
pub use names::{is_single, mark_columns};
pub use own::has_columns;
pub use read_only::check_read_only;
pub use values::mixes_unknown;

/// Where in a query a pass does something.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// To the query as a whole. All other steps of passes that follow one another share one walk.
    Whole(fn(&mut Query) -> Result<(), PgError>),
    /// At a query, before what is in it.
    Query(fn(&mut Query) -> Result<(), PgError>),
    /// At a query, after what is in it.
    AfterQuery(fn(&mut Query)),
    /// At a table in FROM, before what is in it.
    Table(fn(&mut TableFactor)),
    /// At a table in FROM, after what is in it.
    AfterTable(fn(&mut TableFactor)),
    /// At an expression, before its operands. The first that gives another expression is the last that is asked.
    Expr(fn(&mut Expr) -> Option<Expr>),
    /// At a call, as [`Step::Expr`], with the function's name in small letters.
    Call(fn(&mut Function, &str) -> Option<Expr>),
    /// At an expression, after its operands.
    AfterExpr(fn(&mut Expr) -> Option<Expr>),
    /// At a call, as [`Step::Call`], after its arguments: they are not visited again.
    AfterCall(fn(&mut Function, &str) -> Option<Expr>),
}

/// A pass over the parser's tree.
pub type AstPass = Pass<&'static [Step]>;

impl AstPass {
    fn is_whole(&self) -> bool {
        matches!(self.run, [Step::Whole(_)])
    }
}

/// What is done to a query, in this order.
pub const PASSES: &[AstPass] = &[
    // Names first: they come from what was written.
    names::PASS,
    cte_names::PASS,
    system_columns::PASS,
    objects::SHOWN,
    empty_tables::PASS,
    empty_tables::DOMAINS,
    orders::PASS,
    windows::PASS,
    using::PASS,
    exists::PASS,
    rows::NO_GROUPS,
    limits::QUOTED,
    limits::FETCH,
    tables::CATALOG,
    tables::SETTINGS,
    tables::ROWS,
    tables::VALUE_CALLS,
    tables::LATERAL_VALUES,
    moments::PASS,
    functions::SESSION_WORDS,
    array_subqueries::ELEMENTS,
    array_subqueries::PASS,
    json::AGGREGATES,
    average::SUM,
    average::AVERAGE,
    sorted_aggregates::PASS,
    functions::RENAMED,
    json::PASS,
    regexes::PASS,
    functions::COMPOSED,
    functions::MAKE_INTERVAL,
    objects::CASTS,
    casts::MOMENTS,
    casts::PASS,
    array_literals::PASS,
    patterns::ANY,
    patterns::LIKE,
    patterns::SIMILAR,
    quantified::PASS,
    rows::SETS,
    rows::COMPARED,
    comparisons::DISTINCT_FROM,
    comparisons::BETWEEN,
    literals::NEGATIVE,
    literals::UNICODE,
    literals::INTERVALS,
    operators::PASS,
    arrays::SLICES,
    arrays::OUTER_COLUMNS,
    numbers::PASS,
    functions::RESULTS,
    functions::SPELLED,
    distinct_aggregates::PASS,
    values::PASS,
    catalog_rules::QUALIFIERS,
    catalog_rules::COLLATIONS,
    catalog_rules::OPERATORS,
];

/// Writes a query as DataFusion understands it.
///
/// # Errors
/// If it is one that PostgreSQL refuses, and DataFusion would not.
pub fn desugar(query: &mut Query) -> Result<(), PgError> {
    run(PASSES, query)
}

fn run(passes: &[AstPass], query: &mut Query) -> Result<(), PgError> {
    let passes: Vec<&AstPass> = passes.iter().filter(|pass| pass.is_on()).collect();
    for together in passes.chunk_by(|a, b| !a.is_whole() && !b.is_whole()) {
        if let [
            AstPass {
                run: [Step::Whole(whole)],
                ..
            },
        ] = together
        {
            whole(query)?;
            continue;
        }
        let steps: Vec<Step> = together.iter().flat_map(|pass| pass.run).copied().collect();
        own::finished(query.visit(&mut Walk { steps }))?;
    }
    Ok(())
}

/// Takes the steps of several passes at each node of a query.
struct Walk {
    steps: Vec<Step>,
}

impl VisitorMut for Walk {
    type Break = PgError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        for step in &self.steps {
            if let Step::Query(step) = step
                && let Err(error) = step(query)
            {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        for step in &self.steps {
            if let Step::AfterQuery(step) = step {
                step(query);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PgError> {
        for step in &self.steps {
            if let Step::Table(step) = step {
                step(factor);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PgError> {
        for step in &self.steps {
            if let Step::AfterTable(step) = step {
                step(factor);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PgError> {
        let name = function_name(expr);
        let new = self.steps.iter().find_map(|step| match (step, &mut *expr) {
            (Step::Expr(step), expr) => step(expr),
            (Step::Call(step), Expr::Function(function)) => step(function, name.as_deref()?),
            _ => None,
        });
        if let Some(new) = new {
            *expr = new;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PgError> {
        let name = function_name(expr);
        let new = self.steps.iter().find_map(|step| match (step, &mut *expr) {
            (Step::AfterExpr(step), expr) => step(expr),
            (Step::AfterCall(step), Expr::Function(function)) => step(function, name.as_deref()?),
            _ => None,
        });
        if let Some(new) = new {
            *expr = new;
        }
        ControlFlow::Continue(())
    }
}

fn function_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => Some(ast::last(&function.name)?.value.to_ascii_lowercase()),
        _ => None,
    }
}
