//! Schema `system`: tables of the open sessions and of the running and recent statements. An operator sees all; other
//! users see their own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use super::super::activity::{Activity, Presence, Statement, milliseconds};
use super::super::resources::signals::Signals;
use super::DATABASE;
use super::live::live;
use super::system::{DATABASE_OID, role_oid};
use super::table::{V, batch, fields, row};
use crate::users::UserInfo;
use rapport_pgsql::functions::Function;

/// Returns the schema `system` for a user's session.
pub(super) fn schema(activity: &Arc<Activity>, viewer: &UserInfo) -> Result<impl SchemaProvider> {
    let schema = MemorySchemaProvider::new();
    let (known, user) = (Arc::clone(activity), viewer.clone());
    let sessions = live(schema_of(&SESSIONS), move |schema| {
        sessions_batch(schema, &known.sessions_of(&user))
    })?;
    schema.register_table("sessions".to_owned(), sessions)?;
    let (known, user) = (Arc::clone(activity), viewer.clone());
    let queries = live(schema_of(&QUERIES), move |schema| {
        queries_batch(schema, &known.statements_of(&user))
    })?;
    schema.register_table("queries".to_owned(), queries)?;
    Ok(schema)
}

/// Returns `pg_stat_activity`: the sessions that the user may see, in PostgreSQL's columns.
pub(super) fn stat_activity(
    activity: &Arc<Activity>,
    viewer: &UserInfo,
) -> Result<Arc<dyn TableProvider>> {
    const COLUMNS: &str = "datid:oid datname pid:int4 leader_pid:int4 usesysid:oid usename application_name client_addr \
        client_hostname client_port:int4 backend_start:timestamptz xact_start:timestamptz query_start:timestamptz \
        state_change:timestamptz wait_event_type wait_event state backend_xid:int4 backend_xmin:int4 query_id:int8 query \
        backend_type";
    let (known, user) = (Arc::clone(activity), viewer.clone());
    live(Arc::new(Schema::new(fields(COLUMNS))), move |schema| {
        let rows: Vec<Vec<V>> = known
            .sessions_of(&user)
            .iter()
            .map(|presence| {
                let latest = presence.latest();
                let began = latest
                    .as_ref()
                    .map(|statement| statement.began_at.timestamp_micros());
                row![
                    DATABASE_OID,
                    DATABASE,
                    presence.pid,
                    V::Null,
                    role_oid(&presence.user.info.name),
                    presence.user.info.name.as_str(),
                    presence.application(),
                    presence.peer.address.map(|address| address.to_string()),
                    V::Null,
                    V::Null,
                    presence.started_at.timestamp_micros(),
                    V::Null,
                    began,
                    began,
                    V::Null,
                    V::Null,
                    presence.state(),
                    V::Null,
                    V::Null,
                    latest.as_ref().map(|statement| signed(statement.id)),
                    latest.as_ref().map(|statement| statement.text.to_string()),
                    "client backend"
                ]
            })
            .collect();
        batch(schema, &rows)
    })
}

/// Registers `pg_cancel_backend` and `pg_terminate_backend`, for the sessions that the user may see; Superset stops
/// statements with them. For another user's session they return false, as for one that does not exist, so that users
/// cannot find out whether it exists.
pub(super) fn register_levers(
    context: &SessionContext,
    activity: &Arc<Activity>,
    viewer: &UserInfo,
) {
    let functions: [(_, _, fn(&Signals)); 2] = [
        ("pg_cancel_backend", 1, Signals::cancel),
        ("pg_terminate_backend", 2, Signals::end),
    ];
    for (name, most, signal) in functions {
        let (known, user) = (Arc::clone(activity), viewer.clone());
        Function::new(name, 1..=most, DataType::Boolean, move |call| {
            let pids = call.integers(0)?;
            let reached: BooleanArray = pids
                .iter()
                .map(|pid| {
                    pid.map(|pid| {
                        i32::try_from(pid).is_ok_and(|pid| known.reach(&user, pid, signal))
                    })
                })
                .collect();
            Ok(Arc::new(reached))
        })
        .volatile()
        .register(context);
    }
}

/// A column's name, type and whether it may be null.
type ColumnSpec = (&'static str, DataType, bool);

const INSTANT: fn() -> DataType = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));

