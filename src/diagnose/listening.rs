//! The listeners with their accept queues, and which of them takes a connection.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Family, Socket, State};

/// More listeners than this are counted and not kept; some 2 MiB.
const MOST_DOORS: usize = 20_000;

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) local: SocketAddr,
    family: Family,
    v6only: Option<bool>,
    pub(super) inode: u64,
    pub(super) cookie: Option<u64>,
    /// Connections that wait to be accepted.
    pub(super) waiting: u32,
    /// How many may; the queue is full when it holds more. `None` from /proc.
    pub(super) limit: Option<u32>,
}

impl Door {
    /// Whether as many wait as may, or more.
    pub(super) fn is_at_limit(&self) -> bool {
        self.waiting > 0 && self.limit.is_some_and(|limit| self.waiting >= limit)
    }

    /// Whether a connection to this address may have come in here.
    pub(super) fn takes(&self, local: SocketAddr) -> bool {
        if self.local.port() != local.port() {
            return false;
        }
        match (self.local.ip(), local.ip()) {
            (own, to) if !own.is_unspecified() => own.to_canonical() == to.to_canonical(),
            (IpAddr::V4(_), to) => to.to_canonical().is_ipv4() && self.family == Family::V4,
            (IpAddr::V6(_), to) => !to.to_canonical().is_ipv4() || self.v6only != Some(true),
        }
    }
}

/// The listeners of a host.
#[derive(Debug, Default)]
pub(super) struct Doors {
    doors: Vec<Door>,
    beyond: u64,
}

impl Doors {
    /// Takes a listener.
    pub(super) fn add(&mut self, socket: &Socket) {
        let Some(ends) = socket.internet() else {
            return;
        };
        if socket.state != State::Listen {
            return;
        }
        if self.doors.len() == MOST_DOORS {
            self.beyond += 1;
            return;
        }
        self.doors.push(Door {
            local: ends.local,
            family: ends.family,
            v6only: socket.v6only,
            inode: socket.inode,
            cookie: socket.cookie,
            waiting: socket.receive_queue,
            limit: socket.accept_limit(),
        });
    }

    /// Those that are kept.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Door> {
        self.doors.iter()
    }

    /// How many are not.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The address at which the connections to `local` are taken: one that is bound to it before one
    /// that is bound to all.
    pub(super) fn address_for(&self, local: SocketAddr) -> Option<SocketAddr> {
        let takers = || self.iter().filter(|door| door.takes(local));
        let exact = takers().find(|door| !door.local.ip().is_unspecified());
        // Whether an IPv6 listener takes IPv4 too is not always known; one of IPv4 does.
        let is_v4 = local.ip().to_canonical().is_ipv4();
        let alike = || takers().find(|door| door.local.is_ipv4() == is_v4);
        let taker = exact.or_else(alike).or_else(|| takers().next());
        taker.map(|door| door.local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::listener;

    #[test]
    fn a_connection_came_in_where_its_address_is_listened_at_or_where_all_are() {
        let mut doors = Doors::default();
        for local in ["0.0.0.0:80", "127.0.0.1:80", "[::]:443", "[2001:db8::1]:22"] {
            doors.add(&listener(local, 0, 1, 1));
        }
        let at = |local: &str| {
            doors
                .address_for(local.parse().unwrap())
                .map(|at| at.to_string())
        };
        for (local, door) in [
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("192.0.2.1:80", Some("0.0.0.0:80")),
            ("[2001:db8::1]:80", None),
            ("[::ffff:192.0.2.1]:443", Some("[::]:443")),
            ("[2001:db8::9]:443", Some("[::]:443")),
            ("[2001:db8::9]:22", None),
        ] {
            assert_eq!(at(local).as_deref(), door, "{local}");
        }
    }
}
