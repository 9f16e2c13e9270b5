//! The engine's integration tests, one binary.
//!
//! They drive the public interface over lakes in temporary folders and compare what the tables hold.

mod derive;
mod support;
