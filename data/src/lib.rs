//! The event contract: which events there are, how they are read and checked, and the settings of accounts.
//!
//! Everything that enters Rapport passes through here, whatever its form: [`parse_ndjson`] for lines of JSON,
//! [`check_batch`] for Arrow and Parquet. Both run the same checks over the same table of fields
//! ([`EventType::fields`]) and give the same rows ([`RawTable::landing_schema`]) and the same rejections, so what a
//! producer writes never depends on how it is shipped. Nothing here looks at a clock or
//! opens a file. `docs/events.md` tells the contract to producers.

// A test that cannot go on may panic.
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
pub use ndjson::{MAX_LINE_BYTES, parse_ndjson};
pub use parsed::{Parsed, Rejected};
pub use settings::{Settings, SettingsError};
pub use table::RawTable;
