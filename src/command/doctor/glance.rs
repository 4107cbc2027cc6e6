//! The findings of the live view: from the states that it lists anyway, without a search for processes.

use std::time::Duration;

use super::samples::{Longer, Samples, take_all};
use super::selection::Selection;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{Examination, Host, SecondSample, examine, is_live};
use crate::model::{Finding, Holders, KindSet, State, StateSet, UnseenNamespace};

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
    let is_tcp = target.question.kinds() == KindSet::TCP;
    if !is_tcp || target.question.states.is_empty() {
        return Ok(None);
    }
    // The counters and settings that rules compare with are those of one network namespace.
    let parts: Vec<(Option<String>, Selection)> = match target.each_namespace()? {
        None => vec![(None, Selection::glance(target, filter))],
        Some((targets, _)) => {
            let targets = targets.into_iter();
            let of = |(one, target): (UnseenNamespace, Target)| {
                (Some(one.name), Selection::glance(target, filter))
            };
            targets.map(of).collect()
        }
    };
    let selections = parts.iter().map(|(_, selection)| selection);
    let taken = take_all(selections, window, &mut Never);
    let (mut examined, mut failure) = (Vec::new(), None);
    for ((name, _), one) in parts.iter().zip(taken) {
        match one {
            Ok((_, Samples { second, host, .. })) => {
                let examination = examine(&second, &host, &Holders::default());
                examined.push((name.clone(), examination));
            }
            // Of several, those that cannot be read are named with the counts.
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(failure) if examined.is_empty() => return Err(failure),
        _ => {}
    }
    let mut findings = Examination::join(examined).findings;
    findings.retain(|finding| is_live(finding.id));
    Ok(Some(findings))
}
