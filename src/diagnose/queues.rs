//! The byte queues of connections before the window, so that it is seen after it what has moved.

use std::collections::HashMap;

use crate::model::{InetEnds, Socket};

/// The queues of more connections than this are not kept; some 5 MiB.
const MOST_QUEUES: usize = 200_000;

/// A send queue of this many bytes is long: what a path of 100 Mbit/s and 80 ms has in flight is 1 MB.
pub(super) const LONG_SEND_QUEUE: u32 = 1 << 20;

/// Of so many long send queues, the longest, it is asked how fast they move.
pub(super) const MEASURED: usize = 64;

/// The queues in which something waited to be sent, or much to be read, by connection.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Unread, and unacknowledged.
    by_key: HashMap<u64, (u32, u32)>,
    beyond: u64,
    /// The longest send queues of those that are long, by connection, longest first.
    longest: Vec<(u32, u64, InetEnds)>,
}

/// From this many unread bytes on the peer soon may send no more: small segments fill a receive buffer
/// of 128 KiB, the default of `tcp_rmem`, with an eighth of it.
pub(super) const LONG_RECEIVE_QUEUE: u32 = 16 << 10;

/// What a connection is known by in both looks: the cookie, or from /proc the inode.
fn key(socket: &Socket) -> Option<u64> {
    socket.cookie.or_else(|| socket.held_inode())
}

impl Queues {
    /// Takes a connection, if its queues may turn out to be stuck.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        let queues = (socket.receive_queue, socket.send_queue);
        let may_be = queues.0 >= LONG_RECEIVE_QUEUE || queues.1 > 0;
        let Some(key) = key(socket).filter(|_| may_be) else {
            return;
        };
        if queues.1 >= LONG_SEND_QUEUE {
            let at = self
                .longest
                .partition_point(|(long, _, _)| *long >= queues.1);
            self.longest.insert(at, (queues.1, key, *ends));
            self.longest.truncate(MEASURED);
        }
        if self.by_key.len() < MOST_QUEUES {
            self.by_key.insert(key, queues);
        } else {
            self.beyond += 1;
        }
    }

    /// What of this connection was unread and unacknowledged then; `None` where that was little, or
    /// is not known.
    pub(super) fn of(&self, socket: &Socket) -> Option<(u32, u32)> {
        self.by_key.get(&key(socket)?).copied()
    }

    /// The connections of the longest send queues.
    pub(super) fn longest(&self) -> Vec<InetEnds> {
        self.longest.iter().map(|(_, _, ends)| *ends).collect()
    }

    /// Whether a connection is one of those.
    pub(super) fn is_of_longest(&self, socket: &Socket) -> bool {
        let of = key(socket);
        self.longest.iter().any(|(_, key, _)| Some(*key) == of)
    }

    /// How many such connections are not kept.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }
}
