//! A set of ports: a bit for each, 8 KiB.

/// A set of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortSet(Box<[u64; 1024]>);

impl Default for PortSet {
    fn default() -> Self {
        PortSet(Box::new([0; 1024]))
    }
}

/// The word that a port is in, and its bit there.
fn place(port: u16) -> (usize, u64) {
    (usize::from(port / 64), 1 << (port % 64))
}

impl PortSet {
    /// Takes a port in; false where it was in already.
    pub(super) fn insert(&mut self, port: u16) -> bool {
        let is_new = !self.contains(port);
        self.toggle_if(is_new, port)
    }

    /// Takes a port out; false where it was not in.
    pub(super) fn remove(&mut self, port: u16) -> bool {
        let was_in = self.contains(port);
        self.toggle_if(was_in, port)
    }

    fn toggle_if(&mut self, changes: bool, port: u16) -> bool {
        let (word, bit) = place(port);
        if let Some(word) = self.0.get_mut(word).filter(|_| changes) {
            *word ^= bit;
        }
        changes
    }

    /// Whether a port is in.
    pub(super) fn contains(&self, port: u16) -> bool {
        let (word, bit) = place(port);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// How many ports are in.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The ports that are in this set or in `other`.
    pub(super) fn or(&self, other: &PortSet) -> PortSet {
        self.joined(other, |word, other| word | other)
    }

    /// The ports that are in both.
    pub(super) fn and(&self, other: &PortSet) -> PortSet {
        self.joined(other, |word, other| word & other)
    }

    /// The ports that are in this set alone.
    pub(super) fn without(&self, other: &PortSet) -> PortSet {
        self.joined(other, |word, other| word & !other)
    }

    fn joined(&self, other: &PortSet, join: impl Fn(u64, u64) -> u64) -> PortSet {
        let mut set = self.clone();
        for (word, other) in set.0.iter_mut().zip(other.0.iter()) {
            *word = join(*word, *other);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_goes_in_once_and_comes_out_once() {
        let mut set = PortSet::default();
        for port in [0, 63, 64, 40_000, u16::MAX] {
            assert!(set.insert(port) && !set.insert(port));
            assert!(set.contains(port));
        }
        assert_eq!(set.len(), 5);
        let mut others = PortSet::default();
        others.insert(64);
        others.insert(65);
        assert_eq!(set.without(&others).len(), 4);
        assert_eq!((set.and(&others).len(), set.or(&others).len()), (1, 6));
        assert!(set.remove(63) && !set.remove(63));
        assert!(!set.contains(63));
        assert_eq!(set.len(), 4);
    }
}
