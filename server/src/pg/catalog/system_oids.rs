//! The object ids of PostgreSQL's own catalog tables, by which descriptions and dependencies refer to them.

use rapport_pgsql::catalog::TABLES;

use super::relations::object_id;

/// The id of a table of `pg_catalog`; that of its name for those that nobody refers to.
pub(super) fn of_table(name: &str) -> i32 {
    TABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(|| object_id(&format!("pg_catalog.{name}")), |(_, oid)| *oid)
}
