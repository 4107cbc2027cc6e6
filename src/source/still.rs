//! Counts of network namespaces in which nothing happened since the sample before: they are as they
//! were, without a walk through the connections of the whole host.
//!
//! While no segment came or went and the counters of sockets are the same, no socket has changed its
//! state. The exception is a request (SYN_RECV) that expires, so that a namespace with one is counted
//! again.

use std::ops::ControlFlow;

use super::counters::{SocketCounters, parse_under};
use super::observer::Part;
use super::plan::{Caution, Plan};
use super::{ProcNet, Report, SourceError};
use crate::model::{CountSink, Counts, Netns, Sink, Socket, SplitSink, State, StateSet};
use crate::question::Question;

/// What is remembered of a network namespace between two answers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Memory {
    pub(super) caution: Caution,
    counted: Option<Counted>,
}

/// The last count.
#[derive(Debug, PartialEq)]
struct Counted {
    /// The counters before it.
    at: Stillness,
    counts: Counts,
    spread: Counts,
}

/// Counters that change with the state of any socket but a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stillness {
    sockets: SocketCounters,
    /// `Tcp: CurrEstab`, `InSegs` and `OutSegs` of `snmp`.
    tcp: [u64; 3],
}

/// Counts into `sink`, by the last count where nothing happened since.
///
/// # Errors
/// When no source answered.
pub(super) fn count_unless_still<S: CountSink + SplitSink>(
    part: &mut Part,
    question: &Question,
    sink: &mut S,
) -> Result<Report, SourceError> {
    // Queues and times change without a segment. The text of requested tables is always read.
    let is_known = question.filter.is_none();
    let Some(now) = part.stillness().filter(|_| is_known) else {
        return part.count(question, sink);
    };
    // Retransmissions change without counters that are read here.
    let changing = S::NOTICED.with(State::SynRecv);
    let netns = part.sources.tables().netns();
    let give = |sink: &mut S, counts: &Counts| {
        for state in question.states.iter().chain(counts.unknown()) {
            sink.count(netns, state, counts.get(state));
        }
    };
    if let Some(before) = &part.memory.counted
        && before.at == now
        && changing.iter().all(|state| before.counts.get(state) == 0)
    {
        give(sink, &before.counts);
        let plan = Plan::still(part.sources.tables());
        let source = part.sources.first().with_counters();
        let mut report = Report::without_sockets(plan, source);
        report.spread = before.spread.clone();
        report.cost.derived = before.counts.total();
        return Ok(report);
    }
    let mut kept = Kept {
        counts: Counts::default(),
        noticed: sink.split(),
    };
    let report = part.count(question, &mut kept)?;
    let Kept { counts, noticed } = kept;
    give(sink, &counts);
    sink.add_noticed(noticed);
    part.memory.counted = report.completeness.is_complete().then(|| Counted {
        at: now,
        counts,
        spread: report.spread.clone(),
    });
    Ok(report)
}

/// Numbers to remember, and what a sink notices of the sockets that are listed.
#[derive(Debug)]
struct Kept<S> {
    counts: Counts,
    noticed: S,
}

impl<S: CountSink> Sink for Kept<S> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.notice(socket);
        self.counts.socket(socket)
    }
}

impl<S: CountSink> CountSink for Kept<S> {
    const NOTICED: StateSet = S::NOTICED;

    fn count(&mut self, netns: Netns, state: State, sockets: u64) {
        self.counts.count(netns, state, sockets);
    }

    fn notice(&mut self, socket: &Socket) {
        if S::NOTICED.contains(socket.state) {
            self.noticed.notice(socket);
        }
    }

    fn add_noticed(&mut self, part: Self) {
        self.noticed.add_noticed(part.noticed);
    }
}

impl<S: CountSink + SplitSink> SplitSink for Kept<S> {
    fn split(&self) -> Self {
        Kept {
            counts: Counts::default(),
            noticed: self.noticed.split(),
        }
    }

    fn join(&mut self, parts: [Self; 2]) -> bool {
        for part in parts {
            self.counts.add_all(&part.counts);
            self.noticed.add_noticed(part.noticed);
        }
        true
    }
}

impl Memory {
    /// Whether there was a count that the next one can be compared with.
    pub(super) fn has_count(&self) -> bool {
        self.counted.is_some()
    }
}

impl Stillness {
    /// Reads what those of sockets lack; `None` where one is not known.
    pub(super) fn read(sockets: SocketCounters, tables: &ProcNet) -> Option<Stillness> {
        let snmp = tables.read_text("snmp").ok()?;
        let number = |name| parse_under(&snmp, "Tcp:", name);
        Some(Stillness {
            sockets,
            tcp: [number("CurrEstab")?, number("InSegs")?, number("OutSegs")?],
        })
    }

    /// How many sockets there are, if no segment ever came or went and no socket ever had a peer.
    pub(super) fn unused(&self) -> Option<u64> {
        let has_peers = self.sockets.minisockets > 0 || self.tcp != [0; 3];
        (!has_peers).then_some(self.sockets.full)
    }
}
