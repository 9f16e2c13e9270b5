//! Functions that look up the catalog's objects by their ids or names.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use super::comments;
use super::names::{Names, Objects, identifiers};
use super::system::{role_oid, shown_type};
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::functions::{Call, Function, raise};
use rapport_pgsql::types::names::type_oid;

/// Registers the functions for a session of this user.
pub(super) fn register_all(context: &SessionContext, objects: &Arc<Objects>, user: &str) {
    let names = Arc::new(Names {
        objects: Arc::clone(objects),
        user: user.to_owned(),
    });
    register_lookups(context, &names);
    register_comments(context, &names);
    register_privileges(context);
    register_conversions(context, &names);
    register_absent(context);
}

/// Registers a function that returns text.
fn register_text(
    context: &SessionContext,
    name: &str,
    arguments: std::ops::RangeInclusive<usize>,
    body: impl Fn(&Call) -> Result<ArrayRef> + Send + Sync + 'static,
) {
    Function::new(name, arguments, DataType::Utf8, body)
        .stable()
        .register(context);
}

fn register_lookups(context: &SessionContext, names: &Arc<Names>) {
    let all = Arc::clone(names);
    register_text(context, "pg_get_userbyid", 1..=1, move |call| {
        call.text_by_integer(|oid| Some(all.role(oid)))
    });
    register_text(context, "format_type", 1..=2, |call| {
        let modifiers = if call.arity() > 1 {
            Some(call.integers(1)?)
        } else {
            None
        };
        let types = call.integers(0)?;
        let shown: StringArray = types
            .iter()
            .enumerate()
            .map(|(row, oid)| {
                let modifier = modifiers
                    .as_ref()
                    .map_or(-1, |modifiers| modifiers.value(row) as i32);
                oid.map(|oid| shown_type(oid, modifier))
            })
            .collect();
        Ok(Arc::new(shown))
    });
    let visible = Arc::clone(names);
    Function::new(
        "pg_table_is_visible",
        1..=1,
        DataType::Boolean,
        move |call| {
            let oids = call.integers(0)?;
            let shown = oids
                .iter()
                .map(|oid| Some(*visible.visible.get(&oid?).unwrap_or(&true)));
            Ok(Arc::new(shown.collect::<BooleanArray>()))
        },
    )
    .stable()
    .register(context);
    for name in [
        "pg_type_is_visible",
        "pg_function_is_visible",
        "pg_operator_is_visible",
        "pg_opclass_is_visible",
        "pg_opfamily_is_visible",
        "pg_collation_is_visible",
        "pg_conversion_is_visible",
        "pg_statistics_obj_is_visible",
        "pg_ts_config_is_visible",
        "pg_ts_dict_is_visible",
        "pg_ts_parser_is_visible",
        "pg_ts_template_is_visible",
    ] {
        Function::new(name, 1..=1, DataType::Boolean, |call| call.truth(true))
            .stable()
            .register(context);
    }
    let functions = |what: fn(&super::TableFunction) -> String| {
        let all = Arc::clone(names);
        move |call: &Call| {
            call.text_by_integer(|oid| {
                let found = all
                    .relations
                    .functions
                    .iter()
                    .find(|(id, _)| i64::from(*id) == oid);
                Some(found.map_or_else(String::new, |(_, function)| what(function)))
            })
        }
    };
    register_text(
        context,
        "pg_get_function_arguments",
        1..=1,
        functions(|function| function.signature(true)),
    );
    register_text(
        context,
        "pg_get_function_identity_arguments",
        1..=1,
        functions(|function| function.signature(false)),
    );
    register_text(
        context,
        "pg_get_function_result",
        1..=1,
        functions(super::TableFunction::result),
    );
    register_text(
        context,
        "pg_get_functiondef",
        1..=1,
        functions(|function| function.purpose.clone()),
    );
}

fn register_comments(context: &SessionContext, names: &Arc<Names>) {
    let all = Arc::clone(names);
    register_text(context, "obj_description", 1..=2, move |call| {
        call.text_by_integer(|oid| {
            let relations = &all.relations;
            if let Some(relation) = relations
                .relations
                .iter()
                .find(|relation| i64::from(relation.oid) == oid)
            {
                return comments::of_relation(&relation.schema, &relation.name).map(str::to_owned);
            }
            if let Some((_, function)) = relations
                .functions
                .iter()
                .find(|(id, _)| i64::from(*id) == oid)
            {
                return Some(function.purpose.clone());
            }
            comments::of_schema(&all.namespace(oid)?).map(str::to_owned)
        })
    });
    let all = Arc::clone(names);
    register_text(context, "col_description", 2..=2, move |call| {
        let (oids, columns) = (call.integers(0)?, call.integers(1)?);
        let shown: StringArray = oids
            .iter()
            .zip(columns.iter())
            .map(|(oid, column)| {
                let relations = &all.relations.relations;
                let relation = relations
                    .iter()
                    .find(|relation| Some(i64::from(relation.oid)) == oid)?;
                let column = relation.columns.get(usize::try_from(column? - 1).ok()?)?;
                comments::of_column(&relation.schema, &relation.name, &column.name)
            })
            .collect();
        Ok(Arc::new(shown))
    });
    register_text(context, "shobj_description", 2..=2, |call| {
        let kinds = call.texts(1)?;
        let shown: StringArray = kinds
            .iter()
            .map(|kind| (kind == Some("pg_database")).then_some(comments::DATABASE))
            .collect();
        Ok(Arc::new(shown))
    });
}

