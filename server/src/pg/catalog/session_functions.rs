//! Functions that read or change the session: its user, connection, settings and clock.

use std::sync::{Arc, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::super::session::SharedSettings;
use super::search_path::SearchPath;
use super::{DATABASE, Identity, SERVER_VERSION};
use rapport_pgsql::encode::{canonical, pg_type};
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::functions::{Call, Function, raise};
use rapport_pgsql::settings::SetScope;
use rapport_pgsql::types::names::format_type;

/// Registers the functions for a session.
pub(super) fn register_all(
    context: &SessionContext,
    identity: &Identity,
    settings: &SharedSettings,
) {
    for name in ["current_user", "session_user", "current_role", "user"] {
        register_constant(
            context,
            name,
            ScalarValue::from(identity.user.name.as_str()),
        );
    }
    for name in ["current_database", "current_catalog"] {
        register_constant(context, name, ScalarValue::from(DATABASE));
    }
    let version = format!("PostgreSQL {SERVER_VERSION} on {}", std::env::consts::ARCH);
    register_constant(context, "version", ScalarValue::from(version.as_str()));
    register_constant(
        context,
        "pg_backend_pid",
        ScalarValue::Int32(Some(identity.pid)),
    );
    register_constant(
        context,
        "pg_is_in_recovery",
        ScalarValue::Boolean(Some(false)),
    );
    register_constant(
        context,
        "pg_is_wal_replay_paused",
        ScalarValue::Boolean(Some(false)),
    );
    register_constant(
        context,
        "txid_current_if_assigned",
        ScalarValue::Int64(None),
    );
    register_constant(context, "pg_my_temp_schema", ScalarValue::Int32(Some(0)));
    let address = identity.address.map(|address| address.to_string());
    register_constant(context, "inet_client_addr", ScalarValue::Utf8(address));
    register_constant(context, "inet_server_addr", ScalarValue::Utf8(None));
    for name in ["inet_server_port", "inet_client_port"] {
        register_constant(context, name, ScalarValue::Int32(None));
    }
    let started = chrono::Utc::now().timestamp_micros();
    for name in ["pg_postmaster_start_time", "pg_conf_load_time"] {
        let started = ScalarValue::TimestampMicrosecond(Some(started), Some("UTC".into()));
        register_constant(context, name, started);
    }
    Function::new(
        "clock_timestamp",
        0..=0,
        DataType::Timestamp(
            datafusion::arrow::datatypes::TimeUnit::Microsecond,
            Some("UTC".into()),
        ),
        |call| {
            let now = chrono::Utc::now().timestamp_micros();
            Ok(Arc::new(
                TimestampMicrosecondArray::from(vec![now; call.rows]).with_timezone("UTC"),
            ))
        },
    )
    .volatile()
    .register(context);
    Function::new("pg_typeof", 1..=1, DataType::Utf8, |call| {
        let arrow = canonical(call.array(0).data_type());
        let name = match call.array(0).data_type() {
            DataType::Null => "unknown".to_owned(),
            _ => {
                pg_type(&arrow).map_or_else(|| "unknown".to_owned(), |pg| format_type(pg.oid(), -1))
            }
        };
        Ok(Arc::new(StringArray::from(vec![name; call.rows])))
    })
    .stable()
    .register(context);
    Function::new("pg_size_pretty", 1..=1, DataType::Utf8, |call| {
        call.text_by_integer(|bytes| Some(pretty_size(bytes)))
    })
    .register(context);
    register_settings(context, settings);
}

/// Registers a function without arguments that returns the same value throughout the session.
fn register_constant(context: &SessionContext, name: &str, value: ScalarValue) {
    let returns = value.data_type();
    Function::new(name, 0..=0, returns, move |call| {
        value.to_array_of_size(call.rows)
    })
    .stable()
    .register(context);
}

/// Registers the functions that return the search path.
pub(super) fn register_path(context: &SessionContext, path: &Arc<SearchPath>) {
    let first = Arc::clone(path);
    Function::new("current_schema", 0..=0, DataType::Utf8, move |call| {
        ScalarValue::Utf8(first.path().into_iter().next()).to_array_of_size(call.rows)
    })
    .stable()
    .register(context);
    let all = Arc::clone(path);
    let names = DataType::new_list(DataType::Utf8, true);
    Function::new("current_schemas", 1..=1, names, move |call| {
        current_schemas(call, &all.path())
    })
    .stable()
    .register(context);
}

fn current_schemas(call: &Call, path: &[String]) -> Result<ArrayRef> {
    let implicit = call.array(0);
    let mut lists =
        datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new());
    for row in 0..call.rows {
        let all = implicit
            .as_boolean_opt()
            .is_some_and(|implicit| implicit.is_valid(row) && implicit.value(row));
        // PostgreSQL searches `pg_catalog` first if the path does not name it.
        let implied =
            (all && !path.iter().any(|name| name == "pg_catalog")).then_some("pg_catalog");
        let names = implied.into_iter().chain(path.iter().map(String::as_str));
        lists.append_value(names.map(Some));
    }
    Ok(Arc::new(lists.finish()))
}

