//! Ports of the range with sockets that are bound, and neither connected nor listening.
//!
//! Only netlink reports them, and only on request (Linux 6.8), so they take a dump of their own.

use std::ops::ControlFlow;

use super::pool::Pool;
use super::port_set::PortSet;
use crate::diagnose::Inodes;
use crate::model::{Sink, Socket, State};

/// The ports of bound sockets. Filled as a sink of a dump of BOUND.
#[derive(Debug, Default)]
pub struct BoundPorts {
    ports: PortSet,
    /// By their ports.
    inodes: Inodes<u16>,
}

impl BoundPorts {
    /// Those of the pool.
    pub(super) fn among(&self, pool: &Pool) -> PortSet {
        pool.usable.and(&self.ports)
    }

    /// The inodes of the sockets that have them.
    pub(super) fn inodes(&self, pool: &Pool) -> impl Iterator<Item = u64> {
        self.inodes.of(|port| pool.contains(*port))
    }
}

impl Sink for BoundPorts {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if socket.state == State::Bound
            && let Some(ends) = socket.internet()
        {
            self.ports.insert(ends.local.port());
            self.inodes.add(ends.local.port(), socket.inode);
        }
        ControlFlow::Continue(())
    }
}
