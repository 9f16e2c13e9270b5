//! The contract as a whole: the conformance cases, and properties that hold for any events.

// A test that cannot go on may panic.
#![allow(clippy::unwrap_used, clippy::panic)]

mod columnar;
mod conformance;
mod docs;
mod events;
mod round_trip;

use chrono::{DateTime, Utc};

/// When all events of these tests arrive: after them, save those that are in the future on purpose.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_798_761_600, 0).unwrap_or_default()
}
