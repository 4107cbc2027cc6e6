//! The processes that hold sockets, by inode, as far as a search found them.

use std::collections::HashMap;

use super::{Culprit, ProcessName};

/// The holders of some sockets: of each socket the process with the lowest pid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    by_inode: HashMap<u64, (ProcessName, u32)>,
}

impl Holders {
    /// Sets the holder of the socket with this inode.
    pub fn set(&mut self, inode: u64, name: ProcessName, pid: u32) {
        self.by_inode.insert(inode, (name, pid));
    }

    /// The processes that hold sockets with these inodes, one inode per socket; those with most sockets
    /// first, then by pid. Sockets without a known holder are not counted.
    pub fn of(&self, inodes: impl IntoIterator<Item = u64>) -> Vec<Culprit> {
        let mut sockets: HashMap<(ProcessName, u32), u64> = HashMap::new();
        for inode in inodes {
            if let Some(holder) = self.by_inode.get(&inode) {
                *sockets.entry(*holder).or_default() += 1;
            }
        }
        let mut culprits: Vec<Culprit> = sockets
            .into_iter()
            .map(|((name, pid), sockets)| Culprit {
                name: name.text().into_owned(),
                pid,
                sockets,
            })
            .collect();
        culprits.sort_by_key(|culprit| (std::cmp::Reverse(culprit.sockets), culprit.pid));
        culprits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_sorted_by_the_number_of_their_sockets() {
        let mut holders = Holders::default();
        for (inode, name, pid) in [(1, "web", 7), (2, "web", 9), (3, "web", 9), (4, "db", 3)] {
            holders.set(inode, ProcessName::new(name.as_bytes()), pid);
        }
        let culprits: Vec<_> = holders
            .of([1, 2, 3, 4, 5])
            .into_iter()
            .map(|culprit| (culprit.name, culprit.pid, culprit.sockets))
            .collect();
        let expected = [("web", 9, 2), ("db", 3, 1), ("web", 7, 1)];
        assert_eq!(
            culprits,
            expected.map(|(name, pid, sockets)| (name.to_owned(), pid, sockets))
        );
    }
}
