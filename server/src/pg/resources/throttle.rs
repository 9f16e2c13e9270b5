//! Throttling of long statements while short ones run.
//!
//! A statement is short until it has run for [`SHORT`]. While more statements run than there are processors, and a short
//! one is among them, long statements sleep between batches. Together they then use about a tenth of the processors' time.
//! An account whose statements have worked for long in the last [`RECENT`] reaches the limit sooner, at [`SHORT_AGAIN`]:
//! otherwise a client that starts a large statement again each time it is cut off would never be throttled.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The age up to which a statement is short.
const SHORT: Duration = Duration::from_millis(100);
/// The same for an account whose statements have worked for long recently.
const SHORT_AGAIN: Duration = Duration::from_millis(10);
/// How long an account is remembered after a statement of it that worked for long.
const RECENT: Duration = Duration::from_secs(5);
/// The least work of a long statement between two rests.
const MIN_WORK: Duration = Duration::from_millis(2);
/// While short statements run, long ones together use one part in this many of the processors' time.
const LONG_PART: u32 = 10;
/// The longest single rest.
const MAX_REST: Duration = Duration::from_secs(1);

/// The account of a statement; `None` for operators, who count as one account.
type Account = Option<Arc<str>>;

/// The statements that hold a permit, ordered by when they began.
#[derive(Debug)]
pub struct RunningStatements {
    statements: Mutex<Statements>,
    /// How many of them the machine can run at a time.
    processors: u32,
}

impl Default for RunningStatements {
    fn default() -> RunningStatements {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        RunningStatements::on(u32::try_from(processors).unwrap_or(u32::MAX))
    }
}

#[derive(Debug, Default)]
struct Statements {
    /// The number of the last entry of `running`.
    number: u64,
    running: BTreeMap<(Instant, u64), Arc<Throttle>>,
    /// When the last statement of an account ended that had worked for long.
    ended: HashMap<Account, Instant>,
}

impl Statements {
    /// Returns whether a statement of the account works for long now, or did recently.
    fn has_worked_long(&self, account: &Account) -> bool {
        let is_recent = |ended: &Instant| ended.elapsed() < RECENT;
        let works =
            |throttle: &Arc<Throttle>| throttle.account == *account && throttle.has_worked_long();
        self.ended.get(account).is_some_and(is_recent) || self.running.values().any(works)
    }
}

/// Counts a statement as running until it is dropped.
#[derive(Debug)]
pub struct RunningGuard {
    number: u64,
    throttle: Arc<Throttle>,
}

