//! Both ends of a connection between two sockets that are traced make one story.
//!
//! An end whose other end still lives waits for it: the connection is closed when both are. One that
//! waits when the trace ends, or longer than the source can pair them, is reported alone.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::model::InetEnds;
use crate::model::trace::{Connection, Story};

/// More ends than this do not wait: the one that ended first is then reported alone.
const MOST: usize = 65_536;

/// Where an end is looked for: its namespace, its own address and its peer's, IPv4 on an IPv6 socket
/// as the IPv4 that the peer may use.
pub(super) type Place = (u32, SocketAddr, SocketAddr);

pub(super) fn place(netns: u32, ends: &InetEnds) -> Place {
    (netns, canonical(ends.local), canonical(ends.remote))
}

/// The place of a connection's other end.
pub(super) fn other_place(netns: u32, ends: &InetEnds) -> Place {
    (netns, canonical(ends.remote), canonical(ends.local))
}

/// IPv4 in place of a v4-mapped address.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Ends that wait for the other one.
#[derive(Debug)]
pub struct Stories {
    waiting: HashMap<Place, Connection>,
    /// When each began to wait, and where, in that order; some of them no longer wait.
    order: VecDeque<(u64, Place)>,
    complete: Vec<Story>,
    patience_ns: Option<u64>,
    most: usize,
}

impl Stories {
    /// Stories whose ends wait for each other no longer than `patience_ns`; with `None` as long as
    /// the other end lives.
    pub fn new(patience_ns: Option<u64>) -> Stories {
        Stories {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            complete: Vec::new(),
            patience_ns,
            most: MOST,
        }
    }

    /// The same with at most `most` that wait.
    #[must_use]
    pub fn with_most(self, most: usize) -> Stories {
        Stories { most, ..self }
    }

    /// Takes an end; `waits` says whether the other one is expected.
    pub fn add(&mut self, connection: Connection, waits: bool) {
        let other = other_place(connection.netns, &connection.ends);
        let waited = self.waiting.remove(&other);
        match waited {
            Some(waited) if is_same(&waited, &connection) => {
                self.complete.push(Story::of_both(waited, connection));
                return;
            }
            // An earlier connection between the same ports, whose end was not recorded.
            earlier => self.complete.extend(earlier.map(Story::alone)),
        }
        if !waits {
            self.complete.push(Story::alone(connection));
            return;
        }
        let place = place(connection.netns, &connection.ends);
        self.order.push_back((connection.ended_ns, place));
        let earlier = self.waiting.insert(place, connection);
        self.complete.extend(earlier.map(Story::alone));
        if self.order.len() > 2 * self.waiting.len() + self.most {
            let waiting = &self.waiting;
            self.order.retain(|entry| is_waiting(waiting, entry));
        }
    }

    /// The stories that are complete at `now_ns`, or have waited long enough; with `None` all.
    pub fn take(&mut self, now_ns: Option<u64>) -> Vec<Story> {
        while let Some(entry) = self.order.front().copied() {
            let (since, place) = entry;
            let deadline = self
                .patience_ns
                .map(|patience| since.saturating_add(patience));
            let is_over = now_ns.is_none_or(|now| deadline.is_some_and(|end| end <= now))
                || self.waiting.len() > self.most;
            let waits = is_waiting(&self.waiting, &entry);
            if waits && !is_over {
                break;
            }
            self.order.pop_front();
            if waits && let Some(first) = self.waiting.remove(&place) {
                self.complete.push(Story::alone(first));
            }
        }
        std::mem::take(&mut self.complete)
    }
}

/// Whether what began to wait there and then still does.
fn is_waiting(waiting: &HashMap<Place, Connection>, (since, place): &(u64, Place)) -> bool {
    waiting
        .get(place)
        .is_some_and(|connection| connection.ended_ns == *since)
}

/// Whether an end may belong to one that has ended: it was open before that.
fn is_same(ended: &Connection, other: &Connection) -> bool {
    other
        .opened_ns
        .is_none_or(|opened| opened <= ended.ended_ns)
}
