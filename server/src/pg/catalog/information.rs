//! `information_schema`: the SQL standard's view of the catalog, with PostgreSQL's type names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result;
use pgwire::api::Type;

use super::known::Known;
use super::privileges::{COLUMN_PRIVILEGES, TABLE_PRIVILEGES, column_privileges, table_privileges};
use super::relations::{Relation, Relations, object_id};
use super::table::{V, fields, row, table};
use super::{DATABASE, OWNER};
use rapport_pgsql::encode::{Column, columns};
use rapport_pgsql::types::names::format_type;

/// The schema `information_schema` for a user's session.
#[derive(Debug)]
pub(super) struct InformationSchema {
    known: Arc<Known>,
    user: String,
}

/// The tables that depend on the user, with their columns. They are made when they are queried.
const USER_TABLES: &[(&str, &str)] = &[
    ("table_privileges", TABLE_PRIVILEGES),
    ("role_table_grants", TABLE_PRIVILEGES),
    ("column_privileges", COLUMN_PRIVILEGES),
    ("role_column_grants", COLUMN_PRIVILEGES),
    ("enabled_roles", "role_name"),
    ("applicable_roles", "role_name"),
];

/// The tables that are empty, with their columns: there are no keys, views, sequences or triggers.
const EMPTY_TABLES: &[(&str, &str)] = &[
    (
        "table_constraints",
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name constraint_type \
         is_deferrable initially_deferred enforced nulls_distinct",
    ),
    (
        "key_column_usage",
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name column_name \
         ordinal_position:int4 position_in_unique_constraint:int4",
    ),
    (
        "referential_constraints",
        "constraint_catalog constraint_schema constraint_name unique_constraint_catalog unique_constraint_schema \
         unique_constraint_name match_option update_rule delete_rule",
    ),
    (
        "constraint_column_usage",
        "table_catalog table_schema table_name column_name constraint_catalog constraint_schema constraint_name",
    ),
    (
        "constraint_table_usage",
        "table_catalog table_schema table_name constraint_catalog constraint_schema constraint_name",
    ),
    (
        "check_constraints",
        "constraint_catalog constraint_schema constraint_name check_clause",
    ),
    (
        "views",
        "table_catalog table_schema table_name view_definition check_option is_updatable is_insertable_into \
         is_trigger_updatable is_trigger_deletable is_trigger_insertable_into",
    ),
    (
        "sequences",
        "sequence_catalog sequence_schema sequence_name data_type numeric_precision:int4 numeric_precision_radix:int4 \
         numeric_scale:int4 start_value minimum_value maximum_value increment cycle_option",
    ),
    (
        "triggers",
        "trigger_catalog trigger_schema trigger_name event_manipulation event_object_catalog event_object_schema \
         event_object_table action_order:int4 action_condition action_statement action_orientation action_timing \
         action_reference_old_table action_reference_new_table action_reference_old_row action_reference_new_row created",
    ),
    (
        "domains",
        "domain_catalog domain_schema domain_name data_type character_maximum_length:int4 character_octet_length:int4 \
         numeric_precision:int4 numeric_scale:int4 domain_default udt_catalog udt_schema udt_name",
    ),
    (
        "element_types",
        "object_catalog object_schema object_name object_type collection_type_identifier data_type udt_catalog udt_schema \
         udt_name",
    ),
    (
        "column_udt_usage",
        "udt_catalog udt_schema udt_name table_catalog table_schema table_name column_name",
    ),
    (
        "view_table_usage",
        "view_catalog view_schema view_name table_catalog table_schema table_name",
    ),
    (
        "foreign_tables",
        "foreign_table_catalog foreign_table_schema foreign_table_name foreign_server_catalog foreign_server_name",
    ),
    (
        "user_defined_types",
        "user_defined_type_catalog user_defined_type_schema user_defined_type_name user_defined_type_category",
    ),
];

const TABLES: &str = "table_catalog table_schema table_name table_type self_referencing_column_name reference_generation \
    user_defined_type_catalog user_defined_type_schema user_defined_type_name is_insertable_into is_typed commit_action";
const COLUMNS: &str = "table_catalog table_schema table_name column_name ordinal_position:int4 column_default is_nullable \
    data_type character_maximum_length:int4 character_octet_length:int4 numeric_precision:int4 \
    numeric_precision_radix:int4 numeric_scale:int4 datetime_precision:int4 interval_type interval_precision:int4 \
    character_set_catalog character_set_schema character_set_name collation_catalog collation_schema collation_name \
    domain_catalog domain_schema domain_name udt_catalog udt_schema udt_name scope_catalog scope_schema scope_name \
    maximum_cardinality:int4 dtd_identifier is_self_referencing is_identity identity_generation identity_start \
    identity_increment identity_maximum identity_minimum identity_cycle is_generated generation_expression is_updatable";
