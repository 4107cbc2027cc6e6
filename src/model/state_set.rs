//! Which states are requested: another type than the state that is reported of a socket, because the
//! two differ (BOUND is requested and never reported; unknown numbers are reported and never
//! requested).
//!
//! Holds the groups of states that ss(8) knows and the parser of `--state LIST`; must not know
//! the kernel's bit mask, which `source` makes from it.

use super::state::{State, fold};

/// A set of named states. May be empty (by intersection); a caller refuses that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSet(u16);

/// The groups of ss(8), section STATE-FILTER, less the bound state, which must be named.
const GROUPS: [(&str, StateSet); 5] = {
    let minisockets = StateSet::NONE.with(State::SynRecv).with(State::TimeWait);
    let full = StateSet::ALL
        .without(State::SynRecv)
        .without(State::TimeWait);
    let connected = StateSet::ALL.without(State::Listen).without(State::Close);
    [
        ("all", StateSet::ALL),
        ("connected", connected),
        ("synchronized", connected.without(State::SynSent)),
        ("bucket", minisockets),
        ("big", full),
    ]
};

impl StateSet {
    /// No state.
    pub const NONE: StateSet = StateSet(0);

    /// The eleven states of a connection: every named one but BOUND and UNCONNECTED.
    pub const ALL: StateSet = StateSet((1 << (State::NAMED - 2)) - 1);

    const fn bit(state: State) -> u16 {
        match state.index() {
            Some(index) => 1 << index,
            None => 0,
        }
    }

    /// This set and `state`; an unknown state cannot be requested and adds nothing.
    #[must_use]
    pub const fn with(self, state: State) -> StateSet {
        StateSet(self.0 | Self::bit(state))
    }

    /// This set without `state`.
    #[must_use]
    pub const fn without(self, state: State) -> StateSet {
        StateSet(self.0 & !Self::bit(state))
    }

    /// The states of this set that are not in the other one.
    #[must_use]
    pub const fn difference(self, other: StateSet) -> StateSet {
        StateSet(self.0 & !other.0)
    }

    /// The states in both.
    #[must_use]
    pub const fn intersection(self, other: StateSet) -> StateSet {
        StateSet(self.0 & other.0)
    }

    /// The states in either.
    #[must_use]
    pub const fn union(self, other: StateSet) -> StateSet {
        StateSet(self.0 | other.0)
    }

    /// Whether no state is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a socket reported in `state` is requested. States without a name belong to the answer
    /// only if all eleven are requested.
    pub const fn contains(self, state: State) -> bool {
        match state.index() {
            Some(index) => self.0 & (1 << index) != 0,
            None => self.0 & Self::ALL.0 == Self::ALL.0,
        }
    }

    /// The states of the set, in the order of a connection's life.
    pub fn iter(self) -> impl Iterator<Item = State> {
        State::named().filter(move |state| self.contains(*state))
    }

    /// The words for every state and group, as a person would type them: one for each, aliases
    /// left out.
    pub fn words() -> impl Iterator<Item = String> {
        let groups = GROUPS.iter().map(|(name, _)| (*name).to_owned());
        State::words().chain(groups)
    }

    /// One word of a list: a state in any spelling, or a group of ss(8); `None` if neither.
    pub fn parse_word(word: &str) -> Option<StateSet> {
        if let Some(state) = State::parse(word) {
            return Some(StateSet::NONE.with(state));
        }
        let folded = fold(word);
        GROUPS
            .iter()
            .find(|(name, _)| *name == folded)
            .map(|(_, set)| *set)
    }
}

impl FromIterator<State> for StateSet {
    fn from_iter<T: IntoIterator<Item = State>>(states: T) -> StateSet {
        states.into_iter().fold(StateSet::NONE, StateSet::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(set: StateSet) -> Vec<String> {
        set.iter().map(|state| state.to_string()).collect()
    }

    #[test]
    fn all_means_the_eleven_states_and_not_bound() {
        assert_eq!(StateSet::ALL.iter().count(), 11);
        assert!(!StateSet::ALL.contains(State::Bound));
        assert_eq!(StateSet::parse_word("all"), Some(StateSet::ALL));
    }

    #[test]
    fn the_groups_are_those_of_ss() {
        let group = |word| names(StateSet::parse_word(word).unwrap());
        assert_eq!(group("bucket"), ["SYN_RECV", "TIME_WAIT"]);
        assert_eq!(
            group("synchronized"),
            [
                "SYN_RECV",
                "ESTABLISHED",
                "FIN_WAIT1",
                "FIN_WAIT2",
                "CLOSE_WAIT",
                "CLOSING",
                "LAST_ACK",
                "TIME_WAIT"
            ]
        );
        assert_eq!(group("connected").len(), 9);
        assert_eq!(group("BIG").len(), 9);
    }

    #[test]
    fn unknown_states_belong_to_the_answer_only_when_all_were_asked_for() {
        assert!(StateSet::ALL.contains(State::Unknown(14)));
        assert!(
            !StateSet::ALL
                .without(State::Close)
                .contains(State::Unknown(14))
        );
        assert!(
            StateSet::ALL
                .with(State::Bound)
                .contains(State::Unknown(14))
        );
    }
}
