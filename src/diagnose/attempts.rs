//! Attempts to connect (SYN_SENT): those before the window, what became of them, and those after it, by
//! destination.
//!
//! A program that gives up before the kernel does leaves no trace: its socket is gone, and the kernel
//! counts no failure. That a destination does not answer shows in attempts that are there at both
//! times while none becomes a connection.

mod followed;
mod silence;
#[cfg(test)]
mod tests;

pub(super) use followed::Ends;
use followed::Followed;
pub(super) use silence::Silence;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use super::TIME_WAIT;
use super::bounded::Inodes;
use super::host::Host;
use super::rule::{FirstPass, Sampled};
use super::watch::Sightings;
use crate::model::{InetEnds, Metric, Sink, Socket, State, StateSet};

/// More attempts than this before the window are not followed; some 1 MB.
const ROOM: usize = 10_000;

/// More destinations than this are not examined; some 1 MB.
const MOST_DESTINATIONS: usize = 10_000;

/// The least number of attempts to one destination at a time, before the window and after it: a few failed
/// ones are normal.
pub(super) const FEW: u64 = 3;

/// The least number of unanswered attempts to any destinations.
pub(super) const MANY: u64 = 10;

/// How often a SYN must have been retransmitted to count as unanswered by itself: fewer may be one lost
/// segment.
pub(super) const RETRANSMITS: u32 = 2;

/// A destination that was heard from less than this long ago answers: a SYN that was retransmitted twice
/// is older.
const LATELY: Duration = Duration::from_secs(3);

/// How long the kernel waits for an answer to the first SYN (`TCP_TIMEOUT_INIT`, include/net/tcp.h).
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// A window in which an attempt can fail: a longer round trip is no answer.
const LEAST_WINDOW: Duration = Duration::from_millis(500);

/// For how many connections a rule reads when the peer was last heard from: to one destination, and to all.
const LINKED_OF_ONE: u64 = 8;
const LINKED: usize = 64;

/// The attempts before the window, and how often each had been retransmitted.
#[derive(Debug, Default)]
pub(super) struct Earlier(HashMap<InetEnds, u32>);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::SynSent);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if self.0.len() < ROOM {
            self.0.insert(*ends, socket.retransmits.unwrap_or(0));
        }
    }
}

/// The attempts to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// How many were there before the window.
    pub(super) earlier: u64,
    /// How many of those are there still.
    still: u64,
    /// How many of those became connections.
    made: u64,
    /// How many are there after the window.
    pub(super) now: u64,
    /// How many of both have been retransmitted.
    retransmitted: u64,
    /// How many of those after the window, [`RETRANSMITS`] times or more; and of those before it.
    pub(super) often: u64,
    often_earlier: u64,
    /// The most retransmissions of one of those before the window, and of one after it.
    pub(super) most_earlier: u32,
    pub(super) most: u32,
    /// The connections to it, and those for which a rule reads when the peer was last heard from.
    connections: u64,
    linked: u64,
    /// Whether one of these was in use until lately, as its TIME_WAIT shows.
    closed_lately: bool,
    /// How many different ones were seen in all, also while others were watched after the window.
    pub(super) seen: u64,
    /// How many of these have been retransmitted.
    seen_again: u64,
}

impl Tries {
    /// How many of the earlier ones have ended without a connection.
    pub(super) fn ended(&self) -> u64 {
        self.earlier.saturating_sub(self.still + self.made)
    }

    /// How many different ones were seen before the window and after it.
    pub(super) fn different(&self) -> u64 {
        self.earlier + self.now - self.still
    }

    /// How many get no answer: those after the window, or those before it if there are none now.
    pub(super) fn tried(&self) -> u64 {
        match self.now {
            0 => self.earlier,
            now => now,
        }
    }
}

/// The attempts that were there when suspects were seen after the window, `ROOM` at most.
#[derive(Clone, Debug, Default)]
pub struct LaterAttempts {
    /// Each, and how often it had been retransmitted.
    seen: HashMap<InetEnds, u32>,
    /// How often they were listed.
    lists: u32,
    followed: Followed,
}

impl LaterAttempts {
    /// Notes that those which there are have been listed once more.
    pub fn end_list(&mut self) {
        self.lists += 1;
    }

    /// The destinations of all, but those to which one that was looked up became a connection.
    pub fn unanswered(&self) -> HashSet<SocketAddr> {
        let mut destinations: HashSet<SocketAddr> = self.seen.keys().map(destination).collect();
        destinations.retain(|to| self.followed.ends_of(*to).connections == 0);
        destinations
    }

