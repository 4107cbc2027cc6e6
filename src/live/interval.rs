//! The time between two samples, faster and slower.

use std::time::Duration;

/// The steps, in milliseconds; the ends are those of `--watch`.
const STEPS: [u64; 17] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
    3_600_000, 21_600_000, 43_200_000, 86_400_000,
];

/// The next shorter step; the shortest has none.
pub(super) fn faster(interval: Duration) -> Duration {
    let mut steps = STEPS.iter().rev().copied().map(Duration::from_millis);
    steps.find(|step| *step < interval).unwrap_or(interval)
}

/// The next longer step; the longest has none.
pub(super) fn slower(interval: Duration) -> Duration {
    let mut steps = STEPS.iter().copied().map(Duration::from_millis);
    steps.find(|step| *step > interval).unwrap_or(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_step_between_the_bounds_of_watch() {
        let milliseconds = Duration::from_millis;
        assert_eq!(faster(milliseconds(1_000)), milliseconds(500));
        assert_eq!(slower(milliseconds(1_000)), milliseconds(2_000));
        assert_eq!(slower(milliseconds(1_700)), milliseconds(2_000));
        assert_eq!(faster(milliseconds(50)), milliseconds(50));
        let day = milliseconds(86_400_000);
        assert_eq!(slower(day), day);
    }
}
