//! Execution of planned queries: on their account's threads, as a stream of rows, with a fair share of the processors, and
//! cancelled when nobody reads the rows.

pub mod cancellation;
pub mod fair_share;
mod gate;
pub mod row_stream;
pub mod tasks;
pub mod yielding_joins;
