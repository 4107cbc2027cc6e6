//! Multipath TCP over loopback: the kernel lists its subflows as TCP.
//!
//! Each subflow has the inode of its MPTCP socket. RFC 8684; `net/mptcp`. Must not expect the
//! MPTCP sockets themselves in a TCP table: they are not listed there.

use super::{ExtraSockets, incoming};
use crate::skip::skip_or_fail;
use crate::zoo::SocketCounts;
use crate::zoo::proc_table::read_counts;
use crate::zoo::state::{Family, State};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType};
use rustix::net::{Shutdown, bind, connect, ipproto, listen, shutdown, socket_with};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// `count` connections, both ends in this namespace: twice as many ESTABLISHED, and one LISTEN.
pub(crate) fn connections(family: Family, count: usize) -> ExtraSockets {
    connect_all(family, count, ipproto::MPTCP)
}

/// `count` MPTCP connections to a TCP listener: the same counts, but they fall back to plain TCP.
pub(crate) fn fallback(family: Family, count: usize) -> ExtraSockets {
    connect_all(family, count, ipproto::TCP)
}

/// Shuts down the clients of so many connections: their servers are in CLOSE_WAIT then.
pub(crate) fn shut_down_clients(extra: &ExtraSockets, count: usize) {
    for client in extra.sockets.iter().rev().take(count) {
        shutdown(client, Shutdown::Write).unwrap();
    }
}

fn connect_all(family: Family, count: usize, listener_protocol: Protocol) -> ExtraSockets {
    let before = read_counts();
    let loopback: IpAddr = match family {
        Family::V4 => Ipv4Addr::LOCALHOST.into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = new_socket(loopback, listener_protocol);
    bind(&socket, &SocketAddr::from((loopback, 0))).unwrap();
    listen(&socket, 128).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..count).map(|_| connect_client(address)).collect();
    let added = SocketCounts::none().with(family, State::Listen, 1).with(
        family,
        State::Established,
        2 * count,
    );
    let mut extra = incoming::accept_and_wait(listener, count, before, added);
    extra.sockets.extend(clients);
    extra
}

/// A client that asks for MPTCP.
pub(crate) fn connect_client(address: SocketAddr) -> OwnedFd {
    let client = new_socket(address.ip(), ipproto::MPTCP);
    connect(&client, &address).unwrap();
    client
}

fn new_socket(address: IpAddr, protocol: Protocol) -> OwnedFd {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC;
    // Refused where it is not built in, and where net.mptcp.enabled is 0.
    socket_with(family, SocketType::STREAM, flags, Some(protocol))
        .unwrap_or_else(|error| skip_or_fail("no MPTCP socket", &error.into()))
}
