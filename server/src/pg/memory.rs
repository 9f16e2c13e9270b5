//! What statements may hold: each takes from its session's share, that from its account's, and that from the pool that
//! all plans of the server draw on.
//!
//! What always holds: a share never has more than its limit, whatever its children ask; where one is used up, operators
//! that can spill do so, and a statement whose operators cannot ends with 53200, and no other statement with it. The large
//! ones, of however many accounts, leave a part of the pool to the little ones.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::human_readable_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use super::error::OUT_OF_SHARE;
use super::per_account::PerAccount;

/// A statement that holds no more than this is a little one.
const LITTLE: usize = 16 * 1024 * 1024;
/// The large ones leave such a part of the pool to the little ones.
const LEFT_TO_LITTLE: usize = 8;

/// How much memory accounts and sessions may hold.
#[derive(Debug)]
pub struct MemoryShares {
    account: usize,
    session: usize,
    accounts: PerAccount<Share>,
}

impl MemoryShares {
    /// With these limits in bytes for an account, all its sessions together, and for one session.
    pub fn new(account: usize, session: usize) -> MemoryShares {
        MemoryShares {
            account,
            session,
            accounts: PerAccount::default(),
        }
    }

    /// A new session's share of what `pool` has.
    pub fn session(&self, account: Option<&str>, pool: &Arc<dyn MemoryPool>) -> Arc<Share> {
        let make = || {
            let parent = Arc::clone(pool);
            Ok::<_, Infallible>(Share::new("account", self.account, parent, pool))
        };
        let Ok(account) = self.accounts.of(account, make);
        Arc::new(Share::new("session", self.session, account, pool))
    }
}

/// A part of a pool, with a limit of its own.
#[derive(Debug)]
pub struct Share {
    /// Whose it is.
    of: &'static str,
    limit: usize,
    parent: Arc<dyn MemoryPool>,
    /// The pool of all.
    pool: Arc<dyn MemoryPool>,
    /// Whether it leaves a part of the pool to others once it is large.
    leaves_room: bool,
    held: AtomicUsize,
    peak: AtomicUsize,
}

impl Share {
    fn new(
        of: &'static str,
        limit: usize,
        parent: Arc<dyn MemoryPool>,
        pool: &Arc<dyn MemoryPool>,
    ) -> Share {
        Share {
            of,
            limit,
            parent,
            pool: Arc::clone(pool),
            leaves_room: false,
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    /// A statement's part of this: as much as there is, but measured apart.
    pub fn statement(self: &Arc<Self>) -> Arc<Share> {
        let parent: Arc<dyn MemoryPool> = Arc::<Share>::clone(self);
        Arc::new(Share {
            leaves_room: true,
            ..Share::new("statement", usize::MAX, parent, &self.pool)
        })
    }

    /// The most bytes that were held at a time.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Refuses what a large statement would take of the part that is left to little ones.
    fn leave_room(&self, held: usize, additional: usize) -> Result<()> {
        if !self.leaves_room || held <= LITTLE {
            return Ok(());
        }
        let MemoryLimit::Finite(all) = self.pool.memory_limit() else {
            return Ok(());
        };
        let large = all - all / LEFT_TO_LITTLE;
        if self.pool.reserved().saturating_add(additional) <= large {
            return Ok(());
        }
        Err(DataFusionError::ResourcesExhausted(format!(
            "{OUT_OF_SHARE}: all large statements together may hold {} at a time",
            human_readable_size(large)
        )))
    }

    fn took(&self, held: usize) {
        self.peak.fetch_max(held, Ordering::Relaxed);
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "share of a {} in {}", self.of, self.parent)
    }
}

impl MemoryPool for Share {
    fn name(&self) -> &str {
        self.of
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.parent.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.parent.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.parent.grow(reservation, additional);
        let before = self.held.fetch_add(additional, Ordering::Relaxed);
        self.took(before.saturating_add(additional));
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.held.fetch_sub(shrink, Ordering::Relaxed);
        self.parent.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let within = |held: usize| {
            held.checked_add(additional)
                .filter(|held| *held <= self.limit)
        };
        let before = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map_err(|_| {
                DataFusionError::ResourcesExhausted(format!(
                    "{OUT_OF_SHARE}: the statements of one {} may hold {} at a time",
                    self.of,
                    human_readable_size(self.limit)
                ))
            })?;
        let parents = || {
            self.leave_room(before + additional, additional)?;
            self.parent.try_grow(reservation, additional)
        };
        if let Err(error) = parents() {
            self.held.fetch_sub(additional, Ordering::Relaxed);
            return Err(error);
        }
        self.took(before + additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        match self.parent.memory_limit() {
            MemoryLimit::Finite(parent) => MemoryLimit::Finite(parent.min(self.limit)),
            _ if self.limit == usize::MAX => MemoryLimit::Infinite,
            _ => MemoryLimit::Finite(self.limit),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::execution::memory_pool::GreedyMemoryPool;

    use super::*;

    fn reservation(share: &Arc<Share>) -> MemoryReservation {
        let pool: Arc<dyn MemoryPool> = share.statement();
        MemoryConsumer::new("test").register(&pool)
    }

    #[test]
    fn what_one_account_holds_is_not_anothers() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1000));
        let shares = MemoryShares::new(600, 400);
        let first = reservation(&shares.session(Some("a"), &pool));
        first.try_grow(400).unwrap();
        assert!(first.try_grow(1).is_err(), "its session's limit");
        let second_session = shares.session(Some("a"), &pool);
        let second = reservation(&second_session);
        second.try_grow(200).unwrap();
        let error = second.try_grow(1).unwrap_err();
        assert!(error.to_string().contains("one account"), "{error}");
        let other = reservation(&shares.session(Some("b"), &pool));
        other.try_grow(400).unwrap();
        assert!(
            other.try_grow(1).is_err(),
            "its own limit, and the pool's end"
        );
        drop(first);
        assert_eq!(pool.reserved(), 600);
        second.try_grow(200).unwrap();
    }

    #[test]
    fn large_statements_leave_room_for_little_ones() {
        let all = 16 * LITTLE;
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(all));
        let shares = MemoryShares::new(all, all);
        let large: Vec<_> = ["a", "b"]
            .map(|account| reservation(&shares.session(Some(account), &pool)))
            .into();
        large[0].try_grow(7 * LITTLE).unwrap();
        large[1].try_grow(7 * LITTLE).unwrap();
        let error = large[1].try_grow(1).unwrap_err();
        assert!(error.to_string().contains("all large"), "{error}");
        assert_eq!(pool.reserved(), 14 * LITTLE);
        let little = reservation(&shares.session(Some("c"), &pool));
        little.try_grow(LITTLE).unwrap();
        assert!(little.try_grow(1).is_err(), "it is large from there on");
        drop(large);
        little.try_grow(1).unwrap();
    }

    #[test]
    fn a_refused_growth_holds_nothing_and_the_peak_stays() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100));
        let session = MemoryShares::new(1000, 1000).session(None, &pool);
        let statement = session.statement();
        let shared: Arc<dyn MemoryPool> = Arc::<Share>::clone(&statement);
        let held = MemoryConsumer::new("test").register(&shared);
        held.try_grow(70).unwrap();
        held.shrink(50);
        assert!(held.try_grow(90).is_err(), "the pool's end");
        assert_eq!((statement.reserved(), statement.peak()), (20, 70));
        drop(held);
        assert_eq!((session.reserved(), pool.reserved()), (0, 0));
    }
}
