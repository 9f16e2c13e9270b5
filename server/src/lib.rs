//! The server half of Rapport: who may log in, the Postgres endpoint, and (declared by their own modules) the
//! command line and the HTTP side. The binary `rapport` is a thin `main` over this library, so that integration
//! tests can start a server inside their own process.

mod allocator;
pub mod api;
pub mod cli;
pub mod http;
pub mod output;
pub mod pg;
pub mod serve;
pub mod users;
