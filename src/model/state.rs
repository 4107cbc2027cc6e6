//! The states a TCP socket is reported in, and the one table of their spellings.
//!
//! The command line, the table and the JSON all read this table; it must not know the numbers
//! the kernel uses (see `source::kernel`). Names follow `tcp(7)` and netstat, which is
//! RFC 9293 section 3.3.2 with the kernel's FIN_WAIT1, FIN_WAIT2 and CLOSE.

use std::fmt;

/// A state as the kernel reports it, in the order of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waiting for connections.
    Listen,
    /// Connecting: SYN sent, nothing heard yet.
    SynSent,
    /// Half open: a SYN was received and answered. Includes request sockets, which the kernel
    /// calls NEW_SYN_RECV inside and reports as SYN_RECV.
    SynRecv,
    /// Open in both directions.
    Established,
    /// We closed; our FIN is not acknowledged yet.
    FinWait1,
    /// We closed and that is acknowledged; the peer has not closed. Reported both for full
    /// sockets and for the small timewait sockets that orphans are turned into.
    FinWait2,
    /// The peer closed; the local program has not.
    CloseWait,
    /// Both closed at once; our FIN is not acknowledged yet.
    Closing,
    /// The peer closed first, then we; our FIN is not acknowledged yet.
    LastAck,
    /// Closed; kept for 60 seconds to answer stray segments.
    TimeWait,
    /// Not connected. Live sockets in this state are in none of the kernel's tables.
    Close,
    /// Bound to a port, neither listening nor connecting. Reported by Linux 6.8 and later, and
    /// only to those who ask for it by name.
    Bound,
    /// Bound at most, of kinds whose sockets need no connection; the kernel calls it CLOSE, and ss(8)
    /// UNCONN.
    Unconnected,
    /// A number this program has no name for, as the kernel sent it.
    Unknown(u8),
}

