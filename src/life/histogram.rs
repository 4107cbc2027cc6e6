//! How durations are distributed, in bounded memory.

use std::time::Duration;

/// Buckets for each power of two: the middle of a bucket is off by less than 1/256, and by less than
/// 1/100 when it is rounded to three digits.
const PARTS: u64 = 1 << PART_BITS;
const PART_BITS: u32 = 7;

/// Durations up to 2^64 ns.
const BUCKETS: usize = 58 << PART_BITS;

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

/// The bucket of a duration: exact below 128 ns, then by its highest eight bits.
fn bucket(ns: u64) -> usize {
    let high = ns.checked_ilog2().filter(|high| *high >= PART_BITS);
    let (power, part) = match high {
        None => (0, ns),
        Some(high) => {
            let part = (ns >> (high - PART_BITS)) & (PARTS - 1);
            (u64::from(high - PART_BITS) + 1, part)
        }
    };
    usize::try_from(power * PARTS + part).unwrap_or(BUCKETS)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let (power, part) = (bucket / PARTS, bucket % PARTS);
    match power {
        0 => part,
        power => {
            let width = 1u64 << (power - 1);
            (PARTS + part) * width + width / 2
        }
    }
}

/// A number rounded to three digits, which is what is known of it.
fn rounded(ns: u64) -> u64 {
    let digits = ns
        .checked_ilog10()
        .map_or(0, |power| power.saturating_sub(2));
    let unit = 10u64.pow(digits);
    (ns / unit).saturating_add(u64::from(ns % unit >= unit.div_ceil(2))) * unit
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

    /// The duration that `percent` of a hundred do not exceed, rounded to three digits and off by less
    /// than a hundredth, and no longer than the longest; `None` for none.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100);
        let mut seen = 0u128;
        for (at, sockets) in self.buckets.iter().enumerate() {
            seen += u128::from(*sockets);
            if *sockets > 0 && seen >= rank {
                return Some(Duration::from_nanos(rounded(middle(at)).min(self.max_ns)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_of_one_duration_is_off_by_less_than_a_hundredth() {
        let powers = (0..64).flat_map(|bit| {
            let power = 1u64 << bit;
            [power - 1, power, power + power / 3]
        });
        for ns in powers.chain([u64::MAX]) {
            let middle = middle(bucket(ns));
            assert!(bucket(ns) < BUCKETS);
            assert!(middle.abs_diff(ns) <= ns / 256, "{ns} {middle}");
            let shown = rounded(middle);
            assert!(shown.abs_diff(ns) <= ns / 100, "{ns} {shown}");
        }
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list_within_a_hundredth_and_have_three_digits() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentile(50), histogram.max()), (None, None));
        for number in (1..=1000).rev() {
            histogram.add(Duration::from_micros(number));
        }
        assert_eq!(histogram.count(), 1000);
        for (percent, expected) in [(50, 500), (90, 900), (99, 990), (100, 1000)] {
            let found = histogram.percentile(percent).unwrap();
            let expected = Duration::from_micros(expected);
            assert!(found.abs_diff(expected) <= expected / 100, "{found:?}");
            assert_eq!(found.as_nanos() % 1_000, 0, "{found:?}");
        }
        assert_eq!(histogram.max(), Some(Duration::from_millis(1)));
    }
}
