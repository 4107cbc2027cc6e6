//! How many sockets are in each state.

use std::collections::BTreeMap;

use super::State;

/// A number of sockets per state. Named states are counted by index, without a search; numbers
/// without a name are counted separately, each under its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    named: [u64; State::NAMED],
    unknown: BTreeMap<u8, u64>,
}

impl Counts {
    /// Counts `sockets` more in `state`.
    pub fn add(&mut self, state: State, sockets: u64) {
        let count = match (state, state.index()) {
            (State::Unknown(number), _) => Some(self.unknown.entry(number).or_default()),
            (_, index) => index.and_then(|index| self.named.get_mut(index)),
        };
        if let Some(count) = count {
            *count += sockets;
        }
    }

    /// Counts all of `other` as well.
    pub fn add_all(&mut self, other: &Counts) {
        for (state, sockets) in other.present() {
            self.add(state, sockets);
        }
    }

    /// How many sockets are in `state`.
    pub fn get(&self, state: State) -> u64 {
        match (state, state.index()) {
            (_, Some(index)) => self.named.get(index).copied().unwrap_or(0),
            (State::Unknown(number), None) => self.unknown.get(&number).copied().unwrap_or(0),
            (_, None) => 0,
        }
    }

    /// How many sockets are in `state`, or in all.
    pub fn number(&self, state: Option<State>) -> u64 {
        state.map_or_else(|| self.total(), |state| self.get(state))
    }

    /// By how much the number in `state`, or in all, changed since `before`.
    pub fn change(&self, before: &Counts, state: Option<State>) -> i128 {
        i128::from(self.number(state)) - i128::from(before.number(state))
    }

    /// How many sockets there are in all.
    pub fn total(&self) -> u64 {
        self.named.iter().sum::<u64>() + self.unknown.values().sum::<u64>()
    }

    /// Each state that has sockets, with their number.
    pub fn present(&self) -> impl Iterator<Item = (State, u64)> {
        let states = State::named().chain(self.unknown());
        let counted = states.map(|state| (state, self.get(state)));
        counted.filter(|(_, sockets)| *sockets > 0)
    }

    /// The states without a name that were seen, by number.
    pub fn unknown(&self) -> impl Iterator<Item = State> {
        self.unknown.keys().map(|number| State::Unknown(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted_on_its_own_and_in_the_total() {
        let mut counts = Counts::default();
        let states: Vec<_> = State::named()
            .chain([State::Unknown(14), State::Unknown(200)])
            .collect();
        for (sockets, state) in (1..).zip(&states) {
            counts.add(*state, sockets);
        }
        for (sockets, state) in (1..).zip(states) {
            assert_eq!(counts.get(state), sockets, "{state}");
        }
        assert_eq!(counts.total(), (1..=15).sum::<u64>());
        assert!(
            counts
                .unknown()
                .eq([State::Unknown(14), State::Unknown(200)])
        );
    }
}
