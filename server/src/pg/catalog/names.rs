//! Maps the names of the catalog's objects to their ids and back.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use datafusion::common::TableReference;

use super::OWNER;
use super::procedures::Procedures;
use super::relations::{Relation, Relations};
use super::system::role_oid;

/// The names and ids that a user's session may look up.
pub(super) struct Names {
    pub(super) objects: Arc<Objects>,
    pub(super) user: String,
}

/// The names and ids of all objects except roles; the same for all users.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) relations: Arc<Relations>,
    pub(super) procedures: Arc<Procedures>,
    /// The names of relations by id, quoted and qualified where SQL needs it.
    pub(super) by_oid: HashMap<i64, String>,
    /// Whether a relation, by id, can be named without its schema.
    pub(super) visible: HashMap<i64, bool>,
}

impl Deref for Names {
    type Target = Objects;

    fn deref(&self) -> &Objects {
        &self.objects
    }
}

impl Objects {
    pub(super) fn new(
        relations: &Arc<Relations>,
        procedures: &Arc<Procedures>,
        information: &[Relation],
        system: Vec<(i32, String)>,
    ) -> Objects {
        let mut by_oid = HashMap::new();
        let mut visible = HashMap::new();
        for relation in relations.relations.iter().chain(information) {
            let is_visible = relation.schema == "public";
            let name = if is_visible {
                quoted(&relation.name)
            } else {
                format!("{}.{}", quoted(&relation.schema), quoted(&relation.name))
            };
            by_oid.insert(i64::from(relation.oid), name);
            visible.insert(i64::from(relation.oid), is_visible);
        }
        for (oid, name) in system {
            by_oid.insert(i64::from(oid), name);
        }
        Objects {
            relations: Arc::clone(relations),
            procedures: Arc::clone(procedures),
            by_oid,
            visible,
        }
    }

    /// Returns the id of a relation by its name, qualified or not.
    pub(super) fn relation(&self, name: &str) -> Option<i64> {
        let parts = identifiers(name)?;
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            [_, schema, name] => (Some(schema.as_str()), name),
            _ => return None,
        };
        let found = self.relations.relations.iter().find(|relation| {
            relation.name == *name && schema.unwrap_or("public") == relation.schema
        });
        if let Some(relation) = found {
            return Some(i64::from(relation.oid));
        }
        let system = schema.unwrap_or("pg_catalog");
        self.by_oid
            .iter()
            .find(|(_, known)| **known == *name || **known == format!("{system}.{name}"))
            .map(|(oid, _)| *oid)
    }

    /// Returns the id of a relation by its schema and name.
    fn relation_in_schema(&self, schema: &str, name: &str) -> Option<i32> {
        let mut relations = self.relations.relations.iter();
        let found = relations.find(|known| known.name == name && known.schema == schema);
        found.map(|relation| relation.oid).or_else(|| {
            let qualified = format!("{schema}.{name}");
            let is_it =
                |known: &str| known == qualified || (schema == "pg_catalog" && known == name);
            let found = self.by_oid.iter().find(|(_, known)| is_it(known));
            found.and_then(|(oid, _)| i32::try_from(*oid).ok())
        })
    }

    /// Returns the name of the schema with this id.
    pub(super) fn namespace(&self, oid: i64) -> Option<String> {
        match oid {
            11 => Some("pg_catalog".to_owned()),
            13_000 => Some("information_schema".to_owned()),
            oid => self
                .relations
                .namespaces
                .iter()
                .find(|namespace| i64::from(namespace.oid) == oid)
                .map(|namespace| namespace.name.clone()),
        }
    }
}

/// Finds the object ids of the tables that a plan reads.
#[derive(Debug)]
pub(super) struct CatalogTables(pub(super) Arc<Objects>);

impl rapport_pgsql::plan::origins::StoredTables for CatalogTables {
    fn find(&self, reference: &TableReference, columns: &[&str]) -> Option<i32> {
        let schema = reference.schema().unwrap_or("public");
        let oid = self.0.relation_in_schema(schema, reference.table())?;
        let mut relations = self.0.relations.relations.iter();
        match relations.find(|relation| relation.oid == oid) {
            Some(known) => {
                let names = known.columns.iter().map(|column| column.name.as_str());
                names.eq(columns.iter().copied()).then_some(oid)
            }
            None => Some(oid),
        }
    }
}

impl Names {
    /// Returns the name of the role with this id, as `pg_get_userbyid` does.
    pub(super) fn role(&self, oid: i64) -> String {
        match oid {
            10 => OWNER.to_owned(),
            oid if oid == i64::from(role_oid(&self.user)) => self.user.clone(),
            oid => format!("unknown (OID={oid})"),
        }
    }
}

/// Splits a dotted name into its parts. Unquoted parts become lower case; `None` if a quote is not closed.
pub(super) fn identifiers(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => loop {
                match chars.next()? {
                    '"' if chars.next_if_eq(&'"').is_some() => parts.last_mut()?.push('"'),
                    '"' => break,
                    c => parts.last_mut()?.push(c),
                }
            },
            '.' => parts.push(String::new()),
            c => parts.last_mut()?.extend(c.to_lowercase()),
        }
    }
    Some(parts)
}

/// Quotes a name if SQL needs it.
pub(super) fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("orders", &["orders"])]
    #[case("Public.Orders", &["public", "orders"])]
    #[case("\"Odd \"\"name\".x", &["Odd \"name", "x"])]
    fn names_are_cut_at_their_dots(#[case] text: &str, #[case] parts: &[&str]) {
        assert_eq!(identifiers(text).unwrap_or_default(), parts);
    }

    #[rstest]
    #[case("orders", "orders")]
    #[case("Orders", "\"Orders\"")]
    #[case("a\"b", "\"a\"\"b\"")]
    fn names_are_quoted_where_they_must_be(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(quoted(name), expected);
    }
}
