//! Ports of the range that sockets are bound to which are neither connected nor listen.
//!
//! Only netlink tells of them, and only when asked by name (Linux 6.8), so they are a look of their
//! own.

use std::ops::ControlFlow;

use super::pool::Pool;
use super::port_set::PortSet;
use crate::diagnose::kept_inodes::KeptInodes;
use crate::model::{Sink, Socket, State};

/// The ports of bound sockets. Filled as a sink of a walk over BOUND.
#[derive(Debug, Default)]
pub struct BoundPorts {
    ports: PortSet,
    /// By their ports.
    inodes: KeptInodes<u16>,
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
