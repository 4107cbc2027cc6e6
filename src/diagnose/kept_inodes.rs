//! The inodes of sockets that a finding may be about, in bounded memory.

use crate::model::thousands;

/// More are not kept, unless a rule says otherwise; some half a megabyte.
const ROOM: usize = 20_000;

/// Inodes of sockets, each with what it would be found guilty with.
#[derive(Debug)]
pub(super) struct KeptInodes<K> {
    kept: Vec<(K, u64)>,
    room: usize,
    /// Sockets that came when there was no more room.
    beyond: u64,
}

impl<K> Default for KeptInodes<K> {
    fn default() -> Self {
        KeptInodes::at_most(ROOM)
    }
}

impl<K> KeptInodes<K> {
    /// Keeps no more than `room`.
    pub(super) fn at_most(room: usize) -> KeptInodes<K> {
        KeptInodes {
            kept: Vec::new(),
            room,
            beyond: 0,
        }
    }

    /// Keeps the socket with this inode; one without has no holder.
    pub(super) fn add(&mut self, key: K, inode: u64) {
        if inode == 0 {
        } else if self.kept.len() < self.room {
            self.kept.push((key, inode));
        } else {
            self.beyond += 1;
        }
    }

    /// The inodes of those that `guilty` picks.
    pub(super) fn of(&self, guilty: impl Fn(&K) -> bool) -> impl Iterator<Item = u64> {
        let picked = self.kept.iter().filter(move |(key, _)| guilty(key));
        picked.map(|(_, inode)| *inode)
    }

    /// A sentence for the evidence where processes were looked for behind a part only.
    pub(super) fn remark(&self) -> Option<String> {
        (self.beyond > 0).then(|| {
            format!(
                "processes are looked for behind the first {} sockets only",
                thousands(u64::try_from(self.room).unwrap_or(u64::MAX))
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_is_room_for_are_kept_and_that_is_said() {
        let mut kept = KeptInodes::at_most(2);
        kept.add('a', 0);
        kept.add('a', 1);
        kept.add('b', 2);
        assert_eq!(kept.remark(), None);
        kept.add('a', 3);
        assert_eq!(kept.of(|key| *key == 'a').collect::<Vec<_>>(), [1]);
        assert_eq!(
            kept.remark().unwrap(),
            "processes are looked for behind the first 2 sockets only"
        );
    }
}
