//! Multipath TCP over loopback: the kernel lists its subflows as TCP.
//!
//! Each subflow carries the inode of its MPTCP socket. RFC 8684; `net/mptcp`. Must not expect the
//! MPTCP sockets themselves in a TCP table: they are not.

use super::{Guests, callers};
use crate::skip::skip_or_fail;
use crate::zoo::Inhabitants;
use crate::zoo::proc_table::read_inhabitants;
use crate::zoo::state::{Family, State};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType};
use rustix::net::{bind, connect, ipproto, listen, socket_with};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// `count` connections, both ends here: twice as many ESTABLISHED, and one LISTEN.
pub(crate) fn connections(family: Family, count: usize) -> Guests {
    connect_all(family, count, ipproto::MPTCP)
}

/// `count` connections to a listener that knows only TCP: as above, without a multipath in it.
pub(crate) fn fallen_back(family: Family, count: usize) -> Guests {
    connect_all(family, count, ipproto::TCP)
}

fn connect_all(family: Family, count: usize, listening: Protocol) -> Guests {
    let before = read_inhabitants();
    let home: IpAddr = match family {
        Family::V4 => Ipv4Addr::LOCALHOST.into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = new_socket(home, listening);
    bind(&socket, &SocketAddr::from((home, 0))).unwrap();
    listen(&socket, 128).unwrap();
    let listener = TcpListener::from(socket);
    let door = listener.local_addr().unwrap();
    let callers: Vec<_> = (0..count)
        .map(|_| {
            let caller = new_socket(home, ipproto::MPTCP);
            connect(&caller, &door).unwrap();
            caller
        })
        .collect();
    let added = Inhabitants::none().with(family, State::Listen, 1).with(
        family,
        State::Established,
        2 * count,
    );
    let mut guests = callers::hold(listener, count, before, added);
    guests.sockets.extend(callers);
    guests
}

fn new_socket(home: IpAddr, protocol: Protocol) -> OwnedFd {
    let family = match home {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC;
    // Refused where it is not built in, and where net.mptcp.enabled is 0.
    socket_with(family, SocketType::STREAM, flags, Some(protocol))
        .unwrap_or_else(|error| skip_or_fail("no MPTCP socket", &error.into()))
}
