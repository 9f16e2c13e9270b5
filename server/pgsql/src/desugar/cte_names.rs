//! Queries of a WITH that have the name of one around them, which DataFusion takes for the same name given twice.
//!
//! The inner one gets another name, and what reads of it keeps the old one as its alias.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Query, TableAlias, TableFactor, VisitMut, VisitorMut, With,
};

use super::ast::{aliased, normalized, quoted};
use super::own::finished;
use super::{AstPass, Step};
use crate::error::PgError;

pub(super) const PASS: AstPass = AstPass {
    name: "cte-names",
    bridges: "DataFusion takes a name of a WITH that one around has too for the same name given twice",
    run: &[Step::Whole(|query| {
        finished(query.visit(&mut Rename::default()))
    })],
};

#[derive(Default)]
struct Rename {
    /// The names that can be read of, and what they have become.
    scope: Vec<(String, Ident)>,
    /// The WITHs of the queries that are being visited, and how many names there were before each.
    outer: Vec<(Option<With>, usize)>,
    count: usize,
}

impl Rename {
    /// A name for a query of a WITH.
    fn name(&mut self, alias: &mut TableAlias) {
        let name = normalized(&alias.name);
        if self.scope.iter().any(|(known, _)| *known == name) {
            self.count += 1;
            alias.name = quoted(format!("{name}\u{1f}{}", self.count));
        }
        self.scope.push((name, alias.name.clone()));
    }
}

impl VisitorMut for Rename {
    type Break = PgError;

    // The queries of a WITH are visited here, since each sees only those before it.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        let before = self.scope.len();
        let mut with = query.with.take();
        if let Some(with) = &mut with {
            let mut own: Vec<String> = Vec::new();
            for cte in &mut with.cte_tables {
                let name = normalized(&cte.alias.name);
                if own.contains(&name) {
                    return ControlFlow::Break(PgError::new(
                        "42712",
                        format!("WITH query name \"{name}\" specified more than once"),
                    ));
                }
                own.push(name);
                if with.recursive {
                    self.name(&mut cte.alias);
                    cte.query.visit(self)?;
                } else {
                    cte.query.visit(self)?;
                    self.name(&mut cte.alias);
                }
            }
        }
        self.outer.push((with, before));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        if let Some((with, before)) = self.outer.pop() {
            query.with = with;
            self.scope.truncate(before);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PgError> {
        if let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
            && let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
            && let written = normalized(ident)
            && let Some((_, new)) = self.scope.iter().rev().find(|(known, _)| *known == written)
            && normalized(new) != written
        {
            alias.get_or_insert_with(|| aliased(quoted(written)));
            *name = ObjectName::from(vec![new.clone()]);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
rewrites! {
    PASS a_name_of_a_with_around_gets_another_one r#"
        WITH a AS (SELECT 1), b AS (WITH a AS (SELECT 2) SELECT * FROM a) SELECT * FROM a, b ~> WITH a AS (SELECT 1), b AS (WITH "a1" AS (SELECT 2) SELECT * FROM "a1" AS "a") SELECT * FROM a, b
    "#
}
