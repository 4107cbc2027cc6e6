//! Kinds of sockets, and the one table of what is true of each: its names, states and tables.
//!
//! Knows neither the numbers of the kernel's protocols (`source::wire`) nor how a kind is counted.

use super::{Family, State, StateSet};

/// What is true of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The word for it, and the name of its kernel module: `tcp`.
    name: &'static str,
    /// Its name in messages: `TCP`.
    title: &'static str,
    states: StateSet,
    /// Its tables in `net` of proc(5), of IPv4 and IPv6; `None` if it has none.
    tables: Option<[&'static str; 2]>,
}

/// The states of a kind without connections of its own.
const CONNECTED_OR_NOT: StateSet = StateSet::NONE
    .with(State::Established)
    .with(State::Unconnected);

table! {
    /// A kind of socket. Every match on it is exhaustive, so that a new kind cannot be answered with
    /// the sockets of another.
    Kind
    /// What is true of it.
    definition: Definition
    {
        /// TCP over IPv4 and IPv6.
        Tcp = Definition {
            name: "tcp",
            title: "TCP",
            states: StateSet::ALL,
            tables: Some(["tcp", "tcp6"]),
        },
        /// Multipath TCP (RFC 8684), as the program holds it; its subflows are TCP sockets.
        Mptcp = Definition {
            name: "mptcp",
            title: "MPTCP",
            states: StateSet::ALL,
            tables: None,
        },
        /// UDP over IPv4 and IPv6.
        Udp = Definition {
            name: "udp",
            title: "UDP",
            states: CONNECTED_OR_NOT,
            tables: Some(["udp", "udp6"]),
        },
        /// UDP-Lite (RFC 3828) over IPv4 and IPv6.
        UdpLite = Definition {
            name: "udplite",
            title: "UDP-Lite",
            states: CONNECTED_OR_NOT,
            tables: Some(["udplite", "udplite6"]),
        },
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u8);

impl KindSet {
    /// TCP alone.
    pub const TCP: KindSet = KindSet::NONE.with(Kind::Tcp);

    /// No kind.
    pub const NONE: KindSet = KindSet(0);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: Kind) -> KindSet {
        KindSet(self.0 | 1 << kind as u8)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of the set, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        let all = Kind::ALL.iter().copied();
        all.filter(move |kind| self.0 & 1 << *kind as u8 != 0)
    }

    /// The first of them; TCP of none.
    pub fn first(self) -> Kind {
        self.iter().next().unwrap_or(Kind::Tcp)
    }

    /// The states that their sockets can have, in an answer that names none.
    pub fn states(self) -> StateSet {
        self.each(Kind::states)
    }

    /// The states that these words mean for one of the kinds; see [`Kind::meant`].
    pub fn meant(self, states: StateSet) -> StateSet {
        self.each(|kind| kind.meant(states))
    }

    /// The states of sockets that wait for peers.
    pub fn waiting(self) -> StateSet {
        self.each(|kind| StateSet::NONE.with(kind.waiting()))
    }

    fn each(self, of: impl Fn(Kind) -> StateSet) -> StateSet {
        self.iter().map(of).fold(StateSet::NONE, StateSet::union)
    }

    /// The kind, if there is only one.
    pub fn only(self) -> Option<Kind> {
        let mut kinds = self.iter();
        kinds.next().filter(|_| kinds.next().is_none())
    }

    /// The words for them with commas between; `None` for TCP alone, which is named nowhere.
    pub fn unless_tcp(self) -> Option<String> {
        let words: Vec<&str> = self.iter().map(Kind::name).collect();
        (self != KindSet::TCP).then(|| words.join(","))
    }

    /// Their names in messages: `TCP and UDP`.
    pub fn titles(self) -> String {
        let titles: Vec<&str> = self.iter().map(Kind::title).collect();
        titles.join(" and ")
    }
}

impl Kind {
    /// The word for it: `tcp`. It is the name in services(5) too, and in the names of kernel modules.
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// Its name in messages: `TCP`.
    pub const fn title(self) -> &'static str {
        self.definition().title
    }

    /// The word for each.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Kind::ALL.iter().map(|kind| kind.name())
    }

    /// The kind with this name, in any case and with or without `-` and `_`; `None` for another word.
    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.to_lowercase().replace(['-', '_'], "");
        Kind::ALL.iter().copied().find(|kind| kind.name() == word)
    }

    /// The states that its sockets can have, in an answer that names none.
    pub const fn states(self) -> StateSet {
        self.definition().states
    }

    /// The states that these words mean for this kind: of one whose idle sockets are unconnected,
    /// CLOSE is UNCONNECTED, as in ss(8). May be empty.
    pub fn meant(self, states: StateSet) -> StateSet {
        let own = self.states();
        if states.contains(State::Close) && own.contains(State::Unconnected) {
            return states.intersection(own).with(State::Unconnected);
        }
        match self {
            // BOUND is requested by name alone.
            Kind::Tcp => states.without(State::Unconnected),
            Kind::Mptcp | Kind::Udp | Kind::UdpLite => states.intersection(own),
        }
    }

    /// The state of sockets that wait for peers: those that `-l` selects, as in ss(8).
    pub const fn waiting(self) -> State {
        match self {
            Kind::Tcp | Kind::Mptcp => State::Listen,
            Kind::Udp | Kind::UdpLite => State::Unconnected,
        }
    }

    /// What the kernel's CLOSE is for this kind.
    pub fn named(self, state: State) -> State {
        let is_idle = state == State::Close && self.states().contains(State::Unconnected);
        if is_idle { State::Unconnected } else { state }
    }

    /// The name of its table in `net` of proc(5): `tcp` or `tcp6`; `None` for a kind that only netlink
    /// reports.
    pub fn table(self, family: Family) -> Option<&'static str> {
        let [v4, v6] = self.definition().tables?;
        Some(match family {
            Family::V4 => v4,
            Family::V6 => v6,
        })
    }

    /// Whether the kernel's counters in `net/sockstat` and `net/snmp` of proc(5) determine how many
    /// of its sockets are in ESTABLISHED and TIME_WAIT.
    pub const fn has_counters(self) -> bool {
        matches!(self, Kind::Tcp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_parsed_from_its_name_and_its_title() {
        for kind in Kind::ALL {
            for word in [kind.name(), kind.title()] {
                assert_eq!(Kind::parse(word), Some(*kind));
            }
        }
        assert_eq!(Kind::parse("sctp"), None);
    }

    #[test]
    fn states_that_a_kind_does_not_have_are_left_out_and_close_is_unconnected() {
        let close = StateSet::NONE.with(State::Close);
        let unconnected = StateSet::NONE.with(State::Unconnected);
        assert_eq!(Kind::Udp.meant(close), unconnected);
        assert_eq!(Kind::Udp.meant(StateSet::ALL), Kind::Udp.states());
        assert!(
            Kind::Udp
                .meant(StateSet::NONE.with(State::TimeWait))
                .is_empty()
        );
        assert_eq!(Kind::Tcp.meant(close), close);
    }
}
