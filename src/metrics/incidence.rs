//! The cumulative incidence of Aalen and Johansen: by when which share of a cohort had converted, while
//! others could not any more and others are still on their way.
//!
//! Counting those who are on their way as lost would make a young cohort look bad, leaving them out
//! would make it look good; and Kaplan and Meier's estimator, which takes the lost for censored, would
//! have everybody convert in the end.

use super::statistics::of;

/// What became of an entry, at its time. At one instant conversions and losses come first: who is
/// censored then was still at risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Converted,
    /// The cycle ended otherwise.
    Competing,
    /// Still on its way when last seen.
    Censored,
}

/// A curve that only rises, at the instants at which it does.
#[derive(Debug, Default)]
pub(super) struct Incidence {
    /// µs since entry, and the share converted by then.
    steps: Vec<(i64, f64)>,
    /// When the last was seen.
    last: i64,
    /// Nobody was on the way at the end.
    closed: bool,
}

impl Incidence {
    /// Of fates in the order of their times, µs since entry.
    pub(super) fn of(fates: &[(i64, Fate)]) -> Self {
        let mut at_risk = i64::try_from(fates.len()).unwrap_or(i64::MAX);
        let (mut waiting, mut converted) = (1.0, 0.0);
        let mut steps = Vec::new();
        for now in fates.chunk_by(|a, b| a.0 == b.0) {
            let count = |fate| {
                let of_it = now.iter().filter(|it| it.1 == fate).count();
                i64::try_from(of_it).unwrap_or(i64::MAX)
            };
            let (came, lost) = (count(Fate::Converted), count(Fate::Competing));
            if came > 0 {
                converted += waiting * of(came) / of(at_risk);
                steps.push((now[0].0, converted));
            }
            // Written as a share of those left: exactly 0 when nobody is.
            waiting *= of(at_risk - came - lost) / of(at_risk);
            at_risk -= came + lost + count(Fate::Censored);
        }
        Self {
            steps,
            last: fates.last().map_or(0, |it| it.0),
            closed: waiting == 0.0,
        }
    }

    /// The share converted within `micros`; none when nobody was followed for so long.
    pub(super) fn within(&self, micros: i64) -> Option<f64> {
        let known = self.closed || micros <= self.last;
        let before = self.steps.partition_point(|step| step.0 <= micros);
        let share = before.checked_sub(1).map_or(0.0, |at| self.steps[at].1);
        known.then_some(share)
    }

    /// The first µs at which the share `q` of all had converted; none where that was not reached.
    pub(super) fn quantile(&self, q: f64) -> Option<i64> {
        // Sums of fractions may miss one half by a hair.
        let reached = |step: &&(i64, f64)| step.1 >= q - 1e-12;
        self.steps.iter().find(reached).map(|step| step.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }

    /// Twenty times with ties, against `CumIncidenceRight` of statsmodels 0.15.0 (Python).
    #[test]
    fn agrees_with_statsmodels() {
        use Fate::{Censored as C, Competing as L, Converted as E};
        let times = [
            1, 1, 2, 3, 3, 3, 4, 5, 6, 6, 7, 8, 8, 9, 10, 12, 12, 15, 18, 20,
        ];
        let fates = [E, L, E, C, E, L, E, C, L, E, E, C, E, L, E, C, E, L, C, E];
        let mut all: Vec<(i64, Fate)> = times.into_iter().zip(fates).collect();
        all.sort_unstable();
        let curve = Incidence::of(&all);
        near(curve.within(0), 0.0);
        let published = [
            (1, 0.05),
            (2, 0.1),
            (3, 0.15),
            (4, 0.203_571_428_571_428_57),
            (5, 0.203_571_428_571_428_57),
            (6, 0.261_607_142_857_142_86),
            (7, 0.319_642_857_142_857_2),
            (8, 0.377_678_571_428_571_5),
            (10, 0.444_005_102_040_816_4),
            (12, 0.510_331_632_653_061_3),
            (18, 0.510_331_632_653_061_3),
            (20, 0.687_202_380_952_381),
            // All have come to an end: nothing can follow.
            (99, 0.687_202_380_952_381),
        ];
        for (time, share) in published {
            near(curve.within(time), share);
        }
        assert_eq!(curve.quantile(0.25), Some(6));
        assert_eq!(curve.quantile(0.5), Some(12));
        assert_eq!(curve.quantile(0.75), None);
    }

    /// Without anyone censored the share is the plain one, and one half of ten is reached by the fifth.
    #[test]
    fn without_censoring_shares_are_plain() {
        let fates: Vec<(i64, Fate)> = (1..=10)
            .map(|time| match time {
                1..=5 => (time, Fate::Converted),
                _ => (time, Fate::Competing),
            })
            .collect();
        let curve = Incidence::of(&fates);
        near(curve.within(3), 0.3);
        near(curve.within(100), 0.5);
        assert_eq!(curve.quantile(0.5), Some(5));
    }

    /// What nobody was followed for is not known; of nobody nothing is.
    #[test]
    fn beyond_the_last_nothing_is_known() {
        let curve = Incidence::of(&[(3, Fate::Converted), (5, Fate::Censored)]);
        near(curve.within(5), 0.5);
        assert_eq!(curve.within(6), None);
        assert_eq!(Incidence::of(&[]).within(1), None);
    }
}
