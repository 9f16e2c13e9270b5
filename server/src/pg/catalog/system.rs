//! The tables of `pg_catalog` that describe this server; `datafusion-pg-catalog` provides all others.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion_pg_catalog::pg_catalog::{PG_CATALOG_TABLES, PgCatalogStaticTables};

use super::super::activity::Activity;
use super::super::session::SharedSettings;
use super::activity_tables;
use super::classes::{pg_attribute, pg_class, pg_tables};
use super::collations::pg_collation;
use super::comments;
use super::empty_views;
use super::known::Known;
use super::proc::pg_proc;
use super::procedures::Procedures;
use super::relations::{INFORMATION_SCHEMA, PG_CATALOG, PUBLIC, Relation, Relations, object_id};
use super::settings_table;
use super::table::{V, batch, row, table};
use super::{DATABASE, OWNER};
use crate::users::UserInfo;
use rapport_pgsql::types::names::format_type;

/// The object id of the role that owns all objects.
pub(super) const OWNER_OID: i32 = 10;
/// The object id of the database.
pub(super) const DATABASE_OID: i32 = 16_383;
/// The object id of `pg_class` itself, which comments refer to.
pub(super) const PG_CLASS: i32 = 1259;
const PG_NAMESPACE: i32 = 2615;
const PG_PROC: i32 = 1255;

/// Returns the object id of a user's role.
pub(super) fn role_oid(user: &str) -> i32 {
    object_id(&format!("role {user}"))
}

/// The schema `pg_catalog` of a session. Tables that depend on the session are made when they are queried.
#[derive(Debug)]
pub(super) struct PgCatalog {
    known: Arc<Known>,
    user: UserInfo,
    settings: SharedSettings,
    activity: Arc<Activity>,
}

/// The tables that depend on the session or its user.
const SESSION_TABLES: [&str; 5] = [
    "pg_roles",
    "pg_authid",
    "pg_user",
    "pg_settings",
    "pg_stat_activity",
];

/// Returns the tables that describe this server and are the same for all users.
pub(super) fn tables(
    relations: &Relations,
    procedures: &Procedures,
    information: &[Relation],
    statics: &Arc<PgCatalogStaticTables>,
) -> Result<HashMap<&'static str, Arc<dyn TableProvider>>> {
    let all: Vec<&Relation> = relations.relations.iter().chain(information).collect();
    let mut own: HashMap<&'static str, Arc<dyn TableProvider>> = HashMap::new();
    own.insert("pg_class", pg_class(relations, &all)?);
    own.insert("pg_attribute", pg_attribute(&all)?);
    own.insert("pg_namespace", pg_namespace(relations)?);
    own.insert("pg_database", pg_database()?);
    own.insert(
        "pg_group",
        table("groname grosysid:oid grolist:texts", vec![])?,
    );
    own.insert("pg_auth_members", table(PG_AUTH_MEMBERS, vec![])?);
    own.insert("pg_tables", pg_tables(&all)?);
    own.insert(
        "pg_views",
        table("schemaname viewname viewowner definition", vec![])?,
    );
    own.insert("pg_matviews", table(PG_MATVIEWS, vec![])?);
    own.insert(
        "pg_indexes",
        table("schemaname tablename indexname tablespace indexdef", vec![])?,
    );
    own.insert(
        "pg_rules",
        table("schemaname tablename rulename definition", vec![])?,
    );
    own.insert("pg_policies", table(PG_POLICIES, vec![])?);
    own.insert("pg_sequences", table(PG_SEQUENCES, vec![])?);
    own.insert("pg_stats", table(PG_STATS, vec![])?);
    own.insert("pg_index", table(PG_INDEX, vec![])?);
    own.insert("pg_constraint", table(PG_CONSTRAINT, vec![])?);
    own.insert("pg_policy", table(PG_POLICY, vec![])?);
    own.insert("pg_statistic_ext", table(PG_STATISTIC_EXT, vec![])?);
    own.insert("pg_publication_rel", table(PG_PUBLICATION_REL, vec![])?);
    own.insert("pg_description", pg_description(relations, statics)?);
    own.insert("pg_shdescription", pg_shdescription()?);
    own.insert("pg_proc", pg_proc(relations, procedures)?);
    let pg_type = procedures.pg_type.clone();
    own.insert(
        "pg_type",
        Arc::new(MemTable::try_new(pg_type.schema(), vec![vec![pg_type]])?),
    );
    own.insert("pg_collation", pg_collation(statics)?);
    own.extend(empty_views::tables()?);
    own.insert(
        "pg_prepared_xacts",
        table("transaction:int4 gid prepared owner database", vec![])?,
    );
    own.insert("pg_timezone_names", pg_timezone_names()?);
    Ok(own)
}

