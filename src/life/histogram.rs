//! How durations are distributed, in bounded memory.

use std::time::Duration;

/// Buckets for each power of two: a percentile is off by less than 1/16 of itself.
const PARTS: u64 = 16;

/// Durations up to 2^64 ns.
const BUCKETS: usize = 61 * 16;

/// Numbers of durations by their size.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            buckets: vec![0; BUCKETS].into_boxed_slice(),
            count: 0,
            max_ns: 0,
        }
    }
}

/// The bucket of a duration: exact below 16 ns, then by its highest five bits.
fn bucket(ns: u64) -> usize {
    let high = ns.checked_ilog2().filter(|high| *high >= 4);
    let (power, part) = match high {
        None => (0, ns),
        Some(high) => (u64::from(high) - 3, (ns >> (high - 4)) & (PARTS - 1)),
    };
    usize::try_from(power * PARTS + part).unwrap_or(BUCKETS)
}

/// The largest duration of a bucket.
fn largest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let (power, part) = (bucket / PARTS, bucket % PARTS);
    match power {
        0 => part,
        power => {
            let width = 1u64 << (power - 1);
            (PARTS + part) * width + (width - 1)
        }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket(ns)) {
            *bucket += 1;
        }
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest; `None` for none.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.max_ns))
    }

    /// The duration that so many of a hundred do not exceed, too long by less than a sixteenth;
    /// `None` for none.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100);
        let mut seen = 0u128;
        for (at, sockets) in self.buckets.iter().enumerate() {
            seen += u128::from(*sockets);
            if *sockets > 0 && seen >= rank {
                return Some(Duration::from_nanos(largest(at).min(self.max_ns)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_the_bucket_that_ends_at_or_behind_it() {
        let powers = (0..64).flat_map(|bit| {
            let power = 1u64 << bit;
            [power - 1, power, power + power / 3]
        });
        for ns in powers.chain([u64::MAX]) {
            let end = largest(bucket(ns));
            assert!(end >= ns && end - ns <= ns / 16, "{ns} {end}");
        }
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list_within_a_sixteenth() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentile(50), histogram.max()), (None, None));
        for number in (1..=1000).rev() {
            histogram.add(Duration::from_micros(number));
        }
        assert_eq!(histogram.count(), 1000);
        for (percent, expected) in [(50, 500), (90, 900), (99, 990), (100, 1000)] {
            let found = histogram.percentile(percent).unwrap();
            let expected = Duration::from_micros(expected);
            assert!(found >= expected && found - expected <= expected / 16);
        }
        assert_eq!(histogram.max(), Some(Duration::from_millis(1)));
    }
}
