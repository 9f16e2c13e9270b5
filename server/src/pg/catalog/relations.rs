//! What a session holds, as the catalog tells it: relations with their columns, and the functions of saved queries.

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

/// A relation.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) oid: i32,
    pub(super) columns: Vec<Column>,
    pub(super) nullable: Vec<bool>,
}

/// All that there is.
#[derive(Debug, Default)]
pub(super) struct Relations {
    pub(super) namespaces: Vec<Namespace>,
    pub(super) relations: Vec<Relation>,
    pub(super) functions: Vec<(i32, TableFunction)>,
}

/// The object id of `public`, the same in every PostgreSQL.
pub(super) const PUBLIC: i32 = 2200;
/// The object id of `pg_catalog`.
pub(super) const PG_CATALOG: i32 = 11;
/// The object id of `information_schema` here.
pub(super) const INFORMATION_SCHEMA: i32 = 13_000;

impl Relations {
    /// What a context holds.
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
                    ids.of(&format!("schema {schema_name}"))
                },
                name: schema_name.clone(),
            });
            let tables: BTreeSet<String> = schema.table_names().into_iter().collect();
            for name in tables {
                let Some(table) = schema.table(&name).await? else {
                    continue;
                };
                let arrow = table.schema();
                // A type that clients cannot be sent is told when it is asked for.
                let columns = columns(&arrow).unwrap_or_default();
                found.relations.push(Relation {
                    oid: ids.of(&format!("{schema_name}.{name}")),
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
            .map(|function| (ids.of(&format!("function {}", function.name)), function))
            .collect();
        Ok(found)
    }

    /// The namespace of that name.
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

/// Hands out object ids: the same for the same name, in every session.
#[derive(Default)]
struct ObjectIds(BTreeSet<i32>);

impl ObjectIds {
    fn of(&mut self, name: &str) -> i32 {
        let mut oid = object_id(name);
        while !self.0.insert(oid) {
            oid += 1;
        }
        oid
    }
}

/// An object id above those that PostgreSQL gives itself.
pub(super) fn object_id(name: &str) -> i32 {
    // FNV-1a
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    16_384 + (hash % 100_000_000) as i32
}

/// `atttypmod`.
pub(super) fn type_modifier(column: &Column) -> i32 {
    match &column.arrow {
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}
