//! What rules keep in bounded memory: counts by key, and inodes of sockets that a finding may be about.

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::thousands;

/// More keys than this have no count of their own; some 8 MB.
const MOST_KEYS: usize = 100_000;

/// More inodes than this are not kept; some half a megabyte.
const MOST_INODES: usize = 20_000;

/// How often each key occurred.
#[derive(Debug)]
pub(super) struct TopCounts<K> {
    counts: HashMap<K, u64>,
    room: usize,
    /// Occurrences of keys for which there was no room.
    beyond: u64,
}

impl<K> Default for TopCounts<K> {
    fn default() -> Self {
        TopCounts::at_most(MOST_KEYS)
    }
}

impl<K> TopCounts<K> {
    /// Counts no more keys than this, where the largest matter: they are among the first.
    pub(super) fn at_most(room: usize) -> Self {
        TopCounts {
            counts: HashMap::new(),
            room,
            beyond: 0,
        }
    }

    /// Whether every key has its count.
    pub(super) fn is_whole(&self) -> bool {
        self.beyond == 0
    }
}

impl<K: Eq + Hash + Ord + Copy> TopCounts<K> {
    /// Counts one more.
    pub(super) fn add(&mut self, key: K) {
        if let Some(count) = self.counts.get_mut(&key) {
            *count += 1;
        } else if self.counts.len() < self.room {
            self.counts.insert(key, 1);
        } else {
            self.beyond += 1;
        }
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

/// Inodes of sockets, each with the key by which a finding selects it.
#[derive(Clone, Debug)]
pub(super) struct Inodes<K> {
    kept: Vec<(K, u64)>,
    room: usize,
    /// Sockets for which there was no room.
    beyond: u64,
}

impl<K> Default for Inodes<K> {
    fn default() -> Self {
        Inodes::at_most(MOST_INODES)
    }
}

impl<K> Inodes<K> {
    /// Keeps no more than `room`.
    pub(super) fn at_most(room: usize) -> Inodes<K> {
        Inodes {
            kept: Vec::new(),
            room,
            beyond: 0,
        }
    }

    /// Keeps the inode of a socket; 0 is none.
    pub(super) fn add(&mut self, key: K, inode: u64) {
        if inode == 0 {
        } else if self.kept.len() < self.room {
            self.kept.push((key, inode));
        } else {
            self.beyond += 1;
        }
    }

    /// The inodes with these keys.
    pub(super) fn of(&self, selects: impl Fn(&K) -> bool) -> impl Iterator<Item = u64> {
        let selected = self.kept.iter().filter(move |(key, _)| selects(key));
        selected.map(|(_, inode)| *inode)
    }

    /// As evidence, that processes are searched only for a part of the sockets, where that is so.
    pub(super) fn remark(&self) -> Option<String> {
        (self.beyond > 0).then(|| {
            format!(
                "processes are searched only for the first {} sockets",
                thousands(u64::try_from(self.room).unwrap_or(u64::MAX))
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_nothing_is_lost_beyond_the_bound() {
        let mut counts = TopCounts::default();
        for key in [3, 1, 2, 3, 2, 3] {
            counts.add(key);
        }
        assert_eq!(counts.top(2), [(3, 3), (2, 2)]);
        assert_eq!(counts.total(), 6);
        (10..MOST_KEYS + 20).for_each(|key| counts.add(key));
        counts.add(3);
        assert_eq!(counts.top(1), [(3, 4)]);
        assert_eq!(counts.total(), 6 + MOST_KEYS as u64 + 10 + 1);
        assert_eq!(counts.counts.len(), MOST_KEYS);
    }

    #[test]
    fn no_more_inodes_than_there_is_room_for_are_kept_and_that_is_said() {
        let mut inodes = Inodes::at_most(2);
        inodes.add('a', 0);
        inodes.add('a', 1);
        inodes.add('b', 2);
        assert_eq!(inodes.remark(), None);
        inodes.add('a', 3);
        assert_eq!(inodes.of(|key| *key == 'a').collect::<Vec<_>>(), [1]);
        assert_eq!(
            inodes.remark().unwrap(),
            "processes are searched only for the first 2 sockets"
        );
    }
}
