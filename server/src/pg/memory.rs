//! What statements may hold: each takes from its session's share, that from its account's, and that from the pool that
//! all plans of the server draw on.
//!
//! What always holds: a share never has more than its limit, whatever its children ask; where one is used up, operators
//! that can spill do so, and a statement whose operators cannot ends with 53200, and no other statement with it. The large
//! ones, of however many accounts, leave a part of the pool to the little ones, and take no more where the process holds
//! nearly as much as it may, whatever has taken it. Where it holds more, the largest is given up.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::human_readable_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use tokio::sync::watch;

use super::error::{OUT_OF_SHARE, PgError};
use super::per_account::PerAccount;
use super::process_memory::ProcessMemory;
use super::stopping::GivenUp;

/// A statement that holds no more than this is a little one.
const LITTLE: usize = 16 * 1024 * 1024;
/// One that holds no more than this is not given up, whatever the process holds: it is not what fills it.
const NEGLIGIBLE: usize = 4 * 1024 * 1024;
/// The large ones leave such a part of the pool to the little ones, and of what the process may hold.
const LEFT_TO_LITTLE: usize = 8;
/// All statements together may hold such a part of the pool even where the process holds too much without them, as it may with little
/// memory and a large lake.
const LEFT_TO_ALL: usize = 8;

/// How much memory accounts and sessions may hold.
#[derive(Debug)]
pub struct MemoryShares {
    account: usize,
    session: usize,
    process: Arc<ProcessMemory>,
    statements: Arc<AtomicUsize>,
    accounts: PerAccount<Share>,
}

impl MemoryShares {
    /// With these limits in bytes for an account, all its sessions together, and for one session, in a process with its
    /// own.
    pub fn new(account: usize, session: usize, process: Arc<ProcessMemory>) -> MemoryShares {
        MemoryShares {
            account,
            session,
            process,
            statements: Arc::default(),
            accounts: PerAccount::default(),
        }
    }

    /// A new session's share of what `pool` has.
    pub fn session(&self, account: Option<&str>, pool: &Arc<dyn MemoryPool>) -> Arc<Share> {
        let whole = Whole {
            pool: Arc::clone(pool),
            process: Arc::clone(&self.process),
            statements: Arc::clone(&self.statements),
        };
        let make = || {
            let parent = Arc::clone(pool);
            Ok::<_, Infallible>(Share::new("account", self.account, parent, whole.clone()))
        };
        let Ok(account) = self.accounts.of(account, make);
        Arc::new(Share::new("session", self.session, account, whole))
    }
}

/// What all have together.
#[derive(Debug, Clone)]
struct Whole {
    pool: Arc<dyn MemoryPool>,
    process: Arc<ProcessMemory>,
    /// What all statements hold. Of the pool deriving takes its part too.
    statements: Arc<AtomicUsize>,
}

/// A part of a pool, with a limit of its own.
#[derive(Debug)]
pub struct Share {
    /// Whose it is.
    of: &'static str,
    limit: usize,
    parent: Arc<dyn MemoryPool>,
    whole: Whole,
    /// Whether it is a statement's, which leaves a part of the pool to others once it is large.
    is_statement: bool,
    held: AtomicUsize,
    peak: AtomicUsize,
    /// Whether the statement shall end for what it holds.
    given_up: watch::Sender<bool>,
}

impl Share {
    fn new(of: &'static str, limit: usize, parent: Arc<dyn MemoryPool>, whole: Whole) -> Share {
        Share {
            of,
            limit,
            parent,
            whole,
            is_statement: false,
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            given_up: watch::Sender::new(false),
        }
    }

    /// A statement's part of this: as much as there is, but measured apart.
    pub fn statement(self: &Arc<Self>) -> Arc<Share> {
        let parent: Arc<dyn MemoryPool> = Arc::<Share>::clone(self);
        Arc::new(Share {
            is_statement: true,
            ..Share::new("statement", usize::MAX, parent, self.whole.clone())
        })
    }

    /// The most bytes that were held at a time.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// What may have to be freed if the process holds too much: what a statement holds, unless all together hold little.
    pub fn can_be_freed(&self) -> Option<usize> {
        let held = self.reserved();
        let MemoryLimit::Finite(all) = self.whole.pool.memory_limit() else {
            return None;
        };
        let statements = self.whole.statements.load(Ordering::Relaxed);
        let too_much = held > NEGLIGIBLE && statements > all / LEFT_TO_ALL;
        too_much.then_some(held)
    }

    /// The statement shall end for what it holds.
    pub fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    /// Tells whether the statement shall end, for what it holds or as `unwanted` tells.
    pub fn given_up_or(self: &Arc<Self>, unwanted: GivenUp) -> GivenUp {
        let share = Arc::clone(self);
        Arc::new(move || *share.given_up.borrow() || unwanted())
    }

    /// Works on a statement unless it is given up; then the work is dropped where it stands.
    ///
    /// # Errors
    /// As the work's, or 53200 once it is given up.
    pub async fn unless_given_up<T>(
        &self,
        work: impl Future<Output = Result<T, PgError>>,
    ) -> Result<T, PgError> {
        let mut given_up = self.given_up.subscribe();
        tokio::select! {
            biased;
            // Its other end is here, so it does not close.
            _ = given_up.wait_for(|given_up| *given_up) => Err(self.whole.process.used_up()),
            outcome = work => match outcome {
                // A join that was told to stop does not know why.
                Err(_) if *self.given_up.borrow() => Err(self.whole.process.used_up()),
                outcome => outcome,
            },
        }
    }

