//! Privileges in `information_schema`: a user may read every relation that it sees, and do nothing else with it.

use super::relations::Relations;
use super::table::{V, row};
use super::{DATABASE, OWNER};

pub(super) const TABLE_PRIVILEGES: &str = "grantor grantee table_catalog table_schema table_name privilege_type is_grantable with_hierarchy";
pub(super) const COLUMN_PRIVILEGES: &str =
    "grantor grantee table_catalog table_schema table_name column_name privilege_type is_grantable";

/// Returns a user's privileges on each relation: SELECT.
pub(super) fn table_privileges(relations: &Relations, user: &str) -> Vec<Vec<V>> {
    relations
        .relations
        .iter()
        .map(|relation| {
            row![
                OWNER,
                user,
                DATABASE,
                relation.schema.as_str(),
                relation.name.as_str(),
                "SELECT",
                "NO",
                "YES"
            ]
        })
        .collect()
}

/// Returns a user's privileges on each column: SELECT.
pub(super) fn column_privileges(relations: &Relations, user: &str) -> Vec<Vec<V>> {
    let mut rows = Vec::new();
    for relation in &relations.relations {
        for column in &relation.columns {
            rows.push(row![
                OWNER,
                user,
                DATABASE,
                relation.schema.as_str(),
                relation.name.as_str(),
                column.name.as_str(),
                "SELECT",
                "NO"
            ]);
        }
    }
    rows
}
