//! The sums of one walk through the sockets, for the page. Keeps no sockets.

use std::ops::ControlFlow;

use crate::command::doctor::RulesSink;
use crate::diagnose::{OutgoingPorts, Unanswered};
use crate::model::{CountSink, Counts, Netns, Sink, Socket, SplitSink, State, StateSet};
use crate::tally::{AcceptQueues, GroupTally};

/// The sockets by state, as the summary counts them, and what else the page has of the same walk.
#[derive(Debug, Default)]
pub(super) struct PageSink<'a> {
    pub(super) counts: Counts,
    pub(super) unanswered: Unanswered,
    /// The accept queues, where no other walk reads them.
    pub(super) queues: Option<AcceptQueues>,
    /// The groups of each `--by` that processes do not decide. Only a walk that lists every socket has these and the ports.
    pub(super) groups: Vec<GroupTally>,
    pub(super) ports: Option<OutgoingPorts<'a>>,
    /// By network namespace, where there are several.
    pub(super) namespaces: Option<GroupTally>,
}

impl PageSink<'_> {
    /// Counts sockets like this one in their network namespace.
    fn divide(&mut self, socket: &Socket, number: u64) {
        if let Some(namespaces) = &mut self.namespaces {
            namespaces.count(socket.netns, socket.state, number);
        }
    }
}

impl Sink for PageSink<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.unanswered.add(socket);
        self.divide(socket, 1);
        // None of these ends a dump.
        for groups in &mut self.groups {
            let _ = groups.socket(socket);
        }
        let _ = self.ports.as_mut().map(|ports| ports.socket(socket));
        let _ = self.queues.as_mut().map(|queues| queues.socket(socket));
        self.counts.socket(socket)
    }

    fn alike(&mut self, socket: &Socket, number: u64) -> ControlFlow<()> {
        self.divide(socket, number);
        self.counts.alike(socket, number)
    }
}

/// Passes sockets on to the rules of `doctor` too, in a walk that they need.
#[derive(Debug)]
pub(super) struct WithRules<'s, 'r, S>(pub(super) &'s mut S, pub(super) &'s mut RulesSink<'r>);

impl<S: Sink> Sink for WithRules<'_, '_, S> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        // Neither ends a dump.
        let _ = self.1.socket(socket);
        self.0.socket(socket)
    }
}

/// For a page without groups and ports, and of several network namespaces without accept queues.
impl CountSink for PageSink<'_> {
    const NOTICED: StateSet = Unanswered::STATES;

    fn count(&mut self, netns: Netns, state: State, sockets: u64) {
        if let Some(namespaces) = &mut self.namespaces {
            namespaces.count(netns, state, sockets);
        }
        self.counts.count(netns, state, sockets);
    }

    fn notice(&mut self, socket: &Socket) {
        self.unanswered.add(socket);
    }

    fn add_noticed(&mut self, part: Self) {
        self.unanswered.join(&part.unanswered);
    }
}

impl SplitSink for PageSink<'_> {
    fn split(&self) -> Self {
        PageSink {
            queues: self.queues.as_ref().map(|_| AcceptQueues::default()),
            namespaces: self.namespaces.as_ref().map(SplitSink::split),
            ..PageSink::default()
        }
    }

    fn join(&mut self, mut parts: [Self; 2]) -> bool {
        if let Some(namespaces) = &mut self.namespaces
            && let [Some(first), Some(second)] = parts.each_mut().map(|part| part.namespaces.take())
            && !namespaces.join([first, second])
        {
            return false;
        }
        for part in parts {
            self.counts.add_all(&part.counts);
            self.unanswered.join(&part.unanswered);
            if let Some((queues, more)) = self.queues.as_mut().zip(part.queues) {
                queues.join(more);
            }
        }
        true
    }
}
