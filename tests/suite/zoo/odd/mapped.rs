//! IPv4 connections of AF_INET6 sockets: v4 packets, v6 tables.
//!
//! Must not use IPv6 addresses other than `::` and the mapped ones (`::ffff:a.b.c.d`). ipv6(7).

use super::{Guests, callers};
use crate::zoo::Inhabitants;
use crate::zoo::manner::Manner;
use crate::zoo::parking::park;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::read_inhabitants;
use crate::zoo::sockets::{Listening, open_listener};
use crate::zoo::state::{Family, State};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// `count` sockets connected to a mapped address, in any state reached by connecting.
pub(crate) fn connected(_: &Peer, state: State, count: usize) -> Guests {
    let before = read_inhabitants();
    let sockets = (0..count).filter_map(|_| park(state, mapped)).collect();
    let added = Inhabitants::none().with(Family::V6, state, count);
    Guests::settle(before, added, sockets)
}

/// `count` ESTABLISHED accepted from a dual-stack listener, and that LISTEN.
pub(crate) fn accepted(peer: &Peer, count: usize) -> Guests {
    receive(peer, count, Manner::Deaf, State::Established, count)
}

/// `count` half-open requests at a dual-stack listener, and that LISTEN.
pub(crate) fn half_open(peer: &Peer, count: usize) -> Guests {
    receive(peer, count, Manner::Silent, State::SynRecv, 0)
}

fn receive(peer: &Peer, count: usize, manner: Manner, state: State, accepts: usize) -> Guests {
    let before = read_inhabitants();
    let anywhere = (Ipv6Addr::UNSPECIFIED, 0).into();
    let listener = open_listener(anywhere, Listening::DualStack);
    let port = listener.local_addr().unwrap().port();
    let door = (Peer::home(Family::V4), port).into();
    (0..count).for_each(|_| peer.call(manner, door, b""));
    let added =
        Inhabitants::none()
            .with(Family::V6, State::Listen, 1)
            .with(Family::V6, state, count);
    callers::hold(listener, accepts, before, added)
}

fn mapped(manner: Manner) -> SocketAddr {
    let mut address = Peer::service(manner, Family::V4);
    if let IpAddr::V4(v4) = address.ip() {
        address.set_ip(v4.to_ipv6_mapped().into());
    }
    address
}
