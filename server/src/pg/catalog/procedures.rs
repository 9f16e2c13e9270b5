//! Converts `pg_proc` and `pg_type` of `datafusion-pg-catalog` to the column types that PostgreSQL has.
//!
//! There, columns of type `regproc`, such as the functions that read and write a type, are names, and arrays are text. But
//! clients join `typreceive` to `pg_proc.oid`, compare it with 0, and read `proargnames` as an array. So functions become
//! object ids here, and arrays become lists.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow_pg::datatypes::PG_OID_ALIAS_KEY;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int32Builder, ListBuilder, RecordBatch,
    StringBuilder,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::error::Result;
use datafusion_pg_catalog::pg_catalog::PgCatalogStaticTables;

use rapport_pgsql::types::names::format_type;

/// PostgreSQL's own functions and types, the same in every session.
#[derive(Debug)]
pub(super) struct Procedures {
    /// One function of each name.
    oids: HashMap<String, i32>,
    names: HashMap<i32, String>,
    /// The object ids of each function's argument types.
    arguments: HashMap<i32, Vec<u32>>,
    /// `pg_proc`, without the functions of saved queries.
    pub(super) pg_proc: RecordBatch,
    /// `pg_type`.
    pub(super) pg_type: RecordBatch,
}

/// The columns of `pg_type` that refer to functions.
const FUNCTION_COLUMNS: &[&str] = &[
    "typinput",
    "typoutput",
    "typreceive",
    "typsend",
    "typmodin",
    "typmodout",
    "typanalyze",
    "typsubscript",
];

impl Procedures {
    /// Returns the functions and types; they are read once and shared by all sessions.
    pub(super) fn of(statics: &PgCatalogStaticTables) -> Result<Arc<Procedures>> {
        static READ: OnceLock<Arc<Procedures>> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(Procedures::read(statics)?);
        Ok(Arc::clone(READ.get_or_init(|| read)))
    }

    fn read(statics: &PgCatalogStaticTables) -> Result<Procedures> {
        let pg_proc = single_batch(statics.pg_proc.schema(), statics.pg_proc.data())?;
        let mut oids = HashMap::new();
        let mut names = HashMap::new();
        if let (Some(ids), Some(shown)) = (
            pg_proc.column_by_name("oid"),
            pg_proc.column_by_name("proname"),
        ) {
            let ids = cast(ids, &DataType::Int32)?;
            let shown = cast(shown, &DataType::Utf8)?;
            let shown = shown.as_string::<i32>();
            for (oid, name) in ids.as_primitive::<Int32Type>().iter().zip(shown) {
                if let (Some(oid), Some(name)) = (oid, name) {
                    oids.entry(name.to_owned()).or_insert(oid);
                    names.insert(oid, name.to_owned());
                }
            }
        }
        let arguments = argument_types(&pg_proc)?;
        let pg_proc = replace_columns(&pg_proc, |name, column| {
            Ok(match name {
                "proallargtypes" => Some(parse_oid_lists(column)?),
                "proargnames" | "proargmodes" | "proacl" => Some(parse_text_lists(column)?),
                _ => None,
            })
        })?;
        let pg_type = single_batch(statics.pg_type.schema(), statics.pg_type.data())?;
        let pg_type = replace_columns(&remove_domains(&pg_type)?, |name, column| {
            if name == "typacl" {
                return Ok(Some(parse_text_lists(column)?));
            }
            if !FUNCTION_COLUMNS.contains(&name) {
                return Ok(None);
            }
            let texts = cast(column, &DataType::Utf8)?;
            let ids: Int32Array = texts
                .as_string::<i32>()
                .iter()
                .map(|text| Some(text.and_then(|text| oids.get(text)).copied().unwrap_or(0)))
                .collect();
            Ok(Some(Arc::new(ids)))
        })?;
        Ok(Procedures {
            oids,
            names,
            arguments,
            pg_proc,
            pg_type,
        })
    }

    /// Returns the id of a function of this name, any one if several have it.
    pub(super) fn oid(&self, name: &str) -> Option<i32> {
        self.oids
            .get(name.trim_start_matches("pg_catalog."))
            .copied()
    }

    /// Returns the id of the function with this name and these argument types.
    pub(super) fn with_arguments(&self, name: &str, types: &[u32]) -> Option<i32> {
        let takes = |oid: &i32| self.arguments.get(oid).is_some_and(|own| own == types);
        let mut named = self.names.iter().filter(|(_, known)| *known == name);
        named.find(|(oid, _)| takes(oid)).map(|(oid, _)| *oid)
    }

    /// Returns a function's name and the names of its argument types.
    pub(super) fn signature(&self, oid: i64) -> Option<(&str, Vec<String>)> {
        let types = self.arguments.get(&i32::try_from(oid).ok()?)?;
        let types = types.iter().map(|of| format_type(*of, -1));
        Some((self.name(oid)?, types.collect()))
    }

    /// Returns a function's name.
    pub(super) fn name(&self, oid: i64) -> Option<&str> {
        self.names
            .get(&i32::try_from(oid).ok()?)
            .map(String::as_str)
    }
}

