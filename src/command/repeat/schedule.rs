//! When the next sample is due. Pure: it is told the time.

use std::time::{Duration, Instant};

/// Samples at a start and every interval after it, kept to the clock: the time a sample takes
/// does not shift those after it, and those it makes impossible are skipped, not queued.
#[derive(Debug)]
pub(in crate::command) struct Schedule {
    start: Instant,
    interval: Duration,
    /// How many intervals after the start the last sample was due.
    last: u128,
}

impl Schedule {
    pub(in crate::command) fn new(start: Instant, interval: Duration) -> Schedule {
        Schedule {
            start,
            interval,
            last: 0,
        }
    }

    /// How long to wait at `now` for the next sample; zero if it is due now.
    pub(in crate::command) fn wait(&mut self, now: Instant) -> Duration {
        let interval = self.interval.as_nanos().max(1);
        let elapsed = now.saturating_duration_since(self.start).as_nanos();
        self.last = elapsed.div_ceil(interval).max(self.last + 1);
        let wait = (self.last * interval).saturating_sub(elapsed);
        // No longer than an interval, which is a day at most.
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_time_a_sample_takes_does_not_shift_the_next() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, SECOND);
        assert_eq!(schedule.wait(at(start, 300)), Duration::from_millis(700));
        assert_eq!(schedule.wait(at(start, 1_450)), Duration::from_millis(550));
        assert_eq!(schedule.wait(at(start, 2_001)), Duration::from_millis(999));
    }

    #[test]
    fn a_late_sample_is_skipped_and_not_queued() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, SECOND);
        assert_eq!(schedule.wait(at(start, 3_200)), Duration::from_millis(800));
        assert_eq!(schedule.wait(at(start, 4_100)), Duration::from_millis(900));
    }

    #[test]
    fn no_sample_is_taken_twice_for_one_tick() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, SECOND);
        assert_eq!(schedule.wait(at(start, 1_000)), Duration::ZERO);
        assert_eq!(schedule.wait(at(start, 1_000)), SECOND);
    }
}
