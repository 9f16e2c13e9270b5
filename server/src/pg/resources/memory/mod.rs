//! Memory of statements, as a tree of pools: statement, session, account, all statements, and the server's pool, which
//! `derive` uses too.
//!
//! What always holds: a share never holds more than its limit. Where one is used up, operators that can spill do so; a
//! statement whose operators cannot ends with 53200, and no other statement does. Once the memory of a statement gets
//! scarce, its operators that can spill divide it evenly. Large statements, of all accounts together, leave a part to small
//! ones, and get no more while the process is near its limit. Where the process is nearly full, the largest statement is
//! killed.

mod all_statements;

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use datafusion::common::human_readable_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use tokio::sync::watch;

use self::all_statements::AllStatements;
use super::per_account::PerAccount;
use super::process_memory::ProcessMemory;
use super::stop_flag::StopCheck;
use rapport_pgsql::error::{OUT_OF_SHARE, PgError};

/// The most bytes that a small statement holds.
const SMALL: usize = 16 * 1024 * 1024;
/// A statement that holds no more than this is not killed: it is not what fills the process.
const NEGLIGIBLE: usize = 4 * 1024 * 1024;
/// Large statements leave one part in this many to small ones, of the limit of all statements and of that of the process.
const LEFT_TO_SMALL: usize = 8;
/// Operators that can spill leave one part in this many of their statement's memory to those that cannot, such as the merge
/// of spilled files.
const LEFT_TO_MERGING: usize = 4;
/// While a statement holds less than one part in this many of its limit, an operator may hold more than its even part.
const UNEVEN_UNTIL: usize = 2;
/// One part in this many of the limit of all statements is granted even where the process is full without them, which may
/// happen with little memory and a large lake.
const LEFT_TO_ALL: usize = 8;

/// Makes the shares of sessions, within the limits of accounts and of the process.
#[derive(Debug)]
pub struct MemoryShares {
    account: usize,
    session: usize,
    process: Arc<ProcessMemory>,
    /// Made with the first session, which brings the pool.
    all: OnceLock<Arc<AllStatements>>,
    accounts: PerAccount<Share>,
}

impl MemoryShares {
    /// Limits each account, with all its sessions, and each session to this many bytes.
    pub fn new(account: usize, session: usize, process: Arc<ProcessMemory>) -> MemoryShares {
        MemoryShares {
            account,
            session,
            process,
            all: OnceLock::new(),
            accounts: PerAccount::default(),
        }
    }

    /// Makes the share of a new session. `pool` is the server's, the same for all sessions.
    pub fn session(&self, account: Option<&str>, pool: &Arc<dyn MemoryPool>) -> Arc<Share> {
        let all = self.all.get_or_init(|| Arc::new(AllStatements::new(pool)));
        let global = Global {
            all: Arc::clone(all),
            process: Arc::clone(&self.process),
        };
        let make = || {
            let parent: Arc<dyn MemoryPool> = Arc::<AllStatements>::clone(all);
            Ok::<_, Infallible>(Share::new("account", self.account, parent, global.clone()))
        };
        let Ok(account) = self.accounts.get_or_make(account, make);
        Arc::new(Share::new("session", self.session, account, global))
    }
}

/// The limits that all shares have in common.
#[derive(Debug, Clone)]
struct Global {
    all: Arc<AllStatements>,
    process: Arc<ProcessMemory>,
}

/// A part of a parent pool, with a limit of its own: that of an account, a session or a statement.
#[derive(Debug)]
pub struct Share {
    /// `account`, `session` or `statement`.
    of: &'static str,
    limit: usize,
    parent: Arc<dyn MemoryPool>,
    global: Global,
    /// Whether this is a statement's share, which leaves room for others once it is large.
    is_statement: bool,
    /// How many registered operators can spill.
    spillable: AtomicUsize,
    held: AtomicUsize,
    peak: AtomicUsize,
    /// Whether the statement was killed to free its memory.
    killed: watch::Sender<bool>,
}

impl Share {
    fn new(of: &'static str, limit: usize, parent: Arc<dyn MemoryPool>, global: Global) -> Share {
        Share {
            of,
            limit,
            parent,
            global,
            is_statement: false,
            spillable: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            killed: watch::Sender::new(false),
        }
    }

