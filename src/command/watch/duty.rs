//! How often something may be found out that costs more than it must: so seldom that it takes no
//! more than a tenth of a core. Pure but for the clock of CPU time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The CPU time of every twelfth second: a tenth, and room for what is not measured.
const SHARE: u32 = 12;

/// Nobody reads groups faster.
const LEAST: Duration = Duration::from_secs(1);

/// The CPU time this process has used, all threads together. What others used meanwhile is then
/// in the difference too, so that it is never too small.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long after its begin something may begin again that took `cpu`, and is of use every
/// `interval`.
pub(super) fn pause(cpu: Duration, interval: Duration) -> Duration {
    interval.max(LEAST).max(cpu.saturating_mul(SHARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dear_is_rare_and_what_is_cheap_comes_with_the_samples() {
        let milliseconds = Duration::from_millis;
        for (cpu, interval, expected) in [
            (1, 1_000, 1_000),
            (1, 50, 1_000),
            (1, 5_000, 5_000),
            (400, 1_000, 4_800),
        ] {
            let pause = pause(milliseconds(cpu), milliseconds(interval));
            assert_eq!(pause, milliseconds(expected));
            assert!(cpu * 10 <= expected);
        }
    }
}
