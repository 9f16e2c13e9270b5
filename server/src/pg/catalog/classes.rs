//! Relations and their columns in `pg_catalog`: `pg_class`, `pg_attribute`, `pg_tables`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use super::OWNER;
use super::relations::{Relation, Relations, type_modifier};
use super::system::OWNER_OID;
use super::table::{V, row, table};
use rapport_pgsql::encode::Column;

const PG_CLASS_COLUMNS: &str = "oid:oid relname relnamespace:oid reltype:oid reloftype:oid relowner:oid relam:oid \
    relfilenode:oid reltablespace:oid relpages:int4 reltuples:float4 relallvisible:int4 reltoastrelid:oid relhasindex:bool \
    relisshared:bool relpersistence:char relkind:char relnatts:int2 relchecks:int2 relhasrules:bool relhastriggers:bool \
    relhassubclass:bool relrowsecurity:bool relforcerowsecurity:bool relispopulated:bool relreplident:char \
    relispartition:bool relrewrite:oid relfrozenxid:int4 relminmxid:int4 relacl:texts reloptions:texts relpartbound";
const PG_ATTRIBUTE_COLUMNS: &str = "attrelid:oid attname atttypid:oid attlen:int2 attnum:int2 attcacheoff:int4 \
    atttypmod:int4 attndims:int2 attbyval:bool attalign:char attstorage:char attcompression:char attnotnull:bool \
    atthasdef:bool atthasmissing:bool attidentity:char attgenerated:char attisdropped:bool attislocal:bool \
    attinhcount:int2 attstattarget:int2 attcollation:oid attacl:texts attoptions:texts attfdwoptions:texts attmissingval";

/// Returns `pg_class`. All relations are ordinary tables, except for the views of `information_schema`.
pub(super) fn pg_class(relations: &Relations, all: &[&Relation]) -> Result<Arc<dyn TableProvider>> {
    let rows = all
        .iter()
        .map(|relation| {
            let namespace = relations.namespace(&relation.schema);
            let columns = i64::try_from(relation.columns.len()).unwrap_or(0);
            let kind = if relation.schema == "information_schema" {
                "v"
            } else {
                "r"
            };
            row![
                relation.oid,
                relation.name.as_str(),
                namespace,
                0,
                0,
                OWNER_OID,
                2,
                relation.oid,
                0,
                0,
                -1,
                0,
                0,
                false,
                false,
                "p",
                kind,
                columns,
                0,
                false,
                false,
                false,
                false,
                false,
                true,
                "d",
                false,
                0,
                0,
                0,
                V::Null,
                V::Null,
                V::Null
            ]
        })
        .collect();
    table(PG_CLASS_COLUMNS, rows)
}

/// Returns `pg_attribute`: the columns of all relations.
pub(super) fn pg_attribute(all: &[&Relation]) -> Result<Arc<dyn TableProvider>> {
    let mut rows = Vec::new();
    for relation in all {
        for (at, column) in relation.columns.iter().enumerate() {
            let (length, by_value, align, storage) = physical_layout(column);
            let collation = if length == -1 && column.pg == pgwire::api::Type::TEXT {
                100
            } else {
                0
            };
            rows.push(row![
                relation.oid,
                column.name.as_str(),
                i64::from(column.pg.oid()),
                i64::from(length),
                at as i64 + 1,
                -1,
                type_modifier(column),
                i32::from(column.pg.name().starts_with('_')),
                by_value,
                align,
                storage,
                "",
                !relation.nullable.get(at).copied().unwrap_or(true),
                false,
                false,
                "",
                "",
                false,
                true,
                0,
                -1,
                collation,
                V::Null,
                V::Null,
                V::Null,
                V::Null
            ]);
        }
    }
    table(PG_ATTRIBUTE_COLUMNS, rows)
}

/// Returns the `attlen`, `attbyval`, `attalign` and `attstorage` of a column's type.
fn physical_layout(column: &Column) -> (i16, bool, &'static str, &'static str) {
    match rapport_pgsql::encode::type_size(&column.pg) {
        1 => (1, true, "c", "p"),
        2 => (2, true, "s", "p"),
        4 => (4, true, "i", "p"),
        8 => (8, true, "d", "p"),
        16 => (16, false, "d", "p"),
        64 => (64, false, "c", "p"),
        other if column.pg == pgwire::api::Type::NUMERIC => (other, false, "i", "m"),
        other => (other, false, "i", "x"),
    }
}

/// Returns `pg_tables`: all relations but those of `information_schema`.
pub(super) fn pg_tables(all: &[&Relation]) -> Result<Arc<dyn TableProvider>> {
    let rows = all
        .iter()
        .filter(|relation| relation.schema != "information_schema")
        .map(|relation| {
            row![
                relation.schema.as_str(),
                relation.name.as_str(),
                OWNER,
                V::Null,
                false,
                false,
                false,
                false
            ]
        })
        .collect();
    table(
        "schemaname tablename tableowner tablespace hasindexes:bool hasrules:bool hastriggers:bool rowsecurity:bool",
        rows,
    )
}
