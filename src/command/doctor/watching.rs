//! Seeing the connections that rules suspect again and again, until something moves on them or time is
//! up: the window of these alone is lengthened.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::samples::{is_between, list_only};
use crate::diagnose::{FirstSample, Host, SecondSample, Sightings, Watch};
use crate::filter::Expression;
use crate::model::{Field, InetEnds, Metric, SourceName};
use crate::source::Sources;

/// The longest time, from the begin of the window, unless that is longer: a consumer that reads every
/// other second has done it twice.
const LONGEST: Duration = Duration::from_secs(5);

/// How many windows it has, if that is less.
const WINDOWS: u32 = 5;

/// How long connections are watched after a window.
pub(super) fn longest(window: Duration) -> Duration {
    window.max(LONGEST.min(window * WINDOWS))
}

/// How connections are watched.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    sources: &'a Sources,
    source: SourceName,
    begin: Instant,
    window: Duration,
}

impl<'a> Watching<'a> {
    /// Of sockets that `source` reports; the window began at `begin`.
    pub(super) fn new(
        sources: &'a Sources,
        source: SourceName,
        begin: Instant,
        window: Duration,
    ) -> Watching<'a> {
        Watching {
            sources,
            source,
            begin,
            window,
        }
    }

    /// Sees those that may be suspects once before the window, if it is not lengthened: later there
    /// is nothing to compare with.
    pub(super) fn before(&self, first: &FirstSample) -> Watch {
        let mut watch = Watch::default();
        if longest(self.window) == self.window {
            self.see(&mut watch, &first.watched());
        }
        watch
    }

    /// Sees the suspects after the window until there are none or time is up. `await_longer` is called
    /// before each wait, with the time left and how many there are.
    pub(super) fn after(
        &self,
        second: &SecondSample,
        host: &mut Host,
        await_longer: impl Fn(Duration, usize),
    ) {
        let longest = longest(self.window);
        let mut at = self.window;
        loop {
            let watched = second.watched(host);
            if watched.is_empty() {
                break;
            }
            self.see(&mut host.watch, &watched);
            // A loaded host takes long for a sample, and gets fewer of them.
            at = at.max(self.begin.elapsed());
            if at >= longest {
                break;
            }
            await_longer(longest - at, watched.len());
            at = (at + self.window).min(longest);
            sleep(at.saturating_sub(self.begin.elapsed()));
        }
    }

    /// Sees these, with what TCP measures of them where the source reports it.
    fn see(&self, watch: &mut Watch, wanted: &[InetEnds]) {
        let filters = wanted.iter().filter_map(is_between);
        let Some(filter) = filters.reduce(Expression::or) else {
            return;
        };
        let fields = match self.source {
            SourceName::Proc => Vec::new(),
            SourceName::Netlink | SourceName::NetlinkAndCounters => {
                vec![Field::Metric(Metric::RoundTripTime)]
            }
        };
        let mut seen = Sightings::of(wanted);
        // What could not be listed is not known to have ended.
        if list_only(self.sources, filter, fields, &mut seen).is_ok() {
            watch.see(seen, self.begin.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_lengthened_to_five_and_to_five_seconds_and_a_long_one_is_not() {
        for (window, expected) in [
            (50, 250),
            (1_000, 5_000),
            (2_000, 5_000),
            (5_000, 5_000),
            (9_000, 9_000),
        ] {
            let longest = longest(Duration::from_millis(window));
            assert_eq!(longest, Duration::from_millis(expected));
        }
    }
}