/// The spellings of one state: the name that is printed, and aliases, folded as by [`fold`]: without
/// case, `-` and `_`.
type Spelling = (State, &'static str, &'static [&'static str]);

/// Every named state, in the order of [`State`]. Aliases are those of ss, netstat and RFC 9293.
const SPELLINGS: [Spelling; State::NAMED] = [
    (State::Listen, "LISTEN", &["listening"]),
    (State::SynSent, "SYN_SENT", &[]),
    (
        State::SynRecv,
        "SYN_RECV",
        &["synrcv", "synrcvd", "synreceived"],
    ),
    (State::Established, "ESTABLISHED", &["estab"]),
    (State::FinWait1, "FIN_WAIT1", &[]),
    (State::FinWait2, "FIN_WAIT2", &[]),
    (State::CloseWait, "CLOSE_WAIT", &[]),
    (State::Closing, "CLOSING", &[]),
    (State::LastAck, "LAST_ACK", &[]),
    (State::TimeWait, "TIME_WAIT", &[]),
    (State::Close, "CLOSE", &["closed", "unconnected", "unconn"]),
    (State::Bound, "BOUND", &["boundinactive"]),
    // As a word it means CLOSE, which `Kind::meant` translates.
    (State::Unconnected, "UNCONNECTED", &[]),
];

/// A word without case, `-` and `_`: `fin-wait-1`, `FIN_WAIT1` and `FinWait1` are one word.
pub(super) fn fold(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl State {
    /// How many states have a name.
    pub const NAMED: usize = 13;

    /// Every named state, in the order of a connection's life, then BOUND and UNCONNECTED.
    pub fn named() -> impl Iterator<Item = State> {
        SPELLINGS.iter().map(|(state, ..)| *state)
    }

    /// The words that name states, one for each as a person would type it.
    pub fn words() -> impl Iterator<Item = String> {
        let typed = State::named().filter(|state| *state != State::Unconnected);
        typed.map(State::word)
    }

    /// The place of a named state in [`State::named`]; `None` for an unknown number.
    pub const fn index(self) -> Option<usize> {
        Some(match self {
            State::Listen => 0,
            State::SynSent => 1,
            State::SynRecv => 2,
            State::Established => 3,
            State::FinWait1 => 4,
            State::FinWait2 => 5,
            State::CloseWait => 6,
            State::Closing => 7,
            State::LastAck => 8,
            State::TimeWait => 9,
            State::Close => 10,
            State::Bound => 11,
            State::Unconnected => 12,
            State::Unknown(_) => return None,
        })
    }

    /// The name printed everywhere; `None` for a number without one.
    pub fn name(self) -> Option<&'static str> {
        SPELLINGS.get(self.index()?).map(|(_, name, _)| *name)
    }

    /// The state of this name, as it is printed; `None` if there is none.
    pub fn of_name(name: &str) -> Option<State> {
        let found = SPELLINGS.iter().find(|(_, known, _)| *known == name);
        found.map(|(state, ..)| *state)
    }

    /// The state that is printed so, `UNKNOWN(14)` included.
    pub fn of_text(text: &str) -> Option<State> {
        let number = || {
            text.strip_prefix("UNKNOWN(")?
                .strip_suffix(')')?
                .parse()
                .ok()
        };
        State::of_name(text).or_else(|| number().map(State::Unknown))
    }

    /// The state a word names, in any case and in any of the spellings of ss, netstat and RFC
    /// 9293; `None` if it names none.
    pub fn parse(word: &str) -> Option<State> {
        let word = fold(word);
        SPELLINGS
            .iter()
            .find(|(_, name, aliases)| fold(name) == word || aliases.contains(&&*word))
            .map(|(state, ..)| *state)
    }

    /// The name as a person would type it: `close-wait`.
    pub fn word(self) -> String {
        self.to_string().to_lowercase().replace('_', "-")
    }

    /// Whether a pile of sockets in this state usually means that something is stuck: a program
    /// that does not close, a peer that does not answer, half-open connections.
    pub fn deserves_a_look(self) -> bool {
        !matches!(
            self,
            State::Listen
                | State::Established
                | State::FinWait2
                | State::TimeWait
                | State::Close
                | State::Bound
                | State::Unconnected
        )
    }
}

impl fmt::Display for State {
    /// The name printed everywhere: `CLOSE_WAIT`, or `UNKNOWN(14)`. Honours width and alignment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.name()) {
            (_, Some(name)) => f.pad(name),
            (State::Unknown(number), _) => f.pad(&format!("UNKNOWN({number})")),
            (_, None) => f.pad("UNKNOWN"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_in_the_table_at_its_own_index() {
        for (index, (state, name, aliases)) in SPELLINGS.iter().enumerate() {
            assert_eq!(state.index(), Some(index));
            assert_eq!(state.to_string(), *name);
            for alias in *aliases {
                assert_eq!(*alias, fold(alias), "aliases are compared folded");
            }
        }
    }

    #[test]
    fn the_spellings_of_ss_netstat_and_the_rfc_name_the_same_states() {
        for (word, state) in [
            ("estab", State::Established),
            ("ESTABLISHED", State::Established),
            ("syn-recv", State::SynRecv),
            ("syn-rcv", State::SynRecv),
            ("SYN-RECEIVED", State::SynRecv),
            ("fin-wait-1", State::FinWait1),
            ("FIN_WAIT2", State::FinWait2),
            ("Fin-Wait2", State::FinWait2),
            ("time-wait", State::TimeWait),
            ("listening", State::Listen),
            ("unconnected", State::Close),
            ("closed", State::Close),
            ("close", State::Close),
            ("close-wait", State::CloseWait),
            ("bound-inactive", State::Bound),
        ] {
            assert_eq!(State::parse(word), Some(state), "{word}");
        }
        assert_eq!(State::parse("established?"), None);
        assert_eq!(State::parse(""), None);
    }

    #[test]
    fn an_unknown_number_is_printed_and_not_parsed() {
        assert_eq!(State::Unknown(14).to_string(), "UNKNOWN(14)");
        assert_eq!(State::parse("UNKNOWN(14)"), None);
    }

    #[test]
    fn every_word_that_is_suggested_is_parsed() {
        for word in State::words() {
            assert_eq!(State::parse(&word).map(State::word), Some(word));
        }
    }
}
