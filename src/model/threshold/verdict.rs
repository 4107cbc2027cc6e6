//! The results of a check.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::{Range, Side, Thresholds};
use crate::model::{
    Counts, Field, InetEnds, KindSet, Label, ListenPlace, Note, Observation, State, StateSet, Where,
};

/// The severity, from best to worst: unknown is worse than a warning, and better than critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// Within every range.
    Ok,
    /// Outside a range for warnings.
    Warning,
    /// Not known.
    Unknown,
    /// Outside a critical range.
    Critical,
}

impl CheckStatus {
    /// The word of the monitoring plugins.
    pub fn name(self) -> &'static str {
        match self {
            CheckStatus::Ok => "OK",
            CheckStatus::Warning => "WARNING",
            CheckStatus::Unknown => "UNKNOWN",
            CheckStatus::Critical => "CRITICAL",
        }
    }
}

/// How reliable a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Exact, within its spread.
    Exact,
    /// Something was lost: there are at least this many.
    AtLeast,
    /// Something was lost, or is doubtful: there may be more or fewer.
    Nothing,
}

/// A value, and how exact it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The value, in sockets, percent or sockets per second.
    pub value: f64,
    /// The least it may be, where counts were derived; else the value.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
    /// Of a share, how many sockets there are of how many.
    pub parts: Option<(u64, u64)>,
    /// By how many sockets what was counted for it may be off; 0 where they were listed.
    pub spread: u64,
    /// What it is worth.
    pub trust: Trust,
}

/// The range that a value is on the wrong side of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breach {
    /// Warning or critical.
    pub status: CheckStatus,
    /// The range.
    pub range: Range,
    /// Where the value is.
    pub side: Side,
}

/// The result for one aspect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The aspect and its ranges.
    pub thresholds: Thresholds,
    /// What was measured.
    pub measured: Measurement,
    /// What the value itself breaks, the worse range first.
    pub breach: Option<Breach>,
    /// Unknown where a loss could change the judgement.
    pub status: CheckStatus,
}

/// A group that breaks a range, and its results.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedGroup {
    /// A label for each field grouped by, in their order.
    pub key: Vec<Label>,
    /// The judgements on it, in the order in which thresholds were given.
    pub judgements: Vec<Judgement>,
    /// The worst of them.
    pub status: CheckStatus,
}

/// The results for groups.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedGroups {
    /// The fields grouped by.
    pub fields: Vec<Field>,
    /// How many groups were checked.
    pub groups: u64,
    /// Whether these are all; false where there were too many to tell them apart.
    pub all: bool,
    /// How many of them break a range for warnings and none that is critical.
    pub warning: u64,
    /// How many of them break a critical range.
    pub critical: u64,
    /// Those that break one, the worst first, as many as are wanted.
    pub listed: Vec<JudgedGroup>,
    /// Of each aspect the worst group, whether it breaks a range or not.
    pub worst: Vec<(Vec<Label>, Judgement)>,
    /// Whether there was no group, and one without sockets, with an empty key, was checked instead.
    pub judged_empty: bool,
}

/// The result for a listener's accept queue.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedQueue {
    /// Where it listens.
    pub place: ListenPlace,
    /// The judgement; its parts are the connections that wait and the limit.
    pub judgement: Judgement,
}

/// The results for accept queues.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedQueues {
    /// The ranges they are compared with.
    pub thresholds: Thresholds,
    /// How many listeners there are; `None` where that is not known.
    pub listeners: Option<u64>,
    /// How many of them break a range.
    pub broken: u64,
    /// The worst ones first, as many as are wanted, at least one if there is a listener.
    pub listed: Vec<JudgedQueue>,
}

/// What has the value of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A socket between two ends; its remote one is unspecified for a listener.
    Socket(InetEnds),
    /// Connections from an address to an address and port.
    Destination {
        /// The local address.
        source: IpAddr,
        /// The remote address and port.
        peer: SocketAddr,
    },
}

impl fmt::Display for Holder {
    /// `at 127.0.0.1:80 with 127.0.0.1:50000`, `from 127.0.0.1 to 127.0.0.1:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Socket(ends) => match ends.peer() {
                Some(peer) => write!(f, "at {} with {peer}", ends.local),
                None => write!(f, "at {}", ends.local),
            },
            Holder::Destination { source, peer } => write!(f, "from {source} to {peer}"),
        }
    }
}

/// The result for a quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedQuantity {
    /// The ranges it is compared with.
    pub thresholds: Thresholds,
    /// The socket or destination with this value; of a sum, the one with most of it. `None` where
    /// it is about all, or nothing has it.
    pub holder: Option<Holder>,
    /// The judgement; `None` where the value is unknown: the reason is among the failures.
    pub judgement: Option<Judgement>,
}

/// How a check that was repeated ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// How often it was made.
    pub checks: u64,
    /// How many of the last ones were OK.
    pub ok_in_a_row: u32,
    /// The time from the first one to the end of the last one.
    pub elapsed: Duration,
}

impl Waited {
    /// After this many in a row a state counts as lasting: one quiet instant is no drain.
    pub const ENOUGH: u32 = 3;
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// When the first request was sent, or it became clear that none can be.
    pub time: SystemTime,
    /// The source, and what was lost; `None` where no source answered.
    pub observation: Option<Observation>,
    /// The worst of all.
    pub status: CheckStatus,
    /// Why something could not be checked at all, as sentences without a full stop.
    pub failures: Vec<String>,
    /// That the processes whose sockets were to be checked were not found; else empty.
    pub no_process: Vec<Note>,
    /// The kinds of the sockets observed.
    pub kinds: KindSet,
    /// Whose sockets were observed.
    pub place: Where,
    /// The words of the filter that selects them, as typed; empty for none.
    pub filter: String,
    /// The states requested.
    pub asked: StateSet,
    /// The sockets in them.
    pub counts: Counts,
    /// By how much derived numbers may be off.
    pub spread: Counts,
    /// The results for all sockets together; none if groups are checked.
    pub judgements: Vec<Judgement>,
    /// The judgements on groups.
    pub groups: Option<JudgedGroups>,
    /// The judgements on accept queues.
    pub queues: Option<JudgedQueues>,
    /// The judgements on other quantities.
    pub quantities: Vec<JudgedQuantity>,
    /// How often it was repeated, where it was to wait.
    pub waited: Option<Waited>,
    /// The messages about it, a line each.
    pub messages: Vec<String>,
}

impl Verdict {
    /// The states of the answer: every requested one, then those without a name that were seen.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.asked.iter().chain(self.counts.unknown())
    }

    /// Whether a source answered, and nothing was lost.
    pub fn is_complete(&self) -> bool {
        let observation = self.observation.as_ref();
        observation.is_some_and(|observation| observation.completeness.is_complete())
    }
}