impl PgCatalog {
    pub(super) fn new(
        known: &Arc<Known>,
        user: &UserInfo,
        settings: &SharedSettings,
        activity: &Arc<Activity>,
    ) -> PgCatalog {
        PgCatalog {
            known: Arc::clone(known),
            user: user.clone(),
            settings: Arc::clone(settings),
            activity: Arc::clone(activity),
        }
    }

    /// Returns a table that depends on the session or its user.
    fn session_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(Some(match name {
            "pg_roles" | "pg_authid" => pg_roles(&self.user.name)?,
            "pg_user" => pg_user(&self.user.name)?,
            "pg_settings" => settings_table::provider(&self.settings)?,
            "pg_stat_activity" => activity_tables::stat_activity(&self.activity, &self.user)?,
            _ => return Ok(None),
        }))
    }
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        let own = self.known.pg_catalog.keys().chain(&SESSION_TABLES);
        let all: BTreeSet<&&str> = own.chain(PG_CATALOG_TABLES).collect();
        all.into_iter().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.session_table(name)? {
            Some(table) => Ok(Some(table)),
            None => self.known.pg_table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        SESSION_TABLES.contains(&name) || self.known.has_pg_table(name)
    }
}

const PG_AUTH_MEMBERS: &str = "oid:oid roleid:oid member:oid grantor:oid admin_option:bool inherit_option:bool set_option:bool";
const PG_MATVIEWS: &str =
    "schemaname matviewname matviewowner tablespace hasindexes:bool ispopulated:bool definition";
const PG_INDEX: &str = "indexrelid:oid indrelid:oid indnatts:int2 indnkeyatts:int2 indisunique:bool \
    indnullsnotdistinct:bool indisprimary:bool indisexclusion:bool indimmediate:bool indisclustered:bool indisvalid:bool \
    indcheckxmin:bool indisready:bool indislive:bool indisreplident:bool indkey:int2s indcollation:oids indclass:oids \
    indoption:int2s indexprs indpred";
const PG_CONSTRAINT: &str = "oid:oid conname connamespace:oid contype:char condeferrable:bool condeferred:bool \
    convalidated:bool conrelid:oid contypid:oid conindid:oid conparentid:oid confrelid:oid confupdtype:char confdeltype:char \
    confmatchtype:char conislocal:bool coninhcount:int2 connoinherit:bool conkey:int2s confkey:int2s conpfeqop:oids \
    conppeqop:oids conffeqop:oids confdelsetcols:int2s conexclop:oids conbin";
const PG_POLICY: &str = "oid:oid polname polrelid:oid polcmd:char polpermissive:bool polroles:oids polqual polwithcheck";
const PG_POLICIES: &str =
    "schemaname tablename policyname permissive roles:texts cmd qual with_check";
const PG_SEQUENCES: &str = "schemaname sequencename sequenceowner data_type start_value:int8 min_value:int8 max_value:int8 \
    increment_by:int8 cycle:bool cache_size:int8 last_value:int8";
const PG_STATS: &str = "schemaname tablename attname inherited:bool null_frac:float4 avg_width:int4 n_distinct:float4 \
    most_common_vals most_common_freqs histogram_bounds correlation:float4 most_common_elems most_common_elem_freqs \
    elem_count_histogram";
const PG_STATISTIC_EXT: &str = "oid:oid stxrelid:oid stxname stxnamespace:oid stxowner:oid stxkeys:int2s stxstattarget:int2 stxkind:texts stxexprs";
const PG_PUBLICATION_REL: &str = "oid:oid prpubid:oid prrelid:oid prqual prattrs:int2s";
const PG_DATABASE_COLUMNS: &str = "oid:oid datname datdba:oid encoding:int4 datlocprovider:char datistemplate:bool \
    datallowconn:bool datconnlimit:int4 datfrozenxid:int4 datminmxid:int4 dattablespace:oid datcollate datctype \
    daticulocale daticurules datcollversion datacl:texts";
const PG_ROLES_COLUMNS: &str = "oid:oid rolname rolsuper:bool rolinherit:bool rolcreaterole:bool rolcreatedb:bool \
    rolcanlogin:bool rolreplication:bool rolconnlimit:int4 rolpassword rolvaliduntil rolbypassrls:bool rolconfig:texts";

fn pg_namespace(relations: &Relations) -> Result<Arc<dyn TableProvider>> {
    let mut rows = vec![
        row![PG_CATALOG, "pg_catalog", OWNER_OID, V::Null],
        row![INFORMATION_SCHEMA, "information_schema", OWNER_OID, V::Null],
    ];
    for namespace in &relations.namespaces {
        rows.push(row![
            namespace.oid,
            namespace.name.as_str(),
            OWNER_OID,
            V::Null
        ]);
    }
    table("oid:oid nspname nspowner:oid nspacl:texts", rows)
}

