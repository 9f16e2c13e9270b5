//! The event contract: the types of events, how they are parsed and checked, and the settings of accounts.
//!
//! All input passes through this crate: [`parse_ndjson`] reads lines of JSON, [`check_batch`] Arrow and Parquet batches. What
//! always holds: both run the same checks over the same table of fields ([`EventType::fields`]), and return the same rows
//! ([`RawTable::landing_schema`]) and rejections, so the format of the input never changes the result. No function reads the
//! clock or opens a file. `docs/events.md` documents the contract.

// Tests may panic.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod check;
mod chunks;
mod columnar;
mod error;
mod event;
mod fault;
mod instant;
mod json;
mod money;
mod ndjson;
mod parsed;
mod rows;
pub mod settings;
mod table;

pub use chunks::{Chunk, LineChunker, MAX_LINE_KEPT};
pub use columnar::check_batch;
pub use error::InputError;
pub use event::{
    COMMON_FIELDS, Channel, EventType, Field, FieldRule, FieldSet, Form, Kind,
    MAX_EVENT_ID_CHARACTERS, Mode, Sender, TouchChannel, TouchKind, is_account_id,
};
pub use ndjson::{MAX_LINE_BYTES, parse_ndjson, parse_ndjson_of};
pub use parsed::{Parsed, Rejected};
pub use settings::{Settings, SettingsError};
pub use table::RawTable;
