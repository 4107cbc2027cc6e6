//! Sockets that are bound and nothing else.
//!
//! No `/proc` table lists them. A sock_diag dump does, since Linux 6.8, when bit 13 of the state
//! mask (`TCPF_BOUND_INACTIVE`) asks for them; they then answer as CLOSE. Must not listen.

use super::Guests;
use crate::zoo::inhabitants::Inhabitants;
use crate::zoo::proc_table::read_inhabitants;
use crate::zoo::sockets::{Listening, open_bound};
use crate::zoo::state::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `count` sockets bound to loopback; they add nothing to the listed counts.
pub(crate) fn idle(family: Family, count: usize) -> Guests {
    let before = read_inhabitants();
    let home: IpAddr = match family {
        Family::V4 => Ipv4Addr::LOCALHOST.into(),
        Family::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let bind = |_| open_bound((home, 0).into(), Listening::Plain);
    let sockets = (0..count).map(bind).collect();
    Guests::settle(before, Inhabitants::none(), sockets)
}
