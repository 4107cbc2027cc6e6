//! Connections that are looked at again and again until something moves on them, or time is up.
//!
//! A queue that is as long as before proves little, so what counts is what was read, sent and
//! acknowledged in between.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use super::attempts::LaterAttempts;
use super::lingering::Standing;
use crate::model::{InetEnds, Kind, Metric, Sink, Socket, State};

/// How many connections to one peer are kept, of those that are watched by their peers; with 16 peers
/// some 3 MB.
const OF_ONE_PEER: usize = 250;

/// A program that reads now and then pauses for less than this: a download that its user throttles, a
/// consumer that works in batches. Servers wait half as long for a client that takes nothing
/// (`send_timeout` of nginx, 60 s).
pub(super) const PAUSE: Duration = Duration::from_secs(120);

/// What a peer can send, at most, before its first byte is read: the default receive buffer (`tcp_rmem`,
/// ip-sysctl.rst), which grows only with what is read (`tcp_rcv_space_adjust`, net/ipv4/tcp_input.c).
const FIRST_BUFFER: u64 = 128 << 10;

/// A window that was closed for this many milliseconds more than since data was last sent was closed
/// before, and opened; less is what a fast sender waits for while the first buffer fills.
const REOPENED: u64 = 1_000;

/// What was seen of a connection.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) first: Socket,
    /// The same socket as `first` where it was seen once.
    pub(super) last: Socket,
    /// When that was, since the begin of the window.
    pub(super) last_seen: Duration,
    /// Whether its queues were always as long.
    is_still: bool,
    /// Whether it ended, or left its state.
    pub(super) has_ended: bool,
}

impl Watched {
    /// By how much a measure has grown; `None` if the source does not report it.
    pub(super) fn growth(&self, metric: Metric) -> Option<u64> {
        let of = |socket: &Socket| socket.info.as_ref()?.get(metric);
        of(&self.last)?.checked_sub(of(&self.first)?)
    }

    /// Whether the program read anything. Without measures, whether the queue changed.
    pub(super) fn was_read(&self) -> bool {
        let queue = |socket: &Socket| u64::from(socket.receive_queue);
        match self.growth(Metric::BytesReceived) {
            Some(received) => queue(&self.first) + received > queue(&self.last),
            None => !self.is_still,
        }
    }

    /// Whether the peer acknowledged anything. Without measures, whether the queue changed.
    pub(super) fn was_acknowledged(&self) -> bool {
        match self.growth(Metric::BytesAcked) {
            Some(acknowledged) => acknowledged > 0,
            None => !self.is_still,
        }
    }

    /// Whether nothing of what was received was ever read.
    pub(super) fn was_never_read(&self) -> bool {
        let received = self.last(Metric::BytesReceived);
        received.is_some_and(|bytes| bytes <= self.last.receive_queue.into())
    }

    /// Whether the peer has acknowledged no more than it takes without reading, and its window was never
    /// closed before for longer than [`REOPENED`]: it opens where something is read.
    pub(super) fn was_never_taken(&self) -> bool {
        let acknowledged = self.last(Metric::BytesAcked);
        let closed = self.last(Metric::RwndLimited).map_or(0, |us| us / 1_000);
        let since = self.last(Metric::LastDataSent).unwrap_or(u64::MAX);
        let was_opened = closed > since.saturating_add(REOPENED);
        acknowledged.is_some_and(|bytes| bytes <= FIRST_BUFFER) && !was_opened
    }

    /// A measure when it was last seen.
    pub(super) fn last(&self, metric: Metric) -> Option<u64> {
        self.last.info.as_ref()?.get(metric)
    }
}

/// The connections that rules watch.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    by_ends: HashMap<InetEnds, Watched>,
    /// The same of MPTCP, whose ends are those of a TCP connection too.
    mptcp: HashMap<InetEnds, Watched>,
    /// From the begin of the window until they were last seen.
    pub over: Duration,
    /// From the begin of the window until each had been seen once.
    since: Duration,
    /// The connections to peers that are watched as a whole.
    of_peers: HashMap<InetEnds, Watched>,
    /// When those were seen first and last, since the begin of the window.
    peers_seen: Option<(Duration, Duration)>,
    /// The connections in CLOSE_WAIT when the watched ones were last seen; `None` where none of these is
    /// in it, or they could not be listed.
    pub close_wait: Option<Standing>,
    /// The attempts to connect that were there since, if some are watched.
    pub attempts: LaterAttempts,
    /// Of the UNIX sockets that are watched, the inodes of those that were there each time, and whose
    /// peers were gone; `None` where none are watched.
    unix: Option<HashSet<u64>>,
    /// From the begin of the window until these were last seen.
    pub(super) unix_over: Duration,
}

