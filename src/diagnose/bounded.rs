//! What rules keep in bounded memory: counts by key, and inodes of sockets that a finding may be about.

use std::collections::HashMap;
use std::hash::Hash;

use super::rule::FirstPass;
use crate::model::{InetEnds, Kind, Socket, StateSet, TimerKind, thousands};

/// How often each of at most `MOST` keys occurred: the most frequent are among the first.
#[derive(Debug)]
pub(super) struct TopCounts<K, const MOST: usize> {
    counts: HashMap<K, u64>,
    /// Occurrences of other keys.
    beyond: u64,
}

impl<K, const MOST: usize> Default for TopCounts<K, MOST> {
    fn default() -> Self {
        TopCounts {
            counts: HashMap::new(),
            beyond: 0,
        }
    }
}

impl<K: Eq + Hash + Ord + Copy, const MOST: usize> TopCounts<K, MOST> {
    /// Whether every key has its count.
    pub(super) fn is_whole(&self) -> bool {
        self.beyond == 0
    }

    /// Counts one more; returns how many there are of this key, 0 where it has no count of its own.
    pub(super) fn add(&mut self, key: K) -> u64 {
        if let Some(count) = self.counts.get_mut(&key) {
            *count += 1;
            *count
        } else if self.counts.len() < MOST {
            self.counts.insert(key, 1);
            1
        } else {
            self.beyond += 1;
            0
        }
    }

    /// How many there are of this key, as far as they were counted.
    pub(super) fn of(&self, key: &K) -> u64 {
        self.counts.get(key).copied().unwrap_or(0)
    }

    /// How many there were in all.
    pub(super) fn total(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.beyond
    }

    /// The `most` frequent keys, most frequent first, equal ones in their own order.
    pub(super) fn top(&self, most: usize) -> Vec<(K, u64)> {
        let mut all: Vec<(K, u64)> = self.counts.iter().map(|(key, n)| (*key, *n)).collect();
        all.sort_unstable_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
        all.truncate(most);
        all
    }
}

/// Inodes of at most `MOST` sockets, each with the key by which a finding selects it; 20,000 take half
/// a megabyte.
#[derive(Clone, Debug)]
pub(super) struct Inodes<K, const MOST: usize = 20_000> {
    kept: Vec<(K, u64)>,
    /// Whether there were more.
    is_full: bool,
}

impl<K, const MOST: usize> Default for Inodes<K, MOST> {
    fn default() -> Self {
        Inodes {
            kept: Vec::new(),
            is_full: false,
        }
    }
}

impl<K, const MOST: usize> Inodes<K, MOST> {
    /// Keeps the inode of a socket; 0 is none.
    pub(super) fn add(&mut self, key: K, inode: u64) {
        let has_room = self.kept.len() < MOST;
        if inode != 0 && has_room {
            self.kept.push((key, inode));
        }
        self.is_full |= inode != 0 && !has_room;
    }

    /// The inodes with these keys.
    pub(super) fn of(&self, selects: impl Fn(&K) -> bool) -> impl Iterator<Item = u64> {
        let selected = self.kept.iter().filter(move |(key, _)| selects(key));
        selected.map(|(_, inode)| *inode)
    }

    /// All inodes.
    pub(super) fn all(&self) -> Vec<u64> {
        self.of(|_| true).collect()
    }

    /// As evidence, that processes are searched only for a part of the sockets, where that is so.
    pub(super) fn limit_note(&self) -> Option<String> {
        let most = thousands(MOST as u64);
        let note = format!("processes are searched only for the first {most} sockets");
        self.is_full.then_some(note)
    }
}

/// What each of at most 50,000 sockets had dropped before the window; some 2 MB.
#[derive(Debug, Default)]
pub(super) struct EarlierDrops {
    drops: HashMap<u64, u32>,
    is_full: bool,
}

impl EarlierDrops {
    const MOST: usize = 50_000;

    /// How many more it has dropped now; 0 of one that was not there before, or may have been missed.
    pub(super) fn grown(&self, socket: &Socket) -> u64 {
        let grown = self.drops.get(&socket.key()).zip(socket.drops);
        grown.map_or(0, |(earlier, now)| u64::from(now.wrapping_sub(*earlier)))
    }

    /// That not all were compared, where that is so.
    pub(super) fn limit_note(&self, sockets: &str) -> Option<String> {
        let most = thousands(EarlierDrops::MOST as u64);
        let note = format!("only the first {most} {sockets} sockets were compared");
        self.is_full.then_some(note)
    }
}

impl FirstPass for EarlierDrops {
    const STATES: StateSet = Kind::Udp.states().union(Kind::Netlink.states());

    fn add(&mut self, socket: &Socket, _: &InetEnds) {
        self.add_local(socket);
    }

    fn add_local(&mut self, socket: &Socket) {
        self.is_full |= self.drops.len() >= EarlierDrops::MOST;
        if let Some(drops) = socket.drops.filter(|_| !self.is_full) {
            self.drops.insert(socket.key(), drops);
        }
    }
}

/// Sockets that retransmit without an acknowledgment, by peer.
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
    /// Takes a socket, if it has retransmitted `least` times or more without an answer; returns
    /// whether it has.
    pub(super) fn add(&mut self, socket: &Socket, least: u32, peer: K) -> bool {
        let retransmits = retransmits_at_least(socket, least);
        if let Some(retransmits) = retransmits {
            self.peers.add(peer);
            self.retransmits = self.retransmits.max(retransmits);
            self.inodes.add(peer, socket.inode);
        }
        retransmits.is_some()
    }
}

/// How often the timer for retransmissions or for probes of a closed window has fired without an answer;
/// `None` if it does not run, or has fired less than `least` times.
pub(super) fn retransmits_at_least(socket: &Socket, least: u32) -> Option<u32> {
    let kind = socket.timer?.kind;
    let runs = matches!(kind, TimerKind::Retransmit | TimerKind::Persist);
    socket.retransmits.filter(|times| runs && *times >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_nothing_is_lost_beyond_the_bound() {
        let mut counts = TopCounts::<usize, 100>::default();
        for key in [3, 1, 2, 3, 2, 3] {
            counts.add(key);
        }
        assert_eq!(counts.top(2), [(3, 3), (2, 2)]);
        assert_eq!(counts.total(), 6);
        for key in 10..120 {
            counts.add(key);
        }
        assert_eq!((counts.add(3), counts.add(120)), (4, 0));
        assert_eq!(counts.top(1), [(3, 4)]);
        assert_eq!(counts.total(), 6 + 110 + 2);
        assert_eq!((counts.counts.len(), counts.is_whole()), (100, false));
    }

    #[test]
    fn inodes_beyond_the_limit_are_dropped_and_the_limit_is_reported() {
        let mut inodes = Inodes::<char, 2>::default();
        inodes.add('a', 0);
        inodes.add('a', 1);
        inodes.add('b', 2);
        assert_eq!(inodes.limit_note(), None);
        inodes.add('a', 3);
        assert_eq!(inodes.of(|key| *key == 'a').collect::<Vec<_>>(), [1]);
        assert_eq!(
            inodes.limit_note().unwrap(),
            "processes are searched only for the first 2 sockets"
        );
    }
}
