//! What is wrong with a host's sockets: evidence in, findings out. Pure.
//!
//! Two looks at the sockets with a window between them, the kernel's counters before and after it,
//! and its settings are the evidence. A look is a sink: every rule keeps of each socket what it
//! needs and no more. There is one file a rule, with its thresholds and their reasons.
//!
//! Nothing here asks the kernel, waits or prints.

mod facts;
mod first_look;
mod most;
mod rank;
mod rule;
mod second_look;
#[cfg(test)]
mod testing;
mod time_wait;

pub use facts::Facts;
pub use first_look::FirstLook;
pub use second_look::SecondLook;

use crate::model::{Finding, Holders, NotExamined};
use rank::rank;
use rule::Examined;

/// What the rules came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is wrong: worst first, and what follows from another finding right behind it.
    pub findings: Vec<Finding>,
    /// The rules that were applied, in the order of the manual.
    pub examined: Vec<&'static str>,
    /// The rules that were not, or not in full, and why.
    pub not_examined: Vec<NotExamined>,
}

/// Applies every rule.
pub fn examine(
    first: &FirstLook,
    second: &SecondLook,
    facts: &Facts,
    holders: &Holders,
) -> Verdict {
    let mut verdict = Verdict::default();
    for (id, examined) in outcomes(first, second, facts, holders) {
        let Examined { findings, lacking } = examined;
        match lacking {
            None => verdict.examined.push(id),
            Some(reason) => verdict.not_examined.push(NotExamined { id, reason }),
        }
        verdict.findings.extend(findings);
    }
    verdict.findings = rank(verdict.findings);
    verdict
}

/// What each rule says, in the order of the manual.
fn outcomes(
    _first: &FirstLook,
    second: &SecondLook,
    facts: &Facts,
    _holders: &Holders,
) -> Vec<(&'static str, Examined)> {
    vec![(time_wait::ID, time_wait::examine(&second.time_wait, facts))]
}

/// The inodes of the sockets whose holders the findings will name.
pub fn wanted(_first: &FirstLook, _second: &SecondLook, _facts: &Facts) -> Vec<u64> {
    Vec::new()
}
