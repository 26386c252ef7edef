//! Chance, from a seed. A person's dice are their own: what befalls one person never depends on
//! how many others there are. Integers only, so the same seed gives the same company everywhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Whose dice they are; each purpose has its own sequence for the same index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Company = 1,
    Person = 2,
    Nurture = 3,
}

#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, purpose: Purpose, index: i64) -> Self {
        let words = [seed, purpose as u64, index.unsigned_abs(), 0];
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// One of `0..count`.
    pub(super) fn below(&mut self, count: i64) -> i64 {
        (i64::from(self.0.next_u32()) * count) >> 32
    }

    /// One of `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// True in so many cases of a thousand.
    pub(super) fn chance(&mut self, per_mille: i64) -> bool {
        self.below(1000) < per_mille
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let count = i64::try_from(from.len()).unwrap_or(1);
        from[usize::try_from(self.below(count)).unwrap_or(0)]
    }

    /// An index, each as likely as its weight.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = i64> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            left -= weight;
            if left < 0 {
                return index;
            }
        }
        0
    }

    /// A value whose minimum, quartiles and maximum these are.
    pub(super) fn spread(&mut self, summary: &[i64; 5]) -> i64 {
        let quarter = usize::try_from(self.below(4)).unwrap_or(0);
        self.between(summary[quarter], summary[quarter + 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The same seed, purpose and index give the same sequence; another index another one.
    #[test]
    fn sequences_are_their_owners() {
        let roll = |index| {
            let mut dice = Dice::new(7, Purpose::Person, index);
            [(); 4].map(|()| dice.below(1_000_000))
        };
        assert_eq!(roll(3), roll(3));
        assert_ne!(roll(3), roll(4));
    }

    // A spread has the quartiles it was given.
    #[test]
    fn spread_has_its_median() {
        let mut dice = Dice::new(1, Purpose::Company, 1);
        let values: Vec<i64> = (0..4000)
            .map(|_| dice.spread(&[0, 10, 100, 1000, 9000]))
            .collect();
        let below = values.iter().filter(|value| **value < 100).count();
        assert!((1850..2150).contains(&below), "{below}");
        assert!(values.iter().all(|value| (0..=9000).contains(value)));
    }
}
