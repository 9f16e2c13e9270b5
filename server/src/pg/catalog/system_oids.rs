//! The object ids of PostgreSQL's own catalog tables. `pg_description` and `pg_depend` refer to the tables by them.

use rapport_pgsql::catalog::TABLES;

use super::relations::object_id;

/// Returns the object id of a table of `pg_catalog`: PostgreSQL's, or one computed from the name if we do not know that.
pub(super) fn of_table(name: &str) -> i32 {
    TABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(|| object_id(&format!("pg_catalog.{name}")), |(_, oid)| *oid)
}
