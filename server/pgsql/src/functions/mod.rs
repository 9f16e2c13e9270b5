//! Functions that answer as PostgreSQL's do, where DataFusion's answer otherwise or are missing.
//!
//! The SQL layer calls some of them in place of what was written (`x::text` is `pg_text(x)`): they are told by their
//! prefix. Relations and saved queries of the engine are planned without that layer, so their meaning does not hang on
//! the zone of who happens to look.

mod aggregate;
mod array;
mod bounded;
mod call;
mod casts;
mod conditional;
mod datetime;
mod formatting;
mod json;
mod limits;
mod math;
mod regex;
mod string;

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

pub use aggregate::single_value::single_value;
pub use call::{Call, Function, raise};
pub use casts::rounded;
pub use conditional::alternatives::{Alternatives, common_type, is_unknown_literal};

/// Puts all of them into a context.
///
/// # Errors
/// If one of them cannot be.
pub fn register_all(context: &SessionContext) -> Result<()> {
    let all = [
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
    conditional::intervals::register(context)?;
    // Of those that intervals are compared by.
    conditional::alternatives::register(context)?;
    bounded::bound(context);
    Ok(())
}