impl RunningStatements {
    /// Makes an empty set for a machine with this many processors.
    fn on(processors: u32) -> RunningStatements {
        RunningStatements {
            statements: Mutex::default(),
            processors,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Statements> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a statement of an account that began at `began`.
    pub fn start(self: &Arc<Self>, account: Option<&str>, began: Instant) -> RunningGuard {
        let account = account.map(Arc::from);
        // A statement that is dated back becomes long sooner.
        let dated_back = if self.lock().has_worked_long(&account) {
            SHORT - SHORT_AGAIN
        } else {
            Duration::ZERO
        };
        Arc::new(Throttle {
            account,
            began: began.checked_sub(dated_back).unwrap_or(began),
            others: Arc::clone(self),
            worked: AtomicU64::new(0),
            rests: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        })
        .resume()
    }

    /// Returns whether more statements run than processors, one of them for less than `age`.
    fn crowd_one_younger_than(&self, age: Duration) -> bool {
        let statements = self.lock();
        if statements.running.len() <= self.processors as usize {
            return false;
        }
        let latest = statements.running.last_key_value();
        latest.is_some_and(|((began, _), _)| began.elapsed() < age)
    }

    /// Counts the statements that have run for `age` or longer.
    fn count_older_than(&self, age: Duration) -> usize {
        let now = Instant::now();
        let statements = self.lock();
        let running = statements.running.keys();
        running
            .take_while(|(began, _)| now.saturating_duration_since(*began) >= age)
            .count()
    }

    /// Returns how long a long statement rests, as a multiple of its work. It grows with the number of long statements.
    fn rest_factor(&self) -> u32 {
        let long = u32::try_from(self.count_older_than(SHORT)).unwrap_or(u32::MAX);
        let each = LONG_PART.saturating_mul(long) / self.processors;
        each.max(LONG_PART) - 1
    }
}

impl RunningGuard {
    /// Returns the statement's throttle.
    pub fn throttle(&self) -> &Arc<Throttle> {
        &self.throttle
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        let mut statements = self.throttle.others.lock();
        let key = (self.throttle.began, self.number);
        statements.running.remove(&key);
        if self.throttle.has_worked_long() {
            statements.ended.retain(|_, ended| ended.elapsed() < RECENT);
            let account = self.throttle.account.clone();
            statements.ended.insert(account, Instant::now());
        }
    }
}

/// Decides when one statement rests. All of its partitions share it.
#[derive(Debug)]
pub struct Throttle {
    account: Account,
    /// When the statement began; earlier for an account that has worked for long recently.
    began: Instant,
    others: Arc<RunningStatements>,
    /// The most nanoseconds of work that a partition has reported.
    worked: AtomicU64,
    /// How often the statement has rested.
    rests: AtomicU64,
    /// The nanoseconds that it has waited for its reader.
    waited: AtomicU64,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Throttle {
    /// Counts the statement as running, at first and again after a pause, until the guard is dropped.
    pub fn resume(self: Arc<Self>) -> RunningGuard {
        let mut statements = self.others.lock();
        statements.number += 1;
        let number = statements.number;
        statements
            .running
            .insert((self.began, number), Arc::clone(&self));
        drop(statements);
        RunningGuard {
            number,
            throttle: self,
        }
    }

    /// Waits for the statement's reader, and counts the time as waiting and not as work.
    pub async fn wait_for_reader<T>(&self, reader: impl Future<Output = T>) -> T {
        let since = Instant::now();
        let answer = reader.await;
        self.waited
            .fetch_add(nanoseconds(since.elapsed()), Ordering::Relaxed);
        answer
    }

    /// Returns how long the statement has waited for its reader.
    pub fn wait_time(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// Returns how often the statement has rested.
    pub fn rests(&self) -> u64 {
        self.rests.load(Ordering::Relaxed)
    }

    /// Records the work that one partition has done since the beginning.
    pub fn record_work(&self, time: Duration) {
        self.worked.fetch_max(nanoseconds(time), Ordering::Relaxed);
    }

    fn has_worked_long(&self) -> bool {
        self.worked.load(Ordering::Relaxed) >= nanoseconds(SHORT)
    }

    /// Returns how long to rest for an amount of work, and counts the rest; `None` where no rest is due.
    pub fn rest_for(&self, worked: Duration) -> Option<Duration> {
        let is_due = worked >= MIN_WORK
            && self.began.elapsed() >= SHORT
            && self.others.crowd_one_younger_than(SHORT);
        is_due.then(|| {
            self.rests.fetch_add(1, Ordering::Relaxed);
            worked
                .saturating_mul(self.others.rest_factor())
                .min(MAX_REST)
        })
    }
}

#[cfg(test)]
pub(in crate::pg) mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    pub const HOUR: Duration = Duration::from_secs(3600);

    /// Makes the throttle of a long or short statement, with or without a short one beside it, and the guards of both.
    pub fn throttle_among(long: bool, others: bool) -> (Arc<Throttle>, Vec<RunningGuard>) {
        let now = Instant::now();
        // A statement that begins in an hour stays short however long a test takes.
        let (earlier, later) = (now - HOUR, now + HOUR);
        let running = Arc::new(RunningStatements::on(1));
        let own = running.start(None, if long { earlier } else { later });
        let throttle = Arc::clone(own.throttle());
        let mut guards = vec![own];
        guards.extend(others.then(|| running.start(None, later)));
        (throttle, guards)
    }

    /// Adds to the time that the statement has waited for its reader.
    pub fn add_wait(throttle: &Throttle, time: Duration) {
        throttle
            .waited
            .fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    #[test]
    fn a_statement_counts_as_running_until_it_ends() {
        let running = Arc::new(RunningStatements::on(1));
        let first = running.start(None, Instant::now());
        assert!(!running.crowd_one_younger_than(HOUR), "it has a processor");
        let second = running.start(None, Instant::now());
        assert!(running.crowd_one_younger_than(HOUR));
        assert!(!running.crowd_one_younger_than(Duration::ZERO));
        drop(second);
        assert!(!running.crowd_one_younger_than(HOUR));
        drop(first);
        assert!(running.lock().running.is_empty());
    }

    #[rstest]
    #[case::one(1, 2, 9)]
    #[case::two_on_two(2, 2, 9)]
    #[case::many(16, 2, 79)]
    #[case::many_processors(16, 64, 9)]
    fn long_statements_rest_longer_the_more_there_are(
        #[case] long: usize,
        #[case] processors: u32,
        #[case] factor: u32,
    ) {
        let running = Arc::new(RunningStatements::on(processors));
        let now = Instant::now();
        let mut guards = vec![running.start(None, now + HOUR)];
        guards.extend((0..long).map(|_| running.start(None, now - HOUR)));
        assert_eq!(running.count_older_than(HOUR), long);
        assert_eq!(running.rest_factor(), factor);
    }

    #[rstest]
    #[case::it_works_on(Some("a"), SHORT, false, true)]
    #[case::it_has_ended(Some("a"), SHORT, true, true)]
    #[case::it_worked_little(Some("a"), SHORT / 2, true, false)]
    #[case::of_another_account(Some("b"), SHORT, true, false)]
    #[case::of_an_operator(None, SHORT, false, false)]
    fn statements_become_long_sooner_after_long_work_of_their_account(
        #[case] account: Option<&str>,
        #[case] worked: Duration,
        #[case] ended: bool,
        #[case] sooner: bool,
    ) {
        let running = Arc::new(RunningStatements::on(1));
        let before = running.start(Some("a"), Instant::now());
        before.throttle().record_work(worked);
        let _guard = (!ended).then_some(before);
        let now = Instant::now();
        let next = running.start(account, now);
        assert_eq!(next.throttle().began < now, sooner);
    }

    #[test]
    fn a_paused_statement_stays_as_old_as_it_was() {
        let running = Arc::new(RunningStatements::on(1));
        let first = running.start(None, Instant::now() - HOUR);
        let throttle = Arc::clone(first.throttle());
        drop(first);
        let _again = Arc::clone(&throttle).resume();
        let _short = running.start(None, Instant::now() + HOUR);
        assert!(throttle.rest_for(MIN_WORK).is_some());
    }
}
