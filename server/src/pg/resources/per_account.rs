//! Values that the connections of an account share, kept while one of them uses them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Keeps one value for each account that uses it. Operators, who have no account, share one too.
#[derive(Debug)]
pub struct PerAccount<T>(Mutex<HashMap<Option<String>, Weak<T>>>);

impl<T> Default for PerAccount<T> {
    fn default() -> PerAccount<T> {
        PerAccount(Mutex::default())
    }
}

impl<T> PerAccount<T> {
    /// Returns the account's value, and makes it if nobody uses one now.
    ///
    /// # Errors
    /// The error of `make`.
    pub fn get_or_make<E>(
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
    fn each_account_has_one_value() {
        let values = PerAccount::<u8>::default();
        let make = || Ok::<_, Infallible>(1);
        let first = values.get_or_make(Some("a"), make).unwrap();
        let again = values.get_or_make(Some("a"), make).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = values.get_or_make(Some("b"), make).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
        let operators = values.get_or_make(None, make).unwrap();
        assert!(!Arc::ptr_eq(&first, &operators));
    }

    #[test]
    fn a_value_that_nobody_uses_is_dropped() {
        let values = PerAccount::<u8>::default();
        values
            .get_or_make(Some("a"), || Ok::<_, Infallible>(1))
            .unwrap();
        let kept = values
            .get_or_make(Some("b"), || Ok::<_, Infallible>(2))
            .unwrap();
        assert_eq!(values.0.lock().unwrap().len(), 1);
        let again = values.get_or_make(Some("b"), || Err(())).unwrap();
        assert_eq!(*again, *kept);
        assert_eq!(values.get_or_make(Some("a"), || Err(())), Err(()));
    }
}
