//! Chance, without a random-number crate: SplitMix64 with the few draws that the generator needs.
//!
//! Why our own: a seed has to give the same bytes on every machine and after every upgrade of a dependency, which the
//! small generators of `rand` do not promise. Invariant: integers only, no float ever decides anything.

/// A stream of draws, wholly given by what it was seeded with.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection of 64 bits that spreads every bit over all (the finaliser of SplitMix64).
pub(super) const fn mix(value: u64) -> u64 {
    let mut z = value;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number given by `seed` and two keys, as if drawn: for facts that must not depend on what was drawn before.
pub(super) const fn hash(seed: u64, first: u64, second: u64) -> u64 {
    let one = mix(seed ^ first.wrapping_add(1).wrapping_mul(STEP));
    mix(one ^ second.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93))
}

impl Dice {
    /// The stream of (`seed`, `first`, `second`), independent of every other.
    pub(super) const fn new(seed: u64, first: u64, second: u64) -> Self {
        Self(hash(seed, first, second))
    }

    /// The next 64 bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound` (0 where the bound is 0).
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(super) const fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low) as u64 + 1) as i64
    }

    /// True `per_mille` times in a thousand.
    pub(super) const fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille as u64
    }

    /// One of `items`, each as likely as the other. `items` must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// A value of the distribution whose quantiles, at equal steps from the least to the greatest, are `points` (two
    /// or more); between two points every value is as likely. Good for the long tails of waiting times and prices.
    pub(super) fn curve(&mut self, points: &[i64]) -> i64 {
        let draw = self.bits();
        let steps = points.len() as u64 - 1;
        let position = (draw as u128 * steps as u128) >> 32;
        let (step, within) = ((position >> 32) as usize, (position & 0xffff_ffff) as i64);
        let (low, high) = (points[step], points[step + 1]);
        low + (((high - low) as i128 * within as i128) >> 32) as i64
    }
}