impl Watch {
    /// From the begin of the window until anything was last seen.
    pub fn longest(&self) -> Duration {
        self.over.max(self.unix_over)
    }

    /// Takes the UNIX sockets whose peers are gone, of those that are watched, seen `over` after the window
    /// began.
    pub fn see_unix(&mut self, mut gone: HashSet<u64>, over: Duration) {
        if let Some(before) = &self.unix {
            gone.retain(|inode| before.contains(inode));
        }
        self.unix = Some(gone);
        self.unix_over = over;
    }

    /// Whether the peer of this UNIX socket was gone whenever it was seen.
    pub(super) fn is_unix_still(&self, inode: u64) -> bool {
        let gone = self.unix.as_ref();
        gone.is_none_or(|gone| gone.contains(&inode))
    }

    /// Takes what was seen `over` after the window began. A connection that was wanted and not found has
    /// ended.
    pub fn see(&mut self, kind: Kind, seen: Sightings, over: Duration) {
        let watched = match kind == Kind::Mptcp {
            true => &mut self.mptcp,
            false => &mut self.by_ends,
        };
        let known = watched.len();
        add(watched, seen, over);
        self.over = over;
        if watched.len() > known {
            self.since = over;
        }
    }

    /// Takes what was seen of connections to some peers, as [`Watch::see`] does.
    pub fn see_peers(&mut self, seen: Sightings, over: Duration) {
        let (first, _) = self.peers_seen.unwrap_or((over, over));
        self.peers_seen = Some((first, over));
        add(&mut self.of_peers, seen, over);
    }

    /// The connections that are wanted of these peers: the same each time.
    pub fn sightings_of(&self, peers: &[IpAddr]) -> Sightings {
        match self.peers_seen {
            Some(_) => Sightings::of(&self.of_peers.keys().copied().collect::<Vec<_>>()),
            None => Sightings {
                room: peers.iter().map(|peer| (*peer, OF_ONE_PEER)).collect(),
                ..Sightings::of(&[])
            },
        }
    }

    /// What was seen of the connections to peers.
    pub(super) fn of_peers(&self) -> impl Iterator<Item = (&InetEnds, &Watched)> {
        self.of_peers.iter()
    }

    /// How long these have been watched; `None` before they were seen.
    pub(super) fn peers_watched(&self) -> Option<Duration> {
        let (first, last) = self.peers_seen?;
        Some(last.saturating_sub(first))
    }

    /// Whether a connection that is watched is in this state.
    pub fn is_in(&self, state: State) -> bool {
        let mut watched = self.by_ends.values();
        watched.any(|one| !one.has_ended && one.last.state == state)
    }

    /// The attempts to connect that became connections while they were watched.
    pub(super) fn made(&self) -> impl Iterator<Item = &InetEnds> {
        let is_made = |(_, one): &(&InetEnds, &Watched)| {
            one.first.state == State::SynSent && one.last.state != State::SynSent
        };
        self.by_ends.iter().filter(is_made).map(|(ends, _)| ends)
    }

    /// What was seen of a connection; `None` if it was not watched.
    pub(super) fn of(&self, ends: &InetEnds) -> Option<&Watched> {
        self.by_ends.get(ends)
    }

    /// The same of a connection of this kind.
    pub(super) fn of_kind(&self, kind: Kind, ends: &InetEnds) -> Option<&Watched> {
        match kind == Kind::Mptcp {
            true => self.mptcp.get(ends),
            false => self.of(ends),
        }
    }

    /// For how long nothing has moved on a connection that did not move while it was watched, as this
    /// measure of the time since shows.
    pub(super) fn still_for(&self, watched: &Watched, since: Metric) -> Duration {
        let measured = watched.last(since);
        let measured = measured.map_or(Duration::ZERO, Duration::from_millis);
        measured.max(self.time())
    }

    /// For how long each was watched, at least.
    pub(super) fn time(&self) -> Duration {
        self.over.saturating_sub(self.since)
    }

    /// For how long each was watched, at least: `5.0 s`.
    pub(super) fn text(&self) -> String {
        format!("{:.1} s", self.time().as_secs_f64())
    }
}

/// Adds what was seen. A connection that was wanted and not found has ended.
fn add(known: &mut HashMap<InetEnds, Watched>, seen: Sightings, over: Duration) {
    let (found, missing) = seen.into_parts();
    for (ends, socket) in found {
        let Some(watched) = known.get_mut(&ends) else {
            let watched = Watched {
                first: socket.clone(),
                last: socket,
                last_seen: over,
                is_still: true,
                has_ended: false,
            };
            known.insert(ends, watched);
            continue;
        };
        let identity = |one: &Socket| (one.cookie, one.inode, one.state);
        let queues = |one: &Socket| (one.receive_queue, one.send_queue);
        watched.has_ended |= identity(&watched.first) != identity(&socket);
        watched.is_still &= queues(&watched.first) == queues(&socket);
        watched.last = socket;
        watched.last_seen = over;
    }
    for ends in missing {
        if let Some(watched) = known.get_mut(&ends) {
            watched.has_ended = true;
        }
    }
}