static SESSIONS: std::sync::LazyLock<Vec<ColumnSpec>> = std::sync::LazyLock::new(|| {
    vec![
        ("pid", DataType::Int32, false),
        ("user_name", DataType::Utf8, false),
        ("role", DataType::Utf8, false),
        ("account_id", DataType::Utf8, true),
        ("client_address", DataType::Utf8, true),
        ("encrypted", DataType::Boolean, false),
        ("application_name", DataType::Utf8, false),
        ("state", DataType::Utf8, false),
        ("started_at", INSTANT(), false),
        ("query_id", DataType::Int64, true),
        ("query", DataType::Utf8, true),
    ]
});

static QUERIES: std::sync::LazyLock<Vec<ColumnSpec>> = std::sync::LazyLock::new(|| {
    vec![
        ("query_id", DataType::Int64, false),
        ("pid", DataType::Int32, false),
        ("user_name", DataType::Utf8, false),
        ("account_id", DataType::Utf8, true),
        ("application_name", DataType::Utf8, false),
        ("state", DataType::Utf8, false),
        ("began_at", INSTANT(), false),
        ("ended_at", INSTANT(), true),
        ("queued_ms", DataType::Float64, false),
        ("planning_ms", DataType::Float64, false),
        ("running_ms", DataType::Float64, false),
        ("rows", DataType::Int64, false),
        ("peak_memory_bytes", DataType::Int64, false),
        ("error_code", DataType::Utf8, true),
        ("error", DataType::Utf8, true),
        ("query", DataType::Utf8, false),
    ]
});

/// Returns the Arrow schema of these columns.
fn schema_of(described: &[ColumnSpec]) -> SchemaRef {
    let fields = described
        .iter()
        .map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn texts_or_null<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn instants(values: impl Iterator<Item = Option<DateTime<Utc>>>) -> ArrayRef {
    let micros: TimestampMicrosecondArray = values
        .map(|instant| instant.map(|instant| instant.timestamp_micros()))
        .collect();
    Arc::new(micros.with_timezone("UTC"))
}

/// Returns the rows of `system.sessions`.
fn sessions_batch(schema: &SchemaRef, rows: &[Arc<Presence>]) -> Result<RecordBatch> {
    let latest: Vec<_> = rows.iter().map(|row| row.latest()).collect();
    let info = || rows.iter().map(|row| &row.user.info);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.pid))),
        texts(info().map(|info| &info.name)),
        texts(info().map(|info| &info.role)),
        texts_or_null(info().map(|info| info.account.as_ref())),
        texts_or_null(
            rows.iter()
                .map(|row| row.peer.address.map(|address| address.to_string())),
        ),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.peer.encrypted))
                .collect::<BooleanArray>(),
        ),
        texts(rows.iter().map(|row| row.application())),
        texts(rows.iter().map(|row| row.state())),
        instants(rows.iter().map(|row| Some(row.started_at))),
        Arc::new(Int64Array::from_iter(latest.iter().map(|statement| {
            statement.as_ref().map(|statement| signed(statement.id))
        }))),
        texts_or_null(
            latest
                .iter()
                .map(|statement| statement.as_ref().map(|statement| &statement.text)),
        ),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Returns the rows of `system.queries`.
fn queries_batch(schema: &SchemaRef, rows: &[Arc<Statement>]) -> Result<RecordBatch> {
    let told: Vec<_> = rows.iter().map(|row| row.told()).collect();
    let info = || rows.iter().map(|row| &row.user.info);
    let integers = |values: &mut dyn Iterator<Item = u64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(values.map(signed)))
    };
    let times = |values: &mut dyn Iterator<Item = std::time::Duration>| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(values.map(milliseconds)))
    };
    let errors = || told.iter().map(|told| told.error.as_ref());
    let columns: Vec<ArrayRef> = vec![
        integers(&mut rows.iter().map(|row| row.id)),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.pid))),
        texts(info().map(|info| &info.name)),
        texts_or_null(info().map(|info| info.account.as_ref())),
        texts(rows.iter().map(|row| &row.application)),
        texts(told.iter().map(|told| told.state.name())),
        instants(rows.iter().map(|row| Some(row.began_at))),
        instants(told.iter().map(|told| told.ended_at)),
        times(&mut told.iter().map(|told| told.queued)),
        times(&mut told.iter().map(|told| told.planning)),
        times(&mut told.iter().map(|told| told.running)),
        integers(&mut told.iter().map(|told| told.rows)),
        integers(&mut told.iter().map(|told| told.peak_memory as u64)),
        texts_or_null(errors().map(|error| error.map(|(code, _)| code))),
        texts_or_null(errors().map(|error| error.map(|(_, message)| message))),
        texts(rows.iter().map(|row| &row.text)),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Converts to the signed integers of SQL; larger values become the largest.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
