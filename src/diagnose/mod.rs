//! What is wrong with a host's sockets: evidence in, findings out. Pure.
//!
//! Two looks at the sockets with a window between them, the kernel's counters before and after it,
//! and its settings are the evidence. A look is a sink: every rule keeps of each socket what it
//! needs and no more. There is one file a rule, with its thresholds and their reasons.
//!
//! Nothing here asks the kernel, waits or prints.

mod accept_queue;
mod close_wait;
mod conntrack;
mod ephemeral_ports;
mod facts;
mod first_look;
mod half_open;
mod kept_inodes;
mod lingering;
mod measures;
mod memory;
mod most;
mod no_answer;
mod orphans;
mod queues;
mod rank;
mod retransmission;
mod rule;
mod second_look;
mod stuck_peers;
#[cfg(test)]
mod testing;
mod time_wait;
mod unheard;
mod vanished_peers;

pub use ephemeral_ports::BoundPorts;
pub use facts::Facts;
pub use first_look::FirstLook;
pub use measures::Measures;
pub use second_look::SecondLook;

use crate::model::{Finding, Holders, InetEnds, NotExamined};
use rank::rank;
use rule::Examined;

/// What the rules came to.
#[derive(Debug, Default)]
pub struct Examination {
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
) -> Examination {
    let mut examination = Examination::default();
    for (id, examined) in outcomes(first, second, facts, holders) {
        let Examined { findings, lacking } = examined;
        match lacking {
            None => examination.examined.push(id),
            Some(reason) => examination.not_examined.push(NotExamined { id, reason }),
        }
        examination.findings.extend(findings);
    }
    examination.findings = rank(examination.findings);
    examination
}

/// What each rule says, in the order of the manual.
fn outcomes(
    first: &FirstLook,
    second: &SecondLook,
    facts: &Facts,
    holders: &Holders,
) -> Vec<(&'static str, Examined)> {
    let half_open = half_open::examine(&second.half_open, facts);
    let accept_queue = accept_queue::examine(&second.waiting, facts, holders);
    let stuck_peers = stuck_peers::examine(&second.stuck, facts, holders);
    let retransmission = retransmission::examine(&second.retransmitting, facts, holders);
    let ephemeral_ports = ephemeral_ports::examine(&second.ephemeral_ports, holders);
    let (before, after) = (&first.close_wait, &second.close_wait);
    let close_wait = close_wait::examine(before, after, facts, holders);
    let (before, after) = (&first.fin_wait2, &second.orphans);
    let orphans = orphans::examine(before, after, facts, holders);
    let vanished_peers = vanished_peers::examine(&second.vanished, second.total, facts, holders);
    let no_answer = no_answer::examine(&second.unanswered, facts, holders);
    vec![
        (ephemeral_ports::ID, ephemeral_ports),
        (time_wait::ID, time_wait::examine(&second.time_wait, facts)),
        (close_wait::ID, close_wait),
        (orphans::ID, orphans),
        (vanished_peers::ID, vanished_peers),
        (half_open::ID, half_open),
        (no_answer::ID, no_answer),
        (accept_queue::ID, accept_queue),
        (stuck_peers::ID, stuck_peers),
        (memory::ID, memory::examine(facts)),
        (retransmission::ID, retransmission),
        (conntrack::ID, conntrack::examine(facts)),
    ]
}

/// The inodes of the sockets whose holders the findings will name.
pub fn wanted(first: &FirstLook, second: &SecondLook, facts: &Facts) -> Vec<u64> {
    let mut inodes = accept_queue::wanted(facts);
    inodes.extend(stuck_peers::wanted(&second.stuck, facts));
    inodes.extend(retransmission::wanted(&second.retransmitting, facts));
    inodes.extend(second.ephemeral_ports.wanted());
    if !facts.copied {
        let close_wait = &second.close_wait;
        inodes.extend(close_wait.wanted(&first.close_wait, facts));
        inodes.extend(second.orphans.wanted(&first.fin_wait2, facts));
    }
    inodes.extend(vanished_peers::wanted(&second.vanished, second.total));
    inodes.extend(no_answer::wanted(&second.unanswered));
    inodes
}

/// The connections of which TCP's own measures are to be asked for, few of them.
pub fn suspects(first: &FirstLook, second: &SecondLook, facts: &Facts) -> Vec<InetEnds> {
    let mut suspects = accept_queue::suspects(&second.waiting, facts);
    suspects.extend(retransmission::suspects(&second.retransmitting, facts));
    suspects.extend(stuck_peers::suspects(&second.stuck));
    if !facts.copied {
        suspects.extend(second.close_wait.suspects(&first.close_wait, facts));
    }
    suspects
}
