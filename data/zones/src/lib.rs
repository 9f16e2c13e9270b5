//! Time zones: the only source of UTC offsets in the workspace.
//!
//! Governments change the rules a few times a year, often at short notice, so the newest database must be used, and it must
//! be replaceable without a new program. The program carries a database ([`Database::built_in`]); the system's (`$TZDIR`, or
//! `/usr/share/zoneinfo`) replaces it where it is newer. What always holds: days (SPEC T2), sessions, `to_char` and the page
//! all use [`Tz`], and so the same rules.
//!
//! A zone is read once per process, on first use, into a table of periods of constant UTC offset. Every later question is a
//! lookup in that table.

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
