//! Sockets whose segments are sent again and not acknowledged, by peer.

use std::hash::Hash;

use super::kept_inodes::KeptInodes;
use super::most::Most;
use crate::model::{Socket, TimerKind};

/// More peers than this are not told apart; 1 MB. Those of many sockets are among the first.
const MOST_PEERS: usize = 20_000;

/// Those of one kind.
#[derive(Debug)]
pub(super) struct Unheard<K> {
    /// How many there are of each peer.
    pub(super) peers: Most<K>,
    /// The most often that one of them was sent again.
    pub(super) retransmits: u32,
    /// Those that a process holds.
    pub(super) inodes: KeptInodes<K>,
}

impl<K> Default for Unheard<K> {
    fn default() -> Self {
        Unheard {
            peers: Most::with_room(MOST_PEERS),
            retransmits: 0,
            inodes: KeptInodes::default(),
        }
    }
}

impl<K: Eq + Hash + Ord + Copy> Unheard<K> {
    /// Takes a socket, if what it sent was sent again `least` times without an answer. The count is
    /// of the timer that runs: that of retransmissions, or of probes of a closed window.
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
