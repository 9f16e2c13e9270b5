//! What needs types, or a plan, to mean what PostgreSQL means: operators on times, and scalar subqueries.
//!
//! Operators are handled while a user's SQL is planned, so that relations and saved queries, which the engine has planned
//! before, keep their own meaning. Subqueries are handled in the finished plan.

mod json;
mod laterals;
mod operators;
mod subqueries;
mod taken_apart;

pub use laterals::beside;
pub use operators::{Functions, PgOperators};
pub use subqueries::single_rows;
