//! How many logins may fail: so that nobody finds a password by trying.
//!
//! Failures are counted for a user from one address, for an address and for a user, whether or not there is such a
//! user, so that a refusal tells nothing. Each count is a bucket that leaks: it empties within a minute. A login that is
//! refused here counts for nothing, so a client with an old password does not keep itself, or others, out for longer.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// In what time a full bucket empties.
const PERIOD: Duration = Duration::from_secs(60);
/// So many buckets are kept; beyond it those with least in them go.
const BUCKETS: usize = 65_536;

/// How many logins may fail in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginLimits {
    /// Of one user from one address.
    pub of_user_from_address: u32,
    /// From one address, whoever it says that it is.
    pub from_address: u32,
    /// Of one user, from wherever.
    pub of_user: u32,
}

impl Default for LoginLimits {
    fn default() -> LoginLimits {
        LoginLimits::of(10)
    }
}

impl LoginLimits {
    /// So many of one user from one address, and ten times as many of an address and of a user.
    pub const fn of(most: u32) -> LoginLimits {
        LoginLimits {
            of_user_from_address: most,
            from_address: most.saturating_mul(10),
            of_user: most.saturating_mul(10),
        }
    }
}

/// The failures of late.
#[derive(Debug)]
pub struct Attempts {
    limits: LoginLimits,
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When it will be empty.
    empty_at: Instant,
}

/// What failures are counted for.
#[derive(Hash, Clone, Copy)]
enum Of<'a> {
    UserFromAddress(&'a str, Option<IpAddr>),
    Address(Option<IpAddr>),
    User(&'a str),
}

impl Attempts {
    /// None yet.
    pub fn new(limits: LoginLimits) -> Attempts {
        Attempts {
            limits,
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        }
    }

    /// Whether somebody may try to log in.
    ///
    /// # Errors
    /// In how much time they may, if too many tries have failed.
    pub fn check(&self, user: &str, address: Option<IpAddr>) -> Result<(), Duration> {
        self.check_at(user, address, Instant::now())
    }

    /// A login has failed.
    pub fn failed(&self, user: &str, address: Option<IpAddr>) {
        self.failed_at(user, address, Instant::now());
    }

    fn check_at(&self, user: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.counts(user, address).map(|(key, each)| {
            let filled = buckets.get(&key).map_or(Duration::ZERO, |bucket| {
                bucket.empty_at.saturating_duration_since(now)
            });
            // One more must fit.
            (filled + each).saturating_sub(PERIOD)
        });
        match wait.into_iter().max() {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    fn failed_at(&self, user: &str, address: Option<IpAddr>, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, each) in self.counts(user, address) {
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

    /// The buckets of an attempt, and how much of its minute a failure fills in each.
    fn counts(&self, user: &str, address: Option<IpAddr>) -> [(u64, Duration); 3] {
        let address = address.map(network);
        let count = |of: Of, limit: u32| (self.hasher.hash_one(of), PERIOD / limit.max(1));
        [
            count(
                Of::UserFromAddress(user, address),
                self.limits.of_user_from_address,
            ),
            count(Of::Address(address), self.limits.from_address),
            count(Of::User(user), self.limits.of_user),
        ]
    }
}

/// The address that counts: whoever has one of IPv6 has a whole network of them.
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
            attempts.failed_at("ann", here, now);
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
            attempts.failed_at(&format!("user{user}"), here, now);
        }
        assert!(attempts.check_at("ann", here, now).is_err());
        assert_eq!(attempts.check_at("ann", address("10.0.0.2"), now), Ok(()));
    }

    #[test]
    fn a_user_who_is_tried_from_many_addresses_waits() {
        let attempts = Attempts::new(LoginLimits::default());
        let now = Instant::now();
        for host in 0..100 {
            attempts.failed_at("ann", address(&format!("10.0.0.{host}")), now);
        }
        assert!(attempts.check_at("ann", address("10.0.1.1"), now).is_err());
        assert_eq!(attempts.check_at("bob", address("10.0.1.1"), now), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one() {
        let attempts = Attempts::new(LoginLimits::default());
        let now = Instant::now();
        for host in 0..10 {
            attempts.failed_at("ann", address(&format!("2001:db8::{host}")), now);
        }
        let ann = |text| attempts.check_at("ann", address(text), now);
        assert!(ann("2001:db8::99").is_err());
        assert_eq!(ann("2001:db8:0:1::1"), Ok(()));
        // An address of IPv4 stays itself in whichever form it comes.
        attempts.failed_at("bob", address("::ffff:10.0.0.1"), now);
        let four = |text: &str| network(text.parse().unwrap());
        assert_eq!(four("::ffff:10.0.0.1"), four("10.0.0.1"));
    }

    #[test]
    fn there_are_never_too_many_buckets() {
        let attempts = Attempts::new(LoginLimits::default());
        let now = Instant::now();
        for user in 0..BUCKETS {
            attempts.failed_at(&format!("user{user}"), None, now);
        }
        assert!(attempts.buckets.lock().unwrap().len() <= BUCKETS);
    }
}
