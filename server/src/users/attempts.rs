//! Limits on failed logins, so that nobody finds a password by trying.
//!
//! Failures are counted per user and address, per address and per user. A user name that does not exist is counted like
//! any other, so that a refusal does not reveal which names exist. Each count is a leaky bucket that empties within a
//! minute. A login that is refused by a limit is not counted as a failure, so a client that keeps retrying an old
//! password does not lock itself, or others, out for longer.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a full bucket takes to empty.
const PERIOD: Duration = Duration::from_secs(60);
/// How many buckets are kept; beyond that the emptiest are dropped.
const BUCKETS: usize = 65_536;

/// Limits how many logins may fail per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginLimits {
    /// Failures of one user from one address.
    pub per_user_and_address: u32,
    /// Failures from one address, whatever the user.
    pub per_address: u32,
    /// Failures of one user, whatever the address.
    pub per_user: u32,
}

impl Default for LoginLimits {
    fn default() -> LoginLimits {
        LoginLimits::per_minute(10)
    }
}

impl LoginLimits {
    /// Makes limits of `most` failures per user and address, and of ten times as many per address and per user.
    pub const fn per_minute(most: u32) -> LoginLimits {
        LoginLimits {
            per_user_and_address: most,
            per_address: most.saturating_mul(10),
            per_user: most.saturating_mul(10),
        }
    }
}

/// Counts the recent failures.
#[derive(Debug)]
pub struct Attempts {
    limits: LoginLimits,
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When the bucket will be empty.
    empty_at: Instant,
}

/// Names what a failure is counted for.
#[derive(Hash, Clone, Copy)]
enum Subject<'a> {
    UserFromAddress(&'a str, Option<IpAddr>),
    Address(Option<IpAddr>),
    User(&'a str),
}

impl Attempts {
    /// Makes a count without failures.
    pub fn new(limits: LoginLimits) -> Attempts {
        Attempts {
            limits,
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        }
    }

    /// Checks whether another login of a user from an address may be tried.
    ///
    /// # Errors
    /// How long to wait, if too many logins have failed.
    pub fn check(&self, user: &str, address: Option<IpAddr>) -> Result<(), Duration> {
        self.check_at(user, address, Instant::now())
    }

    /// Counts a failed login.
    pub fn record_failure(&self, user: &str, address: Option<IpAddr>) {
        self.record_failure_at(user, address, Instant::now());
    }

    fn check_at(&self, user: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.shares(user, address).map(|(key, each)| {
            let filled = buckets.get(&key).map_or(Duration::ZERO, |bucket| {
                bucket.empty_at.saturating_duration_since(now)
            });
            // Room for one more failure is needed.
            (filled + each).saturating_sub(PERIOD)
        });
        match wait.into_iter().max() {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    fn record_failure_at(&self, user: &str, address: Option<IpAddr>, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, each) in self.shares(user, address) {
            let bucket = buckets.entry(key).or_insert(Bucket { empty_at: now });
            bucket.empty_at = bucket.empty_at.max(now) + each;
        }
        if buckets.len() > BUCKETS {
            buckets.retain(|_, bucket| bucket.empty_at > now);
        }
        if buckets.len() > BUCKETS {
            let mut ends: Vec<Instant> = buckets.values().map(|bucket| bucket.empty_at).collect();
            ends.sort_unstable();
            let half = ends[ends.len() / 2];
            buckets.retain(|_, bucket| bucket.empty_at > half);
        }
    }

    /// Returns the keys of a login's three buckets, and how much of its minute one failure fills in each.
    fn shares(&self, user: &str, address: Option<IpAddr>) -> [(u64, Duration); 3] {
        let address = address.map(network);
        let share =
            |subject: Subject, limit: u32| (self.hasher.hash_one(subject), PERIOD / limit.max(1));
        [
            share(
                Subject::UserFromAddress(user, address),
                self.limits.per_user_and_address,
            ),
            share(Subject::Address(address), self.limits.per_address),
            share(Subject::User(user), self.limits.per_user),
        ]
    }
}

/// Returns the address that failures are counted for: an IPv6 client owns a whole /64 network, so that is counted.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_user_who_fails_too_often_waits_and_others_do_not() {
        let attempts = Attempts::new(LoginLimits::default());
        let (here, there, now) = (address("10.0.0.1"), address("10.0.0.2"), Instant::now());
        for _ in 0..10 {
            assert_eq!(attempts.check_at("ann", here, now), Ok(()));
            attempts.record_failure_at("ann", here, now);
        }
        let wait = attempts.check_at("ann", here, now).unwrap_err();
        assert_eq!(wait, Duration::from_secs(6));
        assert_eq!(attempts.check_at("ann", there, now), Ok(()));
        assert_eq!(attempts.check_at("bob", here, now), Ok(()));
        assert_eq!(attempts.check_at("ann", here, now + wait), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_users_waits() {
        let attempts = Attempts::new(LoginLimits::default());
        let (here, now) = (address("10.0.0.1"), Instant::now());
        for user in 0..100 {
            attempts.record_failure_at(&format!("user{user}"), here, now);
        }
        assert!(attempts.check_at("ann", here, now).is_err());
        assert_eq!(attempts.check_at("ann", address("10.0.0.2"), now), Ok(()));
    }

    #[test]
    fn a_user_who_is_tried_from_many_addresses_waits() {
        let attempts = Attempts::new(LoginLimits::default());
        let now = Instant::now();
        for host in 0..100 {
            attempts.record_failure_at("ann", address(&format!("10.0.0.{host}")), now);
        }
        assert!(attempts.check_at("ann", address("10.0.1.1"), now).is_err());
        assert_eq!(attempts.check_at("bob", address("10.0.1.1"), now), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one() {
        let attempts = Attempts::new(LoginLimits::default());
        let now = Instant::now();
        for host in 0..10 {
            attempts.record_failure_at("ann", address(&format!("2001:db8::{host}")), now);
        }
        let ann = |text| attempts.check_at("ann", address(text), now);
        assert!(ann("2001:db8::99").is_err());
        assert_eq!(ann("2001:db8:0:1::1"), Ok(()));
        // An IPv4 address is counted as itself, also when it is mapped into IPv6.
        attempts.record_failure_at("bob", address("::ffff:10.0.0.1"), now);
        let four = |text: &str| network(text.parse().unwrap());
        assert_eq!(four("::ffff:10.0.0.1"), four("10.0.0.1"));
    }

    #[test]
    fn there_are_never_too_many_buckets() {
        let attempts = Attempts::new(LoginLimits::default());
        let now = Instant::now();
        for user in 0..BUCKETS {
            attempts.record_failure_at(&format!("user{user}"), None, now);
        }
        assert!(attempts.buckets.lock().unwrap().len() <= BUCKETS);
    }
}
