//! Sockets that retransmit without an acknowledgment, by peer.

use std::hash::Hash;

use super::bounded::{Inodes, TopCounts};
use crate::model::{Socket, TimerKind};

/// Those of one rule.
#[derive(Debug)]
pub(super) struct Unacknowledged<K> {
    /// How many there are of each peer; 1 MB.
    pub(super) peers: TopCounts<K, 20_000>,
    /// The most retransmissions of one of them.
    pub(super) retransmits: u32,
    /// Those that a process holds.
    pub(super) inodes: Inodes<K>,
}

impl<K> Default for Unacknowledged<K> {
    fn default() -> Self {
        Unacknowledged {
            peers: TopCounts::default(),
            retransmits: 0,
            inodes: Inodes::default(),
        }
    }
}

impl<K: Eq + Hash + Ord + Copy> Unacknowledged<K> {
    /// Takes a socket, if its timer for retransmissions or for probes of a closed window has fired
    /// `least` times or more without an answer.
    pub(super) fn add(&mut self, socket: &Socket, least: u32, peer: K) {
        let runs = socket
            .timer
            .is_some_and(|timer| matches!(timer.kind, TimerKind::Retransmit | TimerKind::Persist));
        let retransmits = socket.retransmits.unwrap_or(0);
        if runs && retransmits >= least {
            self.peers.add(peer);
            self.retransmits = self.retransmits.max(retransmits);
            self.inodes.add(peer, socket.inode);
        }
    }
}
