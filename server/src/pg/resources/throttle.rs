//! The speed of statements: long ones rest for short ones.
//!
//! A statement is short until it has gone on for a while. An account whose statements have worked for long lately has had
//! that while: clients that begin a large statement again and again, and are cut off each time, would else never rest.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A statement is short up to here, and long from then on...
const SHORT: Duration = Duration::from_millis(100);
/// ... or from here on, where its account has worked for long lately.
const SHORT_AGAIN: Duration = Duration::from_millis(10);
/// What is lately.
const LATELY: Duration = Duration::from_secs(5);
/// What a long statement works between two rests, at least.
const WORK: Duration = Duration::from_millis(2);
/// While short ones run, long ones together take one in so many of the processors' time...
const SHARE: u32 = 10;
/// ... but none rests for longer than this.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Whose a statement is; the operators are one account here, without a name.
type Account = Option<Arc<str>>;

/// The statements that have a right to run, by their beginning.
#[derive(Debug)]
pub struct Begun {
    statements: Mutex<Statements>,
    /// How many of them can run at a time.
    processors: u32,
}

impl Default for Begun {
    fn default() -> Begun {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Begun::on(u32::try_from(processors).unwrap_or(u32::MAX))
    }
}

#[derive(Debug, Default)]
struct Statements {
    number: u64,
    running: BTreeMap<(Instant, u64), Arc<Pace>>,
    /// When an account's statement last ended that had worked for long.
    ended: HashMap<Account, Instant>,
}

impl Statements {
    /// Whether an account's statements have worked for long.
    fn have_worked(&self, account: &Account) -> bool {
        let lately = |ended: &Instant| ended.elapsed() < LATELY;
        let works = |pace: &Arc<Pace>| pace.account == *account && pace.has_worked();
        self.ended.get(account).is_some_and(lately) || self.running.values().any(works)
    }
}

/// A statement's place among the others, for as long as it has the right to run.
#[derive(Debug)]
pub struct Beginning {
    number: u64,
    pace: Arc<Pace>,
}

impl Begun {
    /// On so many processors.
    fn on(processors: u32) -> Begun {
        Begun {
            statements: Mutex::default(),
            processors,
        }
    }

    fn statements(&self) -> MutexGuard<'_, Statements> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// An account's statement runs that began at an instant, until the answer is dropped.
    pub fn enter(self: &Arc<Self>, account: Option<&str>, began: Instant) -> Beginning {
        let account = account.map(Arc::from);
        let statements = self.statements();
        // What began so much earlier is long so much sooner.
        let had = if statements.have_worked(&account) {
            SHORT - SHORT_AGAIN
        } else {
            Duration::ZERO
        };
        drop(statements);
        Arc::new(Pace {
            account,
            since: began.checked_sub(had).unwrap_or(began),
            others: Arc::clone(self),
            worked: AtomicU64::new(0),
            rests: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        })
        .enter()
    }

    /// Whether one is among them that runs for less than `time`, and they are more than can run at a time.
    fn crowd_one_within(&self, time: Duration) -> bool {
        let statements = self.statements();
        if statements.running.len() <= self.processors as usize {
            return false;
        }
        let latest = statements.running.last_key_value();
        latest.is_some_and(|((since, _), _)| since.elapsed() < time)
    }

    /// How many run for `time` and longer.
    fn beyond(&self, time: Duration) -> usize {
        let now = Instant::now();
        let statements = self.statements();
        let running = statements.running.keys();
        running
            .take_while(|(since, _)| now.saturating_duration_since(*since) >= time)
            .count()
    }

    /// How many times as long as it has worked a long statement rests.
    fn rest(&self) -> u32 {
        let long = u32::try_from(self.beyond(SHORT)).unwrap_or(u32::MAX);
        let each = SHARE.saturating_mul(long) / self.processors;
        each.max(SHARE) - 1
    }
}

impl Beginning {
    /// The speed at which the statement goes.
    pub fn pace(&self) -> &Arc<Pace> {
        &self.pace
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let mut statements = self.pace.others.statements();
        statements.running.remove(&(self.pace.since, self.number));
        if self.pace.has_worked() {
            statements.ended.retain(|_, ended| ended.elapsed() < LATELY);
            let account = self.pace.account.clone();
            statements.ended.insert(account, Instant::now());
        }
    }
}

