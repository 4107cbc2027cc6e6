//! The findings of the live view: from the states that it lists anyway, without a search for processes.

use std::time::Duration;

use super::samples::{Longer, Samples, take_all};
use super::selection::Selection;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{Host, SecondSample, examine, is_live};
use crate::model::{Finding, Holders, KindSet, State, StateSet};

/// The states that a large table is listed by, while the others are derived from counters.
const LISTED: StateSet = StateSet::ALL
    .without(State::Established)
    .without(State::TimeWait);

/// Nothing is watched longer than the window.
struct Never;

impl Longer for Never {
    fn begin(&mut self, _: &SecondSample, _: &Host) {}

    fn wait(&mut self, _: Duration, _: String) {}
}

/// What is wrong with the sockets of a target, which this filter selects; `None` where
/// the rules are not about them.
///
/// # Errors
/// When no source answered.
pub(in crate::command) fn glance(
    target: &Target,
    filter: &str,
    window: Duration,
) -> Result<Option<Vec<Finding>>, Failure> {
    let target = target.within(LISTED);
    // The counters and settings that rules compare with are those of one network namespace.
    let is_tcp = target.question.kinds() == KindSet::TCP;
    if !is_tcp || target.question.states.is_empty() || target.sources.are_several() {
        return Ok(None);
    }
    let selection = Selection::glance(target, filter);
    let mut taken = take_all(std::iter::once(&selection), window, &mut Never);
    let Some(taken) = taken.pop() else {
        return Ok(None);
    };
    let (_, Samples { second, host, .. }) = taken?;
    let mut findings = examine(&second, &host, &Holders::default()).findings;
    findings.retain(|finding| is_live(finding.id));
    Ok(Some(findings))
}
