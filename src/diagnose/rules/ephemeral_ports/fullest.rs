//! The destinations whose connections take most ports, without a judgement, for `check` and `serve`.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use super::EphemeralPorts;
use super::outgoing::{Destination, Outgoing, Uses};
use super::pool::Pool;
use crate::diagnose::Rule;
use crate::model::{Listeners, Service, Settings, Sink, Socket, StateSet};

/// The ports that the connections from an address to an address and port take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortsTaken {
    /// How many ports a new connection cannot have.
    pub taken: u64,
    /// The local address.
    pub source: IpAddr,
    /// The remote address and port.
    pub peer: SocketAddr,
}

/// A sink of all connections of a network namespace.
#[derive(Debug)]
pub struct OutgoingPorts<'a> {
    listeners: &'a Listeners,
    outgoing: Outgoing,
}

impl<'a> OutgoingPorts<'a> {
    /// The states of the sockets that take ports.
    pub const STATES: StateSet = EphemeralPorts::STATES;

    /// For a namespace with these settings and listeners.
    ///
    /// # Errors
    /// Why the ports are unknown.
    pub fn new(settings: &Settings, listeners: &'a Listeners) -> Result<OutgoingPorts<'a>, String> {
        let outgoing = Outgoing::of_numbers(settings, listeners)?;
        Ok(OutgoingPorts {
            listeners,
            outgoing,
        })
    }

    /// How many ports the kernel chooses from for outgoing connections, whether they have listeners or not.
    ///
    /// # Errors
    /// Why that is unknown.
    pub fn all_ports(settings: &Settings) -> Result<u64, String> {
        Ok(Pool::of(settings, &Listeners::default())?.size)
    }

    /// How many ports there are for connections to one destination.
    pub fn limit(&self) -> u64 {
        self.outgoing.pool.usable.len()
    }

    /// The destination with most of them taken; `None` if none is.
    pub fn fullest(&self) -> Option<PortsTaken> {
        let all = self.outgoing.destinations();
        all.filter_map(taken).max()
    }

    /// Every destination that takes some, the one that takes most first.
    pub fn taken(&self) -> Vec<PortsTaken> {
        let mut all: Vec<PortsTaken> = self.outgoing.destinations().filter_map(taken).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    /// A sink that finds the same among the destinations of the connections that it takes.
    pub fn fullest_of(&self) -> FullestOf<'_> {
        FullestOf {
            outgoing: &self.outgoing,
            fullest: None,
        }
    }

    /// Whether every connection was counted with its destination.
    pub fn is_whole(&self) -> bool {
        self.outgoing.beyond() == 0
    }
}

/// A sink of selected connections; the ports were counted before, of all connections.
#[derive(Debug)]
pub struct FullestOf<'a> {
    outgoing: &'a Outgoing,
    /// The destination with most ports taken so far.
    pub fullest: Option<PortsTaken>,
}

impl Sink for FullestOf<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(ends) = socket.internet() {
            let to = Destination::of(ends);
            let uses = self.outgoing.uses_of(to);
            self.fullest = self.fullest.max(uses.and_then(|uses| taken((to, uses))));
        }
        ControlFlow::Continue(())
    }
}

/// The ports that a destination takes; `None` for none.
fn taken((to, uses): (Destination, Uses)) -> Option<PortsTaken> {
    let taken = PortsTaken {
        taken: uses.taken(),
        source: to.source,
        peer: to.peer,
    };
    (taken.taken > 0).then_some(taken)
}

impl Sink for OutgoingPorts<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(ends) = socket.internet()
            && let Service::Used(_) = self.listeners.service(socket.kind, socket.netns, ends)
        {
            self.outgoing.add(socket, ends);
        }
        ControlFlow::Continue(())
    }
}