    /// Makes the share of one statement of this session. It has no limit of its own, but is measured.
    pub fn statement(self: &Arc<Self>) -> Arc<Share> {
        let parent: Arc<dyn MemoryPool> = Arc::<Share>::clone(self);
        Arc::new(Share {
            is_statement: true,
            ..Share::new("statement", usize::MAX, parent, self.global.clone())
        })
    }

    /// Returns the most bytes that were held at a time.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Returns the bytes that killing the statement would free; `None` if that is negligible, or all statements together hold
    /// little.
    pub fn reclaimable(&self) -> Option<usize> {
        let held = self.reserved();
        let all = &self.global.all;
        let is_worthwhile = held > NEGLIGIBLE && all.reserved() > all.limit() / LEFT_TO_ALL;
        is_worthwhile.then_some(held)
    }

    /// Kills the statement to free its memory: it ends with 53200.
    pub fn kill(&self) {
        self.killed.send_replace(true);
    }

    /// Returns a check that is true once the statement is killed, or `unwanted` is true.
    pub fn stop_check(self: &Arc<Self>, unwanted: StopCheck) -> StopCheck {
        let share = Arc::clone(self);
        Arc::new(move || *share.killed.borrow() || unwanted())
    }

    /// Runs the work of the statement, and drops it if the statement is killed.
    ///
    /// # Errors
    /// Those of the work, or 53200 once the statement is killed.
    pub async fn run_unless_killed<T>(
        &self,
        work: impl Future<Output = Result<T, PgError>>,
    ) -> Result<T, PgError> {
        let mut killed = self.killed.subscribe();
        tokio::select! {
            biased;
            // The sender is in `self`, so this does not end with an error.
            _ = killed.wait_for(|killed| *killed) => Err(self.global.process.kill_error()),
            outcome = work => match outcome {
                // A join that stopped at the check does not know why.
                Err(_) if *self.killed.borrow() => Err(self.global.process.kill_error()),
                outcome => outcome,
            },
        }
    }

    /// Refuses a large statement the memory that is kept for small ones.
    fn check_room_for_small(&self, held: usize, additional: usize) -> Result<()> {
        if !self.is_statement || held <= SMALL {
            return Ok(());
        }
        let Global { all, process } = &self.global;
        let large = all.limit() - all.limit() / LEFT_TO_SMALL;
        let after = all.reserved().saturating_add(additional);
        if after > large {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: all large statements together may hold {} at a time",
                human_readable_size(large)
            )));
        }
        let left = process.limit() / LEFT_TO_SMALL;
        if after > all.limit() / LEFT_TO_ALL
            && process.exceeds_with(additional.saturating_add(left))
        {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: the server holds nearly all of the {} that it may",
                human_readable_size(process.limit())
            )));
        }
        Ok(())
    }

    /// Refuses an operator that can spill more than its even part of the statement's memory, once that gets scarce. Otherwise
    /// one partition of a sort could take all of it, and the next would fail at its first rows, when it has nothing to spill.
    fn check_even_part(
        &self,
        reservation: &MemoryReservation,
        held: usize,
        additional: usize,
    ) -> Result<()> {
        if !self.is_statement || !reservation.consumer().can_spill() {
            return Ok(());
        }
        let MemoryLimit::Finite(limit) = self.memory_limit() else {
            return Ok(());
        };
        let spillable = self.spillable.load(Ordering::Relaxed).max(1);
        let even = (limit - limit / LEFT_TO_MERGING) / spillable;
        if held > limit / UNEVEN_UNTIL && reservation.size().saturating_add(additional) > even {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: each sort or grouping of the statement may hold {} at a time",
                human_readable_size(even)
            )));
        }
        Ok(())
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
        if consumer.can_spill() {
            self.spillable.fetch_add(1, Ordering::Relaxed);
        }
        self.parent.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.spillable.fetch_sub(1, Ordering::Relaxed);
        }
        self.parent.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.parent.grow(reservation, additional);
        let before = self.held.fetch_add(additional, Ordering::Relaxed);
        self.peak
            .fetch_max(before.saturating_add(additional), Ordering::Relaxed);
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
        let granted = || {
            self.check_even_part(reservation, before + additional, additional)?;
            self.check_room_for_small(before + additional, additional)?;
            self.parent.try_grow(reservation, additional)
        };
        if let Err(error) = granted() {
            self.held.fetch_sub(additional, Ordering::Relaxed);
            return Err(error);
        }
        self.peak.fetch_max(before + additional, Ordering::Relaxed);
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
mod tests;