/// The other end of a connection of this host to itself.
pub(super) fn reversed(ends: &InetEnds) -> InetEnds {
    InetEnds {
        local: ends.remote,
        remote: ends.local,
        ..*ends
    }
}

/// The sockets that are wanted, of those that a source reports.
#[derive(Debug)]
pub struct Sightings {
    wanted: HashSet<InetEnds>,
    /// How many more connections to each of these peers are wanted, no matter which.
    room: HashMap<IpAddr, usize>,
    found: Vec<(InetEnds, Socket)>,
}

impl Sightings {
    /// None found yet of these.
    pub fn of(wanted: &[InetEnds]) -> Sightings {
        Sightings {
            wanted: wanted.iter().copied().collect(),
            room: HashMap::new(),
            found: Vec::new(),
        }
    }

    /// The sockets that were found, and those of the wanted ones that were not.
    pub(super) fn into_parts(mut self) -> (Vec<(InetEnds, Socket)>, HashSet<InetEnds>) {
        for (ends, _) in &self.found {
            self.wanted.remove(ends);
        }
        (self.found, self.wanted)
    }

    fn wants(&mut self, ends: &InetEnds) -> bool {
        let room = self.room.get_mut(&ends.remote.ip().to_canonical());
        let room = room.filter(|room| **room > 0);
        self.wanted.contains(ends) || room.map(|room| *room -= 1).is_some()
    }
}

impl Sink for Sightings {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let ends = socket.internet();
        if let Some(ends) = ends.filter(|ends| self.wants(ends)) {
            self.found.push((*ends, socket.clone()));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{seen, socket};

    fn connection() -> Socket {
        Socket {
            receive_queue: 500,
            send_queue: 700,
            ..socket(State::Established, "192.0.2.1:80", "192.0.2.9:1")
        }
    }

    /// The connection, seen first as it is and then like `then`.
    fn watched(first: Socket, then: Option<Socket>) -> Watched {
        let ends = *first.internet().unwrap();
        let mut watch = Watch::default();
        let over = Duration::from_secs(5);
        for socket in [Some(first), then] {
            let mut seen = Sightings::of(&[ends]);
            for socket in socket.into_iter() {
                assert!(seen.socket(&socket).is_continue());
            }
            watch.see(Kind::Tcp, seen, over);
        }
        watch.of(&ends).unwrap().clone()
    }

    #[test]
    fn what_was_read_is_what_was_received_less_what_is_still_unread() {
        for (received, unread, was_read) in [
            (0, 500, false),
            (0, 499, true),
            (100, 600, false),
            (100, 500, true),
        ] {
            let first = seen(connection(), &[(Metric::BytesReceived, 9_000)]);
            let mut then = seen(connection(), &[(Metric::BytesReceived, 9_000 + received)]);
            then.receive_queue = unread;
            assert_eq!(watched(first, Some(then)).was_read(), was_read);
        }
    }

    #[test]
    fn a_window_that_was_closed_before_and_opened_is_that_of_a_peer_that_reads() {
        for (acknowledged, limited, is_never) in [
            (131_072, 6_000_999, true),
            (131_073, 6_000_999, false),
            (131_072, 6_001_000, false),
        ] {
            let measures = [
                (Metric::BytesAcked, acknowledged),
                (Metric::LastDataSent, 5_000),
                (Metric::RwndLimited, limited),
            ];
            let seen = watched(seen(connection(), &measures), None);
            assert_eq!(seen.was_never_taken(), is_never, "{acknowledged} {limited}");
        }
    }

    #[test]
    fn without_measures_a_queue_that_changed_has_moved() {
        let mut then = connection();
        let still = watched(connection(), Some(then.clone()));
        assert!(!still.was_read() && !still.was_acknowledged());
        then.send_queue += 1;
        let moved = watched(connection(), Some(then));
        assert!(moved.was_read() && moved.was_acknowledged() && !moved.has_ended);
    }

    #[test]
    fn a_socket_that_is_gone_or_another_one_or_in_another_state_has_ended() {
        assert!(watched(connection(), None).has_ended);
        let mut other = connection();
        other.cookie = Some(8);
        assert!(watched(connection(), Some(other)).has_ended);
        let mut closing = connection();
        closing.state = State::LastAck;
        assert!(watched(connection(), Some(closing)).has_ended);
        assert!(!watched(connection(), Some(connection())).has_ended);
    }
}
