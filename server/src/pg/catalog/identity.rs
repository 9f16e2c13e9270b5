//! Functions that tell who is logged in, where, and to what: the truth of this session.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::{DATABASE, SERVER_VERSION};

/// Who a session belongs to.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The login name.
    pub user: String,
    /// The connection's process id.
    pub pid: i32,
}

pub(super) fn register(context: &SessionContext, identity: &Identity) {
    for name in ["current_user", "session_user", "current_role", "user"] {
        constant(context, name, ScalarValue::from(identity.user.as_str()));
    }
    for name in ["current_database", "current_catalog"] {
        constant(context, name, ScalarValue::from(DATABASE));
    }
    let version = format!("PostgreSQL {SERVER_VERSION} on {}", std::env::consts::ARCH);
    constant(context, "version", ScalarValue::from(version.as_str()));
    constant(
        context,
        "pg_backend_pid",
        ScalarValue::Int32(Some(identity.pid)),
    );
    constant(
        context,
        "pg_is_in_recovery",
        ScalarValue::Boolean(Some(false)),
    );
    let user = identity.user.clone();
    context.register_udf(create_udf(
        "pg_get_userbyid",
        vec![DataType::Int64],
        DataType::Utf8,
        Volatility::Stable,
        Arc::new(move |args| {
            let rows = args.iter().find_map(|arg| match arg {
                ColumnarValue::Array(array) => Some(array.len()),
                ColumnarValue::Scalar(_) => None,
            });
            let name = ScalarValue::from(user.as_str());
            Ok(match rows {
                Some(rows) => ColumnarValue::Array(name.to_array_of_size(rows)?),
                None => ColumnarValue::Scalar(name),
            })
        }),
    ));
}

fn constant(context: &SessionContext, name: &str, value: ScalarValue) {
    context.register_udf(create_udf(
        name,
        vec![],
        value.data_type(),
        Volatility::Stable,
        Arc::new(move |_| Ok(ColumnarValue::Scalar(value.clone()))),
    ));
}
