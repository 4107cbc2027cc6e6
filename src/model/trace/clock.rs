//! From the kernel's monotonic clock to the time of day.

use std::time::{Duration, SystemTime};

/// When CLOCK_MONOTONIC was 0, by the time of day at one moment: later changes of the time of day do
/// not move what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    began: SystemTime,
}

impl Clock {
    /// A clock that shows `now` when CLOCK_MONOTONIC shows `now_ns`.
    pub fn new(now: SystemTime, now_ns: u64) -> Clock {
        let since = Duration::from_nanos(now_ns);
        Clock {
            began: now.checked_sub(since).unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }

    /// What CLOCK_MONOTONIC showed at a time of day; 0 before it began.
    pub fn monotonic_ns(self, time: SystemTime) -> u64 {
        let since = time.duration_since(self.began).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The time of day.
    pub fn at(self, time_ns: u64) -> SystemTime {
        let since = Duration::from_nanos(time_ns);
        self.began.checked_add(since).unwrap_or(self.began)
    }
}
