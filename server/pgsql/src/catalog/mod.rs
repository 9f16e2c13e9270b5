//! The relations of `pg_catalog` that every PostgreSQL has, as far as queries and clients depend on them.

mod empty_views;
mod tables;

pub use empty_views::{EMPTY_VIEWS, is_empty_view};
pub use tables::{TABLES, is_catalog_table};
