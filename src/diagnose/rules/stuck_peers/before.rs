//! The byte queues of connections before the window.

use std::collections::HashMap;

use crate::diagnose::FirstPass;
use crate::model::{InetEnds, Socket, State, StateSet};

/// The queues of more connections than this are not kept; some 5 MiB.
const MOST_QUEUES: usize = 200_000;

/// A send queue of this many bytes is long: a path of 100 Mbit/s and 80 ms has 1 MB in flight.
pub(super) const LONG_SEND_QUEUE: u32 = 1 << 20;

/// From this many unread bytes on the peer soon may send no more: small segments fill a receive buffer
/// of 128 KiB, the default of `tcp_rmem`, with an eighth of it.
pub(super) const LONG_RECEIVE_QUEUE: u32 = 16 << 10;

/// How many send queues are measured, the longest: how fast they move.
pub(super) const MEASURED: usize = 64;

/// The queues with something unacknowledged, or much unread, by connection.
#[derive(Debug, Default)]
pub(in crate::diagnose::rules) struct Queues {
    by_key: HashMap<u64, Unfinished>,
    beyond: u64,
    /// The longest send queues of those that are long, longest first.
    longest: Vec<(u32, u64, InetEnds)>,
}

/// What waits on a connection, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unfinished {
    /// Not read by the program.
    pub(super) unread: u32,
    /// Not acknowledged by the peer.
    pub(super) unacknowledged: u32,
}

/// What identifies a connection in both samples: the cookie, or from /proc the inode.
fn key(socket: &Socket) -> Option<u64> {
    socket.cookie.or_else(|| socket.held_inode())
}

impl FirstPass for Queues {
    const STATES: StateSet = StateSet::NONE.with(State::Established);

    const SUSPECTS: Option<fn(&Self) -> Vec<InetEnds>> = Some(Queues::suspects);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        let queues = Unfinished {
            unread: socket.receive_queue,
            unacknowledged: socket.send_queue,
        };
        let may_be_stuck = queues.unread >= LONG_RECEIVE_QUEUE || queues.unacknowledged > 0;
        let Some(key) = key(socket).filter(|_| may_be_stuck) else {
            return;
        };
        let length = queues.unacknowledged;
        if length >= LONG_SEND_QUEUE {
            let at = self.longest.partition_point(|(long, ..)| *long >= length);
            self.longest.insert(at, (length, key, *ends));
            self.longest.truncate(MEASURED);
        }
        if self.by_key.len() < MOST_QUEUES {
            self.by_key.insert(key, queues);
        } else {
            self.beyond += 1;
        }
    }
}

impl Queues {
    pub(super) fn suspects(&self) -> Vec<InetEnds> {
        self.longest.iter().map(|(.., ends)| *ends).collect()
    }

    /// What waited on this connection then; `None` where that was little, or is unknown.
    pub(super) fn of(&self, socket: &Socket) -> Option<Unfinished> {
        self.by_key.get(&key(socket)?).copied()
    }

    /// Whether a connection is one of those with the longest send queues.
    pub(super) fn is_of_longest(&self, socket: &Socket) -> bool {
        let of = key(socket);
        self.longest.iter().any(|(_, key, _)| Some(*key) == of)
    }

    /// How many such connections are not kept.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }
}