    /// Those to these destinations that are to be looked up until they end; some, if they are many.
    pub fn open(&self, destinations: &HashSet<SocketAddr>) -> Vec<InetEnds> {
        let own = |ends: &&InetEnds| destinations.contains(&destination(ends));
        self.followed.wanted(self.seen.keys().filter(own))
    }

    /// Takes what was found of those that were looked up between two times since the begin of the window.
    pub fn follow(&mut self, seen: Sightings, begin: Duration, end: Duration) {
        self.followed.see(seen, begin, end);
    }
}

impl Sink for LaterAttempts {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let ends = socket.internet();
        let has_room = self.seen.len() < ROOM;
        if let Some(ends) = ends.filter(|ends| has_room || self.seen.contains_key(ends)) {
            self.seen.insert(*ends, socket.retransmits.unwrap_or(0));
        }
        ControlFlow::Continue(())
    }
}

/// The attempts after the window, and what became of those before it.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    earlier: HashMap<InetEnds, u32>,
    destinations: HashMap<SocketAddr, Tries>,
    /// The ports of those destinations that had attempts before the window, and over which families,
    /// IPv6 or not, there are connections to such a port of another destination.
    ports: HashSet<u16>,
    others: HashSet<(u16, bool)>,
    /// The sockets, by destination.
    pub(super) inodes: Inodes<SocketAddr>,
    now: u64,
    /// Each of those after the window and how often it was retransmitted, `ROOM` at most.
    kept: Vec<(InetEnds, u32)>,
    /// How many of those before the window are there still.
    still: u64,
    /// Some connections to these destinations, [`LINKED`] at most.
    linked: Vec<(SocketAddr, InetEnds)>,
}

/// An address and port, v4-mapped as IPv4.
pub(super) fn destination(ends: &InetEnds) -> SocketAddr {
    SocketAddr::new(ends.remote.ip().to_canonical(), ends.remote.port())
}

/// Whether one of the attempts that were watched became a connection to this destination.
fn is_made_later(to: SocketAddr, host: &Host) -> bool {
    host.watch.made().any(|ends| destination(ends) == to)
}

