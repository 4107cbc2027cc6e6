//! IPv4 connections of AF_INET6 sockets: IPv4 packets, IPv6 tables.
//!
//! Must not use IPv6 addresses other than `::` and the mapped ones (`::ffff:a.b.c.d`). ipv6(7).

use super::{ExtraSockets, incoming};
use crate::zoo::SocketCounts;
use crate::zoo::behaviour::Behaviour;
use crate::zoo::parking::park;
use crate::zoo::peer::Peer;
use crate::zoo::proc_table::read_counts;
use crate::zoo::sockets::{Listening, open_listener};
use crate::zoo::state::{Family, State};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// `count` sockets connected to a mapped address, in any state reached by connecting.
pub(crate) fn connected(_: &Peer, state: State, count: usize) -> ExtraSockets {
    let before = read_counts();
    let sockets = (0..count).filter_map(|_| park(state, mapped)).collect();
    let added = SocketCounts::none().with(Family::V6, state, count);
    ExtraSockets::wait(before, added, sockets)
}

/// `count` ESTABLISHED accepted from a dual-stack listener, and that LISTEN.
pub(crate) fn accepted(peer: &Peer, count: usize) -> ExtraSockets {
    receive(
        peer,
        count,
        Behaviour::HandshakeOnly,
        State::Established,
        count,
    )
}

/// `count` half-open requests at a dual-stack listener, and that LISTEN.
pub(crate) fn half_open(peer: &Peer, count: usize) -> ExtraSockets {
    receive(peer, count, Behaviour::NoReply, State::SynRecv, 0)
}

fn receive(
    peer: &Peer,
    count: usize,
    behaviour: Behaviour,
    state: State,
    accepts: usize,
) -> ExtraSockets {
    let before = read_counts();
    let anywhere = (Ipv6Addr::UNSPECIFIED, 0).into();
    let listener = open_listener(anywhere, Listening::DualStack);
    let port = listener.local_addr().unwrap().port();
    let address = (Peer::local_address(Family::V4), port).into();
    (0..count).for_each(|_| peer.send_syn(behaviour, address, b""));
    let added = SocketCounts::none()
        .with(Family::V6, State::Listen, 1)
        .with(Family::V6, state, count);
    incoming::accept_and_wait(listener, accepts, before, added)
}

fn mapped(behaviour: Behaviour) -> SocketAddr {
    let mut address = Peer::address(behaviour, Family::V4);
    if let IpAddr::V4(v4) = address.ip() {
        address.set_ip(v4.to_ipv6_mapped().into());
    }
    address
}
