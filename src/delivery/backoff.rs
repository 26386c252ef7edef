//! How long to pause before what a server put off is tried again.

use std::time::{Duration, Instant};

/// Pauses that double up to a longest one and end before the budget does.
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    budget: Duration,
    began: Instant,
}

impl Backoff {
    pub(super) fn within(budget: Duration) -> Self {
        Self::new(Duration::from_secs(2), Duration::from_mins(1), budget)
    }

    pub(super) fn new(first: Duration, longest: Duration, budget: Duration) -> Self {
        Self {
            next: first,
            longest,
            budget,
            began: Instant::now(),
        }
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next.min(self.longest);
        self.next = pause * 2;
        (self.began.elapsed() + pause <= self.budget).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses double, are capped, and end with the budget, however long the attempts took.
    #[test]
    fn pauses_grow_and_end() {
        let seconds = |budget: u64| {
            let mut pauses = Backoff::within(Duration::from_secs(budget));
            let mut slept = Duration::ZERO;
            std::iter::from_fn(|| {
                let pause = pauses.next()?;
                slept += pause;
                pauses.began = Instant::now().checked_sub(slept)?;
                Some(pause.as_secs())
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(seconds(200), [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(seconds(180), [2, 4, 8, 16, 32, 60]);
        assert_eq!(seconds(1), [0; 0]);
        assert_eq!(seconds(0), [0; 0]);
    }
}
