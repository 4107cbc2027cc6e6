//! What a trace came to.

use std::time::{Duration, SystemTime};

use super::{Connection, FirstClose, Shape};
use crate::model::{Field, Label, State};

/// How long sockets were in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateTimes {
    /// The state.
    pub state: State,
    /// How many times it was left with its duration known.
    pub count: u64,
    /// Durations that 50, 90 and 99 of a hundred did not exceed, to three digits; off by less than a
    /// hundredth.
    pub percentiles: [Duration; 3],
    /// The longest.
    pub max: Duration,
}

/// How often each end of some connections closed first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstCloses {
    /// This end.
    pub local: u64,
    /// The peer.
    pub remote: u64,
    /// Both at once.
    pub both: u64,
    /// Neither: no FIN was sent, and who sent a reset is unknown, or none was.
    pub nobody: u64,
}

impl FirstCloses {
    /// Counts one.
    pub fn add(&mut self, first: FirstClose) {
        let counter = match first {
            FirstClose::By(super::Side::Local) => &mut self.local,
            FirstClose::By(super::Side::Remote) => &mut self.remote,
            FirstClose::Both => &mut self.both,
            FirstClose::Nobody => &mut self.nobody,
        };
        *counter += 1;
    }

    /// Adds those of another group.
    pub fn join(&mut self, other: &FirstCloses) {
        self.local += other.local;
        self.remote += other.remote;
        self.both += other.both;
        self.nobody += other.nobody;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.local + self.remote + self.both + self.nobody
    }
}

/// What was not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Events for which the ring had no room; `None` if some were lost without being counted.
    pub ring: Option<u64>,
    /// Events during which a program was running on the same processor already, of the whole host.
    pub nested: u64,
    /// Transitions from another state than the one seen last.
    pub gaps: u64,
    /// Connections forgotten because there were too many.
    pub forgotten: u64,
    /// Segments for which the capture had no room.
    pub capture: u64,
}

impl Losses {
    /// Whether something of what is traced is missing. Programs that were interrupted are counted
    /// for the whole host: only a gap shows that something traced here was missed.
    pub fn is_complete(&self) -> bool {
        self.ring == Some(0) && self.gaps == 0 && self.forgotten == 0 && self.capture == 0
    }
}

/// The sum of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When it ended.
    pub time: SystemTime,
    /// How long it took.
    pub lasted: Duration,
    /// Who recorded: `bpf` or `destroy`.
    pub source: &'static str,
    /// How many transitions there were; `None` if the source does not report them.
    pub transitions: Option<u64>,
    /// How many connections ended.
    pub connections: u64,
    /// How they were closed.
    pub shapes: Vec<(Shape, u64)>,
    /// How long they were in each state.
    pub states: Vec<StateTimes>,
    /// The fields by which the first closers are grouped.
    pub fields: Vec<Field>,
    /// Who closes first, by these; most connections first.
    pub first_closes: Vec<(Vec<Label>, FirstCloses)>,
    /// Connections of further groups.
    pub other: FirstCloses,
    /// The connections that lived longest.
    pub longest: Vec<Connection>,
    /// What was not recorded.
    pub losses: Losses,
}
