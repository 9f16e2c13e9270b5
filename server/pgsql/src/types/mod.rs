//! PostgreSQL's types beside Arrow's: their names, zones and intervals, and the digits that numbers are shown with. It uses
//! no other module.

pub mod digits;
pub mod interval;
pub mod names;
pub mod zone;

/// 2000-01-01, from which PostgreSQL counts, as days since 1970.
pub const POSTGRES_EPOCH_DAYS: i32 = 10_957;

/// 2000-01-01, from which PostgreSQL counts, as microseconds since 1970.
pub const POSTGRES_EPOCH_MICROSECONDS: i64 = POSTGRES_EPOCH_DAYS as i64 * 86_400_000_000;
