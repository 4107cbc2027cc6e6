//! Listeners with something about them.
//!
//! Must not receive connections: see `callers` and `mapped`. ipv6(7), socket(7).

use super::Guests;
use crate::zoo::Inhabitants;
use crate::zoo::proc_table::read_inhabitants;
use crate::zoo::sockets::{Listening, open_listener};
use crate::zoo::state::{Family, State};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

/// `count` AF_INET6 listeners at `[::]` that take IPv4 as well; listed once, as v6.
pub(crate) fn dual_stack(count: usize) -> Guests {
    let anywhere = (Ipv6Addr::UNSPECIFIED, 0).into();
    let listen = |_| open_listener(anywhere, Listening::DualStack);
    settle(Family::V6, |_| (0..count).map(listen).collect())
}

/// `count` listeners at one port, by SO_REUSEPORT.
pub(crate) fn reuse_port(family: Family, count: usize) -> Guests {
    settle(family, |anywhere| {
        let mut listeners: Vec<TcpListener> = Vec::new();
        for _ in 0..count {
            let port = listeners.first().map_or(0, |first| {
                first
                    .local_addr()
                    .expect("a bound socket has an address")
                    .port()
            });
            listeners.push(open_listener((anywhere, port).into(), Listening::ReusePort));
        }
        listeners
    })
}

fn settle(family: Family, open: impl FnOnce(IpAddr) -> Vec<TcpListener>) -> Guests {
    let before = read_inhabitants();
    let listeners = open(match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    });
    let added = Inhabitants::none().with(family, State::Listen, listeners.len());
    let sockets = listeners.into_iter().map(Into::into).collect();
    Guests::settle(before, added, sockets)
}