impl Attempts {
    /// The states it reads: attempts, and what they become.
    pub(super) const STATES: StateSet = StateSet::NONE
        .with(State::SynSent)
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait1)
        .with(State::FinWait2)
        .with(State::LastAck)
        .with(State::TimeWait);

    /// None yet after the window.
    pub(super) fn after(Earlier(earlier): Earlier) -> Attempts {
        let mut destinations: HashMap<SocketAddr, Tries> = HashMap::new();
        for (ends, retransmits) in &earlier {
            let tries = destinations.entry(destination(ends)).or_default();
            tries.earlier += 1;
            tries.retransmitted += u64::from(*retransmits > 0);
            tries.often_earlier += u64::from(*retransmits >= RETRANSMITS);
            tries.most_earlier = tries.most_earlier.max(*retransmits);
        }
        Attempts {
            earlier,
            ports: destinations.keys().map(SocketAddr::port).collect(),
            destinations,
            ..Attempts::default()
        }
    }

    /// Takes a socket after the window.
    pub(super) fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        if socket.state == State::SynSent {
            self.add_attempt(socket, ends);
        } else if !self.earlier.is_empty() {
            let to = destination(ends);
            if let Some(tries) = self.destinations.get_mut(&to) {
                tries.connections += 1;
                tries.made += u64::from(self.earlier.contains_key(ends));
                let left = socket.timer.map_or(Duration::ZERO, |timer| timer.remaining);
                let is_closed = socket.state == State::TimeWait;
                tries.closed_lately |= is_closed && left + LATELY >= TIME_WAIT;
                // TCP measures little or nothing of those without a process.
                let has_room = tries.linked < LINKED_OF_ONE && self.linked.len() < LINKED;
                if socket.inode != 0 && has_room {
                    tries.linked += 1;
                    self.linked.push((to, *ends));
                }
            } else if self.ports.contains(&to.port()) {
                self.others.insert((to.port(), to.is_ipv6()));
            }
        }
    }

    fn add_attempt(&mut self, socket: &Socket, ends: &InetEnds) {
        self.now += 1;
        let is_known = u64::from(self.earlier.contains_key(ends));
        self.still += is_known;
        let to = destination(ends);
        if self.destinations.len() >= MOST_DESTINATIONS && !self.destinations.contains_key(&to) {
            return;
        }
        let retransmits = socket.retransmits.unwrap_or(0);
        let tries = self.destinations.entry(to).or_default();
        tries.now += 1;
        tries.still += is_known;
        tries.retransmitted += u64::from(retransmits > 0);
        tries.often += u64::from(retransmits >= RETRANSMITS);
        tries.most = tries.most.max(retransmits);
        if self.kept.len() < ROOM {
            self.kept.push((*ends, retransmits));
        }
        self.inodes.add(to, socket.inode);
    }

    /// The destinations of the attempts after the window, most attempts first.
    pub(super) fn under_way(&self) -> Vec<(SocketAddr, u64)> {
        let tries = self.destinations.iter();
        let now = tries.filter(|(_, tries)| tries.now > 0);
        let mut now: Vec<_> = now.map(|(to, tries)| (*to, tries.now)).collect();
        now.sort_unstable_by_key(|(to, attempts)| (std::cmp::Reverse(*attempts), *to));
        now
    }

    /// How many attempts to destinations that let none succeed have been retransmitted
    /// [`RETRANSMITS`] times or more, by destination.
    pub(super) fn often(&self) -> Vec<(SocketAddr, u64)> {
        let tries = self.destinations.iter();
        let often = tries.filter(|(_, tries)| tries.often > 0 && tries.made == 0);
        let mut often: Vec<_> = often.map(|(to, tries)| (*to, tries.often)).collect();
        often.sort_unstable_by_key(|(to, often)| (std::cmp::Reverse(*often), *to));
        often
    }

    /// The connections for which a rule reads when the peer was last heard from.
    pub(super) fn linked(&self) -> Vec<InetEnds> {
        let several = |to| {
            let tries: Option<&Tries> = self.destinations.get(to);
            tries.is_some_and(|tries| tries.earlier.max(tries.now) >= FEW)
        };
        let linked = self.linked.iter().filter(|(to, _)| several(to));
        linked.map(|(_, ends)| *ends).collect()
    }

    /// Whether there are connections to a destination, or some of the attempts that were watched became one.
    pub(super) fn is_connected(&self, to: SocketAddr, host: &Host) -> bool {
        let tries = self.destinations.get(&to);
        tries.is_some_and(|tries| tries.connections > 0) || is_made_later(to, host)
    }

    /// Whether a destination was heard from lately, on another connection or when an attempt became one.
    fn is_heard(&self, to: SocketAddr, tries: &Tries, host: &Host) -> bool {
        let is_lately = |ends: &InetEnds| {
            let ago = host.measures.get(*ends, Metric::LastAckReceived);
            ago.is_some_and(|ms| Duration::from_millis(ms) < LATELY)
        };
        let mut linked = self.linked.iter().filter(|(its, _)| *its == to);
        tries.made > 0
            || tries.closed_lately
            || linked.any(|(_, ends)| is_lately(ends))
            || is_made_later(to, host)
    }

    /// Whether SYNs to a destination that answers others were retransmitted [`RETRANSMITS`] times or more.
    pub(super) fn are_often_answered(&self, host: &Host) -> bool {
        let mut tries = self.destinations.iter();
        tries.any(|(to, tries)| {
            tries.often.max(tries.often_earlier) >= FEW && self.is_heard(*to, tries, host)
        })
    }

    /// The attempts to a destination, if there is no connection to it and they are several until suspects
    /// were last seen.
    pub(super) fn unconnected(&self, to: SocketAddr, host: &Host) -> Option<&Tries> {
        let tries = self.destinations.get(&to)?;
        let (later, _) = self.seen_later(host).remove(&to).unwrap_or_default();
        let are_several = tries.different() + later >= FEW;
        (are_several && !self.is_connected(to, host)).then_some(tries)
    }

    /// Whether every destination answers some attempts, as far as they show.
    pub(super) fn is_answered(&self, host: &Host) -> bool {
        let often: u64 = self.often().iter().map(|(_, attempts)| attempts).sum();
        self.unanswered(host).is_empty() && often < MANY
    }

    /// Whether there are connections to the same port over the other address family.
    pub(super) fn has_other_family(&self, to: SocketAddr) -> bool {
        self.others.contains(&(to.port(), !to.is_ipv6()))
    }
}
