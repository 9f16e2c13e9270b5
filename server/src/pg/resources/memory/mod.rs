//! What statements may hold: each takes from its session's share, that from its account's, that from what all statements
//! may hold, and that from the pool which deriving draws on too.
//!
//! What always holds: a share never has more than its limit, whatever its children ask; where one is used up, operators
//! that can spill do so, and a statement whose operators cannot ends with 53200, and no other statement with it. The
//! operators of one statement that can spill share its memory evenly once it gets scarce. The large statements, of however
//! many accounts, leave a part to the little ones, and take no more where the process holds nearly as much as it may,
//! whatever has taken it. Where it holds more, the largest is given up.

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
use super::stop_flag::GivenUp;
use rapport_pgsql::error::{OUT_OF_SHARE, PgError};

/// A statement that holds no more than this is a little one.
const LITTLE: usize = 16 * 1024 * 1024;
/// One that holds no more than this is not given up, whatever the process holds: it is not what fills it.
const NEGLIGIBLE: usize = 4 * 1024 * 1024;
/// Large statements leave one part in eight to the little ones, both of what all statements may hold and of what the
/// process may.
const LEFT_TO_LITTLE: usize = 8;
/// The operators of a statement that can spill leave one part in four of its memory to those that cannot, such as the
/// merging of what was spilled.
const LEFT_TO_MERGING: usize = 4;
/// Until a statement holds half of what it may, an operator may take more of it than its even part.
const UNEVEN_UNTIL: usize = 2;
/// One part in eight of what all statements may hold is theirs even where the process holds too much without them, as it
/// may with little memory and a large lake.
const LEFT_TO_ALL: usize = 8;

/// How much memory accounts and sessions may hold.
#[derive(Debug)]
pub struct MemoryShares {
    account: usize,
    session: usize,
    process: Arc<ProcessMemory>,
    /// Made of the pool with the first session.
    all: OnceLock<Arc<AllStatements>>,
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
            all: OnceLock::new(),
            accounts: PerAccount::default(),
        }
    }

    /// A new session's share of what `pool` has, which is the same for all.
    pub fn session(&self, account: Option<&str>, pool: &Arc<dyn MemoryPool>) -> Arc<Share> {
        let all = self.all.get_or_init(|| Arc::new(AllStatements::of(pool)));
        let whole = Whole {
            all: Arc::clone(all),
            process: Arc::clone(&self.process),
        };
        let make = || {
            let parent: Arc<dyn MemoryPool> = Arc::<AllStatements>::clone(all);
            Ok::<_, Infallible>(Share::new("account", self.account, parent, whole.clone()))
        };
        let Ok(account) = self.accounts.of(account, make);
        Arc::new(Share::new("session", self.session, account, whole))
    }
}

/// What is one for all shares.
#[derive(Debug, Clone)]
struct Whole {
    all: Arc<AllStatements>,
    process: Arc<ProcessMemory>,
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
    /// How many operators that can spill are registered with it.
    spilling: AtomicUsize,
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
            spilling: AtomicUsize::new(0),
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
        let all = &self.whole.all;
        let too_much = held > NEGLIGIBLE && all.reserved() > all.limit() / LEFT_TO_ALL;
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
        let Whole { all, process } = &self.whole;
        let large = all.limit() - all.limit() / LEFT_TO_LITTLE;
        let then = all.reserved().saturating_add(additional);
        if then > large {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: all large statements together may hold {} at a time",
                human_readable_size(large)
            )));
        }
        let left = process.limit() / LEFT_TO_LITTLE;
        if then > all.limit() / LEFT_TO_ALL && process.exceeds_with(additional.saturating_add(left))
        {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: the server holds nearly all of the {} that it may",
                human_readable_size(process.limit())
            )));
        }
        Ok(())
    }

    /// Refuses an operator that can spill more than its fair part of a statement's memory where that gets scarce. Otherwise
    /// one partition of a sort could take all of it, and the next fail at its first rows, when it has nothing to spill.
    fn be_fair(
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
        let spilling = self.spilling.load(Ordering::Relaxed).max(1);
        let fair = (limit - limit / LEFT_TO_MERGING) / spilling;
        if held > limit / UNEVEN_UNTIL && reservation.size().saturating_add(additional) > fair {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{OUT_OF_SHARE}: each sort or grouping of the statement may hold {} at a time",
                human_readable_size(fair)
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
            self.spilling.fetch_add(1, Ordering::Relaxed);
        }
        self.parent.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.spilling.fetch_sub(1, Ordering::Relaxed);
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
        let parents = || {
            self.be_fair(reservation, before + additional, additional)?;
            self.leave_room(before + additional, additional)?;
            self.parent.try_grow(reservation, additional)
        };
        if let Err(error) = parents() {
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
