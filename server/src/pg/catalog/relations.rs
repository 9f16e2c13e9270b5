//! What a session holds, as the catalog tells it: relations with their columns, and the functions of saved queries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use pgwire::api::Type;

use super::super::backend::TableFunction;
use super::super::encode::{Column, columns};
use super::DATABASE;

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

/// A type as SQL names it: `numeric(18,4)`, `text[]`.
pub(super) fn format_type(oid: u32, modifier: i32) -> String {
    let Some(pg) = Type::from_oid(oid) else {
        return if oid == 0 {
            "-".to_owned()
        } else {
            "???".to_owned()
        };
    };
    if let Some(element) = pg.name().strip_prefix('_') {
        return match element_oid(element) {
            Some(oid) => format!("{}[]", format_type(oid, modifier)),
            None => format!("{element}[]"),
        };
    }
    let name = match pg {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::VARCHAR => "character varying",
        Type::BPCHAR => "character",
        Type::CHAR => "\"char\"",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::TIME => "time without time zone",
        Type::TIMETZ => "time with time zone",
        Type::BIT => "bit",
        Type::VARBIT => "bit varying",
        ref other => other.name(),
    };
    if modifier < 4 {
        return name.to_owned();
    }
    let size = modifier - 4;
    match pg {
        Type::NUMERIC => format!("numeric({},{})", size >> 16, size & 0xffff),
        Type::VARCHAR | Type::BPCHAR => format!("{name}({size})"),
        _ => name.to_owned(),
    }
}

fn element_oid(name: &str) -> Option<u32> {
    // `Type` knows types by their ids alone; those of PostgreSQL itself are below 10,000.
    static BY_NAME: LazyLock<BTreeMap<String, u32>> = LazyLock::new(|| {
        (1..10_000)
            .filter_map(|oid| Some((Type::from_oid(oid)?.name().to_owned(), oid)))
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// The id of a type by its name, as SQL or the catalog writes it.
pub(super) fn type_oid(name: &str) -> Option<u32> {
    let name = name.trim().trim_start_matches("pg_catalog.").to_lowercase();
    if let Some(element) = name.strip_suffix("[]") {
        let element = Type::from_oid(type_oid(element)?)?;
        return element_oid(&format!("_{}", element.name()));
    }
    let internal = match name.as_str() {
        "boolean" => "bool",
        "smallint" => "int2",
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "real" => "float4",
        "double precision" | "float" => "float8",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "decimal" => "numeric",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        other => other,
    };
    element_oid(internal)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1700, ((18 << 16) | 4) + 4, "numeric(18,4)")]
    #[case(1009, -1, "text[]")]
    #[case(1184, -1, "timestamp with time zone")]
    #[case(20, -1, "bigint")]
    fn types_are_named_as_sql_names_them(
        #[case] oid: u32,
        #[case] modifier: i32,
        #[case] expected: &str,
    ) {
        assert_eq!(format_type(oid, modifier), expected);
    }

    #[rstest]
    #[case("text[]", Some(1009))]
    #[case("numeric", Some(1700))]
    #[case("timestamp with time zone", Some(1184))]
    #[case("pg_catalog.int4", Some(23))]
    #[case("nothing", None)]
    fn types_are_found_by_name(#[case] name: &str, #[case] oid: Option<u32>) {
        assert_eq!(type_oid(name), oid);
    }
}