fn pg_database() -> Result<Arc<dyn TableProvider>> {
    table(
        PG_DATABASE_COLUMNS,
        vec![row![
            DATABASE_OID,
            DATABASE,
            OWNER_OID,
            6,
            "c",
            false,
            true,
            -1,
            0,
            0,
            1663,
            "C",
            "C.UTF-8",
            V::Null,
            V::Null,
            V::Null,
            V::Null
        ]],
    )
}

/// Returns `pg_roles`: the owner of all objects and the user itself. Other users are not revealed.
fn pg_roles(user: &str) -> Result<Arc<dyn TableProvider>> {
    let role = |oid: i32, name: &str, login: bool| {
        row![
            oid,
            name,
            false,
            true,
            false,
            false,
            login,
            false,
            -1,
            "********",
            V::Null,
            false,
            V::Null
        ]
    };
    let rows = vec![
        role(OWNER_OID, OWNER, false),
        role(role_oid(user), user, true),
    ];
    table(PG_ROLES_COLUMNS, rows)
}

fn pg_user(user: &str) -> Result<Arc<dyn TableProvider>> {
    table(
        "usename usesysid:oid usecreatedb:bool usesuper:bool userepl:bool usebypassrls:bool passwd valuntil useconfig:texts",
        vec![row![
            user,
            role_oid(user),
            false,
            false,
            false,
            false,
            "********",
            V::Null,
            V::Null
        ]],
    )
}

/// Returns `pg_description`: PostgreSQL's comments on its own objects, and ours on our objects.
fn pg_description(
    relations: &Relations,
    statics: &Arc<PgCatalogStaticTables>,
) -> Result<Arc<dyn TableProvider>> {
    let mut rows = vec![row![PUBLIC, PG_NAMESPACE, 0, comments::of_schema("public")]];
    for namespace in relations
        .namespaces
        .iter()
        .filter(|namespace| namespace.oid != PUBLIC)
    {
        rows.push(row![
            namespace.oid,
            PG_NAMESPACE,
            0,
            comments::of_schema(&namespace.name)
        ]);
    }
    for relation in &relations.relations {
        if let Some(comment) = comments::of_relation(&relation.schema, &relation.name) {
            rows.push(row![relation.oid, PG_CLASS, 0, comment]);
        }
        for (at, column) in relation.columns.iter().enumerate() {
            if let Some(comment) =
                comments::of_column(&relation.schema, &relation.name, &column.name)
            {
                rows.push(row![relation.oid, PG_CLASS, at as i64 + 1, comment]);
            }
        }
    }
    for (oid, function) in &relations.functions {
        rows.push(row![*oid, PG_PROC, 0, function.purpose.as_str()]);
    }
    extended(
        &statics.pg_description.schema(),
        statics.pg_description.data(),
        &["objoid", "classoid", "objsubid", "description"],
        rows,
    )
}

fn pg_shdescription() -> Result<Arc<dyn TableProvider>> {
    table(
        "objoid:oid classoid:oid description",
        vec![row![DATABASE_OID, 1262, comments::DATABASE]],
    )
}

fn pg_timezone_names() -> Result<Arc<dyn TableProvider>> {
    let rows = rapport_zones::Tz::names()
        .into_iter()
        .map(|name| row![name, V::Null, V::Null, V::Null])
        .collect();
    table("name abbrev utc_offset is_dst:bool", rows)
}

/// Appends rows to a ready-made table. `columns` names the values of a row; columns of the table that it omits are null.
pub(super) fn extended(
    schema: &SchemaRef,
    ready: &[RecordBatch],
    columns: &[&str],
    rows: Vec<Vec<V>>,
) -> Result<Arc<dyn TableProvider>> {
    let placed: Vec<Vec<V>> = rows
        .into_iter()
        .map(|row| {
            let mut placed = vec![V::Null; schema.fields().len()];
            for (name, value) in columns.iter().zip(row) {
                if let Ok(at) = schema.index_of(name) {
                    placed[at] = value;
                }
            }
            placed
        })
        .collect();
    // Our rows may have nulls where the ready-made table has none.
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let mut batches = Vec::new();
    for ready in ready {
        batches.push(RecordBatch::try_new(
            Arc::clone(&schema),
            ready.columns().to_vec(),
        )?);
    }
    batches.push(batch(&schema, &placed)?);
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}

/// Returns a type's name as `format_type` does.
pub(super) fn shown_type(oid: i64, modifier: i32) -> String {
    u32::try_from(oid).map_or_else(|_| "???".to_owned(), |oid| format_type(oid, modifier))
}
