//! `coalesce`, `nullif`, `greatest` and `least` with PostgreSQL's types.

pub mod alternatives;
pub mod interval_extremes;