/// Formats a size as PostgreSQL does: moves on to the next unit from 10,240 of one.
fn pretty_size(bytes: i64) -> String {
    let mut size = bytes;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if size.unsigned_abs() < 10_240 {
            return format!("{size} {unit}");
        }
        size = (size + 512) / 1024;
    }
    format!("{size} PB")
}

fn register_settings(context: &SessionContext, settings: &SharedSettings) {
    let read = Arc::clone(settings);
    Function::new("current_setting", 1..=2, DataType::Utf8, move |call| {
        let missing_ok = call.arity() > 1
            && call
                .array(1)
                .as_boolean_opt()
                .is_some_and(|ok| !ok.is_empty() && ok.value(0));
        let settings = read.lock().unwrap_or_else(PoisonError::into_inner);
        let values = call
            .texts(0)?
            .iter()
            .map(|name| {
                let Some(name) = name else { return Ok(None) };
                match settings.show(name) {
                    Ok((_, value)) => Ok(Some(value)),
                    Err(_) if missing_ok => Ok(None),
                    Err(error) => Err(raise(error)),
                }
            })
            .collect::<Result<StringArray>>()?;
        Ok(Arc::new(values))
    })
    .stable()
    .register(context);
    let write = Arc::clone(settings);
    Function::new("set_config", 3..=3, DataType::Utf8, move |call| {
        let (names, values) = (call.texts(0)?, call.texts(1)?);
        let local = call.array(2).as_boolean_opt().cloned();
        let mut settings = write.lock().unwrap_or_else(PoisonError::into_inner);
        let mut set = Vec::new();
        for row in 0..call.rows {
            if names.is_null(row) {
                return Err(raise(PgError::new(
                    code::INVALID_PARAMETER,
                    "SET requires parameter name",
                )));
            }
            let is_local = local
                .as_ref()
                .is_some_and(|local| local.is_valid(row) && local.value(row));
            let scope = if is_local {
                SetScope::Local
            } else {
                SetScope::Session
            };
            let name = names.value(row);
            let result = if values.is_null(row) {
                settings.reset(name, scope)
            } else {
                settings.set(name, values.value(row), scope)
            };
            result.map_err(raise)?;
            set.push(settings.show(name).map_err(raise)?.1);
        }
        Ok(Arc::new(StringArray::from(set)))
    })
    .volatile()
    .register(context);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0 bytes")]
    #[case(10_239, "10239 bytes")]
    #[case(10_240, "10 kB")]
    #[case(1 << 30, "1024 MB")]
    fn sizes_are_rounded_as_postgresql_does(#[case] bytes: i64, #[case] expected: &str) {
        assert_eq!(pretty_size(bytes), expected);
    }
}
