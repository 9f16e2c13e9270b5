//! Limits of connections: in all, of one account, and of those that have not logged in yet.
//!
//! What always holds: a connection that has not logged in takes no slot of those that have; an account cannot take all
//! slots; and where there are [`MANY`] or more, the last [`FOR_OPERATORS`] are kept for operators, who can then see who
//! holds the others. Operators are limited by the total alone.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::per_account::PerAccount;
use rapport_pgsql::error::{PgError, code};

/// How many connections may be logging in at a time.
const LOGGING_IN: usize = 128;
/// How many of them may come from one address.
const LOGGING_IN_FROM_ADDRESS: usize = 64;
/// The total from which some slots are kept for operators.
const MANY: usize = 16;
/// How many slots are kept for operators then.
const FOR_OPERATORS: usize = 4;

/// Hands out the connection slots of a server.
#[derive(Debug)]
pub struct ConnectionLimits {
    all: Arc<Semaphore>,
    /// How many connections one account may have.
    per_account: usize,
    accounts: PerAccount<AccountSlots>,
    /// How many slots are kept for operators.
    for_operators: usize,
    logging_in: Arc<LoggingIn>,
}

#[derive(Debug)]
struct AccountSlots(Arc<Semaphore>);

/// The slot of one connection that has logged in; free again when this is dropped.
#[derive(Debug)]
pub struct ConnectionSlot {
    _all: OwnedSemaphorePermit,
    _of_account: Option<(OwnedSemaphorePermit, Arc<AccountSlots>)>,
}

impl ConnectionLimits {
    /// Allows this many connections in all, and of one account.
    pub fn new(all: usize, per_account: usize) -> ConnectionLimits {
        ConnectionLimits {
            all: Arc::new(Semaphore::new(all)),
            per_account: per_account.max(1),
            accounts: PerAccount::default(),
            for_operators: if all < MANY { 0 } else { FOR_OPERATORS },
            logging_in: Arc::default(),
        }
    }

    /// Takes a slot for a user of the account, or an operator, who has logged in.
    ///
    /// # Errors
    /// 53300 if there is none left, in all or for the account.
    pub fn take_slot(&self, account: Option<&str>) -> Result<ConnectionSlot, PgError> {
        let of_account = match account {
            None => None,
            Some(account) => {
                let make = || {
                    Ok::<_, Infallible>(AccountSlots(Arc::new(Semaphore::new(self.per_account))))
                };
                let Ok(slots) = self.accounts.get_or_make(Some(account), make);
                let permit = Arc::clone(&slots.0).try_acquire_owned().map_err(|_| {
                    PgError::fatal(code::TOO_MANY, "too many connections for this account")
                        .hint(format!("at most {} are served", self.per_account))
                })?;
                Some((permit, slots))
            }
        };
        let all = Arc::clone(&self.all)
            .try_acquire_owned()
            .ok()
            .filter(|_| account.is_none() || self.all.available_permits() >= self.for_operators)
            .ok_or_else(|| PgError::fatal(code::TOO_MANY, "sorry, too many clients already"))?;
        Ok(ConnectionSlot {
            _all: all,
            _of_account: of_account,
        })
    }

    /// Takes a slot for a connection that is about to log in or to send a cancel request; `None` if too many are.
    pub fn take_login_slot(&self, address: Option<IpAddr>) -> Option<LoginSlot> {
        let mut by_address = self.logging_in.lock();
        let all: usize = by_address.values().sum();
        let from_here = by_address.entry(address).or_default();
        if all >= LOGGING_IN || *from_here >= LOGGING_IN_FROM_ADDRESS {
            if *from_here == 0 {
                by_address.remove(&address);
            }
            return None;
        }
        *from_here += 1;
        Some(LoginSlot {
            logging_in: Arc::clone(&self.logging_in),
            address,
        })
    }
}

/// Counts the connections of each address that are logging in.
#[derive(Debug, Default)]
struct LoggingIn {
    by_address: Mutex<HashMap<Option<IpAddr>, usize>>,
}

impl LoggingIn {
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of one connection that is logging in; free again when this is dropped.
#[derive(Debug)]
pub struct LoginSlot {
    logging_in: Arc<LoggingIn>,
    address: Option<IpAddr>,
}

impl Drop for LoginSlot {
    fn drop(&mut self) {
        let mut by_address = self.logging_in.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_account_cannot_take_all_slots_and_some_are_kept_for_operators() {
        let limits = ConnectionLimits::new(20, 12);
        let of = |account| limits.take_slot(account);
        let mut taken: Vec<ConnectionSlot> = (0..12).map(|_| of(Some("a")).unwrap()).collect();
        let error = of(Some("a")).unwrap_err();
        assert_eq!(error.code, code::TOO_MANY);
        assert!(error.message.contains("account"), "{error}");
        taken.extend((0..4).map(|_| of(Some("b")).unwrap()));
        // Four are left, for operators.
        assert_eq!(of(Some("b")).unwrap_err().code, code::TOO_MANY);
        taken.extend((0..4).map(|_| of(None).unwrap()));
        assert_eq!(of(None).unwrap_err().code, code::TOO_MANY);
        taken.pop();
        of(None).unwrap();
    }

    #[test]
    fn one_address_cannot_keep_others_from_logging_in() {
        let limits = ConnectionLimits::new(20, 20);
        let address = |text: &str| Some(text.parse().unwrap());
        let mut slots = Vec::new();
        while let Some(slot) = limits.take_login_slot(address("10.0.0.1")) {
            slots.push(slot);
        }
        assert_eq!(slots.len(), LOGGING_IN_FROM_ADDRESS);
        slots.push(limits.take_login_slot(address("10.0.0.2")).unwrap());
        slots.remove(0);
        slots.push(limits.take_login_slot(address("10.0.0.1")).unwrap());
        drop(slots);
        assert!(limits.logging_in.lock().is_empty());
    }
}
