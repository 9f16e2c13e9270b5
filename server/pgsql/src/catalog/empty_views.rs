//! Views of `pg_catalog` that have no rows on a read-only server, with PostgreSQL's columns.
//!
//! `empty_views.txt` lists them: a line of views that have the same columns, and indented lines of these columns, each a
//! name, and a type where it is not text.

use std::sync::LazyLock;

/// The names of the views, and the columns of each, separated by white space.
pub static EMPTY_VIEWS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let mut views = Vec::new();
    let mut text = include_str!("empty_views.txt");
    while let Some((names, rest)) = text.split_once('\n') {
        let indented = rest.split_inclusive('\n');
        let indented = indented.take_while(|line| line.starts_with(' '));
        let (columns, next) = rest.split_at(indented.map(str::len).sum());
        views.extend(names.split(' ').map(|name| (name, columns.trim())));
        text = next;
    }
    views
});

/// Whether a relation of `pg_catalog` is one of them.
pub fn is_empty_view(name: &str) -> bool {
    EMPTY_VIEWS.iter().any(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_one_line_have_the_columns_after_it() {
        let columns = |wanted: &str| {
            let mut views = EMPTY_VIEWS.iter();
            let (_, columns) = views.find(|(name, _)| *name == wanted)?;
            Some(columns.split_whitespace().collect::<Vec<_>>())
        };
        let sequences = [
            "relid:oid",
            "schemaname",
            "relname",
            "blks_read:int8",
            "blks_hit:int8",
        ];
        for view in ["pg_statio_all_sequences", "pg_statio_user_sequences"] {
            assert_eq!(columns(view).as_deref(), Some(&sequences[..]));
        }
        assert_eq!(EMPTY_VIEWS.len(), 55);
    }
}
