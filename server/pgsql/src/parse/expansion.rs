//! Limits how large a query gets once it is planned.
//!
//! A query of a WITH is planned anew wherever it is named. So a few lines, each of which names the line before twice, would
//! make millions of nodes, which no limit of memory or time sees while a plan is made.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, ObjectName, Visit, Visitor};

use crate::error::PgError;

/// The most relations that a query may read, with its WITH queries in place of their names.
const MAX_RELATIONS: usize = 1_000;

/// Refuses a query that would get too large.
pub(super) fn check(query: &ast::Query) -> Result<(), PgError> {
    let mut count = Count::default();
    // The visitor never breaks off.
    let _ = query.visit(&mut count);
    if count.relations.max(count.largest) <= MAX_RELATIONS {
        return Ok(());
    }
    Err(PgError::new("54001", "statement is too complex").detail(format!(
        "it reads more than {MAX_RELATIONS} relations, as each query of a WITH counts wherever it is named"
    )))
}

/// Counts the relations of the queries that are being visited.
#[derive(Default)]
struct Count {
    /// The relations of the innermost query.
    relations: usize,
    /// The relations of the largest query of a WITH, which is planned even if nothing names it.
    largest: usize,
    /// The queries around the innermost one.
    outer: Vec<Outer>,
}

/// A query around the one that is being visited.
struct Outer {
    relations: usize,
    /// The queries of the inner query's WITH: their names by address, and their relations by name once those are counted.
    names: HashMap<*const ast::Query, String>,
    known: HashMap<String, usize>,
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        let name = |table: &ast::Cte| {
            let name = table.alias.name.value.to_ascii_lowercase();
            (std::ptr::from_ref(table.query.as_ref()), name)
        };
        self.outer.push(Outer {
            relations: std::mem::take(&mut self.relations),
            names: tables.map(name).collect(),
            known: HashMap::new(),
        });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let relations = self.relations;
        let around = self.outer.pop();
        self.relations = around.map_or(0, |outer| outer.relations);
        let this = std::ptr::from_ref(query);
        match self.outer.last_mut() {
            Some(with) if with.names.contains_key(&this) => {
                let name = with.names.remove(&this).unwrap_or_default();
                // One that reads nothing counts as one.
                with.known.insert(name, relations.max(1));
                self.largest = self.largest.max(relations);
            }
            _ => self.relations = self.relations.saturating_add(relations),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = match relation.0.as_slice() {
            [part] => part.as_ident().map(|name| name.value.to_ascii_lowercase()),
            _ => None,
        };
        let known = |name: String| {
            let mut scopes = self.outer.iter().rev();
            scopes.find_map(|outer| outer.known.get(&name)).copied()
        };
        let relations = name.and_then(known).unwrap_or(1);
        self.relations = self.relations.saturating_add(relations);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::super::parse;

    fn doubled(times: usize) -> String {
        let mut text = "WITH c0 AS (SELECT 1 AS a FROM conversations)".to_owned();
        for n in 1..=times {
            let before = n - 1;
            text +=
                &format!(", c{n} AS (SELECT x.a FROM c{before} x JOIN C{before} y ON x.a = y.a)");
        }
        format!("{text} SELECT * FROM c{times}")
    }

    #[rstest]
    #[case::doubled_and_few(doubled(9), true)]
    #[case::doubled_and_many(doubled(10), false)]
    #[case::so_many_that_they_cannot_be_counted(doubled(200), false)]
    #[case::named_once(format!("WITH a AS ({}) SELECT * FROM a", doubled(9)), true)]
    #[case::named_twice(format!("WITH a AS ({}) SELECT * FROM a, a b", doubled(9)), false)]
    #[case::named_in_a_subquery(
        format!("WITH a AS ({}) SELECT (SELECT max(a) FROM a) FROM a", doubled(9)),
        false
    )]
    #[case::another_of_the_name(
        format!("WITH a AS ({}) SELECT * FROM a, (WITH a AS (SELECT 1) SELECT * FROM a) b", doubled(9)),
        true
    )]
    #[case::that_read_nothing(doubled(10).replace(" FROM conversations", ""), false)]
    #[case::that_nobody_names(doubled(10).replace(" SELECT * FROM c10", " SELECT 1"), false)]
    #[case::recursive("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT * FROM r) SELECT * FROM r".to_owned(), true)]
    fn queries_of_a_with_count_wherever_they_are_named(#[case] text: String, #[case] fits: bool) {
        let outcome = parse(&text);
        assert_eq!(
            outcome.as_ref().map_err(|error| error.code).err(),
            (!fits).then_some("54001")
        );
    }
}
