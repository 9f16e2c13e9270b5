//! Tests of the conversation aggregates: a case per rule, a comparison with a straightforward fold, and SQL.

mod model;
mod properties;
mod rules;
mod ruling;
mod sql;
