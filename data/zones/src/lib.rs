//! Time zones: the one place that knows how local clocks are set.
//!
//! Governments change the rules a few times a year, often at short notice, so the rules must be those of the newest database
//! to be had, and replaceable without a new program. The program carries a database ([`Database::built_in`]); that of the
//! system (`$TZDIR`, or `/usr/share/zoneinfo`) is used in its place where it is newer. Days (SPEC T2), sessions, `to_char`,
//! the page and everything else ask [`Tz`], and so go by the same.
//!
//! A zone is read once a process, when it is first asked for, into a table of the periods in which its clocks stood still
//! relative to UTC. Everything else is a look into that table.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod database;
mod fingerprint;
mod local;
mod zone;

pub use database::{Database, Place};
pub use local::TzOffset;
pub use zone::{Period, Tz, UnknownZone};

#[cfg(test)]
mod tests;
