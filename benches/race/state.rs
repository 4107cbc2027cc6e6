//! TCP states in the spellings of all racers, and sockets counted by state. Shares nothing with the
//! model of the program, so that a mistake there shows as a mismatch here.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;

/// By kernel code, from 0: `include/net/tcp_states.h`.
const STATES: &str = "- ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE \
                      CLOSE_WAIT LAST_ACK LISTEN CLOSING";

pub(crate) fn state_of_code(code: usize) -> Result<&'static str> {
    let state = STATES.split(' ').nth(code);
    state.with_context(|| format!("unknown state {code}"))
}

/// The state that ss, netstat or node_exporter spells `word`.
pub(crate) fn parse_state(word: &str) -> Result<&'static str> {
    let plain = word.to_ascii_uppercase().replace(['-', '_'], "");
    let plain = match plain.as_str() {
        "ESTAB" => "ESTABLISHED",
        "UNCONN" => "CLOSE",
        other => other,
    };
    let mut states = STATES.split(' ');
    let known = states.find(|state| state.replace('_', "") == plain);
    known.with_context(|| format!("unknown state {word:?}"))
}

/// Sockets by state. A state without sockets is absent, so that tools that print zeros and tools
/// that do not compare equal.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, u64>")]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl From<BTreeMap<String, u64>> for Counts {
    fn from(mut states: BTreeMap<String, u64>) -> Self {
        states.retain(|_, sockets| *sockets > 0);
        Self(states)
    }
}

impl Counts {
    pub(crate) fn add(&mut self, state: &str, sockets: u64) {
        if sockets > 0 {
            *self.0.entry(state.into()).or_default() += sockets;
        }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for (state, sockets) in &other.0 {
            sum.add(state, *sockets);
        }
        sum
    }

    pub(crate) fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|state, _| is_wanted(state));
        self
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// `STATE count, STATE count`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.iter();
        let rows: Vec<String> = rows.map(|(state, n)| format!("{state} {n}")).collect();
        f.write_str(&rows.join(", "))
    }
}