/// The speed of one statement, in all of its parts.
#[derive(Debug)]
pub struct Pace {
    account: Account,
    /// When it began, or might have for what its account has worked before.
    since: Instant,
    others: Arc<Begun>,
    /// The nanoseconds in which it was seen to work, by its parts at most.
    worked: AtomicU64,
    /// How often it has rested.
    rests: AtomicU64,
    /// The nanoseconds in which it waited for its reader.
    waited: AtomicU64,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Pace {
    /// The statement runs, at first or after it stood still, until the answer is dropped.
    pub fn enter(self: Arc<Self>) -> Beginning {
        let mut statements = self.others.statements();
        statements.number += 1;
        let number = statements.number;
        statements
            .running
            .insert((self.since, number), Arc::clone(&self));
        drop(statements);
        Beginning { number, pace: self }
    }

    /// Waits for the statement's reader, which is no work.
    pub async fn waiting<T>(&self, reader: impl Future<Output = T>) -> T {
        let since = Instant::now();
        let answer = reader.await;
        self.waited
            .fetch_add(nanoseconds(since.elapsed()), Ordering::Relaxed);
        answer
    }

    /// How long it has waited so.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// How often it has rested.
    pub fn rests(&self) -> u64 {
        self.rests.load(Ordering::Relaxed)
    }

    /// One part of it has worked for so long in all.
    pub fn worked(&self, time: Duration) {
        self.worked.fetch_max(nanoseconds(time), Ordering::Relaxed);
    }

    fn has_worked(&self) -> bool {
        self.worked.load(Ordering::Relaxed) >= nanoseconds(SHORT)
    }

    /// How long to rest for so much work, if at all. It counts as a rest.
    pub fn rest_for(&self, worked: Duration) -> Option<Duration> {
        let due =
            worked >= WORK && self.since.elapsed() >= SHORT && self.others.crowd_one_within(SHORT);
        due.then(|| {
            self.rests.fetch_add(1, Ordering::Relaxed);
            worked.saturating_mul(self.others.rest()).min(LONGEST_REST)
        })
    }
}

#[cfg(test)]
pub(in crate::pg) mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    pub const HOUR: Duration = Duration::from_secs(3600);

    /// A statement among others, and what of them keeps them there.
    pub fn paced(long: bool, others: bool) -> (Arc<Pace>, Vec<Beginning>) {
        let now = Instant::now();
        // What begins later stays short however long a test takes.
        let (earlier, later) = (now - HOUR, now + HOUR);
        let begun = Arc::new(Begun::on(1));
        let own = begun.enter(None, if long { earlier } else { later });
        let pace = Arc::clone(own.pace());
        // A short one would see itself.
        let mut kept = vec![own];
        kept.extend(others.then(|| begun.enter(None, later)));
        (pace, kept)
    }

    /// The statement has waited for its reader for so long.
    pub fn waited(pace: &Pace, time: Duration) {
        pace.waited.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    #[test]
    fn a_statement_counts_until_it_ends() {
        let begun = Arc::new(Begun::on(1));
        let first = begun.enter(None, Instant::now());
        assert!(!begun.crowd_one_within(HOUR), "it has a processor");
        let second = begun.enter(None, Instant::now());
        assert!(begun.crowd_one_within(HOUR));
        assert!(!begun.crowd_one_within(Duration::ZERO));
        drop(second);
        assert!(!begun.crowd_one_within(HOUR));
        drop(first);
        assert!(begun.statements().running.is_empty());
    }

    #[rstest]
    #[case::one(1, 2, 9)]
    #[case::two_on_two(2, 2, 9)]
    #[case::many(16, 2, 79)]
    #[case::many_processors(16, 64, 9)]
    fn the_more_are_long_the_longer_each_rests(
        #[case] long: usize,
        #[case] processors: u32,
        #[case] rest: u32,
    ) {
        let begun = Arc::new(Begun::on(processors));
        let now = Instant::now();
        let mut kept = vec![begun.enter(None, now + HOUR)];
        kept.extend((0..long).map(|_| begun.enter(None, now - HOUR)));
        assert_eq!(begun.beyond(HOUR), long);
        assert_eq!(begun.rest(), rest);
    }

    #[rstest]
    #[case::it_works_on(Some("a"), SHORT, false, true)]
    #[case::it_has_ended(Some("a"), SHORT, true, true)]
    #[case::it_worked_little(Some("a"), SHORT / 2, true, false)]
    #[case::it_is_anothers(Some("b"), SHORT, true, false)]
    #[case::it_is_an_operators(None, SHORT, false, false)]
    fn an_account_that_has_worked_for_long_has_been_short(
        #[case] account: Option<&str>,
        #[case] worked: Duration,
        #[case] ended: bool,
        #[case] sooner: bool,
    ) {
        let begun = Arc::new(Begun::on(1));
        let before = begun.enter(Some("a"), Instant::now());
        before.pace().worked(worked);
        let _kept = (!ended).then_some(before);
        let now = Instant::now();
        let next = begun.enter(account, now);
        assert_eq!(next.pace().since < now, sooner);
    }

    #[test]
    fn a_statement_that_stood_still_is_no_new_one() {
        let begun = Arc::new(Begun::on(1));
        let first = begun.enter(None, Instant::now() - HOUR);
        let pace = Arc::clone(first.pace());
        drop(first);
        let _again = Arc::clone(&pace).enter();
        let _short = begun.enter(None, Instant::now() + HOUR);
        assert!(pace.rest_for(WORK).is_some());
    }
}
