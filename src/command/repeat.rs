//! One sample or many: the loop of every command that can watch.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use super::console::Console;
use super::outcome::{Failure, Status};
use crate::cli;

/// How many samples are taken, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repetition {
    /// The time between two; `None` for one sample.
    pub(super) interval: Option<Duration>,
    /// After how many to stop; `None` for never.
    pub(super) samples: Option<NonZeroU64>,
}

impl Repetition {
    /// Resolves the options.
    ///
    /// # Errors
    /// When samples are limited that are not repeated.
    pub(super) fn resolve(typed: &cli::Repetition) -> Result<Repetition, Failure> {
        if typed.watch.is_none() && typed.samples.is_some() {
            return Err(Failure::Usage(
                "--samples needs --watch SECONDS: without it there is one sample".to_owned(),
            ));
        }
        Ok(Repetition {
            interval: typed.watch,
            samples: typed.samples,
        })
    }

    /// Whether `taken` samples are enough.
    pub(super) fn is_over(&self, taken: u64) -> bool {
        self.samples.is_some_and(|samples| taken >= samples.get())
    }

    /// Takes samples by `sample`, which takes one and shows it.
    ///
    /// Goes on until enough are taken or the reader has left. A sample that fails is reported and
    /// the next one tried, unless it is the first: what fails for a moment (no memory, no file
    /// descriptors) must not end a watch of days. The worst sample decides the status.
    ///
    /// # Errors
    /// Those of the first sample; later those that stay.
    pub(super) fn run(
        &self,
        console: &mut Console,
        mut sample: impl FnMut(&mut Console) -> Result<Status, Failure>,
    ) -> Result<Status, Failure> {
        let mut schedule = self
            .interval
            .map(|interval| Schedule::new(Instant::now(), interval));
        let mut worst = sample(console)?;
        let mut taken = 1;
        while let Some(schedule) = &mut schedule
            && !self.is_over(taken)
        {
            std::thread::sleep(schedule.wait(Instant::now()));
            taken += 1;
            worst = worst.max(match sample(console) {
                Err(failure) if failure.may_pass() => {
                    console.log_failed(&failure);
                    Status::Failed
                }
                status => status?,
            });
        }
        Ok(worst)
    }
}

/// Samples at a start and every interval after it, kept to the clock: the time a sample takes
/// does not shift those after it, and those it makes impossible are skipped, not queued.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Instant,
    interval: Duration,
    /// How many intervals after the start the last sample was due.
    last: u128,
}

impl Schedule {
    pub(super) fn new(start: Instant, interval: Duration) -> Schedule {
        Schedule {
            start,
            interval,
            last: 0,
        }
    }

    /// How long to wait at `now` for the next sample; zero if it is due now.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
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
