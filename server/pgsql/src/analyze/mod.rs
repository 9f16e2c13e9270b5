//! What needs types, or a plan, to mean what PostgreSQL means: operators, scalar subqueries, sets, and types that match.
//!
//! Operators are handled while a user's SQL is planned, so that relations and saved queries, which the engine has planned
//! before, keep their own meaning. The rest is handled in the finished plan.

mod absent;
mod aliases;
mod branches;
mod calls;
mod chains;
mod counted;
mod from_values;
mod json;
mod kinds;
mod laterals;
mod matching;
mod meeting;
mod member_rows;
mod memberships;
mod operators;
mod subqueries;
mod taken_apart;
mod units;
mod unknown;
mod values;

pub use absent::nullable;
pub use aliases::ColumnAliases;
pub use calls::check_calls;
pub use chains::check_depth;
pub use counted::counted;
pub use from_values::values_in_from;
pub use laterals::beside;
pub use matching::check_types;
pub use meeting::met;
pub use memberships::three_valued;
pub use operators::{Functions, PgOperators};
pub use subqueries::single_rows;
pub use values::MixedValues;
