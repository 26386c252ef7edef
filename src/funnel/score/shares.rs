//! How much of an event's points counts on each local day after it.

use crate::config::{Behaviour, Decay};

/// The whole of an event's points.
pub(super) const WHOLE: i64 = 1_000_000;

/// The share of an event's points by its age in local days, in millionths; none past the window.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    by_age: Vec<i64>,
    /// The ages at which the share may be another than a day before, ascending.
    changes: Vec<i32>,
}

impl Shares {
    pub(super) fn of(behaviour: &Behaviour) -> Self {
        let by_age: Vec<i64> = (0..behaviour.within_days)
            .map(|age| share(&behaviour.decay, age))
            .collect();
        let next = by_age.iter().skip(1).chain(std::iter::once(&0));
        let pairs = by_age.iter().zip(next).zip(1..);
        let daily = matches!(behaviour.decay, Decay::HalvesEvery(_));
        let changes = pairs
            .filter(|((share, next), _)| daily || share != next)
            .map(|(_, age)| age)
            .collect();
        Self { by_age, changes }
    }

    /// Of an event so many days old; 0 of one that is yet to come.
    pub(super) fn at(&self, age: i32) -> i64 {
        let age = usize::try_from(age).ok();
        age.and_then(|age| self.by_age.get(age).copied())
            .unwrap_or(0)
    }

    pub(super) fn changes(&self) -> &[i32] {
        &self.changes
    }

    /// Whether it may change on every day of the window.
    pub(super) fn is_daily(&self) -> bool {
        self.changes.len() == self.by_age.len()
    }

    /// The age from which an event counts no more.
    pub(super) fn within(&self) -> i32 {
        i32::try_from(self.by_age.len()).unwrap_or(i32::MAX)
    }
}

/// The halves are powers of a floating number, rounded to a millionth once: whole numbers from there
/// on, so that sums do not depend on their order.
#[expect(clippy::cast_possible_truncation, reason = "0 to a million")]
fn share(decay: &Decay, age: u32) -> i64 {
    match decay {
        Decay::None => WHOLE,
        Decay::HalvesEvery(days) => {
            (1e6 * 0.5_f64.powf(f64::from(age) / f64::from(*days))).round() as i64
        }
        Decay::Steps(steps) => {
            let passed = steps.iter().rev().find(|(after, _)| *after <= age);
            passed.map_or(WHOLE, |(_, share)| i64::from(*share))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Event;

    fn shares(within_days: u32, decay: Decay) -> Shares {
        Shares::of(&Behaviour {
            event: Event::Response,
            predicate: None,
            within_days,
            at_most: None,
            decay,
        })
    }

    // Without decay all counts until the window ends, and nothing from then on.
    #[test]
    fn a_window() {
        let shares = shares(3, Decay::None);
        assert_eq!(
            [-1, 0, 2, 3].map(|age| shares.at(age)),
            [0, WHOLE, WHOLE, 0]
        );
        assert_eq!((shares.changes(), shares.within()), (&[3][..], 3));
    }

    // Points halve smoothly, day by day: a half, a quarter, and the root of a half between.
    #[test]
    fn halves() {
        let shares = shares(61, Decay::HalvesEvery(30));
        let found = [0, 15, 30, 60, 61].map(|age| shares.at(age));
        assert_eq!(found, [WHOLE, 707_107, 500_000, 250_000, 0]);
        assert_eq!(shares.changes(), (1..=61).collect::<Vec<i32>>());
    }

    // A step holds from its day on until the next.
    #[test]
    fn steps() {
        let shares = shares(30, Decay::Steps(vec![(7, 500_000), (20, 0)]));
        let found = [6, 7, 19, 20].map(|age| shares.at(age));
        assert_eq!(found, [WHOLE, 500_000, 500_000, 0]);
        assert_eq!(shares.changes(), [7, 20]);
    }
}
