//! Sockets without a remote end: dual-stack and SO_REUSEPORT listeners, and sockets that are bound
//! but do not listen.
//!
//! No `/proc` table lists a bound socket. A sock_diag dump does, since Linux 6.8, when bit 13 of
//! the state mask (`TCPF_BOUND_INACTIVE`) selects them; it reports them in CLOSE. Must not receive
//! connections: see `incoming` and `mapped`. ipv6(7), socket(7).

use super::ExtraSockets;
use crate::zoo::SocketCounts;
use crate::zoo::proc_table::read_counts;
use crate::zoo::sockets::{Listening, open_bound, open_listener};
use crate::zoo::state::{Family, State};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

/// `count` AF_INET6 listeners at `[::]` that also accept IPv4; listed once, as IPv6.
pub(crate) fn dual_stack(count: usize) -> ExtraSockets {
    let anywhere = (Ipv6Addr::UNSPECIFIED, 0).into();
    let listen = |_| open_listener(anywhere, Listening::DualStack);
    open_and_wait(Family::V6, |_| (0..count).map(listen).collect())
}

/// `count` listeners at one port, by SO_REUSEPORT.
pub(crate) fn reuse_port(family: Family, count: usize) -> ExtraSockets {
    open_and_wait(family, |anywhere| {
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

/// `count` sockets bound to loopback; they add nothing to the listed counts.
pub(crate) fn bound_only(family: Family, count: usize) -> ExtraSockets {
    let before = read_counts();
    let loopback: IpAddr = match family {
        Family::V4 => Ipv4Addr::LOCALHOST.into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let bind = |_| open_bound((loopback, 0).into(), Listening::Plain);
    let sockets = (0..count).map(bind).collect();
    ExtraSockets::wait(before, SocketCounts::none(), sockets)
}

fn open_and_wait(family: Family, open: impl FnOnce(IpAddr) -> Vec<TcpListener>) -> ExtraSockets {
    let before = read_counts();
    let listeners = open(match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    });
    let added = SocketCounts::none().with(family, State::Listen, listeners.len());
    let sockets = listeners.into_iter().map(Into::into).collect();
    ExtraSockets::wait(before, added, sockets)
}
