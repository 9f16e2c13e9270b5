//! Tests of sessions over rows in memory.

mod arguments;
mod boundary;
mod files;
mod freshness;
mod isolation;
mod lake;
mod late;
mod pages;
mod paths;
mod queries;
mod relations;
mod resident;
mod sample;
mod time;
