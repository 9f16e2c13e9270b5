//! Tests of sessions over rows in memory.

mod arguments;
mod files;
mod isolation;
mod lake;
mod queries;
mod relations;
mod sample;
mod time;
