//! Comments on schemas, relations and columns, which BI tools show: `obj_description`, `col_description`, `\d+`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The comment on the database.
pub(super) const DATABASE: &str =
    "Rapport: what an AI customer agent did for a shop, and what came of it";

/// The comments, one per line: `schema.relation<TAB>text`, `schema.relation.column<TAB>text`, or `*.column<TAB>text` for
/// the columns of that name in all relations.
const TEXTS: &str = include_str!("comments.txt");

static COMMENTS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    TEXTS
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// Returns the comment on a schema.
pub(super) fn of_schema(name: &str) -> Option<&'static str> {
    COMMENTS.get(name).copied()
}

/// Returns the comment on a relation.
pub(super) fn of_relation(schema: &str, name: &str) -> Option<&'static str> {
    COMMENTS.get(format!("{schema}.{name}").as_str()).copied()
}

/// Returns the comment on a column: its own, or else the one on all columns of its name.
pub(super) fn of_column(schema: &str, relation: &str, name: &str) -> Option<&'static str> {
    COMMENTS
        .get(format!("{schema}.{relation}.{name}").as_str())
        .or_else(|| COMMENTS.get(format!("*.{name}").as_str()))
        .copied()
}
