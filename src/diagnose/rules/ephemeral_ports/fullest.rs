//! The destination whose connections take most ports, without a judgement, for `check`.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use super::EphemeralPorts;
use super::outgoing::Outgoing;
use crate::diagnose::Rule;
use crate::model::{Listeners, Service, Settings, Sink, Socket, StateSet};

/// The ports that the connections from an address to an address and port take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortsTaken {
    /// The local address.
    pub source: IpAddr,
    /// The remote address and port.
    pub peer: SocketAddr,
    /// How many ports a new connection cannot have.
    pub taken: u64,
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
        let outgoing = Outgoing::new(settings, listeners)?;
        Ok(OutgoingPorts {
            listeners,
            outgoing,
        })
    }

    /// How many ports there are for connections to one destination.
    pub fn limit(&self) -> u64 {
        self.outgoing.pool.usable.len()
    }

    /// The destination with most of them taken; `None` if none is.
    pub fn fullest(&self) -> Option<PortsTaken> {
        let all = self.outgoing.destinations();
        let taken = all.map(|(to, uses)| (uses.taken(), std::cmp::Reverse(to)));
        let (taken, std::cmp::Reverse(to)) = taken.max().filter(|(taken, _)| *taken > 0)?;
        Some(PortsTaken {
            source: to.source,
            peer: to.peer,
            taken,
        })
    }

    /// Whether every connection was counted with its destination.
    pub fn is_whole(&self) -> bool {
        self.outgoing.beyond() == 0
    }
}

impl Sink for OutgoingPorts<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(ends) = socket.internet()
            && let Service::Used(_) = self.listeners.service(socket.netns, ends)
        {
            self.outgoing.add(socket, ends);
        }
        ControlFlow::Continue(())
    }
}
