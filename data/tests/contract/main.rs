//! Tests of the whole contract: the conformance cases, and properties that hold for any events.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::panic)]

mod columnar;
mod conformance;
mod docs;
mod events;
mod round_trip;

use chrono::{DateTime, Utc};

/// The arrival time of all events in these tests, after their instants except for deliberate ones in the future.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_798_761_600, 0).unwrap_or_default()
}
