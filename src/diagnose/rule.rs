//! The parts of a rule: the sockets that it reads, those that it suspects, its findings.
//!
//! To add a rule: a file in `rules` with a type that implements [`Rule`], its module and its line in
//! `rules/mod.rs`, and its description in tcpstates-rules(7), or tcpstates-rules-kinds(7) if it is not
//! about TCP.

use super::host::Host;
use crate::model::{
    Finding, Holders, InetEnds, Kind, KindSet, Scope, Service, Socket, State, StateSet,
};

/// Selects connections for which a rule needs `tcp_info`, few of them: it trebles the bytes of a socket.
pub(super) type Suspects<R> = fn(&R, &Host) -> Vec<InetEnds>;

/// A rule; its value is what it keeps of the sockets after the window, in bounded memory.
pub(super) trait Rule: Default {
    /// Its name in output and in the manual.
    const ID: &'static str;

    /// What its findings are about. A rule about the sockets that a filter selects reads these alone;
    /// one about the whole network namespace or host reads every socket.
    const SCOPE: Scope = Scope::Selection;

    /// Whether it says nothing wrong without what the live view does not list: sockets of other kinds
    /// than TCP, and connections in ESTABLISHED and TIME_WAIT.
    const IS_LIVE: bool = Self::KINDS.contains(Kind::Tcp)
        && !Self::STATES.contains(State::Established)
        && !Self::STATES.contains(State::TimeWait);

    /// Whether it takes for a fault that nothing moved while it was observed, which proves nothing if
    /// nothing could run in that time ([`Host::held_up`]).
    const IS_STALL: bool = false;

    /// The kinds of the sockets that it reads.
    const KINDS: KindSet = KindSet::TCP;

    /// The states of the sockets that it reads after the window.
    const STATES: StateSet;

    /// What it keeps of the sockets before the window; `()` where it compares with nothing.
    type Before: FirstPass;

    /// Selects connections whose `tcp_info` it needs; `None` where it needs none.
    const SUSPECTS: Option<Suspects<Self>> = None;

    /// Selects connections that are looked at again and again for a few seconds, few of them: those on
    /// which nothing has moved so far ([`Host::watch`]). `None` where it watches none.
    const WATCHED: Option<Suspects<Self>> = None;

    /// The same of MPTCP connections, whose ends are those of a TCP connection too.
    const WATCHED_MPTCP: Option<Suspects<Self>> = None;

    /// Selects UNIX sockets that are read again and again for a few seconds, by their inodes: those whose
    /// peers are gone so far ([`Host::watch`]).
    const WATCHED_UNIX: Option<fn(&Self, &Host) -> Vec<u64>> = None;

    /// Takes what precedes the sockets after the window.
    fn begin(&mut self, _: Self::Before, _: &Host) {}

    /// Reads a socket in one of its states.
    fn add(&mut self, _: &Sampled<'_>) {}

    /// Reads a socket without internet addresses, such as a UNIX socket.
    fn add_local(&mut self, _: &Socket) {}

    /// What is wrong, and what could not be examined. Called once without holders, for the sockets
    /// whose holders the findings name, and once with them.
    fn examine(&self, case: &Case<'_>) -> Examined;
}

/// What a rule keeps of the sockets before the window, in bounded memory.
pub(super) trait FirstPass: Default {
    /// The states of the sockets that it reads.
    const STATES: StateSet;

    /// Selects connections that may be watched later, few of them; `None` where there are none.
    const WATCHED: Option<fn(&Self) -> Vec<InetEnds>> = None;

    /// Reads a socket in one of its states.
    fn add(&mut self, _: &Socket, _: &InetEnds) {}

    /// Reads a socket without internet addresses.
    fn add_local(&mut self, _: &Socket) {}
}

impl FirstPass for () {
    const STATES: StateSet = StateSet::NONE;
}

/// What a rule examines besides the sockets that it has read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) host: &'a Host,
    /// The processes that hold sockets; none when the rules are applied for the first time.
    pub(super) holders: &'a Holders,
}

impl Case<'_> {
    /// A rule's finding with all that is the same for every rule.
    pub(super) fn complete(&self, id: &'static str, finding: Finding) -> Finding {
        let commands = finding.commands.into_iter();
        let filter = self.host.filter.as_ref();
        let filter = filter.filter(|_| finding.scope == Scope::Selection);
        let commands = commands.map(|command| match filter {
            Some(filter) => command.within(filter),
            None => command,
        });
        let missing = self.holders.missing_text(&finding.inodes);
        Finding {
            evidence: finding.evidence.into_iter().chain(missing).collect(),
            id: match finding.id {
                "" => id,
                of_another => of_another,
            },
            processes: match finding.processes.is_empty() {
                true => self.holders.of(finding.inodes.iter().copied()),
                false => finding.processes,
            },
            commands: commands
                .map(|command| command.at(&self.host.place))
                .collect(),
            ..finding
        }
    }
}

/// A socket of the sample after the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled<'a> {
    pub(super) socket: &'a Socket,
    pub(super) ends: &'a InetEnds,
    /// What it serves or uses.
    pub(super) service: Service,
}

/// The result of a rule.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) findings: Vec<Finding>,
    /// The inodes of sockets whose holders decide whether there are more findings.
    pub(super) searched: Vec<u64>,
    /// Why the rule was not applied, or not completely: sentences without a full stop.
    pub(super) lacking: Vec<String>,
}

impl Examined {
    /// The rule was applied completely.
    pub(super) fn found(findings: impl IntoIterator<Item = Finding>) -> Examined {
        Examined {
            findings: findings.into_iter().collect(),
            ..Examined::default()
        }
    }

    /// With the scope of the rule, where a finding has none of its own.
    pub(super) fn in_scope(mut self, scope: Scope) -> Examined {
        let findings = self.findings.iter_mut();
        findings
            .filter(|finding| finding.scope == Scope::Selection)
            .for_each(|finding| finding.scope = scope);
        self
    }

    /// The rule could not be applied.
    pub(super) fn lacking(reason: impl Into<String>) -> Examined {
        Examined::default().without(Some(reason.into()))
    }

    /// Has these searched for, which decides whether there are more findings.
    pub(super) fn with_searched(mut self, inodes: Vec<u64>) -> Examined {
        self.searched.extend(inodes);
        self
    }

    /// Adds the reasons why something was not examined, if there are any.
    pub(super) fn without(mut self, reason: impl IntoIterator<Item = String>) -> Examined {
        self.lacking.extend(reason);
        self
    }
}
