//! What the catalog of every PostgreSQL has, as far as a query's meaning hangs on it.

mod empty_views;
mod tables;

pub use empty_views::{EMPTY_VIEWS, is_empty_view};
pub use tables::{TABLES, is_catalog_table};