/// Registers the functions that test privileges: users may read all that they see, and do nothing else with it.
fn register_privileges(context: &SessionContext) {
    const READING: &[&str] = &["SELECT", "USAGE", "CONNECT", "EXECUTE", "MEMBER"];
    for name in [
        "has_table_privilege",
        "has_any_column_privilege",
        "has_schema_privilege",
        "has_database_privilege",
        "has_function_privilege",
        "has_language_privilege",
        "has_sequence_privilege",
        "has_type_privilege",
        "has_tablespace_privilege",
        "has_foreign_data_wrapper_privilege",
        "has_server_privilege",
        "has_column_privilege",
        "pg_has_role",
        "row_security_active",
    ] {
        Function::new(name, 1..=4, DataType::Boolean, move |call| {
            let last = call.texts(call.arity() - 1)?;
            let truths = last.iter().map(|privileges| {
                let mut privileges = privileges?
                    .split(',')
                    .map(|name| name.trim().to_ascii_uppercase());
                Some(
                    privileges
                        .any(|name| READING.contains(&name.trim_end_matches(" WITH GRANT OPTION"))),
                )
            });
            Ok(Arc::new(truths.collect::<BooleanArray>()))
        })
        .stable()
        .register(context);
    }
}

/// Registers the conversions between names and object ids: `'orders'::regclass`, `to_regtype`.
fn register_conversions(context: &SessionContext, names: &Arc<Names>) {
    type Find = fn(&Names, &str) -> Option<i64>;
    type Show = fn(&Names, i64) -> Option<String>;
    let kinds: [(&'static str, &'static str, Find, Show); 7] = [
        (
            "regclass",
            code::UNDEFINED_TABLE,
            |names, name| names.relation(name),
            |names, oid| names.by_oid.get(&oid).cloned(),
        ),
        (
            "regtype",
            code::UNDEFINED_OBJECT,
            |_, name| type_oid(name).map(i64::from),
            |_, oid| Some(shown_type(oid, -1)),
        ),
        (
            "regnamespace",
            "3F000",
            |names, name| {
                names
                    .relations
                    .namespace(&identifiers(name)?.pop()?)
                    .map(i64::from)
            },
            |names, oid| names.namespace(oid),
        ),
        (
            "regrole",
            code::UNDEFINED_OBJECT,
            |names, name| (name == names.user).then(|| i64::from(role_oid(name))),
            |names, oid| Some(names.role(oid)),
        ),
        (
            "regproc",
            code::UNDEFINED_FUNCTION,
            |names, name| {
                let mut functions = names.relations.functions.iter();
                functions
                    .find(|(_, function)| function.name == name)
                    .map(|(oid, _)| *oid)
                    .or_else(|| names.procedures.oid(name))
                    .map(i64::from)
            },
            |names, oid| {
                let mut functions = names.relations.functions.iter();
                functions
                    .find(|(id, _)| i64::from(*id) == oid)
                    .map(|(_, function)| function.name.as_str())
                    .or_else(|| names.procedures.name(oid))
                    .map(str::to_owned)
            },
        ),
        (
            "regprocedure",
            code::UNDEFINED_FUNCTION,
            |names, name| {
                let (name, types) = parse_signature(name)?;
                let mut functions = names.relations.functions.iter();
                let own = functions.find(|(_, function)| {
                    let kinds = function.arguments.iter().map(|(_, kind)| type_oid(kind));
                    function.name == name && kinds.eq(types.iter().copied().map(Some))
                });
                own.map(|(oid, _)| *oid)
                    .or_else(|| names.procedures.with_arguments(&name, &types))
                    .map(i64::from)
            },
            |names, oid| {
                let mut functions = names.relations.functions.iter();
                let own = functions.find(|(id, _)| i64::from(*id) == oid);
                let own = own.map(|(_, function)| {
                    let kinds = function.arguments.iter().map(|(_, kind)| kind.clone());
                    (function.name.as_str(), kinds.collect::<Vec<_>>())
                });
                let (name, types) = own.or_else(|| names.procedures.signature(oid))?;
                Some(format!("{name}({})", types.join(",")))
            },
        ),
        (
            "regoper",
            code::UNDEFINED_FUNCTION,
            |_, _| None,
            |_, _| None,
        ),
    ];
    for (kind, missing, find, show) in kinds {
        // `rapport_pgsql::desugar` turns a cast to one of these types into a call of its `_in` function.
        for strict in [true, false] {
            let all = Arc::clone(names);
            let name = if strict {
                format!("{kind}_in")
            } else {
                format!("to_{kind}")
            };
            Function::new(&name, 1..=1, DataType::Int32, move |call| {
                let texts = call.texts(0)?;
                let ids = texts.iter().map(|text| {
                    let Some(text) = text else { return Ok(None) };
                    // A number is the id itself; `-` is id 0, which no object has.
                    if text == "-" {
                        return Ok(Some(0));
                    }
                    if let Ok(oid) = text.parse() {
                        return Ok(Some(oid));
                    }
                    match find(&all, text) {
                        Some(oid) => Ok(Some(oid as i32)),
                        None if !strict => Ok(None),
                        None => Err(raise(undefined_error(kind, missing, text))),
                    }
                });
                Ok(Arc::new(ids.collect::<Result<Int32Array>>()?))
            })
            .stable()
            .register(context);
        }
        let all = Arc::clone(names);
        register_text(context, &format!("{kind}_out"), 1..=1, move |call| {
            call.text_by_integer(|oid| {
                Some(if oid == 0 {
                    "-".to_owned()
                } else {
                    show(&all, oid).unwrap_or_else(|| oid.to_string())
                })
            })
        });
    }
}

