//! Lists the schemas, relations, columns and saved queries of a session, for the tables of the catalog.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use super::super::session::backend::TableFunction;
use super::DATABASE;
use rapport_pgsql::encode::{Column, columns};

/// A schema of a session, other than the catalog's own.
#[derive(Debug, Clone)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) oid: i32,
}

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) oid: i32,
    pub(super) columns: Vec<Column>,
    /// Whether each column may be null.
    pub(super) nullable: Vec<bool>,
}

/// The objects of a session, other than the catalog's own.
#[derive(Debug, Default)]
pub(super) struct Relations {
    pub(super) namespaces: Vec<Namespace>,
    pub(super) relations: Vec<Relation>,
    /// The saved queries, by object id.
    pub(super) functions: Vec<(i32, TableFunction)>,
}

/// The object id of `public`, the same in every PostgreSQL.
pub(super) const PUBLIC: i32 = 2200;
/// The object id of `pg_catalog`.
pub(super) const PG_CATALOG: i32 = 11;
/// The object id of `information_schema` here.
pub(super) const INFORMATION_SCHEMA: i32 = 13_000;

impl Relations {
    /// Lists the objects of a context.
    pub(super) async fn load(
        context: &SessionContext,
        functions: Vec<TableFunction>,
    ) -> Result<Relations> {
        let mut ids = ObjectIds::default();
        let mut found = Relations::default();
        let Some(catalog) = context.catalog(DATABASE) else {
            return Ok(found);
        };
        let names: BTreeSet<String> = catalog.schema_names().into_iter().collect();
        for schema_name in names {
            if matches!(schema_name.as_str(), "pg_catalog" | "information_schema") {
                continue;
            }
            let Some(schema) = catalog.schema(&schema_name) else {
                continue;
            };
            found.namespaces.push(Namespace {
                oid: if schema_name == "public" {
                    PUBLIC
                } else {
                    ids.assign(&format!("schema {schema_name}"))
                },
                name: schema_name.clone(),
            });
            let tables: BTreeSet<String> = schema.table_names().into_iter().collect();
            for name in tables {
                let Some(table) = schema.table(&name).await? else {
                    continue;
                };
                let arrow = table.schema();
                // A type that cannot be sent to clients leads to an error when the table is queried, not here.
                let columns = columns(&arrow).unwrap_or_default();
                found.relations.push(Relation {
                    oid: ids.assign(&format!("{schema_name}.{name}")),
                    schema: schema_name.clone(),
                    name,
                    nullable: arrow
                        .fields()
                        .iter()
                        .map(|field| field.is_nullable())
                        .collect(),
                    columns,
                });
            }
        }
        found.functions = functions
            .into_iter()
            .map(|function| (ids.assign(&format!("function {}", function.name)), function))
            .collect();
        Ok(found)
    }

    /// Returns the object id of the schema with this name.
    pub(super) fn namespace(&self, name: &str) -> Option<i32> {
        match name {
            "pg_catalog" => Some(PG_CATALOG),
            "information_schema" => Some(INFORMATION_SCHEMA),
            _ => self
                .namespaces
                .iter()
                .find(|schema| schema.name == name)
                .map(|schema| schema.oid),
        }
    }
}

/// Assigns object ids, each once: the same id for the same name in every session.
#[derive(Default)]
struct ObjectIds(BTreeSet<i32>);

impl ObjectIds {
    fn assign(&mut self, name: &str) -> i32 {
        let mut oid = object_id(name);
        while !self.0.insert(oid) {
            oid += 1;
        }
        oid
    }
}

/// Hashes a name to an object id above the range that PostgreSQL reserves for its own objects.
pub(super) fn object_id(name: &str) -> i32 {
    // FNV-1a
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    16_384 + (hash % 100_000_000) as i32
}

/// Returns a column's `atttypmod`: the encoded precision and scale of a `numeric`, else -1.
pub(super) fn type_modifier(column: &Column) -> i32 {
    match &column.arrow {
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}
