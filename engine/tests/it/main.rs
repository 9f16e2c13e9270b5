//! The engine's integration tests, one binary.
//!
//! They drive the public interface over lakes in temporary folders and compare what the tables hold.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod derive;
mod explain;
mod faults;
mod layout;
mod maintain;
mod support;
