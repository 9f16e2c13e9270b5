//! How many may be connected: in all, of one account, and on their way in.
//!
//! What always holds: who has not logged in takes no place of those who have; an account cannot take all places; and
//! the last ones of many are kept for operators, who can then see who has the others, and have no limit but all.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::per_account::PerAccount;
use rapport_pgsql::error::{PgError, code};

/// How many connections may be on their way in.
const ENTERING: usize = 128;
/// How many of them from one address.
const ENTERING_FROM_ADDRESS: usize = 64;
/// Of so many places or more, some are for operators alone.
const MANY: usize = 16;
/// So many are.
const FOR_OPERATORS: usize = 4;

/// The places of a server.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    of_account: usize,
    accounts: PerAccount<AccountPlaces>,
    /// Places that are for operators alone.
    kept: usize,
    entering: Arc<Entering>,
}

#[derive(Debug)]
struct AccountPlaces(Arc<Semaphore>);

/// A connection's place, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    _all: OwnedSemaphorePermit,
    _of_account: Option<(OwnedSemaphorePermit, Arc<AccountPlaces>)>,
}

impl Places {
    /// So many in all, and of one account.
    pub fn new(all: usize, of_account: usize) -> Places {
        Places {
            all: Arc::new(Semaphore::new(all)),
            of_account: of_account.max(1),
            accounts: PerAccount::default(),
            kept: if all < MANY { 0 } else { FOR_OPERATORS },
            entering: Arc::default(),
        }
    }

    /// Takes a place for who has logged in.
    ///
    /// # Errors
    /// If there is none.
    pub fn take(&self, account: Option<&str>) -> Result<Place, PgError> {
        let of_account = match account {
            None => None,
            Some(account) => {
                let make = || {
                    Ok::<_, Infallible>(AccountPlaces(Arc::new(Semaphore::new(self.of_account))))
                };
                let Ok(places) = self.accounts.of(Some(account), make);
                let permit = Arc::clone(&places.0).try_acquire_owned().map_err(|_| {
                    PgError::fatal(code::TOO_MANY, "too many connections for this account")
                        .hint(format!("at most {} are served", self.of_account))
                })?;
                Some((permit, places))
            }
        };
        let all = Arc::clone(&self.all)
            .try_acquire_owned()
            .ok()
            .filter(|_| account.is_none() || self.all.available_permits() >= self.kept)
            .ok_or_else(|| PgError::fatal(code::TOO_MANY, "sorry, too many clients already"))?;
        Ok(Place {
            _all: all,
            _of_account: of_account,
        })
    }

    /// Lets a connection come in, to log in or to cancel; none if too many are on their way.
    pub fn enter(&self, address: Option<IpAddr>) -> Option<Entrance> {
        let mut by_address = self.entering.lock();
        let all: usize = by_address.values().sum();
        let from_here = by_address.entry(address).or_default();
        if all >= ENTERING || *from_here >= ENTERING_FROM_ADDRESS {
            if *from_here == 0 {
                by_address.remove(&address);
            }
            return None;
        }
        *from_here += 1;
        Some(Entrance {
            entering: Arc::clone(&self.entering),
            address,
        })
    }
}

/// How many are on their way in from each address.
#[derive(Debug, Default)]
struct Entering {
    by_address: Mutex<HashMap<Option<IpAddr>, usize>>,
}

impl Entering {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right of a connection to be on its way in.
#[derive(Debug)]
pub struct Entrance {
    entering: Arc<Entering>,
    address: Option<IpAddr>,
}

impl Drop for Entrance {
    fn drop(&mut self) {
        let mut by_address = self.entering.lock();
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
    fn an_account_cannot_take_all_and_operators_find_a_place() {
        let places = Places::new(20, 12);
        let of = |account| places.take(account);
        let mut taken: Vec<Place> = (0..12).map(|_| of(Some("a")).unwrap()).collect();
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
    fn one_address_cannot_keep_others_from_coming_in() {
        let places = Places::new(20, 20);
        let address = |text: &str| Some(text.parse().unwrap());
        let mut entering = Vec::new();
        while let Some(entrance) = places.enter(address("10.0.0.1")) {
            entering.push(entrance);
        }
        assert_eq!(entering.len(), ENTERING_FROM_ADDRESS);
        entering.push(places.enter(address("10.0.0.2")).unwrap());
        entering.remove(0);
        entering.push(places.enter(address("10.0.0.1")).unwrap());
        drop(entering);
        assert!(places.entering.lock().is_empty());
    }
}
