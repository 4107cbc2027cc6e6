//! The number of sockets of each family and state: wanted, expected, or observed.
//!
//! Plain values; must not do I/O.

use super::state::{Family, State};
use std::collections::BTreeMap;
use std::ops::{Add, AddAssign};

/// Numbers of sockets; families and states without any are absent, so equality is by content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketCounts(BTreeMap<(Family, State), usize>);

impl SocketCounts {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Ten states in both families, no number twice, no sum of both families twice: swapping two
    /// states or two families gives a wrong number.
    pub(crate) fn all_different() -> Self {
        let parked = State::ALL
            .into_iter()
            .filter(|&state| state != State::Close);
        (0..).zip(parked).fold(Self::none(), |all, (n, state)| {
            all.with(Family::V4, state, 3 + n)
                .with(Family::V6, state, 14 + 2 * n)
        })
    }

    /// Adds `count` sockets of one family and state.
    pub(crate) fn with(mut self, family: Family, state: State, count: usize) -> Self {
        if count > 0 {
            *self.0.entry((family, state)).or_default() += count;
        }
        self
    }

    /// The counts of one family only.
    pub(crate) fn only(mut self, family: Family) -> Self {
        self.0.retain(|&(key, _), _| key == family);
        self
    }

    pub(crate) fn count(&self, family: Family, state: State) -> usize {
        self.0.get(&(family, state)).copied().unwrap_or(0)
    }

    pub(crate) fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// By state name, both families together; all eleven names, zeros included.
    pub(crate) fn by_state(&self) -> BTreeMap<&'static str, usize> {
        let sum = |state| {
            let both = Family::ALL.into_iter();
            both.map(|family| self.count(family, state)).sum()
        };
        State::ALL
            .into_iter()
            .map(|state| (state.name(), sum(state)))
            .collect()
    }

    /// By family and state name, without zeros.
    pub(crate) fn by_family_and_state(&self) -> BTreeMap<(Family, &'static str), usize> {
        let named = self.0.iter();
        named
            .map(|(&(family, state), &count)| ((family, state.name()), count))
            .collect()
    }
}

impl AddAssign<&Self> for SocketCounts {
    fn add_assign(&mut self, other: &Self) {
        for (&kind, &count) in &other.0 {
            *self.0.entry(kind).or_default() += count;
        }
    }
}

impl Add<&Self> for SocketCounts {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}

mod tests {
    use super::{Family, SocketCounts, State};
    use std::collections::BTreeSet;

    #[test]
    fn the_distinct_counts_are_distinct() {
        let all = SocketCounts::all_different();
        let numbers: BTreeSet<_> = all.by_family_and_state().into_values().collect();
        assert_eq!(numbers.len(), 20);
        let sums: BTreeSet<_> = all.by_state().into_values().collect();
        assert_eq!(sums.len(), 11, "ten states and the zero of CLOSE");
    }

    #[test]
    fn adding_zero_changes_nothing() {
        let none = SocketCounts::none();
        assert_eq!(none.clone().with(Family::V4, State::Listen, 0), none);
    }

    #[test]
    fn counts_add_up_over_families_and_filter_by_family() {
        let both = SocketCounts::none()
            .with(Family::V4, State::Listen, 2)
            .with(Family::V6, State::Listen, 3);
        assert_eq!(both.by_state()["LISTEN"], 5);
        assert_eq!(both.only(Family::V6).total(), 3);
    }
}
