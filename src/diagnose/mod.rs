//! What is wrong with a host's sockets: evidence in, findings out. Pure.
//!
//! Two samples of the sockets with a window between them, the kernel's counters before and after it,
//! and its settings are the evidence. A sample is a sink: every rule keeps what it needs of each socket
//! and no more. Each rule is a file in `rules`, with its thresholds and their sources.
//!
//! Nothing here reads the kernel, waits or prints.

mod attempts;
mod bounded;
mod descriptors;
mod host;
mod joined;
mod lingering;
mod rank;
mod rule;
mod rules;
mod samples;
mod stalled;
mod subject;
mod survey;
#[cfg(test)]
mod testing;
mod unanswered;
mod watch;

use std::ops::ControlFlow;
use std::time::Duration;

pub use attempts::LaterAttempts;
pub use host::{Host, Measures, SelectedListeners};
pub use lingering::Standing;
pub use rules::{
    BoundPorts, FirstSample, KINDS, OutgoingPorts, PortsTaken, RULES, SecondSample, is_live,
    wide_rules,
};
pub use survey::Survey;
pub use unanswered::Unanswered;
pub use watch::{Sightings, Watch};

use crate::model::{
    Finding, Holders, Listeners, Namespaces, NotExamined, Scope, Sink, Socket, State, counted,
};
use bounded::{Inodes, TopCounts, Unacknowledged};
use host::Growth;
use rank::{merge, rank};
use rule::{Case, Examined, FirstPass, Rule, Sampled, Suspects};

/// How long TIME_WAIT lasts (`TCP_TIMEWAIT_LEN`, include/net/tcp.h).
const TIME_WAIT: Duration = Duration::from_secs(60);

/// The result of all rules.
#[derive(Debug, Default)]
pub struct Examination {
    /// What is wrong: worst first, and what follows from another finding right behind it.
    pub findings: Vec<Finding>,
    /// The rules that were applied completely, in the order of the manual.
    pub examined: Vec<&'static str>,
    /// The other rules and why, and what else exists and was not examined.
    pub not_examined: Vec<NotExamined>,
    /// The inodes of sockets whose holders decide whether there are more findings.
    searched: Vec<u64>,
}

impl Examination {
    /// The inodes of the sockets whose holders the findings name or need.
    pub fn inodes(&self) -> Vec<u64> {
        let findings = self.findings.iter();
        let inodes = findings.flat_map(|finding| finding.inodes.iter().chain(&finding.searched));
        // A listener of the kernel has none.
        let inodes = inodes.chain(&self.searched).copied();
        inodes.filter(|inode| *inode != 0).collect()
    }
}

impl Examination {
    /// Whether a finding names every holder of a socket, and not only that with the lowest pid.
    pub fn wants_every_holder(&self) -> bool {
        let mut findings = self.findings.iter();
        let is_named = findings.any(|finding| finding.id == rules::NAMES_EVERY_HOLDER);
        is_named || !self.searched.is_empty()
    }
}

/// Applies every rule. Without holders the findings name none, and those that depend on them are missing.
pub fn examine(sample: &SecondSample, host: &Host, holders: &Holders) -> Examination {
    let mut examination = Examination::default();
    let case = Case { host, holders };
    for (id, examined) in sample.examined(&case) {
        let Examined {
            findings,
            lacking,
            searched,
        } = examined;
        examination.searched.extend(searched);
        if lacking.is_empty() {
            examination.examined.push(id);
        } else {
            let reason = lacking.join("; ");
            examination.not_examined.push(NotExamined { id, reason });
        }
        let findings = findings.into_iter();
        let complete = findings.map(|finding| case.complete(id, finding));
        examination.findings.extend(complete);
    }
    examination.findings = rank(merge(examination.findings));
    examination.not_examined.extend(unknown_states(host));
    examination.not_examined.extend(elsewhere(host));
    examination
}

/// Sockets that no rule examines.
fn unknown_states(host: &Host) -> Option<NotExamined> {
    let sockets = counted(host.unknown_states, "socket is in", "sockets are in");
    (host.unknown_states > 0).then(|| NotExamined {
        id: "states",
        reason: format!("{sockets} states that this program does not know"),
    })
}