/// Returns the argument types of `pg_proc.proargtypes`, by function id.
fn argument_types(pg_proc: &RecordBatch) -> Result<HashMap<i32, Vec<u32>>> {
    let (Some(ids), Some(types)) = (
        pg_proc.column_by_name("oid"),
        pg_proc.column_by_name("proargtypes"),
    ) else {
        return Ok(HashMap::new());
    };
    let (ids, types) = (cast(ids, &DataType::Int32)?, cast(types, &DataType::Utf8)?);
    let ids = ids.as_primitive::<Int32Type>().iter();
    let each = ids.zip(types.as_string::<i32>());
    Ok(each
        .filter_map(|(oid, types)| {
            let types = types.unwrap_or_default();
            let words = types.split([' ', ',', '[', ']', '{', '}']);
            let types = words.filter(|word| !word.is_empty()).map(str::parse);
            Some((oid?, types.collect::<Result<_, _>>().ok()?))
        })
        .collect())
}

/// Returns a table's rows as one batch whose columns are all nullable.
fn single_batch(schema: Arc<Schema>, data: &[RecordBatch]) -> Result<RecordBatch> {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let nullable = Arc::new(Schema::new(fields));
    let batches: Result<Vec<RecordBatch>, _> = data
        .iter()
        .map(|batch| RecordBatch::try_new(Arc::clone(&nullable), batch.columns().to_vec()))
        .collect();
    Ok(datafusion::arrow::compute::concat_batches(
        &nullable, &batches?,
    )?)
}

/// Replaces the columns for which `other` returns a new one. Marks new integer columns as functions, and lists of integers
/// as object ids, for their PostgreSQL type.
fn replace_columns(
    batch: &RecordBatch,
    other: impl Fn(&str, &ArrayRef) -> Result<Option<ArrayRef>>,
) -> Result<RecordBatch> {
    let schema = batch.schema();
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        match other(field.name(), column)? {
            Some(new) => {
                let kind = match new.data_type() {
                    DataType::Int32 => Some("regproc"),
                    DataType::List(item) if item.data_type() == &DataType::Int32 => Some("oid"),
                    _ => None,
                };
                let marks = kind.map(|kind| (PG_OID_ALIAS_KEY.to_owned(), kind.to_owned()));
                fields.push(
                    Field::new(field.name(), new.data_type().clone(), true)
                        .with_metadata(marks.into_iter().collect()),
                );
                columns.push(new);
            }
            None => {
                fields.push(field.as_ref().clone());
                columns.push(Arc::clone(column));
            }
        }
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// Removes the domains from `pg_type`. PostgreSQL's are those of its `information_schema`, and ours uses plain types.
fn remove_domains(pg_type: &RecordBatch) -> Result<RecordBatch> {
    let Some(kinds) = pg_type.column_by_name("typtype") else {
        return Ok(pg_type.clone());
    };
    let kinds = cast(kinds, &DataType::Utf8)?;
    let kept: BooleanArray = kinds
        .as_string::<i32>()
        .iter()
        .map(|kind| Some(kind != Some("d")))
        .collect();
    Ok(filter_record_batch(pg_type, &kept)?)
}

/// Parses texts such as `[25, 23]` as lists of object ids.
fn parse_oid_lists(column: &ArrayRef) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for text in cast(column, &DataType::Utf8)?.as_string::<i32>() {
        lists.append_option(text.map(|text| list_items(text).map(|item| item.parse().ok())));
    }
    Ok(Arc::new(lists.finish()))
}

/// Parses texts such as `['i', 'o']` as lists of texts.
fn parse_text_lists(column: &ArrayRef) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in cast(column, &DataType::Utf8)?.as_string::<i32>() {
        lists.append_option(text.map(|text| list_items(text).map(Some)));
    }
    Ok(Arc::new(lists.finish()))
}

/// Returns the items of a list in brackets, without quotes.
fn list_items(text: &str) -> impl Iterator<Item = &str> {
    text.trim_matches(['[', ']'])
        .split(',')
        .map(|item| item.trim().trim_matches('\''))
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_by_name_and_number() {
        let statics = PgCatalogStaticTables::try_new().unwrap();
        let procedures = Procedures::of(&statics).unwrap();
        assert_eq!(procedures.oid("pg_catalog.array_in"), Some(750));
        assert_eq!(procedures.name(750), Some("array_in"));
        let types = ["cstring", "oid", "integer"].map(str::to_owned).to_vec();
        assert_eq!(procedures.signature(750), Some(("array_in", types)));
        assert_eq!(
            procedures.with_arguments("array_in", &[2275, 26, 23]),
            Some(750)
        );
        assert_eq!(procedures.with_arguments("array_in", &[2275]), None);
        let input = procedures.pg_type.column_by_name("typinput").unwrap();
        assert!(
            input
                .as_primitive::<Int32Type>()
                .iter()
                .any(|oid| oid == Some(750))
        );
        let kinds = cast(
            procedures.pg_type.column_by_name("typtype").unwrap(),
            &DataType::Utf8,
        );
        assert!(
            kinds
                .unwrap()
                .as_string::<i32>()
                .iter()
                .all(|kind| kind != Some("d"))
        );
    }
}
