//! One test of a socket, and its result from the socket's record.
//!
//! Results are those of the kernel's own filter (`inet_diag_bc_run`, net/ipv4/inet_diag.c), so that it
//! makes no difference who evaluates a test. Must not know how tests are encoded for the kernel.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv6Net};

use super::glob::Glob;
use crate::model::{
    CongestionControl, Family, Field, InetEnds, KindSet, Netns, ProcessQuery, Protocol, Socket,
    StateSet, UnixPeer, UnixShutdown,
};

/// The addresses that stand for IPv4 on an IPv6 socket, `::ffff:0:0/96`.
pub const MAPPED: Ipv6Net =
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// A test of one socket. What a socket does not have passes no test but `Any`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Every socket passes.
    Any,
    /// In one of these states.
    State(StateSet),
    /// Went from, or to, one of these states: of transitions, which no list of sockets shows.
    Change(Edge, StateSet),
    /// Of this family.
    Family(FamilyTest),
    /// Its address at this end is within a prefix. As in ss(8), an IPv4 prefix also holds the
    /// v4-mapped addresses of IPv6 sockets, and a v4-mapped prefix holds nothing else.
    Addr(Side, IpNet),
    /// A number it has, compared.
    Number(Field, Compare, u64),
    /// Its congestion control algorithm is of this name.
    CongestionControl(CongestionControl),
    /// Of one of these kinds.
    Kind(KindSet),
    /// Of this protocol.
    Protocol(Protocol),
    /// The name of the UNIX socket is of this pattern.
    Name(Glob),
    /// At the other end of the UNIX socket is this.
    Peer(UnixPeer),
    /// The name of the UNIX socket at the other end is of this pattern.
    PeerName {
        /// The pattern.
        glob: Glob,
        /// The inodes of the sockets with such a name; none before they were looked for.
        inodes: Arc<HashSet<u64>>,
    },
    /// In these directions the UNIX socket was shut down.
    Shutdown(UnixShutdown),
    /// Of this type, of UNIX and PACKET sockets.
    SocketType(&'static str),
    /// Held by one of these processes at this end; of a UNIX listener, the remote ends are those that
    /// wait to be accepted.
    Holder {
        /// Which end.
        side: Side,
        /// Which processes.
        query: ProcessQuery,
        /// The inodes of their sockets; none before they were looked for.
        inodes: Arc<HashSet<u64>>,
    },
    /// Bound to the interface of this index; 0 for those bound to none.
    Interface(u32),
    /// An IPv6 listener that takes IPv6 only, or one that takes both.
    V6Only(bool),
    /// Its firewall mark, as far as `mask` goes, is `value`.
    Mark {
        /// The bits expected.
        value: u32,
        /// The bits looked at.
        mask: u32,
    },
    /// In the control group (v2) of this id; 0 for minisockets, which are in none.
    Cgroup(u64),
    /// In this network namespace. Decided for each namespace before its sockets are requested.
    Netns(Netns),
    /// Its local port was chosen by the kernel and not by the program, or the kernel keeps no
    /// record of that: minisockets, and connections that came in. Only the kernel can tell.
    Autobound,
}

/// One end of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The state before.
    From,
    /// The state after.
    To,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This host's.
    Local,
    /// The peer's.
    Remote,
}

/// What the family of a socket is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyTest {
    /// AF_INET.
    Inet,
    /// AF_INET6, with whatever addresses.
    Inet6,
    /// AF_INET6 with a v4-mapped local address.
    V4Mapped,
}

/// How numbers are compared; `!=` is the negation of `Equal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Compare {
    /// Whether `left` compares so with `right`.
    pub fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Compare::Equal => left == right,
            Compare::Less => left < right,
            Compare::AtMost => left <= right,
            Compare::Greater => left > right,
            Compare::AtLeast => left >= right,
        }
    }
}

impl Test {
    /// Held by one of these processes, whose sockets are still to be looked for.
    pub(super) fn holder(side: Side, query: ProcessQuery) -> Test {
        Test::Holder {
            side,
            query,
            inodes: Arc::default(),
        }
    }

    /// Whether the socket passes. No socket passes [`Test::Autobound`], which records do not contain.
    pub fn matches(&self, socket: &Socket) -> bool {
        match *self {
            Test::Any => true,
            Test::State(states) => states.contains(socket.state),
            Test::Change(..) => false,
            Test::Family(family) => socket.internet().is_some_and(|ends| family.matches(ends)),
            Test::Addr(side, net) => socket
                .internet()
                .is_some_and(|ends| is_within(net, side.address(ends))),
            Test::Number(field, compare, value) => socket
                .number(field)
                .is_some_and(|number| compare.holds(number, value)),
            Test::CongestionControl(name) => socket.congestion_control == Some(name),
            Test::Kind(kinds) => kinds.contains(socket.kind),
            Test::Protocol(protocol) => socket.protocol() == Some(protocol),
            Test::Name(ref glob) => socket.unix().is_some_and(|unix| glob.matches(&unix.name)),
            Test::Peer(peer) => socket.unix().is_some_and(|unix| unix.peer == Some(peer)),
            Test::PeerName { ref inodes, .. } => has_peer(socket, inodes),
            Test::Shutdown(which) => {
                let unix = socket.unix();
                unix.is_some_and(|unix| unix.shutdown == Some(which))
            }
            Test::SocketType(name) => socket.socket_type() == Some(name),
            Test::Holder {
                side: Side::Local,
                ref inodes,
                ..
            } => inodes.contains(&socket.inode),
            Test::Holder {
                side: Side::Remote,
                ref inodes,
                ..
            } => has_peer(socket, inodes) || has_client(socket, inodes),
            Test::Interface(index) => socket.interface == Some(index),
            Test::V6Only(only) => socket.v6only == Some(only),
            Test::Mark { value, mask } => socket.mark.is_some_and(|mark| mark & mask == value),
            Test::Cgroup(id) => socket.cgroup.unwrap_or(0) == id,
            Test::Netns(netns) => socket.netns == netns,
            Test::Autobound => false,
        }
    }

