//! Network namespaces in which only listeners exist: no segment ever came or went, and as many listeners
//! are listed as there are sockets. They need no walk through the connections of the whole host.
//!
//! Segments alone do not prove it: a socket whose SYN waits for data (`tcp_fastopen_defer_connect`,
//! net/ipv4/tcp_fastopen.c) is in SYN_SENT before it sends one. A request for a connection is in no counter
//! of sockets, but it arrived in a segment (`tcp_v4_rcv` counts each of them in `InSegs` first).

use super::Part;
use crate::model::{Counts, State, StateSet};
use crate::question::Question;
use crate::source::plan::{Need, Plan};
use crate::source::{Report, SourceError};

/// Answers by `act`, about listeners alone where no other sockets exist.
///
/// # Errors
/// When no source answered.
pub(super) fn answer(
    part: &mut Part,
    question: &Question,
    act: &mut dyn FnMut(&mut Part, &Question) -> Result<Report, SourceError>,
) -> Result<Report, SourceError> {
    let Some(question) = about_listeners(part, question) else {
        return act(part, question);
    };
    let source = part.sources.first().with_counters();
    if question.states.is_empty() {
        let plan = Plan::unused(part.sources.tables());
        return Ok(Report::without_sockets(plan, source));
    }
    let report = act(part, &question)?;
    let plan = report.plan.with_unused();
    Ok(Report {
        source,
        plan,
        ..report
    })
}

/// How [`answer`] would obtain an answer of this shape.
///
/// # Errors
/// The filter cannot be evaluated.
pub(super) fn plan(part: &mut Part, question: &Question, need: Need) -> Result<Plan, SourceError> {
    match about_listeners(part, question) {
        Some(question) if question.states.is_empty() => Ok(Plan::unused(part.sources.tables())),
        Some(question) => Ok(part.plan(&question, need)?.with_unused()),
        None => part.plan(question, need),
    }
}

/// The question about listeners, if no other sockets exist where `part` is; it may then be about no state.
fn about_listeners(part: &mut Part, question: &Question) -> Option<Question> {
    // What did not change since the last count is not even listed.
    if part.memory.has_count() {
        return None;
    }
    let sockets = part.stillness()?.unused()?;
    let listeners = Question::about(question.kind, StateSet::NONE.with(State::Listen));
    let mut counts = Counts::default();
    let report = part.list(&listeners, None, &mut counts).ok()?;
    let are_all = report.completeness.is_complete() && counts.total() == sockets;
    are_all.then(|| Question {
        states: question.states.intersection(listeners.states),
        ..question.clone()
    })
}
