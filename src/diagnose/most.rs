//! What occurs most often, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;

/// More different things than this are not told apart; some 8 MB.
const MOST_KEYS: usize = 100_000;

/// How often each thing occurred.
#[derive(Debug)]
pub(super) struct Most<K> {
    counts: HashMap<K, u64>,
    /// How many different things are told apart.
    room: usize,
    /// Occurrences of things that came when there was no more room.
    beyond: u64,
}

impl<K> Default for Most<K> {
    fn default() -> Self {
        Most::with_room(MOST_KEYS)
    }
}

impl<K> Most<K> {
    /// One that tells fewer things apart, where the largest is what matters.
    pub(super) fn with_room(room: usize) -> Self {
        Most {
            counts: HashMap::new(),
            room,
            beyond: 0,
        }
    }

    /// Whether all there were are told apart.
    pub(super) fn is_whole(&self) -> bool {
        self.beyond == 0
    }
}

impl<K: Eq + Hash + Ord + Copy> Most<K> {
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

    /// The `most` frequent ones, most frequent first, equal ones in their own order.
    pub(super) fn top(&self, most: usize) -> Vec<(K, u64)> {
        let mut all: Vec<(K, u64)> = self.counts.iter().map(|(key, n)| (*key, *n)).collect();
        all.sort_unstable_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_nothing_is_lost_beyond_the_bound() {
        let mut most = Most::default();
        for key in [3, 1, 2, 3, 2, 3] {
            most.add(key);
        }
        assert_eq!(most.top(2), [(3, 3), (2, 2)]);
        assert_eq!(most.total(), 6);
        (10..MOST_KEYS + 20).for_each(|key| most.add(key));
        most.add(3);
        assert_eq!(most.top(1), [(3, 4)]);
        assert_eq!(most.total(), 6 + MOST_KEYS as u64 + 10 + 1);
        assert_eq!(most.counts.len(), MOST_KEYS);
    }
}
