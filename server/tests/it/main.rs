//! Integration tests of the server: one binary, a module for each topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod architecture;
mod browser;
mod cli;
mod clients;
mod conformance;
mod crash;
mod examples;
mod http;
mod http_tls;
mod needs;
mod object_store;
mod pg_activity;
mod pg_bounds;
mod pg_catalog;
mod pg_cursors;
mod pg_fuzz;
mod pg_limits;
mod pg_login;
mod pg_places;
mod pg_plans;
mod pg_protocol;
mod pg_psql;
mod pg_queries;
mod pg_tls;
mod pg_transactions;
mod pg_types;
mod postgres;
mod process_memory;
mod program;
mod support;
mod two_shops;