/// Parses `name(type, …)` into the function's name and the object ids of the argument types.
fn parse_signature(text: &str) -> Option<(String, Vec<u32>)> {
    let (name, types) = text.trim().strip_suffix(')')?.split_once('(')?;
    let types = types.split(',').map(str::trim);
    let types = types.filter(|name| !name.is_empty()).map(type_oid);
    Some((identifiers(name)?.pop()?, types.collect::<Option<_>>()?))
}

/// Returns the error for a name that no object has.
fn undefined_error(kind: &str, code: &'static str, name: &str) -> PgError {
    let what = match kind {
        "regclass" => "relation",
        "regtype" => "type",
        "regnamespace" => "schema",
        "regrole" => "role",
        _ => "function",
    };
    PgError::new(code, format!("{what} \"{name}\" does not exist"))
}

/// Registers functions about objects that do not exist here (indexes, sequences, triggers), and about sizes and encoding.
fn register_absent(context: &SessionContext) {
    for (name, arguments) in [
        ("pg_get_function_sqlbody", 1..=1),
        ("pg_get_viewdef", 1..=2),
        ("pg_get_indexdef", 1..=3),
        ("pg_get_constraintdef", 1..=2),
        ("pg_get_ruledef", 1..=2),
        ("pg_get_triggerdef", 1..=2),
        ("pg_get_serial_sequence", 2..=2),
        ("pg_get_expr", 2..=3),
        ("pg_get_partkeydef", 1..=1),
        ("pg_get_statisticsobjdef", 1..=1),
        ("pg_get_statisticsobjdef_columns", 1..=1),
        ("pg_tablespace_location", 1..=1),
        ("pg_relation_filepath", 1..=1),
    ] {
        register_text(context, name, arguments, |call| {
            Ok(Arc::new(StringArray::new_null(call.rows)))
        });
    }
    for (name, arguments) in [
        ("pg_relation_size", 1..=2),
        ("pg_total_relation_size", 1..=1),
        ("pg_table_size", 1..=1),
        ("pg_indexes_size", 1..=1),
        ("pg_database_size", 1..=1),
        ("pg_tablespace_size", 1..=1),
        ("pg_stat_get_numscans", 1..=1),
        ("pg_stat_get_tuples_inserted", 1..=1),
        ("pg_stat_get_live_tuples", 1..=1),
    ] {
        Function::new(name, arguments, DataType::Int64, |call| {
            Ok(Arc::new(Int64Array::from(vec![0; call.rows])))
        })
        .stable()
        .register(context);
    }
    for name in ["pg_relation_is_publishable", "pg_is_other_temp_schema"] {
        Function::new(name, 1..=1, DataType::Boolean, |call| call.truth(false))
            .stable()
            .register(context);
    }
    // The result has a bit for each kind of statement that can change a relation's rows. No kind can.
    Function::new("pg_relation_is_updatable", 2..=2, DataType::Int32, |call| {
        Ok(Arc::new(Int32Array::from(vec![0; call.rows])))
    })
    .stable()
    .register(context);
    register_text(context, "getdatabaseencoding", 0..=0, |call| {
        Ok(Arc::new(StringArray::from(vec!["UTF8"; call.rows])))
    });
    register_text(context, "pg_encoding_to_char", 1..=1, |call| {
        call.text_by_integer(|encoding| {
            Some(if encoding == 6 {
                "UTF8".to_owned()
            } else {
                String::new()
            })
        })
    });
    Function::new("pg_char_to_encoding", 1..=1, DataType::Int32, |call| {
        let names = call.texts(0)?;
        let encodings = names.iter().map(|name| {
            let name = name?.replace(['-', '_'], "").to_ascii_uppercase();
            Some(if name == "UTF8" { 6 } else { -1 })
        });
        Ok(Arc::new(encodings.collect::<Int32Array>()))
    })
    .register(context);
    Function::new("pg_advisory_unlock_all", 0..=0, DataType::Utf8, |call| {
        Ok(Arc::new(StringArray::from(vec![""; call.rows])))
    })
    .volatile()
    .register(context);
}