const ROUTINES: &str = "specific_catalog specific_schema specific_name routine_catalog routine_schema routine_name \
    routine_type data_type type_udt_catalog type_udt_schema type_udt_name routine_body routine_definition external_name \
    external_language is_deterministic sql_data_access security_type";
const PARAMETERS: &str = "specific_catalog specific_schema specific_name ordinal_position:int4 parameter_mode is_result \
    as_locator parameter_name data_type udt_catalog udt_schema udt_name parameter_default";

/// Returns the tables that are the same for all users.
pub(super) fn tables(
    relations: &Relations,
) -> Result<BTreeMap<&'static str, Arc<dyn TableProvider>>> {
    let mut tables = BTreeMap::new();
    for (name, columns) in EMPTY_TABLES {
        tables.insert(*name, table(columns, vec![])?);
    }
    tables.insert("tables", table(TABLES, table_rows(relations))?);
    tables.insert("columns", table(COLUMNS, column_rows(relations))?);
    tables.insert("schemata", schemata(relations)?);
    tables.insert("routines", routines(relations)?);
    tables.insert("parameters", parameters(relations)?);
    tables.insert(
        "information_schema_catalog_name",
        table("catalog_name", vec![row![DATABASE]])?,
    );
    tables.insert(
        "character_sets",
        table(
            "character_set_catalog character_set_schema character_set_name character_repertoire form_of_use \
             default_collate_catalog default_collate_schema default_collate_name",
            vec![row![V::Null, V::Null, "UTF8", "UCS", "UTF8", DATABASE, "pg_catalog", "C"]],
        )?,
    );
    tables.insert(
        "collations",
        table(
            "collation_catalog collation_schema collation_name pad_attribute",
            vec![row![DATABASE, "pg_catalog", "C", "NO PAD"]],
        )?,
    );
    Ok(tables)
}

/// Lists all tables of the schema, for `pg_class`; `tables` are those that are the same for all users.
pub(super) fn relations(tables: &BTreeMap<&'static str, Arc<dyn TableProvider>>) -> Vec<Relation> {
    let shared = tables.iter().map(|(name, table)| (*name, table.schema()));
    let of_user = USER_TABLES
        .iter()
        .map(|(name, columns)| (*name, Arc::new(Schema::new(fields(columns)))));
    let all: BTreeMap<&str, SchemaRef> = shared.chain(of_user).collect();
    all.into_iter()
        .map(|(name, schema)| Relation {
            schema: "information_schema".to_owned(),
            name: name.to_owned(),
            oid: object_id(&format!("information_schema.{name}")),
            nullable: vec![true; schema.fields().len()],
            columns: columns(&schema).unwrap_or_default(),
        })
        .collect()
}

impl InformationSchema {
    pub(super) fn new(known: &Arc<Known>, user: &str) -> InformationSchema {
        InformationSchema {
            known: Arc::clone(known),
            user: user.to_owned(),
        }
    }

    /// Returns a table that depends on the user.
    fn user_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some((_, columns)) = USER_TABLES.iter().find(|(known, _)| *known == name) else {
            return Ok(None);
        };
        let rows = match *columns {
            TABLE_PRIVILEGES => table_privileges(&self.known.objects.relations, &self.user),
            COLUMN_PRIVILEGES => column_privileges(&self.known.objects.relations, &self.user),
            _ => vec![row![self.user.as_str()]],
        };
        table(columns, rows).map(Some)
    }
}

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        let of_user = USER_TABLES.iter().map(|(name, _)| name);
        let all: BTreeSet<_> = self.known.information.keys().chain(of_user).collect();
        all.into_iter().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.known.information.get(name) {
            Some(table) => Ok(Some(Arc::clone(table))),
            None => self.user_table(name),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.known.information.contains_key(name)
            || USER_TABLES.iter().any(|(known, _)| *known == name)
    }
}

fn table_rows(relations: &Relations) -> Vec<Vec<V>> {
    relations
        .relations
        .iter()
        .map(|relation| {
            row![
                DATABASE,
                relation.schema.as_str(),
                relation.name.as_str(),
                "BASE TABLE",
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                "NO",
                "NO",
                V::Null
            ]
        })
        .collect()
}

