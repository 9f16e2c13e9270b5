//! Aggregate functions: percentiles, `mode`, and the check that a scalar subquery has one row.

pub mod ordered;
pub mod percentile_cont;
pub mod single_value;
