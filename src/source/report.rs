//! What an observation tells besides its sockets.

use std::time::SystemTime;

use crate::model::{Completeness, Counts, Observation, SourceName};

/// Who answered, how completely, in which way and at what cost.
#[derive(Debug)]
pub struct Report {
    /// The source of every number in the answer.
    pub source: SourceName,
    /// What was lost.
    pub completeness: Completeness,
    /// By how much derived numbers may be off; 0 for a state that was listed or is exact.
    pub spread: Counts,
    /// What a person should be told about the source, where it was not to be expected.
    pub note: Option<String>,
    /// How the answer was come by, and why so.
    pub plan: String,
    /// What it took.
    pub cost: Cost,
}

/// What an observation took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Sockets that were listed, one by one.
    pub listed: u64,
    /// Sockets that were counted without being listed.
    pub derived: u64,
    /// Datagrams received, or reads made.
    pub receipts: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// Rows that /proc repeated; each is counted once.
    pub repeated: u64,
}

impl Report {
    /// Adds what another dump of the same answer lost and cost.
    pub fn add(&mut self, other: &Report) {
        self.completeness.join(&other.completeness);
        self.cost.add(other.cost);
    }

    /// What every answer carries, for one that was requested at `time`.
    pub fn observation(&self, time: SystemTime) -> Observation {
        Observation {
            time,
            source: self.source,
            completeness: self.completeness.clone(),
        }
    }
}

impl Cost {
    /// Adds what another part of the same observation took.
    pub(super) fn add(&mut self, other: Cost) {
        self.listed += other.listed;
        self.derived += other.derived;
        self.receipts += other.receipts;
        self.bytes += other.bytes;
        self.repeated += other.repeated;
    }
}