    /// What it is about; `None` for what every socket has.
    pub fn subject(&self) -> Option<Field> {
        if let Test::Family(_) = self {
            return Some(Field::Family);
        }
        let Test::Addr(side, _) = self else {
            return self.field();
        };
        Some(match side {
            Side::Local => Field::LocalAddr,
            Side::Remote => Field::RemoteAddr,
        })
    }

    /// What must be known of a socket to answer; `None` where every source knows it.
    pub fn field(&self) -> Option<Field> {
        match *self {
            Test::Any | Test::State(_) | Test::Change(..) | Test::Autobound => None,
            Test::Family(_) => Some(Field::Family),
            Test::Addr(Side::Local, _) => Some(Field::LocalAddr),
            Test::Addr(Side::Remote, _) => Some(Field::RemoteAddr),
            Test::Kind(_) => Some(Field::Kind),
            Test::Protocol(_) => Some(Field::Protocol),
            Test::Name(_) => Some(Field::Name),
            Test::Peer(_) | Test::PeerName { .. } => Some(Field::Peer),
            Test::Shutdown(_) => Some(Field::Shutdown),
            Test::SocketType(_) => Some(Field::SocketType),
            Test::Holder {
                side: Side::Remote, ..
            } => Some(Field::PeerProcess),
            Test::Number(field, ..) => Some(field),
            Test::CongestionControl(_) => Some(Field::CongestionControl),
            Test::Holder { query, .. } => Some(match query {
                ProcessQuery::Name(_) => Field::Process,
                ProcessQuery::Pid(_) => Field::Pid,
            }),
            Test::Interface(_) => Some(Field::Interface),
            Test::V6Only(_) => Some(Field::V6Only),
            Test::Mark { .. } => Some(Field::Mark),
            Test::Cgroup(_) => Some(Field::Cgroup),
            Test::Netns(_) => Some(Field::Netns),
        }
    }
}

impl FamilyTest {
    fn matches(self, ends: &InetEnds) -> bool {
        match self {
            FamilyTest::Inet => ends.family == Family::V4,
            FamilyTest::Inet6 => ends.family == Family::V6,
            FamilyTest::V4Mapped => is_within(MAPPED.into(), ends.local.ip()),
        }
    }
}

impl Side {
    fn address(self, ends: &InetEnds) -> IpAddr {
        match self {
            Side::Local => ends.local.ip(),
            Side::Remote => ends.remote.ip(),
        }
    }
}

/// Whether the other end of a UNIX socket is one of these.
fn has_peer(socket: &Socket, inodes: &HashSet<u64>) -> bool {
    let peer = socket.unix().and_then(|unix| unix.peer?.inode());
    peer.is_some_and(|inode| inodes.contains(&inode.into()))
}

/// Whether one of these waits to be accepted by a UNIX listener.
fn has_client(socket: &Socket, inodes: &HashSet<u64>) -> bool {
    let clients = socket.unix().into_iter().flat_map(|unix| &unix.clients);
    let mut clients = clients.filter(|inode| **inode != 0);
    clients.any(|inode| inodes.contains(&u64::from(*inode)))
}

fn is_within(net: IpNet, address: IpAddr) -> bool {
    match (net, address) {
        (IpNet::V4(net), IpAddr::V6(address)) => address
            .to_ipv4_mapped()
            .is_some_and(|address| net.contains(&address)),
        (IpNet::V4(net), IpAddr::V4(address)) => net.contains(&address),
        (IpNet::V6(net), IpAddr::V6(address)) => net.contains(&address),
        (IpNet::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(net: &str, address: &str) -> bool {
        is_within(net.parse().unwrap(), address.parse().unwrap())
    }

    #[test]
    fn an_ipv4_prefix_holds_mapped_addresses_and_a_mapped_one_nothing_else() {
        assert!(within("10.0.0.0/8", "10.1.2.3"));
        assert!(within("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!within("10.0.0.0/8", "::ffff:11.1.2.3"));
        assert!(!within("0.0.0.0/0", "::10.1.2.3"));
        assert!(within("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
        assert!(!within("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!within("::/0", "10.1.2.3"));
        assert!(within("::/0", "::1"));
        assert!(within("0.0.0.0/0", "0.0.0.0"));
    }

    #[test]
    fn numbers_are_compared_at_their_borders() {
        for (compare, expected) in [
            (Compare::Equal, [false, true, false]),
            (Compare::Less, [true, false, false]),
            (Compare::AtMost, [true, true, false]),
            (Compare::Greater, [false, false, true]),
            (Compare::AtLeast, [false, true, true]),
        ] {
            assert_eq!([4, 5, 6].map(|left| compare.holds(left, 5)), expected);
        }
    }
}
