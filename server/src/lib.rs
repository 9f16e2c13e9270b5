//! The server half of Rapport: users, the Postgres endpoint, the performance page, the HTTP API and the command line.
//!
//! The binary `rapport` is a thin `main` over this library, so that integration tests can start a server inside their
//! own process.

mod allocator;
pub mod api;
pub mod cli;
mod dialect;
mod hex;
pub mod http;
pub mod landing;
pub mod output;
pub mod page;
pub mod pg;
pub mod serve;
pub mod users;
