//! One measurement, and what many of them come to.

use std::time::Duration;

/// One round of one racer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// From before the first process starts until the last has ended.
    pub(crate) wall: Duration,
    /// User plus system time of all its processes.
    pub(crate) cpu: Duration,
    /// Of its largest process.
    pub(crate) peak_bytes: u64,
}

/// All rounds of one racer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(pub(crate) Vec<Sample>);

impl Rounds {
    pub(crate) fn median_wall(&self) -> Duration {
        quantile(self.sorted(|sample| sample.wall), 1, 2)
    }

    pub(crate) fn least_wall(&self) -> Duration {
        quantile(self.sorted(|sample| sample.wall), 0, 1)
    }

    /// The middle half of the rounds lies within this.
    pub(crate) fn quartile_spread(&self) -> Duration {
        let walls = self.sorted(|sample| sample.wall);
        quantile(walls.clone(), 3, 4).saturating_sub(quantile(walls, 1, 4))
    }

    pub(crate) fn median_cpu(&self) -> Duration {
        quantile(self.sorted(|sample| sample.cpu), 1, 2)
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        self.0
            .iter()
            .map(|sample| sample.peak_bytes)
            .max()
            .unwrap_or_default()
    }

    fn sorted(&self, value: impl Fn(&Sample) -> Duration) -> Vec<Duration> {
        let mut values: Vec<Duration> = self.0.iter().map(value).collect();
        values.sort_unstable();
        values
    }
}

/// The value that `part` of `whole` lie below; the mean of its neighbours where it falls between.
fn quantile(sorted: Vec<Duration>, part: usize, whole: usize) -> Duration {
    let steps = sorted.len().saturating_sub(1) * part;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let (low, high) = (at(steps / whole), at(steps.div_ceil(whole)));
    (low + high) / 2
}
