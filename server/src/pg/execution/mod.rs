//! How a planned query runs: on its account's threads, streamed, sharing processors fairly, and stopped when nobody wants its
//! rows.

pub mod cancellation;
pub mod fair_share;
mod gate;
pub mod row_stream;
pub mod tasks;
pub mod yielding_joins;
