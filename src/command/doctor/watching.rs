//! Seeing the connections that rules suspect again and again, until something moves on them or time is
//! up: the window of these alone is lengthened.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::samples::{Longer, is_between, list_only, take_survey};
use super::selection::Selection;
use crate::command::outcome::Failure;
use crate::diagnose::{FirstSample, Host, SecondSample, Sightings, Survey, Watch};
use crate::filter::{Expression, Side, Test};
use crate::model::{Field, InetEnds, Metric, SourceName, counted};

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
    selection: &'a Selection,
    source: SourceName,
    begin: Instant,
    window: Duration,
}

impl<'a> Watching<'a> {
    /// Of sockets of this selection that `source` reports; the window began at `begin`.
    pub(super) fn new(
        selection: &'a Selection,
        source: SourceName,
        begin: Instant,
        window: Duration,
    ) -> Watching<'a> {
        Watching {
            selection,
            source,
            begin,
            window,
        }
    }

    /// Sees those that may be suspects once before the window, if it is not lengthened: later there
    /// is nothing to compare with. The same holds for what is retransmitted to each peer.
    ///
    /// # Errors
    /// Those of [`Selection::measure`].
    pub(super) fn before(&self, first: &FirstSample) -> Result<(Watch, Option<Survey>), Failure> {
        let mut watch = Watch::default();
        if longest(self.window) > self.window || self.selection.is_glance() {
            return Ok((watch, None));
        }
        self.see(&mut watch, &first.watched());
        if self.source == SourceName::Proc {
            return Ok((watch, None));
        }
        let (survey, _) = take_survey(self.selection)?;
        self.see_peers(&mut watch, &survey.lossiest());
        Ok((watch, Some(survey)))
    }

    /// Sees the suspects after the window until there are none or time is up; twice at least, however
    /// long the window took, if it is lengthened. Returns for how long it waited.
    pub(super) fn after(
        &self,
        second: &SecondSample,
        host: &mut Host,
        longer: &mut impl Longer,
    ) -> Duration {
        let mut at = self.window.max(self.begin.elapsed());
        let end = at + longest(self.window).saturating_sub(self.window);
        let mut slept = Duration::ZERO;
        let wanted = |host: &Host| (second.watched(host), second.watched_peers(host));
        let (mut watched, mut peers) = wanted(host);
        while !watched.is_empty() || !peers.is_empty() {
            self.see(&mut host.watch, &watched);
            self.see_peers(&mut host.watch, &peers);
            (watched, peers) = wanted(host);
            // A loaded host takes long for a sample, and gets fewer of them.
            at = at.max(self.begin.elapsed());
            if at >= end || (watched.is_empty() && peers.is_empty()) {
                break;
            }
            if slept.is_zero() {
                longer.begin(second, host);
            }
            longer.wait(end - at, reason(watched.len(), peers.len()));
            at = (at + self.window).min(end);
            let pause = at.saturating_sub(self.begin.elapsed());
            sleep(pause);
            slept += pause;
        }
        slept
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
        if list_only(self.selection.sources(), filter, fields, &mut seen).is_ok() {
            watch.see(seen, self.begin.elapsed());
        }
    }

    /// Sees the connections to these peers.
    fn see_peers(&self, watch: &mut Watch, peers: &[IpAddr]) {
        let is_to = |peer: &IpAddr| {
            let test = Test::Addr(Side::Remote, IpNet::from(*peer));
            Expression::of(test, true)
        };
        let Some(filter) = peers.iter().map(is_to).reduce(Expression::or) else {
            return;
        };
        let mut seen = watch.sightings_of(peers);
        let (selection, states) = (self.selection, Survey::STATES);
        if selection.measure(states, Some(filter), &mut seen).is_ok() {
            watch.see_peers(seen, self.begin.elapsed());
        }
    }
}

/// Why it takes longer.
fn reason(connections: usize, peers: usize) -> String {
    let nothing = counted(connections as u64, "connection", "connections");
    let peers = counted(peers as u64, "peer", "peers");
    match connections {
        0 => format!("measuring retransmissions to {peers}"),
        _ => format!("nothing has moved on {nothing}"),
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
