//! The last numbers of one state, and what they show: how fast it grows, and whether steadily.
//!
//! Bounded: the oldest number is dropped when [`KEPT`] is reached.

use std::collections::VecDeque;

/// How many numbers are kept: what the widest screens can show, ten minutes at one sample a second.
pub const KEPT: usize = 600;

/// Over how many steps from one sample to the next growth and rate are measured.
pub(super) const STEPS: usize = 10;

/// In how many of these steps a state that grows steadily has risen.
const RISES: usize = 8;

/// How many samples are averaged for one step of slow growth.
const SLOW: usize = 6;

/// Growth by no more than this is not marked, however steady.
const LEAST_GROWTH: u64 = 3;

/// The numbers of one state, the oldest first, and their extremes since the start or a reset.
#[derive(Clone, Debug)]
pub(super) struct History {
    numbers: VecDeque<u64>,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl History {
    /// The history after `samples` samples without a socket in this state.
    pub(super) fn of_zeros(samples: usize) -> History {
        History {
            numbers: vec![0; samples].into(),
            min: if samples == 0 { u64::MAX } else { 0 },
            max: 0,
        }
    }

    pub(super) fn push(&mut self, sockets: u64) {
        if self.numbers.len() == KEPT {
            self.numbers.pop_front();
        }
        self.numbers.push_back(sockets);
        self.min = self.min.min(sockets);
        self.max = self.max.max(sockets);
    }

    /// Resets the extremes to the last number.
    pub(super) fn reset_extremes(&mut self) {
        (self.min, self.max) = (self.last(), self.last());
    }

    pub(super) fn last(&self) -> u64 {
        self.numbers.back().copied().unwrap_or(0)
    }

    /// The numbers, the oldest first.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.numbers.iter().copied().collect()
    }

    /// The number `samples` samples before the last one.
    pub(super) fn before(&self, samples: usize) -> Option<u64> {
        let at = self.numbers.len().checked_sub(samples + 1)?;
        self.numbers.get(at).copied()
    }

    /// Whether the state grows steadily: in at least eight of ten steps, and in sum by more than
    /// independent events would (the square root of the first number), by more than 3 and by more
    /// than `spread`, by which numbers may be off. The steps are those from sample to sample; and,
    /// for slow growth, those between the means of six samples, as long as the last ten samples
    /// grew too.
    pub(super) fn grows(&self, spread: u64) -> bool {
        let still = self.before(STEPS).is_some_and(|then| then < self.last());
        still && (self.grows_in_steps_of(1, spread) || self.grows_in_steps_of(SLOW, spread))
    }

    fn grows_in_steps_of(&self, samples: usize, spread: u64) -> bool {
        let newest = self.numbers.iter().rev().take(samples * (STEPS + 1));
        let newest: Vec<u64> = newest.copied().collect();
        let sums: Vec<u64> = newest
            .chunks_exact(samples)
            .map(|chunk| chunk.iter().sum())
            .collect();
        let (Some(now), Some(then)) = (sums.first(), sums.get(STEPS)) else {
            return false;
        };
        let rises = sums.windows(2).filter(|pair| pair.first() > pair.last());
        let length = samples as u64;
        let noise = (then / length).isqrt().max(LEAST_GROWTH) + spread;
        rises.count() >= RISES && now.saturating_sub(*then) > noise * length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(numbers: impl IntoIterator<Item = u64>) -> History {
        let mut history = History::of_zeros(0);
        numbers.into_iter().for_each(|number| history.push(number));
        history
    }

    #[test]
    fn a_state_that_rises_in_most_steps_grows_and_one_that_fluctuates_does_not() {
        assert!(history((0..11).map(|n| 10 + n)).grows(0));
        assert!(history([10, 11, 12, 11, 13, 14, 15, 14, 16, 17, 18]).grows(0));
        let fluctuating = (0..66).map(|n| 100 + n * 7 % 23);
        assert!(!history(fluctuating).grows(0));
        assert!(!history([50; 66]).grows(0));
        assert!(!history((0..66).map(|n| 1000 - n)).grows(0));
    }

    #[test]
    fn growth_within_chance_or_the_spread_is_not_marked() {
        let steady = || (0..11).map(|n| 10_000 + 10 * n);
        assert!(!history(steady()).grows(0), "the root of 10000 is 100");
        assert!(history(steady().map(|n| n * 2 - 10_000)).grows(0));
        assert!(!history((0..11).map(|n| 10 + n)).grows(50));
    }

    #[test]
    fn a_leak_of_one_socket_in_three_samples_is_marked_after_a_minute() {
        let leak = |samples: u64| history((0..samples).map(|n| 5 + n / 3));
        assert!(!leak(60).grows(0));
        assert!(leak(70).grows(0));
    }

    #[test]
    fn growth_that_has_ended_is_not_marked() {
        let filled = (0..60).map(|n| n * 8).chain((0..11).map(|n| 480 - n % 2));
        assert!(history((0..60).map(|n| n * 8)).grows(0));
        assert!(!history(filled).grows(0));
    }

    #[test]
    fn a_history_is_bounded_and_has_earlier_numbers() {
        let history = history(0..10_000);
        assert_eq!(history.numbers.len(), KEPT);
        assert!(history.numbers.capacity() <= 2 * KEPT);
        assert_eq!(history.last(), 9_999);
        assert_eq!(history.before(10), Some(9_989));
        assert_eq!(history.before(KEPT), None);
    }
}
