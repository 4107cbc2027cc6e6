//! What TCP measures of one connection, as far as the kernel reports it.
//!
//! Plain values; `source` decodes them.

use super::Metric;

/// How many metrics there are.
const METRICS: usize = Metric::ALL.len();

/// The metrics of a connection. Those that the kernel is too old to report, or has not measured yet,
/// are absent and never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpInfo {
    /// The bit of every metric that is present.
    known: u32,
    /// In the units of [`Metric`], by its number; 0 for an absent one.
    values: [u64; METRICS],
}

impl TcpInfo {
    /// The value of a metric, in its unit.
    pub fn get(&self, metric: Metric) -> Option<u64> {
        if self.known >> metric as u8 & 1 == 0 {
            return None;
        }
        self.values.get(metric as usize).copied()
    }

    /// Sets a metric.
    pub fn set(&mut self, metric: Metric, value: u64) {
        if let Some(place) = self.values.get_mut(metric as usize) {
            *place = value;
            self.known |= 1 << metric as u8;
        }
    }
}

/// The name of a congestion control algorithm, such as `cubic`: 1 to 16 bytes, held without an
/// allocation, because a listing that sorts keeps one for every socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CongestionControl {
    /// The name, then zeros.
    bytes: [u8; 16],
}

impl CongestionControl {
    /// The algorithm of this name; `None` for a name that is empty, too long, or holds a NUL.
    pub fn new(name: &str) -> Option<CongestionControl> {
        let mut bytes = [0; 16];
        let place = bytes.get_mut(..name.len())?;
        if name.is_empty() || name.contains('\0') {
            return None;
        }
        place.copy_from_slice(name.as_bytes());
        Some(CongestionControl { bytes })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        let text = self.bytes.split(|byte| *byte == 0).next();
        // It was made from a text and not cut.
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl TcpInfo {
        pub(crate) fn with(mut self, metric: Metric, value: u64) -> TcpInfo {
            self.set(metric, value);
            self
        }
    }

    #[test]
    fn a_metric_is_there_once_it_is_set_and_0_is_a_value() {
        let info = TcpInfo::default().with(Metric::Lost, 0);
        let info = info.with(Metric::LastDataReceived, u64::MAX);
        for &metric in Metric::ALL {
            let set = [(Metric::Lost, 0), (Metric::LastDataReceived, u64::MAX)];
            let expected = set.iter().find(|(set, _)| *set == metric);
            let expected = expected.map(|(_, value)| *value);
            assert_eq!(info.get(metric), expected, "{metric:?}");
        }
    }

    #[test]
    fn names_of_algorithms_are_kept_whole_or_not_at_all() {
        for name in ["cubic", "bbr", "sixteen_bytes_xx", "\u{fc}"] {
            assert_eq!(CongestionControl::new(name).unwrap().name(), name);
        }
        for name in ["", "seventeen_bytes_x", "cu\0bic"] {
            assert_eq!(CongestionControl::new(name), None);
        }
        assert!(CongestionControl::new("bbr") < CongestionControl::new("cubic"));
    }
}
