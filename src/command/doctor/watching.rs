//! Seeing the connections that rules suspect again and again, until something moves on them or time is
//! up: the window of these alone is lengthened.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::time::Duration;

use ipnet::IpNet;

use super::following::wait_until;
use super::listing::{find_each, is_between, list_each};
use super::samples::{Longer, Looked, Samples, take_survey};
use super::selection::Selection;
use crate::command::clock::Clock;
use crate::command::outcome::Failure;
use crate::diagnose::{FirstSample, Host, SecondSample, Sightings, Standing, Survey, Watch};
use crate::filter::{Expression, Side, Test};
use crate::model::{
    Field, InetEnds, Kind, Metric, Sink, Socket, SourceName, State, StateSet, UnixPeer, counted,
};

/// The longest time, from the begin of the window, unless that is longer: a consumer that reads every
/// other second has done it twice.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// How many windows it has, if that is less.
const WINDOWS: u32 = 5;

/// How long connections are watched after a window.
pub(super) fn longest(window: Duration) -> Duration {
    window.max(LONGEST.min(window * WINDOWS))
}

/// How connections are watched.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    pub(super) selection: &'a Selection,
    source: SourceName,
    pub(super) clock: Clock,
    window: Duration,
}

impl<'a> Watching<'a> {
    /// Of sockets of this selection that `source` reports; the window began at `begin`.
    pub(super) fn new(
        selection: &'a Selection,
        source: SourceName,
        clock: Clock,
        window: Duration,
    ) -> Watching<'a> {
        Watching {
            selection,
            source,
            clock,
            window,
        }
    }

    /// Sees those that may be suspects once before the window, so that what moves in it is known; and
    /// what is retransmitted to each peer if the window is not lengthened, because later there is
    /// nothing to compare with.
    ///
    /// # Errors
    /// Those of [`Selection::measure`].
    pub(super) fn before(&self, first: &FirstSample) -> Result<(Watch, Option<Survey>), Failure> {
        let mut watch = Watch::default();
        if self.selection.is_glance() {
            return Ok((watch, None));
        }
        self.see(&mut watch, Kind::Tcp, &first.watched());
        if self.is_lengthened() || self.source == SourceName::Proc {
            return Ok((watch, None));
        }
        let (survey, _) = take_survey(self.selection)?;
        self.see_peers(&mut watch, &survey.lossiest());
        Ok((watch, Some(survey)))
    }

    /// Whether suspects are watched for longer than the window.
    pub(super) fn is_lengthened(&self) -> bool {
        longest(self.window) > self.window && !self.clock.is_recorded()
    }

    /// Sees those that are suspects at the end of a window that is not lengthened.
    pub(super) fn once(&self, second: &SecondSample, host: &mut Host) {
        let suspects = Suspects::of(second, host);
        if !suspects.are_none() {
            self.again(second, host, &suspects);
        }
    }

    /// Sees those that may be suspects after a window that begins where another one ended: as
    /// [`Watching::before`] does, and those that were suspects in that one. Peers are surveyed where it
    /// mattered in that one.
    pub(super) fn between(
        &self,
        first: &FirstSample,
        second: &SecondSample,
        host: &Host,
    ) -> (Watch, Option<Survey>) {
        let mut watch = Watch::default();
        let mut connections = [first.watched(), second.watched(host)].concat();
        connections.sort_unstable();
        connections.dedup();
        self.see(&mut watch, Kind::Tcp, &connections);
        self.see(&mut watch, Kind::Mptcp, &second.watched_mptcp(host));
        self.see_unix(&mut watch, &second.watched_unix(host));
        if self.source == SourceName::Proc || !second.wants_survey(host) {
            return (watch, None);
        }
        // Without it a finding says less, and nothing wrong.
        let Ok((survey, _)) = take_survey(self.selection) else {
            return (watch, None);
        };
        self.see_peers(&mut watch, &survey.lossiest());
        (watch, Some(survey))
    }

    /// Sees those that are suspects now, and returns those that still are.
    fn again(&self, second: &SecondSample, host: &mut Host, suspects: &Suspects) -> Suspects {
        self.see(&mut host.watch, Kind::Tcp, &suspects.connections);
        self.see(&mut host.watch, Kind::Mptcp, &suspects.mptcp);
        self.see_peers(&mut host.watch, &suspects.peers);
        self.see_unix(&mut host.watch, &suspects.unix);
        self.see_close_wait(&mut host.watch);
        if !suspects.open.is_empty() {
            self.see_attempts(&mut host.watch);
        }
        Suspects::of(second, host)
    }

    /// Sees which connections are in CLOSE_WAIT, if some of those that are watched are; once, if they are
    /// too many to be compared.
    fn see_close_wait(&self, watch: &mut Watch) {
        if watch.close_wait.as_ref().is_some_and(|all| !all.is_whole()) {
            return;
        }
        let mut standing = Standing::default();
        let states = StateSet::NONE.with(State::CloseWait);
        let mut list = || self.selection.list(states, &mut standing, &mut Vec::new());
        let is_listed = watch.is_in(State::CloseWait) && list().is_ok();
        watch.close_wait = is_listed.then_some(standing);
    }

    /// Sees which attempts to connect are there.
    pub(super) fn see_attempts(&self, watch: &mut Watch) {
        let states = StateSet::NONE.with(State::SynSent);
        // What could not be listed is missing from the number of attempts.
        let _ = self
            .selection
            .list(states, &mut watch.attempts, &mut Vec::new());
        watch.attempts.end_list();
    }

    /// Looks up attempts to these destinations, those of the last list and others that have not ended.
    pub(super) fn follow(&self, watch: &mut Watch, open: &HashSet<SocketAddr>) {
        let wanted = watch.attempts.open(open);
        if wanted.is_empty() {
            return;
        }
        let (mut seen, begin) = (Sightings::of(&wanted), self.clock.elapsed());
        if find_each(self.selection.sources(), &wanted, Vec::new(), &mut seen).is_ok() {
            let end = self.clock.elapsed();
            watch.attempts.follow(seen, begin, end);
        }
    }

    /// Sees these, with what TCP measures of them where the source reports it.
    fn see(&self, watch: &mut Watch, kind: Kind, wanted: &[InetEnds]) {
        if wanted.is_empty() {
            return;
        }
        let fields = match self.source {
            SourceName::Proc => Vec::new(),
            SourceName::Netlink
            | SourceName::Bpf
            | SourceName::NetlinkAndCounters
            | SourceName::Record => {
                vec![Field::Metric(Metric::RoundTripTime)]
            }
        };
        let mut seen = Sightings::of(wanted);
        let listed = match kind == Kind::Mptcp {
            true => self.list_mptcp(wanted, &mut seen),
            false => list_each(self.selection.sources(), wanted, fields, &mut seen),
        };
        // What could not be listed is not known to have ended.
        if listed.is_ok() {
            watch.see(kind, seen, self.clock.elapsed());
        }
    }

    fn list_mptcp(&self, wanted: &[InetEnds], sink: &mut impl Sink) -> Result<(), Failure> {
        let filters = wanted.iter().filter_map(is_between);
        match filters.reduce(Expression::or) {
            Some(filter) => self.selection.measure_mptcp(filter, sink).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Sees which of these UNIX sockets still have no peer.
    fn see_unix(&self, watch: &mut Watch, wanted: &[u64]) {
        if wanted.is_empty() {
            return;
        }
        let mut gone = Gone(HashSet::new());
        if self.selection.list_unix(&mut gone).is_ok() {
            let still = wanted.iter().filter(|inode| gone.0.contains(inode));
            watch.see_unix(still.copied().collect(), self.clock.elapsed());
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
            watch.see_peers(seen, self.clock.elapsed());
        }
    }
}

/// The inodes of UNIX sockets whose peers are gone.
struct Gone(HashSet<u64>);

impl Sink for Gone {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let ends = socket.unix();
        if ends.is_some_and(|ends| ends.peer == Some(UnixPeer::Gone)) {
            self.0.insert(socket.inode);
        }
        ControlFlow::Continue(())
    }
}

