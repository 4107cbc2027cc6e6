//! TCP states as the racers spell them, and counts by state. A mirror of its own, apart from the
//! program's model: a slip there must show as a mismatch here. Codes: `include/net/tcp_states.h`.

use std::collections::BTreeMap;
use std::fmt;

/// Kernel code and the name the race prints, in the order of a connection's life.
const NAMES: [(u8, &str); 11] = [
    (10, "LISTEN"),
    (2, "SYN_SENT"),
    (3, "SYN_RECV"),
    (1, "ESTABLISHED"),
    (4, "FIN_WAIT1"),
    (5, "FIN_WAIT2"),
    (8, "CLOSE_WAIT"),
    (11, "CLOSING"),
    (9, "LAST_ACK"),
    (6, "TIME_WAIT"),
    (7, "CLOSE"),
];

pub(crate) const ESTABLISHED: u8 = 1;
pub(crate) const FIN_WAIT2: u8 = 5;
pub(crate) const TIME_WAIT: u8 = 6;
pub(crate) const CLOSE_WAIT: u8 = 8;
pub(crate) const LISTEN: u8 = 10;

/// The code of a state as ss, netstat, node_exporter or tcpstates spell it.
pub(crate) fn parse_state(word: &str) -> Option<u8> {
    let plain: String = word
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let plain = match plain.as_str() {
        "ESTAB" => "ESTABLISHED",
        "UNCONN" => "CLOSE",
        other => other,
    };
    NAMES
        .iter()
        .find(|(_, name)| name.replace('_', "") == plain)
        .map(|(code, _)| *code)
}

pub(crate) fn name(code: u8) -> String {
    NAMES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or_else(|| format!("UNKNOWN({code})"), |(_, name)| (*name).into())
}

/// Sockets by kernel state code; a state without sockets is absent, so that tools that print zeros
/// and tools that do not compare equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<u8, u64>);

impl Counts {
    pub(crate) fn add(&mut self, code: u8, sockets: u64) {
        if sockets > 0 {
            *self.0.entry(code).or_default() += sockets;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (code, sockets) in &other.0 {
            self.add(*code, *sockets);
        }
    }

    pub(crate) fn get(&self, code: u8) -> u64 {
        self.0.get(&code).copied().unwrap_or_default()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// What is left when the states in `codes` are not asked for.
    pub(crate) fn without(&self, codes: &[u8]) -> Self {
        let mut rest = self.0.clone();
        rest.retain(|code, _| !codes.contains(code));
        Self(rest)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (code, sockets) in &self.0 {
            write!(f, "{} {sockets}, ", name(*code))?;
        }
        write!(f, "total {}", self.total())
    }
}
