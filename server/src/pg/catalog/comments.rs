//! What relations and columns are, for BI tools to show: `obj_description`, `col_description`, `\d+`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Of the database.
pub(super) const DATABASE: &str =
    "Rapport: what an AI customer agent did for a shop, and what came of it";

/// `schema.relation<TAB>text` and `schema.relation.column<TAB>text`, one a line.
const TEXTS: &str = include_str!("comments.txt");

static COMMENTS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    TEXTS
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// Of a schema.
pub(super) fn of_schema(name: &str) -> Option<&'static str> {
    COMMENTS.get(name).copied()
}

/// Of a relation.
pub(super) fn of_relation(schema: &str, name: &str) -> Option<&'static str> {
    COMMENTS.get(format!("{schema}.{name}").as_str()).copied()
}

/// Of a column: its own, or that of the columns of its name.
pub(super) fn of_column(schema: &str, relation: &str, name: &str) -> Option<&'static str> {
    COMMENTS
        .get(format!("{schema}.{relation}.{name}").as_str())
        .or_else(|| COMMENTS.get(format!("*.{name}").as_str()))
        .copied()
}
