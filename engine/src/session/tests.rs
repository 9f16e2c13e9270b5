//! Tests of sessions over rows in memory.

mod arguments;
mod isolation;
mod queries;
mod relations;
mod sample;
mod time;
