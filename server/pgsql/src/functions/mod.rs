//! PostgreSQL's functions, where DataFusion's answer differently or are missing.
//!
//! Those whose names begin with `pg_` are called by the SQL layer in place of what was written: `x::text` is planned as
//! `pg_text(x)`. Relations and saved queries of the engine are planned without that layer, so their meaning does not depend
//! on the session's time zone.

mod aggregate;
mod array;
mod bounded;
mod call;
mod casts;
mod conditional;
mod datetime;
mod formatting;
mod function;
mod json;
mod limits;
mod math;
mod regex;
mod rows;
mod string;

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

pub use aggregate::single_value::single_value;
pub use call::{Call, raise};
pub use casts::round_numbers;
pub use conditional::alternatives::{Alternatives, common_type, is_unknown_literal};
pub use function::Function;

/// Registers all of them in a context.
///
/// # Errors
/// If DataFusion's functions that some of them wrap are missing.
pub fn register_all(context: &SessionContext) -> Result<()> {
    let all = [
        aggregate::ordered::functions(),
        array::functions(),
        casts::functions(),
        datetime::functions(),
        formatting::functions(),
        json::functions(),
        math::functions(),
        regex::functions(),
        string::functions(),
    ];
    for function in all.into_iter().flatten() {
        function.register(context);
    }
    context.register_udaf(single_value().as_ref().clone());
    context.register_udaf(
        aggregate::percentile_cont::percentile_cont()
            .as_ref()
            .clone(),
    );
    datetime::sleep::register(context);
    conditional::interval_extremes::register(context)?;
    // They wrap those that compare intervals.
    conditional::alternatives::register(context)?;
    bounded::register(context);
    Ok(())
}