    /// Refuses what a large statement would take of the part that is left to little ones.
    fn leave_room(&self, held: usize, additional: usize) -> Result<()> {
        if !self.is_statement || held <= LITTLE {
            return Ok(());
        }
        let Whole {
            pool,
            process,
            statements,
        } = &self.whole;
        let MemoryLimit::Finite(all) = pool.memory_limit() else {
            return Ok(());
        };
        let large = all - all / LEFT_TO_LITTLE;
        if pool.reserved().saturating_add(additional) > large {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: all large statements together may hold {} at a time",
                human_readable_size(large)
            )));
        }
        let left = process.limit() / LEFT_TO_LITTLE;
        let then = statements
            .load(Ordering::Relaxed)
            .saturating_add(additional);
        if then > all / LEFT_TO_ALL && process.exceeds_with(additional.saturating_add(left)) {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: the server holds nearly all of the {} that it may",
                human_readable_size(process.limit())
            )));
        }
        Ok(())
    }

    /// Holds so much more, and so much in all.
    fn took(&self, more: usize, held: usize) {
        self.peak.fetch_max(held, Ordering::Relaxed);
        if self.is_statement {
            self.whole.statements.fetch_add(more, Ordering::Relaxed);
        }
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
        self.took(additional, before.saturating_add(additional));
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.held.fetch_sub(shrink, Ordering::Relaxed);
        if self.is_statement {
            self.whole.statements.fetch_sub(shrink, Ordering::Relaxed);
        }
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
        self.took(additional, before + additional);
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

    fn unlimited() -> Arc<ProcessMemory> {
        Arc::new(ProcessMemory::new(usize::MAX))
    }

    fn reservation(share: &Arc<Share>) -> MemoryReservation {
        let pool: Arc<dyn MemoryPool> = share.statement();
        MemoryConsumer::new("test").register(&pool)
    }

    #[test]
    fn what_one_account_holds_is_not_anothers() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1000));
        let shares = MemoryShares::new(600, 400, unlimited());
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
        let shares = MemoryShares::new(all, all, unlimited());
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

    #[cfg(target_os = "linux")]
    #[test]
    fn large_statements_take_no_more_where_the_process_holds_enough() {
        let all = 16 * LITTLE;
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(all));
        // Less than it holds already.
        let shares = MemoryShares::new(all, all, Arc::new(ProcessMemory::new(1 << 20)));
        let session = shares.session(Some("a"), &pool);
        let large = reservation(&session);
        large.try_grow(all / LEFT_TO_ALL).unwrap();
        let error = large.try_grow(1).unwrap_err();
        assert!(error.to_string().contains("1024.0 KB"), "{error}");
        let little = reservation(&session);
        little.try_grow(LITTLE).unwrap();
    }

    #[tokio::test]
    async fn a_statement_that_is_given_up_ends_with_what_it_holds() {
        let all = 16 * LITTLE;
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(all));
        let shares = MemoryShares::new(all, all, unlimited());
        let session = shares.session(Some("a"), &pool);
        let statements = [session.statement(), session.statement()];
        let hold = |share: &Arc<Share>, bytes| {
            let pool: Arc<dyn MemoryPool> = Arc::<Share>::clone(share);
            let held = MemoryConsumer::new("test").register(&pool);
            held.try_grow(bytes).map(|()| held).unwrap()
        };
        let derive = MemoryConsumer::new("derive").register(&pool);
        derive.try_grow(all / 2).unwrap();
        let little = hold(&statements[0], NEGLIGIBLE);
        let large = hold(&statements[1], all / LEFT_TO_ALL - NEGLIGIBLE);
        assert_eq!(statements[1].can_be_freed(), None, "statements hold little");
        large.try_grow(1).unwrap();
        assert_eq!(statements[0].can_be_freed(), None);
        assert_eq!(statements[1].can_be_freed(), Some(large.size()));

        let work = async {
            let _held = large;
            std::future::pending::<Result<(), PgError>>().await
        };
        let given_up = statements[1].given_up_or(Arc::new(|| false));
        assert!(!given_up());
        statements[1].give_up();
        assert!(given_up());
        let error = statements[1].unless_given_up(work).await.unwrap_err();
        assert_eq!(error.code, "53200");
        assert_eq!(pool.reserved(), little.size() + derive.size());
        // It may have been told to stop while it did not give way.
        let told = std::future::ready(Err::<(), _>(PgError::internal("told")));
        let error = statements[1].unless_given_up(told).await.unwrap_err();
        assert_eq!(error.code, "53200");
        let other = statements[0].unless_given_up(std::future::ready(Ok(1)));
        assert_eq!(other.await.unwrap(), 1);
    }

    #[test]
    fn a_refused_growth_holds_nothing_and_the_peak_stays() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100));
        let session = MemoryShares::new(1000, 1000, unlimited()).session(None, &pool);
        let statement = session.statement();
        let shared: Arc<dyn MemoryPool> = Arc::<Share>::clone(&statement);
        let held = MemoryConsumer::new("test").register(&shared);
        held.try_grow(70).unwrap();
        held.shrink(50);
        assert!(held.try_grow(90).is_err(), "the pool's end");
        assert_eq!((statement.reserved(), statement.peak()), (20, 70));
        drop(held);
        assert_eq!((session.reserved(), pool.reserved()), (0, 0));
        assert_eq!(session.whole.statements.load(Ordering::Relaxed), 0);
    }
}