/// What is watched of one selection.
struct Suspects {
    connections: Vec<InetEnds>,
    mptcp: Vec<InetEnds>,
    peers: Vec<IpAddr>,
    /// By their inodes.
    unix: Vec<u64>,
    /// Whether counters are read again.
    counters: bool,
    /// The destinations of attempts to connect that are listed and followed.
    open: HashSet<SocketAddr>,
}

impl Suspects {
    fn of(second: &SecondSample, host: &Host) -> Suspects {
        Suspects {
            connections: second.watched(host),
            mptcp: second.watched_mptcp(host),
            peers: second.watched_peers(host),
            unix: second.watched_unix(host),
            counters: second.wants_counters(host),
            open: second.open_destinations(host),
        }
    }

    fn are_none(&self) -> bool {
        let lists = [
            self.connections.len(),
            self.mptcp.len(),
            self.peers.len(),
            self.unix.len(),
        ];
        lists == [0; 4] && !self.counters && self.open.is_empty()
    }
}

/// Sees the suspects of each selection after the window until there are none or
/// time is up; twice at least, however long the window took, if it is lengthened. Returns for how long
/// it waited.
pub(super) fn watch_all<'a, 'b: 'a>(
    looked: impl Iterator<Item = &'a mut Looked<'b>>,
    clock: &Clock,
    window: Duration,
    longer: &mut impl Longer,
) -> Duration {
    let mut at = window.max(clock.elapsed());
    let end = match clock.is_recorded() {
        true => at,
        false => at + longest(window).saturating_sub(window),
    };
    let mut slept = Duration::ZERO;
    let looked = looked.filter(|one| !one.watching.selection.is_glance());
    let mut watched: Vec<(&mut Looked, Suspects)> = looked
        .map(|one| {
            let suspects = Suspects::of(&one.samples.second, &one.samples.host);
            (one, suspects)
        })
        .filter(|(_, suspects)| !suspects.are_none())
        .collect();
    while !watched.is_empty() {
        watched.retain_mut(|(one, suspects)| {
            let Samples { second, host, .. } = &mut one.samples;
            *suspects = one.watching.again(second, host, suspects);
            if !slept.is_zero() {
                one.read_later(clock.elapsed());
            }
            !suspects.are_none()
        });
        // A loaded host takes long for a sample, and gets fewer of them.
        at = at.max(clock.elapsed());
        if at >= end || watched.is_empty() {
            break;
        }
        if slept.is_zero() {
            for (one, _) in &watched {
                longer.begin(&one.samples.second, &one.samples.host);
            }
        }
        let count = |of: fn(&Suspects) -> usize| watched.iter().map(|(_, one)| of(one)).sum();
        let (connections, peers, unix) = (
            count(|one| one.connections.len() + one.mptcp.len()),
            count(|one| one.peers.len()),
            count(|one| one.unix.len()),
        );
        longer.wait(end - at, reason(connections, peers, unix));
        at = (at + window).min(end);
        let is_followed = watched.iter().any(|(_, its)| !its.open.is_empty());
        slept += wait_until(at, clock, is_followed, || {
            for (one, suspects) in &mut watched {
                let watch = &mut one.samples.host.watch;
                one.watching.follow(watch, &suspects.open);
            }
        });
    }
    slept
}

/// Why it takes longer.
fn reason(connections: usize, peers: usize, unix: usize) -> String {
    let nothing = counted(connections as u64, "connection", "connections");
    let measured = counted(peers as u64, "peer", "peers");
    let kept = counted(unix as u64, "UNIX socket", "UNIX sockets");
    match (connections, unix, peers) {
        (0, 0, 0) => "attempts to connect get no answer, or peers reset connections".to_owned(),
        (0, 0, _) => format!("measuring retransmissions to {measured}"),
        (0, _, _) => format!("{kept} stay open after their peers closed"),
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
