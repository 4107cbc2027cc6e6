//! How many sockets are in each state.

use std::collections::BTreeMap;

use super::State;

/// A number of sockets per state. Most groups have sockets in one state only, so that this takes no memory of
/// its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Kept);

/// In one form for equal numbers: states without sockets make no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Kept {
    #[default]
    Nothing,
    /// The only state with sockets, and how many, which is not 0.
    One(State, u64),
    /// Two states or more.
    Several(Box<Table>),
}

/// Named states are counted by index, without a search; numbers without a name are counted separately, each
/// under its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    named: [u64; State::NAMED],
    unknown: BTreeMap<u8, u64>,
}

impl Table {
    fn add(&mut self, state: State, sockets: u64) {
        let count = match (state, state.index()) {
            (State::Unknown(number), _) => Some(self.unknown.entry(number).or_default()),
            (_, index) => index.and_then(|index| self.named.get_mut(index)),
        };
        if let Some(count) = count {
            *count += sockets;
        }
    }

    fn get(&self, state: State) -> u64 {
        match (state, state.index()) {
            (_, Some(index)) => self.named.get(index).copied().unwrap_or(0),
            (State::Unknown(number), None) => self.unknown.get(&number).copied().unwrap_or(0),
            (_, None) => 0,
        }
    }
}

impl Counts {
    /// Counts `sockets` more in `state`.
    pub fn add(&mut self, state: State, sockets: u64) {
        if sockets == 0 {
            return;
        }
        match &mut self.0 {
            Kept::Several(table) => table.add(state, sockets),
            Kept::One(known, count) if *known == state => *count += sockets,
            Kept::One(known, count) => {
                let mut table = Box::<Table>::default();
                table.add(*known, *count);
                table.add(state, sockets);
                self.0 = Kept::Several(table);
            }
            Kept::Nothing => self.0 = Kept::One(state, sockets),
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
        match &self.0 {
            Kept::One(known, count) if *known == state => *count,
            Kept::Several(table) => table.get(state),
            Kept::One(..) | Kept::Nothing => 0,
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
        match &self.0 {
            Kept::Nothing => 0,
            Kept::One(_, count) => *count,
            Kept::Several(table) => {
                table.named.iter().sum::<u64>() + table.unknown.values().sum::<u64>()
            }
        }
    }

    /// Each state that has sockets, with their number.
    pub fn present(&self) -> impl Iterator<Item = (State, u64)> {
        let states = State::named().chain(self.unknown());
        let counted = states.map(|state| (state, self.get(state)));
        counted.filter(|(_, sockets)| *sockets > 0)
    }

    /// The states without a name that were seen, by number.
    pub fn unknown(&self) -> impl Iterator<Item = State> {
        let (one, several) = match &self.0 {
            Kept::One(state @ State::Unknown(_), _) => (Some(*state), None),
            Kept::Several(table) => (None, Some(table.unknown.keys())),
            Kept::One(..) | Kept::Nothing => (None, None),
        };
        let several = several.into_iter().flatten();
        one.into_iter()
            .chain(several.map(|number| State::Unknown(*number)))
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

    #[test]
    fn equal_numbers_are_equal_however_they_were_added_up() {
        let sum = |added: &[(State, u64)]| {
            let mut counts = Counts::default();
            added.iter().for_each(|(state, n)| counts.add(*state, *n));
            counts
        };
        let (listen, other) = (State::Listen, State::Unknown(14));
        assert_eq!(sum(&[(listen, 0), (other, 0)]), Counts::default());
        assert_eq!(
            sum(&[(listen, 2), (other, 0)]),
            sum(&[(listen, 1), (listen, 1)])
        );
        assert_eq!(
            sum(&[(listen, 2), (other, 1)]),
            sum(&[(other, 1), (listen, 2)])
        );
        let one = sum(&[(other, 3)]);
        assert_eq!((one.get(other), one.get(listen), one.total()), (3, 0, 3));
        assert!(one.unknown().eq([other]) && one.present().eq([(other, 3)]));
    }

    #[test]
    fn a_group_in_one_state_is_small() {
        assert!(size_of::<Counts>() <= 16);
    }
}
