//! Counts of network namespaces in which nothing happened since the sample before: they are as they
//! were, without a walk through the connections of the whole host.
//!
//! While no segment came or went and the counters of sockets are the same, no socket has changed its
//! state. The exception is a request (SYN_RECV) that expires, so that a namespace with one is counted
//! again.

use super::counters::{SocketCounters, parse_under};
use super::observer::Part;
use super::plan::{Caution, Plan};
use super::{Report, SourceError};
use crate::model::{CountSink, Counts, SplitSink, State};
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
struct Stillness {
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
    // A queue or a time changes without a segment, and so do retransmissions. The text of requested tables
    // is always read.
    let is_known = question.filter.is_none() && !S::NOTICES;
    let Some(now) = Stillness::read(part).filter(|_| is_known) else {
        return part.count(question, sink);
    };
    let netns = part.sources.tables().netns();
    let mut give = |counts: &Counts| {
        for state in question.states.iter().chain(counts.unknown()) {
            sink.count(netns, state, counts.get(state));
        }
    };
    if let Some(before) = &part.memory.counted
        && before.at == now
        && before.counts.get(State::SynRecv) == 0
    {
        give(&before.counts);
        let plan = Plan::still(part.sources.tables());
        let source = part.sources.first().with_counters();
        let mut report = Report::without_sockets(plan, source);
        report.spread = before.spread.clone();
        report.cost.derived = before.counts.total();
        return Ok(report);
    }
    let mut counts = Counts::default();
    let report = part.count(question, &mut counts)?;
    give(&counts);
    part.memory.counted = report.completeness.is_complete().then(|| Counted {
        at: now,
        counts,
        spread: report.spread.clone(),
    });
    Ok(report)
}

impl Stillness {
    /// Reads them where the counters of sockets were read already; `None` where one is not known.
    fn read(part: &Part) -> Option<Stillness> {
        let sockets = part.counters?;
        let snmp = part.sources.tables().read_text("snmp").ok()?;
        let number = |name| parse_under(&snmp, "Tcp:", name);
        Some(Stillness {
            sockets,
            tcp: [number("CurrEstab")?, number("InSegs")?, number("OutSegs")?],
        })
    }
}
