//! Functions that answer as PostgreSQL's do, where DataFusion's answer otherwise or are missing.
//!
//! The SQL layer calls some of them in place of what was written (`x::text` is `pg_text(x)`): they are told by their
//! prefix. Relations and saved queries of the engine are planned without that layer, so their meaning does not hang on
//! the zone of who happens to look.

mod age;
mod alternatives;
mod arrays;
mod bounded;
mod call;
mod casts;
mod chars;
mod decimals;
mod fields;
mod gathered;
mod instants;
mod json;
mod limits;
mod longest;
mod making;
mod numeric;
mod patterns;
mod percentiles;
mod quoting;
mod readings;
mod regexes;
mod rounding;
mod series;
mod single;
mod sleep;
mod strings;
mod times;
mod truncate;
mod units;

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

pub use alternatives::{Alternatives, common_type, is_unknown_literal};
pub use call::{Call, Function, raise};
pub use casts::rounded;
pub use single::single_value;

/// Puts all of them into a context.
///
/// # Errors
/// If one of them cannot be.
pub fn register_all(context: &SessionContext) -> Result<()> {
    let all = [
        age::functions(),
        arrays::functions(),
        casts::functions(),
        chars::functions(),
        decimals::functions(),
        fields::functions(),
        gathered::functions(),
        instants::functions(),
        json::functions(),
        making::functions(),
        quoting::functions(),
        numeric::functions(),
        readings::functions(),
        regexes::functions(),
        rounding::functions(),
        series::functions(),
        strings::functions(),
        times::functions(),
        truncate::functions(),
    ];
    for function in all.into_iter().flatten() {
        function.register(context);
    }
    context.register_udaf(single_value().as_ref().clone());
    context.register_udaf(percentiles::percentile_cont().as_ref().clone());
    sleep::register(context);
    longest::register(context)?;
    // Of those that intervals are compared by.
    alternatives::register(context)?;
    bounded::bound(context);
    Ok(())
}
