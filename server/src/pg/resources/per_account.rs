//! What the connections of an account share, for as long as there is one of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A thing for each account that somebody uses; the operators are one account here, without a name.
#[derive(Debug)]
pub struct PerAccount<T>(Mutex<HashMap<Option<String>, Weak<T>>>);

impl<T> Default for PerAccount<T> {
    fn default() -> PerAccount<T> {
        PerAccount(Mutex::default())
    }
}

impl<T> PerAccount<T> {
    /// The account's, made if nobody uses one now.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn of<E>(
        &self,
        account: Option<&str>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = account.map(str::to_owned);
        if let Some(known) = used.get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        used.retain(|_, weak| weak.strong_count() > 0);
        let made = Arc::new(make()?);
        used.insert(key, Arc::downgrade(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;

    use super::*;

    #[test]
    fn an_accounts_connections_share_and_others_do_not() {
        let things = PerAccount::<u8>::default();
        let make = || Ok::<_, Infallible>(1);
        let first = things.of(Some("a"), make).unwrap();
        assert!(Arc::ptr_eq(&first, &things.of(Some("a"), make).unwrap()));
        assert!(!Arc::ptr_eq(&first, &things.of(Some("b"), make).unwrap()));
        assert!(!Arc::ptr_eq(&first, &things.of(None, make).unwrap()));
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let things = PerAccount::<u8>::default();
        things.of(Some("a"), || Ok::<_, Infallible>(1)).unwrap();
        let kept = things.of(Some("b"), || Ok::<_, Infallible>(2)).unwrap();
        assert_eq!(things.0.lock().unwrap().len(), 1);
        assert_eq!(*things.of(Some("b"), || Err(())).unwrap(), *kept);
        assert_eq!(things.of(Some("a"), || Err(())), Err(()));
    }
}
