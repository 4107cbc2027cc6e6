//! An answer: what was observed, when, by which source, and how completely.

use std::time::SystemTime;

use super::{Completeness, Counts, State, StateSet};

/// Which source answered, the most reliable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceName {
    /// NETLINK_SOCK_DIAG listed every socket.
    Netlink,
    /// A program in the kernel counted every socket.
    Bpf,
    /// NETLINK_SOCK_DIAG listed the rarer states; the kernel's counters gave the rest.
    NetlinkAndCounters,
    /// The tables `tcp` and `tcp6` of a proc file system.
    Proc,
    /// A file that was recorded from one of these.
    Record,
}

impl SourceName {
    /// The name in JSON and in notes.
    pub fn name(self) -> &'static str {
        match self {
            SourceName::Netlink => "netlink",
            SourceName::Bpf => "bpf",
            SourceName::NetlinkAndCounters => "netlink+counters",
            SourceName::Proc => "proc",
            SourceName::Record => "record",
        }
    }
}

/// What every answer carries, whatever the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the first request was sent.
    pub time: SystemTime,
    /// Which source answered.
    pub source: SourceName,
    /// What was lost.
    pub completeness: Completeness,
}

/// How many sockets were in each state at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When, by which source and how completely.
    pub observation: Observation,
    /// The states that were requested.
    pub asked: StateSet,
    /// The sockets found in them.
    pub counts: Counts,
    /// By how much derived numbers may be off: how far the kernel's counters disagreed while they
    /// were read. 0 for every state that was listed, and for derived ones without disagreement.
    pub spread: Counts,
}

impl Snapshot {
    /// The states of the answer, in the order they are shown: every requested one, then those without a
    /// name that were seen.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.asked.iter().chain(self.counts.unknown())
    }
}
