//! Aggregate functions: `percentile_cont`, and the check that a scalar subquery has one row.

pub mod percentile_cont;
pub mod single_value;
