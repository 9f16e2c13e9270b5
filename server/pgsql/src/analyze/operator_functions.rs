//! The functions that operators stand for.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

use super::json;

macro_rules! functions {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// The functions that operators stand for.
        #[derive(Debug)]
        pub(super) struct Functions {
            $(pub(super) $field: Arc<ScalarUDF>,)*
            pub(super) json: json::Functions,
        }

        impl Functions {
            pub(super) fn of(context: &SessionContext) -> Result<Functions> {
                Ok(Functions {
                    $($field: context.udf($name)?,)*
                    json: json::Functions::of(context)?,
                })
            }
        }
    };
}

functions! {
    add = "pg_add",
    subtract = "pg_subtract",
    multiply = "pg_multiply",
    quotient = "pg_quotient",
    at_time = "pg_at_time",
    times = "pg_times",
    parts = "pg_parts",
    span = "pg_span",
    later = "pg_later",
    earlier = "pg_earlier",
    text = "pg_text",
    joined = "pg_joined",
    concatenated = "array_concat",
    appended = "array_append",
    prepended = "array_prepend",
    array = "make_array",
    regex = "pg_regex",
    like = "pg_regexp_like",
    element = "pg_element",
    instant = "pg_timestamptz",
    local = "pg_timestamp",
    date = "pg_date",
    interval = "pg_interval",
    time = "pg_time",
}
