//! The memory of all statements together: one consumer of the server's pool.
//!
//! That pool divides its memory evenly between the consumers that can spill, whether or not they hold anything. Open
//! statements that wait for their readers would therefore shrink the part of everybody else, and of `derive`. So the
//! statements are one consumer, and each divides its own memory (see [`super::Share`]).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::human_readable_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use rapport_pgsql::error::OUT_OF_SHARE;

/// One part in this many of the pool is kept for `derive`, which may also use what statements do not.
const LEFT_TO_DERIVING: usize = 4;

/// The part of a pool that statements may use.
#[derive(Debug)]
pub(super) struct AllStatements {
    /// What they hold of the pool.
    reserved: MemoryReservation,
    held: AtomicUsize,
    limit: usize,
}

impl AllStatements {
    /// Registers statements as a consumer of `pool`.
    pub fn new(pool: &Arc<dyn MemoryPool>) -> AllStatements {
        let limit = match pool.memory_limit() {
            MemoryLimit::Finite(all) => all - all / LEFT_TO_DERIVING,
            _ => usize::MAX,
        };
        AllStatements {
            reserved: MemoryConsumer::new("statements").register(pool),
            held: AtomicUsize::new(0),
            limit,
        }
    }

    /// Returns how many bytes statements may hold together.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for AllStatements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all statements")
    }
}

impl MemoryPool for AllStatements {
    fn name(&self) -> &str {
        "statements"
    }

    fn grow(&self, _: &MemoryReservation, additional: usize) {
        self.held.fetch_add(additional, Ordering::Relaxed);
        self.reserved.grow(additional);
    }

    fn shrink(&self, _: &MemoryReservation, shrink: usize) {
        self.reserved.shrink(shrink);
        self.held.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, _: &MemoryReservation, additional: usize) -> Result<()> {
        let within = |held: usize| {
            held.checked_add(additional)
                .filter(|held| *held <= self.limit)
        };
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map_err(|_| {
                DataFusionError::ResourcesExhausted(format!(
                    "{OUT_OF_SHARE}: all statements together may hold {} at a time",
                    human_readable_size(self.limit)
                ))
            })?;
        self.reserved.try_grow(additional).inspect_err(|_| {
            self.held.fetch_sub(additional, Ordering::Relaxed);
        })
    }

    fn reserved(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        match self.limit {
            usize::MAX => MemoryLimit::Infinite,
            limit => MemoryLimit::Finite(limit),
        }
    }
}
