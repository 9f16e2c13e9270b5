//! Encodes partitions as integers, so that millions of rows are grouped by comparing numbers.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;

/// Packs the number of an account and a UTC date into 64 bits. Keys sort by account, in the order of first arrival, then by
/// date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PartitionKey(u64);

/// Describes consecutive rows of a batch that belong to one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub key: PartitionKey,
    /// The first row.
    pub start: u32,
    pub rows: u32,
}

/// The sign bit of a date: flipped, it makes signed dates sort as unsigned numbers.
const SIGN: u32 = 1 << 31;

impl PartitionKey {
    pub fn new(account: u32, date: i32) -> Self {
        Self(u64::from(account) << 32 | u64::from(date.cast_unsigned() ^ SIGN))
    }

    pub fn account(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn date(self) -> i32 {
        ((self.0 as u32) ^ SIGN).cast_signed()
    }

    pub fn to_bits(self) -> u64 {
        self.0
    }

    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// Numbers the accounts of a landing in the order of first arrival. The parsing threads share it.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    by_name: HashMap<Arc<str>, u32, ahash::RandomState>,
    names: Vec<Arc<str>>,
}

impl Accounts {
    /// Returns the number of an account; a new account gets the next number.
    pub fn number(&self, name: &str) -> u32 {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.by_name.get(name) {
            return *number;
        }
        let name: Arc<str> = Arc::from(name);
        let number = numbers.names.len() as u32;
        numbers.names.push(Arc::clone(&name));
        numbers.by_name.insert(name, number);
        number
    }

    /// Returns the names of all accounts, indexed by number.
    pub fn names(&self) -> Vec<Arc<str>> {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.names.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_keep_their_parts_and_their_order(a: u32, b: u32, d in -800_000i32..800_000, e in -800_000i32..800_000) {
            let (one, two) = (PartitionKey::new(a, d), PartitionKey::new(b, e));
            prop_assert_eq!((one.account(), one.date()), (a, d));
            prop_assert_eq!(one.cmp(&two), (a, d).cmp(&(b, e)));
            prop_assert_eq!(PartitionKey::from_bits(one.to_bits()), one);
        }
    }
}