/// What else exists and was not examined.
fn elsewhere(host: &Host) -> Option<NotExamined> {
    let Namespaces {
        with_tcp,
        unchecked,
        hiding,
    } = &host.unlisted.namespaces;
    let count = counted(
        *with_tcp,
        "other network namespace has",
        "other network namespaces have",
    );
    let hidden = hiding.as_ref().map(|option| {
        format!("the proc file system is mounted with {option}, which may hide processes")
    });
    let unchecked = (*unchecked > 0).then(|| {
        let processes = counted(*unchecked, "process was", "processes were");
        format!("{processes} not checked")
    });
    let reason = match (with_tcp, hidden.or(unchecked)) {
        (0, None) => return None,
        (_, None) => format!("{count} TCP sockets"),
        (0, Some(why)) => {
            format!("whether other network namespaces have TCP sockets is unknown: {why}")
        }
        (_, Some(why)) => format!("at least {count} TCP sockets: {why}"),
    };
    let id = "namespaces";
    Some(NotExamined { id, reason })
}

/// The rules that take the sockets of a dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    /// All rules: no filter selects sockets.
    #[default]
    All,
    /// Those about the sockets that pass the filter.
    Selected,
    /// Those about the whole network namespace or host.
    Wide,
}

impl Feed {
    /// Whether a rule of this scope takes them.
    fn is_for(self, scope: Scope) -> bool {
        match self {
            Feed::All => true,
            Feed::Selected => scope == Scope::Selection,
            Feed::Wide => scope != Scope::Selection,
        }
    }
}

/// Passes the sockets after the window to the rules, and counts them.
#[derive(Debug)]
pub struct SecondSink<'a> {
    sample: &'a mut SecondSample,
    listeners: &'a Listeners,
    feed: Feed,
    /// How many there were.
    pub sockets: u64,
    /// How many of them were in states that no rule knows.
    pub unknown_states: u64,
}

impl<'a> SecondSink<'a> {
    /// For sockets of a host with these listeners.
    pub fn new(
        sample: &'a mut SecondSample,
        listeners: &'a Listeners,
        feed: Feed,
    ) -> SecondSink<'a> {
        SecondSink {
            sample,
            listeners,
            feed,
            sockets: 0,
            unknown_states: 0,
        }
    }
}

impl Sink for SecondSink<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.sockets += 1;
        self.unknown_states += u64::from(matches!(socket.state, State::Unknown(_)));
        if let Some(ends) = socket.internet() {
            let service = self.listeners.service(socket.kind, socket.netns, ends);
            let sampled = Sampled {
                socket,
                ends,
                service,
            };
            self.sample.add(&sampled, self.feed);
        } else {
            self.sample.add_local(socket, self.feed);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::host;
    use super::*;

    #[test]
    fn nothing_is_concluded_from_what_did_not_move_if_this_program_could_not_run() {
        let mut host = host();
        let unexamined = |host: &Host| -> Vec<&str> {
            let sample = SecondSample::begin(FirstSample::default(), host);
            let examination = examine(&sample, host, &Holders::default());
            let mut not = examination.not_examined;
            not.retain(|one| one.reason.contains("proves nothing"));
            not.iter().map(|one| one.id).collect()
        };
        assert!(unexamined(&host).is_empty());
        host.held_up = Some(std::time::Duration::from_secs(9));
        let stalls = [
            "close-wait",
            "stuck-peers",
            "no-acknowledgment",
            "unix-peer-gone",
        ];
        assert_eq!(unexamined(&host), stalls);
        host.held_up = None;
        host.is_brief = true;
        assert_eq!(unexamined(&host), stalls);
    }

    #[test]
    fn other_namespaces_are_reported_as_far_as_they_are_known() {
        let hidepid = Some("hidepid=invisible");
        for (with_tcp, unchecked, hiding, expected) in [
            (0, 0, None, None),
            (
                2,
                0,
                None,
                Some("2 other network namespaces have TCP sockets"),
            ),
            (
                1,
                7,
                None,
                Some(
                    "at least 1 other network namespace has TCP sockets: 7 processes were not checked",
                ),
            ),
            (
                0,
                1,
                None,
                Some(
                    "whether other network namespaces have TCP sockets is unknown: 1 process was not checked",
                ),
            ),
            (
                0,
                0,
                hidepid,
                Some(
                    "whether other network namespaces have TCP sockets is unknown: the proc file system is mounted with hidepid=invisible, which may hide processes",
                ),
            ),
            (
                3,
                0,
                hidepid,
                Some(
                    "at least 3 other network namespaces have TCP sockets: the proc file system is mounted with hidepid=invisible, which may hide processes",
                ),
            ),
        ] {
            let mut host = host();
            host.unlisted.namespaces = Namespaces {
                with_tcp,
                unchecked,
                hiding: hiding.map(str::to_owned),
            };
            let reason = elsewhere(&host).map(|unexamined| unexamined.reason);
            assert_eq!(reason.as_deref(), expected);
        }
    }
}
