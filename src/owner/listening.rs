//! Which listener a connection waits for that was never accepted.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use crate::model::{Family, Sink, Socket, State};

/// Where connections arrive: a socket of this family, at this address.
pub(super) type Endpoint = (Family, SocketAddr);

/// The inodes of the host's listeners. Filled as a sink of a walk over LISTEN.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    /// Bound to one address.
    exact: HashMap<Endpoint, Vec<u64>>,
    /// On all addresses, by port; and whether those of IPv6 take IPv4 as well.
    any: HashMap<(Family, u16), Vec<(u64, bool)>>,
}

impl Sink for Listening {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let Some(ends) = socket.internet() else {
            return ControlFlow::Continue(());
        };
        if socket.state != State::Listen || socket.inode == 0 {
            return ControlFlow::Continue(());
        }
        let (family, port) = (ends.family, ends.local.port());
        if ends.local.ip().is_unspecified() {
            // Where the source does not tell, the kernel's default: both.
            let takes_v4 = socket.v6only != Some(true);
            let inodes = self.any.entry((family, port)).or_default();
            inodes.push((socket.inode, takes_v4));
        } else {
            let inodes = self.exact.entry((family, ends.local)).or_default();
            inodes.push(socket.inode);
        }
        ControlFlow::Continue(())
    }
}

impl Listening {
    /// The listeners that a connection to `endpoint` may wait for: those on its address, else those
    /// on all addresses. Several where they share a port (SO_REUSEPORT): each has a queue of its
    /// own, and the kernel tells of none in which.
    pub(super) fn at(&self, endpoint: Endpoint) -> Vec<u64> {
        let (family, address) = endpoint;
        if let Some(inodes) = self.exact.get(&endpoint) {
            return inodes.clone();
        }
        let is_mapped = match address.ip() {
            IpAddr::V4(_) => false,
            IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
        };
        let any = self.any.get(&(family, address.port()));
        any.into_iter()
            .flatten()
            .filter(|(_, takes_v4)| *takes_v4 || !is_mapped)
            .map(|(inode, _)| *inode)
            .collect()
    }
}
