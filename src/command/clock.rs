//! The time between two samples: the running one, or that between two moments of a record.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::model::Recorded;
use crate::source::Sources;

/// The CPU time of this process. What other threads used meanwhile is included, so that a
/// difference is never too small.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().unwrap_or_default()
}

/// The time since something began.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    begin: Instant,
    /// A record, and the moment that it began at.
    record: Option<(Arc<Recorded>, SystemTime)>,
}

impl Clock {
    /// Begins now; of a record, at the moment that it is about.
    pub(super) fn start(sources: &Sources) -> Clock {
        let record = sources.record();
        Clock {
            begin: Instant::now(),
            record: record.map(|record| (Arc::clone(record), record.time())),
        }
    }

    /// The same for a window: of a record, at the moment before its last one.
    pub(super) fn start_window(sources: &Sources) -> Clock {
        if let Some(record) = sources.record() {
            record.go_back();
        }
        Clock::start(sources)
    }

    /// The time since then.
    pub(super) fn elapsed(&self) -> Duration {
        match &self.record {
            None => self.begin.elapsed(),
            Some((record, begin)) => record.time().duration_since(*begin).unwrap_or_default(),
        }
    }

    /// Waits; in a record, goes on to its last moment. Returns for how long it waited.
    pub(super) fn wait(&self, time: Duration) -> Duration {
        match &self.record {
            None => {
                thread::sleep(time);
                time
            }
            Some((record, _)) => record.go_on(),
        }
    }

    /// Whether it is that of a record, in which nothing can be seen once more.
    pub(super) fn is_recorded(&self) -> bool {
        self.record.is_some()
    }
}