fn column_rows(relations: &Relations) -> Vec<Vec<V>> {
    let mut rows = Vec::new();
    for relation in &relations.relations {
        for (at, column) in relation.columns.iter().enumerate() {
            let nullable = relation.nullable.get(at).copied().unwrap_or(true);
            let numbers = TypeFigures::of(column);
            rows.push(row![
                DATABASE,
                relation.schema.as_str(),
                relation.name.as_str(),
                column.name.as_str(),
                at as i64 + 1,
                V::Null,
                if nullable { "YES" } else { "NO" },
                data_type(column),
                V::Null,
                (column.pg == Type::TEXT).then_some(1_073_741_824),
                numbers.precision,
                numbers.radix,
                numbers.scale,
                numbers.datetime,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                DATABASE,
                "pg_catalog",
                column.pg.name(),
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                (at + 1).to_string(),
                "NO",
                "NO",
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                V::Null,
                "NO",
                "NEVER",
                V::Null,
                "NO"
            ]);
        }
    }
    rows
}

/// The precision, radix and scale that the SQL standard reports for a type.
#[derive(Default)]
struct TypeFigures {
    precision: Option<i32>,
    radix: Option<i32>,
    scale: Option<i32>,
    datetime: Option<i32>,
}

impl TypeFigures {
    fn of(column: &Column) -> TypeFigures {
        let binary = |precision, scale| TypeFigures {
            precision: Some(precision),
            radix: Some(2),
            scale,
            datetime: None,
        };
        match (&column.arrow, &column.pg) {
            (DataType::Decimal128(precision, scale), &Type::NUMERIC) => TypeFigures {
                precision: Some(i32::from(*precision)),
                radix: Some(10),
                scale: Some(i32::from(*scale)),
                datetime: None,
            },
            (_, &Type::INT2) => binary(16, Some(0)),
            (_, &Type::INT4) => binary(32, Some(0)),
            (_, &Type::INT8) => binary(64, Some(0)),
            (_, &Type::FLOAT4) => binary(24, None),
            (_, &Type::FLOAT8) => binary(53, None),
            (_, &Type::DATE) => TypeFigures {
                datetime: Some(0),
                ..TypeFigures::default()
            },
            (_, &(Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME | Type::INTERVAL)) => {
                TypeFigures {
                    datetime: Some(6),
                    ..TypeFigures::default()
                }
            }
            _ => TypeFigures::default(),
        }
    }
}

/// Returns a column's `data_type`: `ARRAY` or PostgreSQL's name of the type.
fn data_type(column: &Column) -> String {
    if column.pg.name().starts_with('_') {
        "ARRAY".to_owned()
    } else {
        format_type(column.pg.oid(), -1)
    }
}

fn schemata(relations: &Relations) -> Result<Arc<dyn TableProvider>> {
    let own = relations
        .namespaces
        .iter()
        .map(|namespace| namespace.name.as_str());
    let rows = own
        .chain(["information_schema", "pg_catalog"])
        .map(|name| row![DATABASE, name, OWNER, V::Null, V::Null, V::Null, V::Null])
        .collect();
    table(
        "catalog_name schema_name schema_owner default_character_set_catalog default_character_set_schema \
         default_character_set_name sql_path",
        rows,
    )
}

fn routines(relations: &Relations) -> Result<Arc<dyn TableProvider>> {
    let rows = relations
        .functions
        .iter()
        .map(|(oid, function)| {
            row![
                DATABASE,
                "public",
                format!("{}_{oid}", function.name),
                DATABASE,
                "public",
                function.name.as_str(),
                "FUNCTION",
                "record",
                DATABASE,
                "pg_catalog",
                "record",
                "EXTERNAL",
                V::Null,
                V::Null,
                "SQL",
                "NO",
                "READS",
                "INVOKER"
            ]
        })
        .collect();
    table(ROUTINES, rows)
}

fn parameters(relations: &Relations) -> Result<Arc<dyn TableProvider>> {
    let mut rows = Vec::new();
    for (oid, function) in &relations.functions {
        let all = function.arguments.iter().map(|argument| ("IN", argument));
        let all = all.chain(function.columns.iter().map(|column| ("OUT", column)));
        for (at, (mode, (name, kind))) in all.enumerate() {
            rows.push(row![
                DATABASE,
                "public",
                format!("{}_{oid}", function.name),
                at as i64 + 1,
                mode,
                "NO",
                "NO",
                name.as_str(),
                kind.as_str(),
                DATABASE,
                "pg_catalog",
                kind.as_str(),
                V::Null
            ]);
        }
    }
    table(PARAMETERS, rows)
}
