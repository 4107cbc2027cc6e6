//! Where this host listens, so that a connection can be told to have come in or gone out.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;

use super::{Direction, Family, InetEnds, Service, Sink, Socket, State};

/// The local addresses and ports that have a listener. Filled as a sink of a walk over LISTEN.
#[derive(Clone, Debug, Default)]
pub struct Listeners {
    /// Bound to one address.
    exact: HashSet<SocketAddr>,
    /// Ports of wildcard listeners on IPv4 sockets.
    any_v4: HashSet<u16>,
    /// Ports of wildcard listeners on IPv6 sockets, and whether one of them takes IPv4 too.
    any_v6: HashMap<u16, bool>,
}

impl Sink for Listeners {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let Some(InetEnds { family, local, .. }) = socket.internet() else {
            return ControlFlow::Continue(());
        };
        let port = local.port();
        if socket.state != State::Listen {
            return ControlFlow::Continue(());
        }
        match (family, local.ip().is_unspecified()) {
            (_, false) => {
                self.exact.insert(*local);
            }
            (Family::V4, true) => {
                self.any_v4.insert(port);
            }
            (Family::V6, true) => {
                // Where the source does not tell, the kernel's default: both.
                let takes_v4 = socket.v6only != Some(true);
                *self.any_v6.entry(port).or_default() |= takes_v4;
            }
        }
        ControlFlow::Continue(())
    }
}

impl Listeners {
    /// In where the local address and port have a listener that could have accepted it, else out.
    pub fn direction(&self, ends: &InetEnds) -> Direction {
        let port = ends.local.port();
        let on_wildcard = match (ends.family, ends.local.ip()) {
            (Family::V4, _) => self.any_v4.contains(&port),
            (Family::V6, IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => {
                self.any_v6.get(&port) == Some(&true)
            }
            (Family::V6, _) => self.any_v6.contains_key(&port),
        };
        if on_wildcard || self.exact.contains(&ends.local) {
            Direction::In
        } else {
            Direction::Out
        }
    }

    /// What the connection serves or uses.
    pub fn service(&self, ends: &InetEnds) -> Service {
        match self.direction(ends) {
            Direction::In => Service::Served(ends.local.port()),
            Direction::Out => Service::Used(canonical(ends.remote)),
        }
    }

    /// The ports that have listeners, whatever the address; some more than once.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        let exact = self.exact.iter().map(SocketAddr::port);
        exact
            .chain(self.any_v4.iter().copied())
            .chain(self.any_v6.keys().copied())
    }
}

/// A v4-mapped address as the IPv4 address it stands for: the same peer, whatever the socket.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
